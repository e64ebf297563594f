// Package report writes what was collected in the shape of Chalk's reports. The keys are listed in ../../../README.md.
package report

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"docker-chalk/reporter/internal/cloud"
	"docker-chalk/reporter/internal/container"
	"docker-chalk/reporter/internal/host"
	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/kube"
	"docker-chalk/reporter/internal/mark"
	"docker-chalk/reporter/internal/network"
	"docker-chalk/reporter/internal/process"
	"docker-chalk/reporter/internal/redact"
)

// Facts are everything a report is made of.
type Facts struct {
	At         time.Time
	Operation  string
	Heartbeats int
	ActionID   string
	ExecID     string
	Version    string
	Artifact   Artifact
	Mark       mark.Mark
	Marked     bool
	Host       host.Host
	Limits     map[string]string
	Container  container.Identity
	Process    process.Process
	Exit       *Exit
	Network    network.Network
	Pod        kube.Pod
	CloudKeys  map[string]any
	Failures   []cloud.Failure
	Errors     []string
}

// Artifact is what runs: a container, or on a host the file with the mark.
type Artifact struct{ Type, Path string }

// Exit is how the program ended; Signal is 0 unless it was one.
type Exit struct{ Code, Signal int }

// NewID returns 64 random bits as Chalk writes them.
func NewID() string {
	var bits [8]byte
	_, _ = rand.Read(bits[:])
	return hex.EncodeToString(bits[:])
}

// SameID returns 64 bits that are the same whenever the parts are: for what several processes must agree on.
func SameID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Render returns the report: an array of one object, one line.
func Render(f Facts) []byte {
	chalks := 0
	if f.Marked {
		chalks = 1
	}
	var o object
	o.put("_OPERATION", f.Operation)
	o.put("_TIMESTAMP", f.At.UnixMilli())
	o.put("_DATETIME", f.At.UTC().Format("2006-01-02T15:04:05.000-07:00"))
	o.put("_CHALKS", []any{artefact(f)})
	o.put("_ACTION_ID", f.ActionID)
	o.put("_EXEC_ID", f.ExecID)
	if f.Heartbeats > 0 {
		o.put("_HEARTBEAT_COUNT", f.Heartbeats)
	}
	putPod(&o, f)
	for _, key := range slices.Sorted(maps.Keys(f.CloudKeys)) {
		o.put(key, f.CloudKeys[key])
	}
	o.put("_OP_CHALKER_VERSION", f.Version)
	o.put("_OP_ERRORS", f.Errors)
	o.put("_OP_FAILED_KEYS", failedKeys(f.Failures))
	o.put("_OP_HOSTNAME", f.Host.Hostname)
	o.put("_OP_HOST_MACHINE", f.Host.Arch)
	o.put("_OP_HOST_NODENAME", f.Host.Nodename)
	o.put("_OP_HOST_RELEASE", f.Host.Release)
	o.put("_OP_HOST_SYSNAME", f.Host.Sysname)
	o.put("_OP_HOST_VERSION", f.Host.Version)
	o.put("_OP_PLATFORM", platform(f.Host))
	o.put("_OP_TCP_SOCKET_INFO", f.Network.TCP)
	o.put("_OP_UDP_SOCKET_INFO", f.Network.UDP)
	o.put("_X_CHALK_BOOT_ID", f.Host.BootID)
	o.put("_X_CHALK_CGROUP_LIMITS", f.Limits)
	o.put("_X_CHALK_NETWORK_ADDRESSES", f.Network.Addresses)
	o.put("_X_CHALK_UPTIME", f.Host.UptimeSeconds)
	o.put("_OP_CHALK_COUNT", chalks)
	return append(json.Append(nil, []any{&o}), '\n')
}

func putPod(o *object, f Facts) {
	o.put("_K8S_CLUSTER_ID", f.Pod.Cluster.UID)
	o.put("_K8S_CLUSTER_NAME", f.Pod.Cluster.Name)
	o.put("_K8S_CLUSTER_ENDPOINT", f.Pod.Cluster.Endpoint)
	o.put("_K8S_POD_NAME", either(f.Pod.Name, f.Container.PodName))
	o.put("_K8S_POD_NAMESPACE", either(f.Pod.Namespace, f.Container.PodNamespace))
	o.put("_K8S_POD_LABELS", f.Pod.Labels)
	o.put("_K8S_POD_CONTAINER_NAME", either(f.Pod.ContainerName, f.Container.ContainerName))
	o.put("_K8S_CONTAINER_PORTS", f.Pod.Ports)
	o.put("_X_CHALK_POD_UID", either(f.Pod.UID, f.Container.PodUID))
	o.put("_X_CHALK_POD_NODE", f.Pod.Node)
	o.put("_X_CHALK_POD_OWNER", owner(f.Pod.Owner))
	o.put("_X_CHALK_POD_SERVICE_ACCOUNT", f.Pod.ServiceAccount)
	o.put("_X_CHALK_SANDBOX_ID", f.Container.SandboxID)
}

