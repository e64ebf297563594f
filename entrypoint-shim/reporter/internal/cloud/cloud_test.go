package cloud

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const canary = "Kanarienvogel4711"

func TestMain(m *testing.M) {
	oneQuestion = time.Minute
	os.Exit(m.Run())
}

func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

// double is a metadata service; paths that are asked for and not there are 404, as in the real ones.
type double struct {
	*httptest.Server
	mutex sync.Mutex
	asked []string
}

func newDouble(t *testing.T, handle func(w http.ResponseWriter, r *http.Request)) *double {
	t.Helper()
	d := &double{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mutex.Lock()
		d.asked = append(d.asked, r.Method+" "+r.URL.RequestURI())
		d.mutex.Unlock()
		handle(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *double) places() Places { return Places{d.URL, d.URL, d.URL} }

func expect(t *testing.T, found *Found, want map[string]string) {
	t.Helper()
	for key, value := range want {
		got, _ := found.Keys[key].(string)
		if _, isText := found.Keys[key].(string); !isText {
			text, _ := json.Marshal(found.Keys[key])
			got = string(text)
		}
		if got != value {
			t.Errorf("%s: %s, not %s", key, got, value)
		}
	}
	if all, err := json.Marshal(found.Keys); err != nil || strings.Contains(string(all), canary) {
		t.Errorf("a canary, or no JSON: %s %v", all, err)
	}
}

// Instance metadata, version 2: nothing without a token from a PUT; everything plain text.
func imds(t *testing.T) *double {
	return newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/latest/")
		if path == "api/token" {
			if r.Method != "PUT" || r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "" {
				w.WriteHeader(400)
				return
			}
			_, _ = w.Write([]byte("AQAE-token=="))
			return
		}
		if r.Header.Get("X-aws-ec2-metadata-token") != "AQAE-token==" {
			w.WriteHeader(401)
			return
		}
		answer, has := map[string]string{
			"dynamic/instance-identity/document": `{"accountId":"123456789012","architecture":"x86_64","availabilityZone":"eu-central-1a","imageId":"ami-1","instanceId":"i-0abc",` +
				`"instanceType":"m5.large","kernelId":null,"privateIp":"10.0.0.5","region":"eu-central-1","version":"2017-09-30"}`,
			"meta-data/public-ipv4": "203.0.113.9", "meta-data/instance-life-cycle": "spot", "meta-data/placement/availability-zone-id": "euc1-az2",
			"meta-data/tags/instance": "Name\nteam a\nDB_PASSWORD", "meta-data/tags/instance/Name": "web", "meta-data/tags/instance/team a": "shop",
			"meta-data/tags/instance/DB_PASSWORD": canary, "meta-data/iam/security-credentials/role": canary,
		}[path]
		if !has {
			w.WriteHeader(404)
			return
		}
		_, _ = w.Write([]byte(answer))
	})
}

func TestEC2(t *testing.T) {
	double := imds(t)
	found := Ask(context.Background(), double.places(), Evidence{Env: env(), Vendor: "Amazon EC2", AssetTag: "i-0abc"})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER": "aws", "_OP_CLOUD_PROVIDER_SERVICE_TYPE": "aws_ec2", "_OP_CLOUD_PROVIDER_ACCOUNT_INFO": "123456789012",
		"_OP_CLOUD_PROVIDER_REGION": "eu-central-1", "_OP_CLOUD_PROVIDER_INSTANCE_TYPE": "m5.large", "_OP_CLOUD_PROVIDER_IP": "203.0.113.9",
		"_AWS_INSTANCE_ID": "i-0abc", "_AWS_AZ": "eu-central-1a", "_AWS_AZ_ID": "euc1-az2", "_AWS_INSTANCE_LIFE_CYCLE": "spot", "_AWS_AMI_ID": "ami-1",
		"_AWS_TAGS": `{"DB_PASSWORD":"\u003c\u003credact\u003e\u003e","Name":"web","team a":"shop"}`, "_AWS_LOCAL_IPV4_ADDR": "10.0.0.5", "_OP_CLOUD_SYS_VENDOR": "Amazon EC2",
	})
	for _, asked := range double.asked {
		if strings.Contains(asked, "credentials") || strings.Contains(asked, "iam") {
			t.Error(asked)
		}
	}
	if len(found.Failures) != 0 {
		t.Error(found.Failures)
	}
}

func TestEKSAndOldXen(t *testing.T) {
	found := Ask(context.Background(), imds(t).places(), Evidence{Env: env(), UUIDs: []string{"", "EC2abc"}, Kubernetes: true})
	expect(t, found, map[string]string{"_OP_CLOUD_PROVIDER_SERVICE_TYPE": "aws_eks", "_AWS_REGION": "eu-central-1"})
	refused := newDouble(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) })
	found = Ask(context.Background(), refused.places(), Evidence{
		Env: env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/shop", "AWS_REGION", "eu-west-1"), Vendor: "Amazon EC2", Kubernetes: true,
	})
	expect(t, found, map[string]string{"_OP_CLOUD_PROVIDER_ACCOUNT_INFO": "123456789012", "_OP_CLOUD_PROVIDER_REGION": "eu-west-1"})
	if len(found.Failures) != 1 || found.Failures[0].Code != "IMDS_DISABLED" {
		t.Error(found.Failures)
	}
}

