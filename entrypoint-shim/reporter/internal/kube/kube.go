// Package kube finds out which pod this is: from the downward API, from the service account's own token (read here,
// never sent on), and from the cluster's API where the service account may ask it.
package kube

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/web"
)

// Account is where the kubelet mounts what a pod is given.
const Account = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	sizeLimit = 256 << 10
	fileLimit = 64 << 10
	maxLabels = 100
)

// oneQuestion is a variable because the tests must not depend on how busy a machine is.
var oneQuestion = time.Second

// Evidence is what is known before anybody is asked.
type Evidence struct {
	Env           func(string) string
	Folder        string // of the service account
	Hostname      string
	PodUID        string
	ContainerName string
}

// Owner is what made the pod, or what made that: a Deployment rather than its ReplicaSet.
type Owner struct{ Kind, Name, UID string }

// Pod is what was found; empty strings are unknown.
type Pod struct {
	Name, Namespace, UID, Node, ServiceAccount, ContainerName string
	ContainerID                                               string
	Labels                                                    map[string]string
	Ports                                                     []string
	Owner                                                     *Owner
	Cluster                                                   Cluster
	Problem                                                   error
}

// Cluster is what an operator may have told the container in CHALK_K8S_METADATA, as Chalk has it.
type Cluster struct{ UID, Name, Endpoint string }

var (
	errRefused = errors.New("the service account may not ask for its pod")
	errAnswer  = errors.New("the cluster's API gave no usable answer")
	errNoRoots = errors.New("no certificate authority of the cluster")
)

// Here tells whether this is a pod at all.
func Here(env func(string) string) bool {
	return env("KUBERNETES_SERVICE_HOST") != "" || env("CHALK_K8S_POD_NAME") != ""
}

// Describe asks within the time of ctx.
func Describe(ctx context.Context, evidence Evidence) Pod {
	env := evidence.Env
	token := read(evidence.Folder, "token")
	pod := fromToken(token)
	pod.UID = either(evidence.PodUID, pod.UID)
	pod.ContainerName = either(env("CHALK_K8S_CONTAINER_NAME"), evidence.ContainerName)
	pod.Name = either(env("CHALK_K8S_POD_NAME"), env("POD_NAME"), pod.Name, evidence.Hostname)
	pod.Namespace = either(env("CHALK_K8S_POD_NAMESPACE"), env("POD_NAMESPACE"), read(evidence.Folder, "namespace"), pod.Namespace)
	pod.Node = either(env("CHALK_K8S_NODE_NAME"), env("NODE_NAME"), pod.Node)
	told, _ := json.Object([]byte(env("CHALK_K8S_METADATA")))
	cluster := func(key string) string { return redact.Text(json.Text(told, "cluster", key)) }
	pod.Cluster = Cluster{UID: cluster("uid"), Name: cluster("name"), Endpoint: cluster("endpoint")}
	if token != "" && isName(pod.Name) && isName(pod.Namespace) && env("KUBERNETES_SERVICE_HOST") != "" {
		pod.Problem = pod.ask(ctx, api{folder: evidence.Folder, token: token, host: net.JoinHostPort(env("KUBERNETES_SERVICE_HOST"), either(env("KUBERNETES_SERVICE_PORT"), "443"))})
	}
	return pod
}

