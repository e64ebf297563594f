package cloud

import (
	"context"
	"path"
	"strings"
	"sync"

	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/web"
)

// google asks for single facts: the whole tree holds the attributes, where start-up scripts and keys are kept.
func google(ctx context.Context, found *Found, place, service string) {
	found.put("_OP_CLOUD_PROVIDER", "gcp")
	found.put("_OP_CLOUD_PROVIDER_SERVICE_TYPE", service)
	var mutex sync.Mutex
	var failed error
	instance, project := map[string]any{}, map[string]any{}
	get := func(into map[string]any, key, question string) func() {
		return func() {
			value, err := askGoogle(ctx, place, question)
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failed = err
			} else if value != nil {
				into[key] = value
			}
		}
	}
	parallel(
		get(instance, "id", "instance/id"), get(instance, "name", "instance/name"), get(instance, "hostname", "instance/hostname"),
		get(instance, "zone", "instance/zone"), get(instance, "region", "instance/region"), get(instance, "machineType", "instance/machine-type"),
		get(instance, "image", "instance/image"), get(instance, "cpuPlatform", "instance/cpu-platform"), get(instance, "tags", "instance/tags"),
		get(instance, "networkInterfaces", "instance/network-interfaces/?recursive=true"),
		get(instance, "serviceAccounts", "instance/service-accounts/?recursive=true"),
		get(instance, "clusterName", "instance/attributes/cluster-name"), get(instance, "clusterLocation", "instance/attributes/cluster-location"),
		get(project, "projectId", "project/project-id"), get(project, "numericProjectId", "project/numeric-project-id"),
	)
	if len(instance) == 0 && failed != nil {
		found.fail("_GCP_INSTANCE_METADATA", "GCP_IMDS_ERROR", failed, "the metadata server gave no answer")
		return
	}
	found.put("_GCP_INSTANCE_METADATA", instance)
	found.put("_GCP_PROJECT_METADATA", project)
	region := json.Text(instance, "zone")
	if region == "" {
		region = json.Text(instance, "region") // Cloud Run has no zone
	}
	if region != "" {
		found.put("_OP_CLOUD_PROVIDER_REGION", path.Base(region))
	}
	if machine := json.Text(instance, "machineType"); machine != "" {
		found.put("_OP_CLOUD_PROVIDER_INSTANCE_TYPE", path.Base(machine))
	}
	found.put("_OP_CLOUD_PROVIDER_TAGS", instance["tags"])
	found.put("_OP_CLOUD_PROVIDER_ACCOUNT_INFO", instance["serviceAccounts"])
	for _, card := range json.List(instance, "networkInterfaces") {
		for _, access := range json.List(card, "accessConfigs") {
			found.put("_OP_CLOUD_PROVIDER_IP", json.Text(access, "externalIp"))
		}
	}
}

// askGoogle returns a text, or the value of JSON; nil where there is no such fact. Only Google's server says it is that.
func askGoogle(ctx context.Context, place, path string) (any, error) {
	answer, err := question(ctx, "GET", place+"/computeMetadata/v1/"+path, web.Header{Name: "Metadata-Flavor", Value: "Google"})
	if status, refused := err.(statusError); refused && status == 404 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if answer.Headers["metadata-flavor"] != "Google" {
		return nil, errAnswer
	}
	if strings.HasPrefix(answer.Headers["content-type"], "application/json") {
		value, err := json.Parse(answer.Body)
		if err != nil {
			return nil, errAnswer
		}
		return value, nil
	}
	return strings.TrimSpace(string(answer.Body)), nil
}

func cloudRun(ctx context.Context, found *Found, place string, env func(string) string) {
	service := serviceType(env("CLOUD_RUN_JOB") != "", "gcp_cloud_run_job", "gcp_cloud_run_service")
	found.put("_OP_CLOUD_METADATA", map[string]any{"gcp_cloud_run": variables(env, "K_SERVICE", "K_REVISION", "K_CONFIGURATION",
		"CLOUD_RUN_TIMEOUT_SECONDS", "CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_ATTEMPT", "CLOUD_RUN_TASK_COUNT")})
	google(ctx, found, place, service)
}

