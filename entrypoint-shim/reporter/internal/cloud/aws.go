package cloud

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/web"
)

const awsService = "_OP_CLOUD_PROVIDER_SERVICE_TYPE"

func isAmazon(vendor string, evidence Evidence) bool {
	for _, uuid := range evidence.UUIDs {
		if strings.HasPrefix(strings.ToLower(uuid), "ec2") {
			return true
		}
	}
	return strings.Contains(vendor, "amazon")
}

// amazon asks the instance metadata service, version 2: a token first, then only the identity document, a few plain
// facts and the instance's tags.
func amazon(ctx context.Context, found *Found, place string, evidence Evidence) {
	found.put("_OP_CLOUD_PROVIDER", "aws")
	found.put(awsService, serviceType(evidence.Kubernetes, "aws_eks", "aws_ec2"))
	if strings.HasPrefix(evidence.AssetTag, "i-") {
		found.put("_AWS_INSTANCE_ID", evidence.AssetTag)
	}
	if account := arnPart(evidence.Env("AWS_ROLE_ARN"), 4); account != "" {
		found.put("_OP_CLOUD_PROVIDER_ACCOUNT_INFO", account)
	}
	found.put("_AWS_REGION", evidence.Env("AWS_REGION"))
	found.put("_OP_CLOUD_PROVIDER_REGION", evidence.Env("AWS_REGION"))
	instance(ctx, found, place)
}

func instance(ctx context.Context, found *Found, place string) {
	token, err := question(ctx, "PUT", place+"/latest/api/token", web.Header{Name: "X-aws-ec2-metadata-token-ttl-seconds", Value: "10"})
	if err != nil {
		code, description := imdsFailure(err)
		found.fail("_OP_CLOUD_METADATA", code, err, description)
		return
	}
	header := web.Header{Name: "X-aws-ec2-metadata-token", Value: string(token.Body)}
	get := func(path string) (string, error) {
		answer, err := question(ctx, "GET", place+"/latest/"+path, header)
		if err != nil || !web.ValidHeader(web.Header{Name: "V", Value: strings.ReplaceAll(string(answer.Body), "\n", " ")}) {
			return "", err
		}
		return strings.TrimSpace(string(answer.Body)), nil
	}
	plain := func(path string, keys ...string) func() {
		return func() {
			value, _ := get("meta-data/" + path)
			for _, key := range keys {
				found.put(key, value)
			}
		}
	}
	parallel(
		func() {
			answer, err := question(ctx, "GET", place+"/latest/dynamic/instance-identity/document", header)
			if err == nil {
				err = identity(found, answer.Body)
			}
			if err != nil {
				found.fail("_AWS_INSTANCE_IDENTITY_DOCUMENT", "IMDS_UNKNOWN", err, "the identity document could not be read")
			}
		},
		func() { tags(found, get) },
		plain("public-ipv4", "_AWS_PUBLIC_IPV4_ADDR", "_OP_CLOUD_PROVIDER_IP"),
		plain("instance-life-cycle", "_AWS_INSTANCE_LIFE_CYCLE"),
		plain("placement/availability-zone-id", "_AWS_AZ_ID"),
		plain("services/partition", "_AWS_PARTITION_NAME"),
	)
}

// The answer to the token's PUT may make one hop only, by default: in a container behind a bridge it never arrives.
func imdsFailure(err error) (code, description string) {
	var status statusError
	switch {
	case errors.As(err, &status) && status == 403:
		return "IMDS_DISABLED", "the instance metadata service is switched off"
	case web.IsTimeout(err):
		return "IMDS_HOP_LIMIT", "no answer: in a container, the instance's hop limit must be 2 or more"
	}
	return "IMDS_UNKNOWN", "the instance metadata service gave no token"
}