func either(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// Everything in the folder is a link: the kubelet exchanges all files at once by one of them.
func read(folder, file string) string {
	data, err := safefile.ReadLinked(filepath.Join(folder, file), fileLimit)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// A token's middle part says whose it is. It is not verified: it is this pod's own, and only names are taken from it.
func fromToken(token string) Pod {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Pod{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Pod{}
	}
	claims, err := json.Object(payload)
	if err != nil {
		return Pod{}
	}
	claim := func(keys ...string) string { return json.Text(claims["kubernetes.io"], keys...) }
	return Pod{Name: claim("pod", "name"), UID: claim("pod", "uid"), Namespace: claim("namespace"), Node: claim("node", "name"), ServiceAccount: claim("serviceaccount", "name")}
}

// A name as the cluster has them: nothing that could lead a path somewhere else.
func isName(text string) bool {
	if text == "" || len(text) > 253 || strings.Trim(text, ".-") != text {
		return false
	}
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// api is the cluster's API. The token goes nowhere but there, and only to a server that the cluster's own authority vouches for.
type api struct{ folder, token, host string }

func (a api) get(ctx context.Context, path string) (map[string]any, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(a.folder, "ca.crt"))) {
		return nil, errNoRoots
	}
	client := web.Client{Connect: oneQuestion, Reply: oneQuestion, Limit: sizeLimit, Roots: func() *x509.CertPool { return roots }}
	answer, err := client.Do(ctx, web.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: a.host, Path: path}, Headers: []web.Header{
		{Name: "Authorization", Value: "Bearer " + a.token}, {Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "docker-chalk-reporter"},
	}})
	switch {
	case err != nil:
		return nil, err
	case answer.Status == 401 || answer.Status == 403:
		return nil, errRefused
	case answer.Status != 200:
		return nil, errAnswer
	}
	object, err := json.Object(answer.Body)
	if err != nil {
		return nil, errAnswer
	}
	return object, nil
}

// ownerOf is the one that controls it, of those that an object names.
func ownerOf(object map[string]any) *Owner {
	for _, owner := range json.List(object, "metadata", "ownerReferences") {
		if json.At(owner, "controller") == true {
			return &Owner{Kind: json.Text(owner, "kind"), Name: json.Text(owner, "name"), UID: json.Text(owner, "uid")}
		}
	}
	return nil
}

func (p *Pod) ask(ctx context.Context, a api) error {
	pod, err := a.get(ctx, "/api/v1/namespaces/"+p.Namespace+"/pods/"+p.Name)
	if err != nil {
		return err
	}
	p.UID = either(json.Text(pod, "metadata", "uid"), p.UID)
	p.Node = either(json.Text(pod, "spec", "nodeName"), p.Node)
	p.ServiceAccount = either(json.Text(pod, "spec", "serviceAccountName"), p.ServiceAccount)
	p.Labels = map[string]string{}
	labels, _ := json.At(pod, "metadata", "labels").(map[string]any)
	for key, value := range labels {
		if text, isText := value.(string); isText && len(p.Labels) < maxLabels {
			p.Labels[key] = redact.Text(text)
		}
	}
	containers := json.List(pod, "spec", "containers")
	if p.ContainerName == "" && len(containers) == 1 {
		p.ContainerName = json.Text(containers[0], "name")
	}
	for _, container := range containers {
		if json.Text(container, "name") == p.ContainerName {
			p.addPorts(container)
		}
	}
	for _, container := range json.List(pod, "status", "containerStatuses") {
		if json.Text(container, "name") == p.ContainerName {
			_, p.ContainerID, _ = strings.Cut(json.Text(container, "containerID"), "://")
		}
	}
	p.Owner = ownerOf(pod)
	return p.followOwner(ctx, a)
}

func (p *Pod) addPorts(container any) {
	for _, port := range json.List(container, "ports") {
		if number, isNumber := json.At(port, "containerPort").(json.Number); isNumber {
			p.Ports = append(p.Ports, string(number)+"/"+either(json.Text(port, "protocol"), "TCP"))
		}
	}
}

// A ReplicaSet is mostly a Deployment's, a Job may be a CronJob's. Being refused here costs only that.
func (p *Pod) followOwner(ctx context.Context, a api) error {
	if p.Owner == nil || !isName(p.Owner.Name) {
		return nil
	}
	path := map[string]string{"ReplicaSet": "apps/v1/namespaces/" + p.Namespace + "/replicasets/", "Job": "batch/v1/namespaces/" + p.Namespace + "/jobs/"}[p.Owner.Kind]
	if path == "" {
		return nil
	}
	if object, err := a.get(ctx, "/apis/"+path+p.Owner.Name); err == nil && ownerOf(object) != nil {
		p.Owner = ownerOf(object)
	}
	return nil
}