// With the default hop limit the connection is made and the answer to the PUT never comes.
func TestHopLimit(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	oneQuestion = 50 * time.Millisecond
	defer func() { oneQuestion = time.Minute }()
	found := Ask(context.Background(), Places{AWS: "http://" + listener.Addr().String()}, Evidence{Env: env(), Vendor: "Amazon EC2"})
	if len(found.Failures) != 1 || found.Failures[0].Code != "IMDS_HOP_LIMIT" {
		t.Error(found.Failures)
	}
	expect(t, found, map[string]string{"_OP_CLOUD_PROVIDER": "aws"})
}

func TestECS(t *testing.T) {
	const id = "cd189a933e5849daa93386466019ab50-2495160603"
	double := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v4/abc":
			_, _ = w.Write([]byte(`{"DockerId":"` + id + `","Name":"curl","Image":"reg/curl:1","Labels":{"com.amazonaws.ecs.cluster":"default","api_token":"` + canary + `"},` +
				`"LogOptions":{"splunk-token":"` + canary + `"},"ContainerARN":"arn:aws:ecs:us-west-2:111122223333:container/05966557"}`))
		case "/v4/abc/task":
			_, _ = w.Write([]byte(`{"Cluster":"default","TaskARN":"arn:aws:ecs:us-west-2:111122223333:task/default/1","AvailabilityZone":"us-west-2b","LaunchType":"FARGATE"}`))
		default:
			w.WriteHeader(404)
		}
	})
	found := Ask(context.Background(), Places{}, Evidence{Env: env("ECS_CONTAINER_METADATA_URI_V4", double.URL+"/v4/abc", "AWS_REGION", "us-west-2")})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER": "aws", "_OP_CLOUD_PROVIDER_SERVICE_TYPE": "aws_ecs", "_OP_CLOUD_PROVIDER_REGION": "us-west-2",
		"_OP_CLOUD_PROVIDER_ACCOUNT_INFO": "111122223333", "_AWS_AZ": "us-west-2b",
	})
	if found.ContainerID != id {
		t.Error(found.ContainerID)
	}
	if text, _ := json.Marshal(found.Keys["_OP_CLOUD_METADATA"]); !strings.Contains(string(text), `"LaunchType":"FARGATE"`) {
		t.Errorf("%s", text)
	}
}

func TestLambda(t *testing.T) {
	found := Ask(context.Background(), Places{}, Evidence{Vendor: "Amazon EC2", Env: env("AWS_LAMBDA_FUNCTION_NAME", "f", "AWS_LAMBDA_FUNCTION_VERSION", "3",
		"AWS_REGION", "eu-west-1", "AWS_SECRET_ACCESS_KEY", canary, "AWS_SESSION_TOKEN", canary)})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER_SERVICE_TYPE": "aws_lambda", "_AWS_REGION": "eu-west-1",
		"_OP_CLOUD_METADATA": `{"aws_lambda":{"AWS_LAMBDA_FUNCTION_NAME":"f","AWS_LAMBDA_FUNCTION_VERSION":"3","AWS_REGION":"eu-west-1"}}`,
	})
}

// The metadata server refuses who does not name it, and names itself in every answer.
func metadataServer(t *testing.T, flavor string) *double {
	return newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", flavor)
		if r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" {
			w.WriteHeader(403)
			return
		}
		answer, has := map[string]string{
			"instance/id": "42", "instance/name": "vm-1", "instance/zone": "projects/7/zones/europe-west3-a", "instance/machine-type": "projects/7/machineTypes/e2-small",
			"instance/tags": `["http"]`, "instance/network-interfaces/": `[{"ip":"10.0.0.2","accessConfigs":[{"externalIp":"203.0.113.8"}]}]`,
			"instance/service-accounts/": `{"default":{"email":"x@developer.gserviceaccount.com","scopes":["a"]}}`, "project/project-id": "shop",
			"instance/attributes/": canary, "instance/service-accounts/default/token": canary,
		}[strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/")]
		if !has {
			w.WriteHeader(404)
			return
		}
		if strings.ContainsAny(answer[:1], "[{") {
			w.Header().Set("Content-Type", "application/json")
		}
		_, _ = w.Write([]byte(answer))
	})
}

func TestGCE(t *testing.T) {
	found := Ask(context.Background(), metadataServer(t, "Google").places(), Evidence{Env: env(), Vendor: "Google Google"})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER": "gcp", "_OP_CLOUD_PROVIDER_SERVICE_TYPE": "gcp_gce", "_OP_CLOUD_PROVIDER_REGION": "europe-west3-a",
		"_OP_CLOUD_PROVIDER_INSTANCE_TYPE": "e2-small", "_OP_CLOUD_PROVIDER_IP": "203.0.113.8", "_OP_CLOUD_PROVIDER_TAGS": `["http"]`,
		"_GCP_PROJECT_METADATA": `{"projectId":"shop"}`,
	})
	if found.Failures != nil {
		t.Error(found.Failures)
	}
}