func identity(found *Found, data []byte) error {
	document, err := decode(data)
	if err != nil {
		return err
	}
	found.put("_AWS_INSTANCE_IDENTITY_DOCUMENT", document)
	for key, names := range map[string][]string{
		"accountId": {"_OP_CLOUD_PROVIDER_ACCOUNT_INFO"}, "region": {"_AWS_REGION", "_OP_CLOUD_PROVIDER_REGION"},
		"instanceType": {"_AWS_INSTANCE_TYPE", "_OP_CLOUD_PROVIDER_INSTANCE_TYPE"}, "instanceId": {"_AWS_INSTANCE_ID"},
		"availabilityZone": {"_AWS_AZ"}, "imageId": {"_AWS_AMI_ID"}, "privateIp": {"_AWS_LOCAL_IPV4_ADDR"},
		"kernelId": {"_AWS_KERNEL_ID"}, "ramdiskId": {"_AWS_RAMDISK_ID"},
	} {
		for _, name := range names {
			found.put(name, json.Text(document, key))
		}
	}
	return nil
}

// Tags are there only where the instance was told to show them.
func tags(found *Found, get func(string) (string, error)) {
	names, err := get("meta-data/tags/instance")
	if err != nil || names == "" {
		return
	}
	list := strings.Split(names, "\n")
	values := make([]string, min(len(list), 50))
	steps := make([]func(), len(values))
	for i := range values {
		steps[i] = func() { values[i], _ = get("meta-data/tags/instance/" + url.PathEscape(list[i])) }
	}
	parallel(steps...)
	tags := map[string]any{}
	for i, value := range values {
		tags[list[i]] = value
	}
	found.put("_AWS_TAGS", tags)
	found.put("_OP_CLOUD_PROVIDER_TAGS", tags)
}

func ecsAddress(env func(string) string) string {
	if address := env("ECS_CONTAINER_METADATA_URI_V4"); address != "" {
		return address
	}
	return env("ECS_CONTAINER_METADATA_URI")
}

// ecs asks the task metadata service, whose address only the container knows.
func ecs(ctx context.Context, found *Found, env func(string) string) {
	found.put("_OP_CLOUD_PROVIDER", "aws")
	found.put(awsService, "aws_ecs")
	address := strings.TrimSuffix(ecsAddress(env), "/")
	answers := map[string]any{}
	var container, task map[string]any
	get := func(path, code string, into *map[string]any) func() {
		return func() {
			answer, err := question(ctx, "GET", address+path)
			if err == nil {
				*into, err = decode(answer.Body)
			}
			if err != nil {
				found.fail("_OP_CLOUD_METADATA", code, err, "the task metadata service gave no answer")
			}
		}
	}
	parallel(get("", "ECS_METADATA_ERROR", &container), get("/task", "ECS_TASK_METADATA_ERROR", &task))
	if container != nil {
		answers["container"] = container
		found.ContainerID = json.Text(container, "DockerId")
	}
	if task != nil {
		answers["task"] = task
	}
	if len(answers) > 0 {
		found.put("_OP_CLOUD_METADATA", map[string]any{"aws_ecs": answers})
	}
	arn := json.Text(container, "ContainerARN")
	if arn == "" {
		arn = json.Text(task, "TaskARN")
	}
	region := arnPart(arn, 3)
	if region == "" {
		region = env("AWS_REGION")
	}
	found.put("_AWS_REGION", region)
	found.put("_OP_CLOUD_PROVIDER_REGION", region)
	found.put("_OP_CLOUD_PROVIDER_ACCOUNT_INFO", arnPart(arn, 4))
	found.put("_AWS_AZ", json.Text(task, "AvailabilityZone"))
}

// lambda has its facts in the environment; there is nobody to ask.
func lambda(found *Found, env func(string) string) {
	found.put("_OP_CLOUD_PROVIDER", "aws")
	found.put(awsService, "aws_lambda")
	found.put("_AWS_REGION", env("AWS_REGION"))
	found.put("_OP_CLOUD_PROVIDER_REGION", env("AWS_REGION"))
	found.put("_OP_CLOUD_METADATA", map[string]any{"aws_lambda": variables(env, "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_EXECUTION_ENV")})
}

// arn:partition:service:region:account:resource
func arnPart(arn string, index int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[index]
}
