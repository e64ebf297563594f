// Package container finds out, without privileges, which container this is, and says where from and how sure.
package container

import (
	"os"
	"strings"

	"docker-chalk/reporter/internal/safefile"
)

// Confidence of an identifier: high when it is the runtime's own full id, low for a short one taken from the host name.
type Confidence string

const (
	High Confidence = "high"
	Low  Confidence = "low"
)

// Identity is what is known; empty strings are unknown.
type Identity struct {
	ID         string
	Source     string
	Confidence Confidence

	SandboxID     string
	PodUID        string
	PodName       string
	PodNamespace  string
	ContainerName string
}

// Evidence is every text the answer is drawn from, so that the drawing is a pure function.
type Evidence struct {
	ECSContainer    string // DockerId of the ECS metadata service
	KubeContainer   string // the pod's own status says so
	Cgroup          string // /proc/self/cgroup
	Mounts          string // /proc/self/mountinfo
	ContainerEnv    string // /run/.containerenv
	Hostname        string
	KubernetesSpace string // the service account's namespace file
	Kubernetes      bool
}

const limit = 1 << 20

// Gather reads the evidence from this machine; what cannot be read stays empty.
func Gather(kubernetes bool) Evidence {
	read := func(path string) string { text, _ := safefile.ReadKernel(path, limit); return text }
	space, _, _ := safefile.Read("/var/run/secrets/kubernetes.io/serviceaccount/namespace", 256)
	environment, _, _ := safefile.Read("/run/.containerenv", 64<<10)
	hostname, _ := os.Hostname()
	return Evidence{
		Cgroup: read("/proc/self/cgroup"), Mounts: read("/proc/self/mountinfo"),
		ContainerEnv: string(environment), Hostname: hostname, KubernetesSpace: strings.TrimSpace(string(space)),
		Kubernetes: kubernetes || len(space) > 0,
	}
}

// Identify weighs the evidence: the orchestrator's answer, the cgroup, the mounts the engine made, the host name.
func Identify(evidence Evidence) Identity {
	found := Identity{PodNamespace: evidence.KubernetesSpace}
	settle := func(id, source string, confidence Confidence) {
		if found.ID == "" && id != "" {
			found.ID, found.Source, found.Confidence = id, source, confidence
		}
	}
	if isTaskID(evidence.ECSContainer) || isID(evidence.ECSContainer) {
		settle(evidence.ECSContainer, "ecs", High)
	}
	if isID(evidence.KubeContainer) {
		settle(evidence.KubeContainer, "kubernetes", High)
	}
	for line := range strings.Lines(evidence.Cgroup) {
		path := line[strings.LastIndexByte(line, ':')+1:]
		path = strings.TrimSpace(path)
		settle(idAtEnd(path), "cgroup", High)
		settle(taskIDAtEnd(path), "cgroup", High)
		if found.PodUID == "" {
			found.PodUID = podUID(path)
		}
	}
	mounts := engineMounts(evidence.Mounts)
	for _, source := range mounts {
		if found.PodUID == "" {
			found.PodUID = between(source, "/pods/", isPodUID, "/")
		}
		if found.ContainerName == "" {
			found.ContainerName = containerName(source)
		}
	}
	kubernetes := evidence.Kubernetes || found.PodUID != ""
	if kubernetes {
		found.PodName = evidence.Hostname
	}
	for _, source := range mounts {
		sandbox := between(source, "/sandboxes/", isID, "/")
		if sandbox == "" && kubernetes {
			sandbox = between(source, "/containers/", isID, "/") // cri-dockerd: these files belong to the pod's sandbox
		}
		if found.SandboxID == "" {
			found.SandboxID = sandbox
		}
		if sandbox == "" {
			settle(between(source, "-containers/", isID, "/userdata/"), "mountinfo", High)
			settle(between(source, "/containers/", isID, "/"), "mountinfo", High)
		}
	}
	settle(idOfEnvironment(evidence.ContainerEnv), "containerenv", High)
	if len(evidence.Hostname) == 12 && isHex(evidence.Hostname) {
		settle(evidence.Hostname, "hostname", Low)
	}
	return found
}

// The mounts whose source the engine or the kubelet made per container. The root's own line is left out:
// its 64 hex digits are layers.
func engineMounts(mountinfo string) []string {
	var sources []string
	for line := range strings.Lines(mountinfo) {
		field := strings.Fields(line)
		if len(field) < 5 {
			continue
		}
		switch field[4] {
		case "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv", "/dev/termination-log":
			sources = append(sources, field[3])
		}
	}
	return sources
}