func TestCloudRun(t *testing.T) {
	found := Ask(context.Background(), metadataServer(t, "Google").places(), Evidence{Env: env("K_SERVICE", "s", "K_REVISION", "s-1", "K_CONFIGURATION", "s")})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER_SERVICE_TYPE": "gcp_cloud_run_service",
		"_OP_CLOUD_METADATA":              `{"gcp_cloud_run":{"K_CONFIGURATION":"s","K_REVISION":"s-1","K_SERVICE":"s"}}`,
	})
}

func TestSomebodyElseAnswersForGoogle(t *testing.T) {
	found := Ask(context.Background(), metadataServer(t, "").places(), Evidence{Env: env(), Vendor: "Google"})
	if found.Keys["_GCP_INSTANCE_METADATA"] != nil || len(found.Failures) != 1 || found.Failures[0].Code != "GCP_IMDS_ERROR" {
		t.Errorf("%v %v", found.Keys, found.Failures)
	}
}

func TestAzure(t *testing.T) {
	double := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata") != "true" || r.URL.RequestURI() != "/metadata/instance?api-version=2021-02-01" {
			w.WriteHeader(400)
			return
		}
		_, _ = w.Write([]byte(`{"compute":{"location":"westeurope","name":"vm","subscriptionId":"8d10da13","vmId":"02aab8a4","vmSize":"Standard_A3","userData":"` + canary + `",` +
			`"customData":"` + canary + `","publicKeys":[{"keyData":"` + canary + `"}],"osProfile":{"adminUsername":"` + canary + `"},` +
			`"tagsList":[{"name":"team","value":"shop"},{"name":"secret","value":"` + canary + `"}]},` +
			`"network":{"interface":[{"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4","publicIpAddress":"203.0.113.7"}]}}]}}`))
	})
	found := Ask(context.Background(), double.places(), Evidence{Env: env(), Vendor: "Microsoft Corporation", AssetTag: azureTag})
	expect(t, found, map[string]string{
		"_OP_CLOUD_PROVIDER": "azure", "_OP_CLOUD_PROVIDER_SERVICE_TYPE": "azure_vm", "_OP_CLOUD_PROVIDER_ACCOUNT_INFO": "8d10da13",
		"_OP_CLOUD_PROVIDER_REGION": "westeurope", "_OP_CLOUD_PROVIDER_INSTANCE_TYPE": "Standard_A3", "_OP_CLOUD_PROVIDER_IP": "203.0.113.7",
		"_OP_CLOUD_PROVIDER_TAGS": `{"secret":"\u003c\u003credact\u003e\u003e","team":"shop"}`,
	})
}

func TestAzureWithoutMetadata(t *testing.T) {
	found := Ask(context.Background(), Places{}, Evidence{Env: env("Fabric_CodePackageName", "web", "Fabric_ApplicationName", "caas-1", "Fabric_Secret", canary)})
	expect(t, found, map[string]string{"_OP_CLOUD_PROVIDER_SERVICE_TYPE": "azure_aci", "_OP_CLOUD_PROVIDER": "azure"})
	found = Ask(context.Background(), Places{}, Evidence{Env: env("CONTAINER_APP_NAME", "a", "CONTAINER_APP_REVISION", "a--1")})
	expect(t, found, map[string]string{"_OP_CLOUD_PROVIDER_SERVICE_TYPE": "azure_container_apps"})
}

// Hyper-V on somebody's own machine has the same maker.
func TestNoEvidenceNoQuestion(t *testing.T) {
	double := newDouble(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for _, evidence := range []Evidence{{Env: env()}, {Env: env(), Vendor: "QEMU"}, {Env: env(), Vendor: "Microsoft Corporation", AssetTag: "1234-5678"}} {
		if found := Ask(context.Background(), double.places(), evidence); found.Keys["_OP_CLOUD_PROVIDER"] != nil {
			t.Error(found.Keys)
		}
	}
	if len(double.asked) != 0 {
		t.Error(double.asked)
	}
}

func TestHostileAnswers(t *testing.T) {
	for name, text := range map[string]string{
		"deep": strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), "list": "[]", "null": "null", "nothing": "", "huge": `{"a":"` + strings.Repeat("x", 300<<10) + `"}`,
		"wide": `{` + strings.TrimSuffix(strings.Repeat(`"k`+canary[:2]+`":1,`, 2000), ",") + `}`,
	} {
		double := newDouble(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
		found := Ask(context.Background(), double.places(), Evidence{Env: env("ECS_CONTAINER_METADATA_URI_V4", double.URL)})
		if all, err := json.Marshal(found.Keys); err != nil || len(all) > 64<<10 {
			t.Errorf("%s: %d bytes %v", name, len(all), err)
		}
	}
	redirecting := newDouble(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	Ask(context.Background(), redirecting.places(), Evidence{Env: env("ECS_CONTAINER_METADATA_URI_V4", redirecting.URL+"/x")})
	for _, asked := range redirecting.asked {
		if strings.Contains(asked, "elsewhere") {
			t.Error("a redirect was followed")
		}
	}
}