func owner(of *kube.Owner) *object {
	var o object
	if of != nil {
		o.put("kind", of.Kind)
		o.put("name", of.Name)
		o.put("uid", of.UID)
	}
	return &o
}

// octal writes a mode with at least four digits.
func octal(mode uint32) string {
	digits := strconv.FormatUint(uint64(mode), 8)
	return strings.Repeat("0", max(0, 4-len(digits))) + digits
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// failedKeys is Chalk's: a list of problems by key.
func failedKeys(failures []cloud.Failure) map[string][]map[string]string {
	keys := map[string][]map[string]string{}
	for _, failure := range failures {
		keys[failure.Key] = append(keys[failure.Key], map[string]string{"code": failure.Code, "error": failure.Error, "description": failure.Description})
	}
	return keys
}

func platform(h host.Host) string {
	if h.Sysname == "" {
		return ""
	}
	return "GNU/" + h.Sysname + " " + h.Arch
}

func artefact(f Facts) *object {
	var o object
	if f.Marked {
		for _, pair := range f.Mark.Pairs {
			o.putText(pair.Key, json.Append(nil, pair.Value))
		}
	}
	o.put("_OP_ARTIFACT_TYPE", f.Artifact.Type)
	o.put("_OP_ARTIFACT_PATH", f.Artifact.Path)
	o.put("_INSTANCE_CONTAINER_ID", f.Container.ID)
	o.put("_X_CHALK_CONTAINER_ID_SOURCE", f.Container.Source)
	o.put("_X_CHALK_CONTAINER_ID_CONFIDENCE", string(f.Container.Confidence))
	if f.Mark.SHA256 != "" {
		o.put("_X_CHALK_MARK_SHA256", f.Mark.SHA256)
		o.put("_X_CHALK_MARK_MODE", octal(f.Mark.File.Mode))
		o.put("_X_CHALK_MARK_UID", f.Mark.File.UID)
	}
	putProcess(&o, f.Process)
	if f.Exit != nil {
		o.put("_X_CHALK_PROCESS_EXIT_CODE", f.Exit.Code)
		if f.Exit.Signal != 0 {
			o.put("_X_CHALK_PROCESS_EXIT_SIGNAL", f.Exit.Signal)
		}
	}
	return &o
}

func putProcess(o *object, p process.Process) {
	o.put("_PROCESS_PID", p.PID)
	o.put("_PROCESS_PARENT_PID", p.ParentPID)
	o.put("_PROCESS_COMMAND_NAME", p.Command)
	o.put("_PROCESS_STATE", p.State)
	o.put("_PROCESS_ARGV", redact.Arguments(p.Argv))
	o.put("_PROCESS_EXE_PATH", p.Exe)
	o.put("_PROCESS_CWD", p.Cwd)
	if p.Group != 0 {
		o.put("_PROCESS_PGID", p.Group)
	}
	if p.Umask != nil {
		o.put("_PROCESS_UMASK", *p.Umask)
	}
	o.put("_PROCESS_UID", p.UID)
	o.put("_PROCESS_GID", p.GID)
	o.put("_PROCESS_GROUPS", p.Groups)
	o.put("_PROCESS_SECCOMP_STATUS", p.Seccomp)
	if p.StartTime != 0 {
		o.put("_PROCESS_START_TIME", p.StartTime)
		o.put("_PROCESS_UTIME", p.UserTime)
		o.put("_PROCESS_STIME", p.SystemTime)
		o.put("_X_CHALK_PROCESS_NO_NEW_PRIVS", p.NoNewPrivs)
	}
	o.put("_X_CHALK_PROCESS_CAPABILITIES", p.Capabilities)
	o.put("_X_CHALK_PROCESS_EXE_SHA256", p.ExeSHA256)
	o.put("_X_CHALK_NAMESPACES", p.Namespaces)
}
