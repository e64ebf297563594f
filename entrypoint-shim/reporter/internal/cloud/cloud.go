// Package cloud asks the provider's own metadata services where this container runs. Nothing is asked without evidence,
// never through a proxy, and never for credentials.
package cloud

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/web"
)

// Budget is the time all questions together should get.
const Budget = 3 * time.Second

const sizeLimit = 256 << 10

// oneQuestion is a variable because the tests must not depend on how busy a machine is.
var oneQuestion = time.Second

// Places are the addresses of the metadata services.
type Places struct{ AWS, GCP, Azure string }

// Real are those of the providers. Names are not resolved: whoever answers for a name could be anybody.
var Real = Places{AWS: "http://169.254.169.254", GCP: "http://169.254.169.254", Azure: "http://169.254.169.254"}

// Evidence is what can be known about the provider without asking anybody.
type Evidence struct {
	Env        func(string) string
	Vendor     string // what the machine's maker wrote into it
	AssetTag   string
	UUIDs      []string
	Kubernetes bool
}

// Failure of a question, in Chalk's words.
type Failure struct {
	Key, Code, Error, Description string
}

// Found is what the report gets.
type Found struct {
	mutex       sync.Mutex
	Keys        map[string]any
	Failures    []Failure
	ContainerID string // as ECS knows it
}

// Gather reads the evidence of this machine.
func Gather(env func(string) string) Evidence {
	read := func(path string) string {
		text, _ := safefile.ReadKernel(path, 256)
		return strings.TrimSpace(text)
	}
	const dmi = "/sys/class/dmi/id/"
	return Evidence{
		Env: env, Vendor: strings.TrimSpace(read(dmi+"board_vendor") + " " + read(dmi+"sys_vendor")), AssetTag: read(dmi + "board_asset_tag"),
		UUIDs: []string{read("/sys/hypervisor/uuid"), read(dmi + "product_uuid")}, Kubernetes: env("KUBERNETES_SERVICE_HOST") != "",
	}
}

// Ask asks whom the evidence points to, all at once, in the time that ctx has.
func Ask(ctx context.Context, places Places, evidence Evidence) *Found {
	found := &Found{Keys: map[string]any{}}
	found.put("_OP_CLOUD_SYS_VENDOR", evidence.Vendor)
	vendor, env := strings.ToLower(evidence.Vendor), evidence.Env
	switch {
	case env("AWS_LAMBDA_FUNCTION_NAME") != "" && env("AWS_LAMBDA_FUNCTION_VERSION") != "":
		lambda(found, env)
	case ecsAddress(env) != "":
		ecs(ctx, found, env)
	case env("K_SERVICE") != "" && env("K_REVISION") != "", env("CLOUD_RUN_JOB") != "":
		cloudRun(ctx, found, places.GCP, env)
	case env("Fabric_CodePackageName") != "" && env("Fabric_ApplicationName") != "":
		containerInstance(found, env)
	case env("CONTAINER_APP_NAME") != "" && env("CONTAINER_APP_REVISION") != "":
		containerApp(found, env)
	case isAmazon(vendor, evidence):
		amazon(ctx, found, places.AWS, evidence)
	case strings.Contains(vendor, "google"):
		google(ctx, found, places.GCP, serviceType(evidence.Kubernetes, "gcp_gke", "gcp_gce"))
	case strings.Contains(vendor, "microsoft") && isAzure(evidence):
		azure(ctx, found, places.Azure, serviceType(evidence.Kubernetes, "azure_aks", "azure_vm"))
	}
	return found
}

func serviceType(kubernetes bool, yes, no string) string {
	if kubernetes {
		return yes
	}
	return no
}

// put keeps a value that is there, with what looks like a secret taken out.
func (f *Found) put(key string, value any) {
	value = clean(value, 0)
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case map[string]any:
		if len(v) == 0 {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.Keys[key] = value
}

func (f *Found) fail(key, code string, err error, description string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.Failures = append(f.Failures, Failure{key, code, redact.Text(err.Error()), description})
}

const (
	maxText  = 1024
	maxItems = 100
	maxDepth = 12
)

// clean limits a value that came over the network: its texts are redacted and cut, its lists and its depth bounded.
func clean(value any, depth int) any {
	if depth > maxDepth {
		return nil
	}
	switch v := value.(type) {
	case string:
		if len(v) > maxText {
			v = strings.ToValidUTF8(v[:maxText], "")
		}
		return redact.Text(v)
	case []any:
		list := make([]any, 0, min(len(v), maxItems))
		for _, item := range v[:min(len(v), maxItems)] {
			list = append(list, clean(item, depth+1))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, item := range v {
			if len(object) < maxItems {
				object[key] = cleanPair(key, item, depth+1)
			}
		}
		return object
	}
	return value
}

// Labels and tags are where people put what should be nowhere: the name can tell.
func cleanPair(key string, value any, depth int) any {
	if text, isText := value.(string); isText && redact.IsSecretName(key) {
		return serviceType(text == "", "", redact.Hidden)
	}
	return clean(value, depth)
}

var (
	errStatus = errors.New("the metadata service answered with another status than 200")
	errAnswer = errors.New("the metadata service's answer cannot be used")
)

// statusError says with which status a question was refused.
type statusError int

func (s statusError) Error() string        { return errStatus.Error() + ": " + strconv.Itoa(int(s)) }
func (s statusError) Is(target error) bool { return target == errStatus }

func question(ctx context.Context, method, address string, headers ...web.Header) (web.Answer, error) {
	to, err := url.Parse(address)
	if err != nil || to.Host == "" || (to.Scheme != "http" && to.Scheme != "https") {
		return web.Answer{}, errAnswer
	}
	client := web.Client{Connect: oneQuestion, Reply: oneQuestion, Limit: sizeLimit}
	answer, err := client.Do(ctx, web.Request{Method: method, URL: to, Headers: append(headers, web.Header{Name: "User-Agent", Value: "docker-chalk-reporter"})})
	if err == nil && answer.Status != 200 {
		err = statusError(answer.Status)
	}
	return answer, err
}

func decode(data []byte) (map[string]any, error) {
	object, err := json.Object(data)
	if err != nil {
		return nil, errAnswer
	}
	return object, nil
}

// parallel runs the steps side by side and returns when all are done.
func parallel(steps ...func()) {
	var wait sync.WaitGroup
	for _, step := range steps {
		wait.Add(1)
		go func() {
			defer wait.Done()
			step()
		}()
	}
	wait.Wait()
}

// only keeps the named keys: what else a provider may add one day is not asked for.
func only(object map[string]any, keys ...string) map[string]any {
	kept := map[string]any{}
	for _, key := range keys {
		if value, has := object[key]; has && value != nil && value != "" {
			kept[key] = value
		}
	}
	return kept
}

func variables(env func(string) string, names ...string) map[string]any {
	found := map[string]any{}
	for _, name := range names {
		if value := env(name); value != "" {
			found[name] = value
		}
	}
	return found
}