// The asset tag of every machine of Azure, and of no other Hyper-V.
const azureTag = "7783-7084-3265-9085-8269-3286-77"

func isAzure(evidence Evidence) bool {
	return evidence.AssetTag == "" || evidence.AssetTag == azureTag || evidence.AssetTag == "None"
}

// azure keeps what identifies the machine: the answer also has user data and public keys.
func azure(ctx context.Context, found *Found, place, service string) {
	found.put("_OP_CLOUD_PROVIDER", "azure")
	found.put("_OP_CLOUD_PROVIDER_SERVICE_TYPE", service)
	answer, err := question(ctx, "GET", place+"/metadata/instance?api-version=2021-02-01", web.Header{Name: "Metadata", Value: "true"})
	if err != nil {
		found.fail("_AZURE_INSTANCE_METADATA", "AZURE_IMDS_ERROR", err, "the instance metadata service gave no answer")
		return
	}
	whole, err := decode(answer.Body)
	compute, isObject := whole["compute"].(map[string]any)
	if err != nil || !isObject {
		found.fail("_AZURE_INSTANCE_METADATA", "AZURE_IMDS_PARSE_ERROR", errAnswer, "the instance metadata service answered with something else")
		return
	}
	kept := map[string]any{"compute": only(compute, "azEnvironment", "location", "name", "offer", "osType", "placementGroupId", "platformFaultDomain",
		"platformUpdateDomain", "provider", "publisher", "resourceGroupName", "resourceId", "sku", "subscriptionId", "version", "vmId",
		"vmScaleSetName", "vmSize", "zone")}
	if network, has := whole["network"]; has {
		kept["network"] = network
	}
	found.put("_OP_CLOUD_PROVIDER_ACCOUNT_INFO", json.Text(compute, "subscriptionId"))
	found.put("_OP_CLOUD_PROVIDER_REGION", json.Text(compute, "location"))
	found.put("_OP_CLOUD_PROVIDER_INSTANCE_TYPE", json.Text(compute, "vmSize"))
	tags := map[string]any{}
	for _, tag := range json.List(compute, "tagsList") {
		if name := json.Text(tag, "name"); name != "" {
			tags[name] = json.Text(tag, "value")
		}
	}
	found.put("_OP_CLOUD_PROVIDER_TAGS", tags)
	found.put("_AZURE_INSTANCE_METADATA", kept)
	for _, card := range json.List(whole, "network", "interface") {
		for _, pair := range json.List(card, "ipv4", "ipAddress") {
			found.put("_OP_CLOUD_PROVIDER_IP", json.Text(pair, "publicIpAddress"))
		}
	}
}

// Azure's container services have no instance metadata; what they are is in the environment.
func containerInstance(found *Found, env func(string) string) {
	found.put("_OP_CLOUD_PROVIDER", "azure")
	found.put("_OP_CLOUD_PROVIDER_SERVICE_TYPE", "azure_aci")
	found.put("_OP_CLOUD_METADATA", map[string]any{"azure_aci": variables(env, "Fabric_ApplicationName", "Fabric_CodePackageName", "Fabric_ServiceName",
		"Fabric_CodePackageInstanceId")})
}

func containerApp(found *Found, env func(string) string) {
	found.put("_OP_CLOUD_PROVIDER", "azure")
	found.put("_OP_CLOUD_PROVIDER_SERVICE_TYPE", "azure_container_apps")
	found.put("_OP_CLOUD_METADATA", map[string]any{"azure_container_apps": variables(env, "CONTAINER_APP_NAME", "CONTAINER_APP_REVISION",
		"CONTAINER_APP_REPLICA_NAME", "CONTAINER_APP_ENV_DNS_SUFFIX")})
}
