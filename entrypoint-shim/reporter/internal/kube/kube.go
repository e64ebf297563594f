// Package kube finds out which pod this is: from the downward API, from the service account's own token (read here,
// never sent on), and from the cluster's API where the service account may ask it.
package kube

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/web"
)

// Account is where the kubelet mounts what a pod is given.
const Account = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	oneQuestion = time.Second
	sizeLimit   = 256 << 10
	fileLimit   = 64 << 10
	maxLabels   = 100
)

// Evidence is what is known before anybody is asked.
type Evidence struct {
	Env           func(string) string
	Folder        string // of the service account
	Hostname      string
	PodUID        string
	ContainerName string
}

// Owner is what made the pod, or what made that: a Deployment rather than its ReplicaSet.
type Owner struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	UID  string `json:"uid,omitempty"`
}

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
type Cluster struct {
	UID      string `json:"uid"`
	Name     string `json:"name"`
	Endpoint string `json:"endpoint"`
}

var (
	errRefused = errors.New("the service account may not ask for its pod")
	errAnswer  = errors.New("the cluster's API gave no usable answer")
	errNoRoots = errors.New("no certificate authority of the cluster")
	name       = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
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
	var told struct {
		Cluster Cluster `json:"cluster"`
	}
	_ = json.Unmarshal([]byte(env("CHALK_K8S_METADATA")), &told)
	pod.Cluster = Cluster{redact.Text(told.Cluster.UID), redact.Text(told.Cluster.Name), redact.Text(told.Cluster.Endpoint)}
	if token != "" && name.MatchString(pod.Name) && name.MatchString(pod.Namespace) && env("KUBERNETES_SERVICE_HOST") != "" {
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
	type named struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	}
	var claims struct {
		Kubernetes struct {
			Namespace      string `json:"namespace"`
			Pod            named  `json:"pod"`
			Node           named  `json:"node"`
			ServiceAccount named  `json:"serviceaccount"`
		} `json:"kubernetes.io"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return Pod{}
	}
	k := claims.Kubernetes
	return Pod{Name: k.Pod.Name, UID: k.Pod.UID, Namespace: k.Namespace, Node: k.Node.Name, ServiceAccount: k.ServiceAccount.Name}
}

// api is the cluster's API. The token goes nowhere but there, and only to a server that the cluster's own authority vouches for.
type api struct{ folder, token, host string }

func (a api) get(ctx context.Context, path string, into any) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(a.folder, "ca.crt"))) {
		return errNoRoots
	}
	client := web.Client{Connect: oneQuestion, Reply: oneQuestion, Limit: sizeLimit, Roots: func() *x509.CertPool { return roots }}
	answer, err := client.Do(ctx, web.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: a.host, Path: path}, Headers: []web.Header{
		{Name: "Authorization", Value: "Bearer " + a.token}, {Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "docker-chalk-reporter"},
	}})
	switch {
	case err != nil:
		return err
	case answer.Status == 401 || answer.Status == 403:
		return errRefused
	case answer.Status != 200 || json.Unmarshal(answer.Body, into) != nil:
		return errAnswer
	}
	return nil
}

type metadata struct {
	Name   string            `json:"name"`
	UID    string            `json:"uid"`
	Labels map[string]string `json:"labels"`
	Owners []struct {
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		UID        string `json:"uid"`
		Controller bool   `json:"controller"`
	} `json:"ownerReferences"`
}

func (m metadata) owner() *Owner {
	for _, owner := range m.Owners {
		if owner.Controller {
			return &Owner{Kind: owner.Kind, Name: owner.Name, UID: owner.UID}
		}
	}
	return nil
}

func (p *Pod) ask(ctx context.Context, a api) error {
	var pod struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			NodeName       string `json:"nodeName"`
			ServiceAccount string `json:"serviceAccountName"`
			Containers     []struct {
				Name  string `json:"name"`
				Ports []struct {
					Port     json.Number `json:"containerPort"`
					Protocol string      `json:"protocol"`
				} `json:"ports"`
			} `json:"containers"`
		} `json:"spec"`
		Status struct {
			Containers []struct {
				Name string `json:"name"`
				ID   string `json:"containerID"`
			} `json:"containerStatuses"`
		} `json:"status"`
	}
	if err := a.get(ctx, "/api/v1/namespaces/"+p.Namespace+"/pods/"+p.Name, &pod); err != nil {
		return err
	}
	p.UID = either(pod.Metadata.UID, p.UID)
	p.Node = either(pod.Spec.NodeName, p.Node)
	p.ServiceAccount = either(pod.Spec.ServiceAccount, p.ServiceAccount)
	p.Labels = map[string]string{}
	for key, value := range pod.Metadata.Labels {
		if len(p.Labels) < maxLabels {
			p.Labels[key] = redact.Text(value)
		}
	}
	if p.ContainerName == "" && len(pod.Spec.Containers) == 1 {
		p.ContainerName = pod.Spec.Containers[0].Name
	}
	for _, container := range pod.Spec.Containers {
		if container.Name == p.ContainerName {
			for _, port := range container.Ports {
				p.Ports = append(p.Ports, port.Port.String()+"/"+either(port.Protocol, "TCP"))
			}
		}
	}
	for _, container := range pod.Status.Containers {
		if container.Name == p.ContainerName {
			_, p.ContainerID, _ = strings.Cut(container.ID, "://")
		}
	}
	p.Owner = pod.Metadata.owner()
	return p.followOwner(ctx, a)
}

// A ReplicaSet is mostly a Deployment's, a Job may be a CronJob's. Being refused here costs only that.
func (p *Pod) followOwner(ctx context.Context, a api) error {
	if p.Owner == nil || !name.MatchString(p.Owner.Name) {
		return nil
	}
	path := map[string]string{"ReplicaSet": "apps/v1/namespaces/" + p.Namespace + "/replicasets/", "Job": "batch/v1/namespaces/" + p.Namespace + "/jobs/"}[p.Owner.Kind]
	if path == "" {
		return nil
	}
	var owner struct {
		Metadata metadata `json:"metadata"`
	}
	if a.get(ctx, "/apis/"+path+p.Owner.Name, &owner) == nil && owner.Metadata.owner() != nil {
		p.Owner = owner.Metadata.owner()
	}
	return nil
}
