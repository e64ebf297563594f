// Package report writes what was collected in the shape of Chalk's reports. The keys are listed in ../../../README.md.
package report

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"docker-chalk/reporter/internal/container"
	"docker-chalk/reporter/internal/host"
	"docker-chalk/reporter/internal/mark"
	"docker-chalk/reporter/internal/process"
	"docker-chalk/reporter/internal/redact"
)

// Facts are everything a report is made of.
type Facts struct {
	At        time.Time
	ActionID  string
	ExecID    string
	Version   string
	Mark      mark.Mark
	Marked    bool
	Host      host.Host
	Container container.Identity
	Process   process.Process
	Errors    []string
}

// NewID returns 64 random bits as Chalk writes them.
func NewID() string {
	var bits [8]byte
	_, _ = rand.Read(bits[:])
	return hex.EncodeToString(bits[:])
}

// Render returns the report: an array of one object, one line.
func Render(f Facts) []byte {
	chalks := 0
	if f.Marked {
		chalks = 1
	}
	var o object
	o.put("_OPERATION", "exec")
	o.put("_TIMESTAMP", f.At.UnixMilli())
	o.put("_DATETIME", f.At.UTC().Format("2006-01-02T15:04:05.000-07:00"))
	o.put("_CHALKS", []*object{artefact(f)})
	o.put("_ACTION_ID", f.ActionID)
	o.put("_EXEC_ID", f.ExecID)
	o.put("_K8S_POD_NAME", f.Container.PodName)
	o.put("_K8S_POD_NAMESPACE", f.Container.PodNamespace)
	o.put("_K8S_POD_CONTAINER_NAME", f.Container.ContainerName)
	o.put("_OP_CHALKER_VERSION", f.Version)
	o.put("_OP_ERRORS", f.Errors)
	o.put("_OP_HOSTNAME", f.Host.Hostname)
	o.put("_OP_HOST_MACHINE", f.Host.Arch)
	o.put("_OP_HOST_NODENAME", f.Host.Nodename)
	o.put("_OP_HOST_RELEASE", f.Host.Release)
	o.put("_OP_HOST_SYSNAME", f.Host.Sysname)
	o.put("_OP_HOST_VERSION", f.Host.Version)
	o.put("_OP_PLATFORM", platform(f.Host))
	o.put("_X_CHALK_BOOT_ID", f.Host.BootID)
	o.put("_X_CHALK_POD_UID", f.Container.PodUID)
	o.put("_X_CHALK_SANDBOX_ID", f.Container.SandboxID)
	o.put("_X_CHALK_UPTIME", f.Host.UptimeSeconds)
	o.put("_OP_CHALK_COUNT", chalks)
	return append(encode([]*object{&o}), '\n')
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
			o.putText(pair.Key, encode(pair.Value))
		}
	}
	o.put("_OP_ARTIFACT_TYPE", "Docker Container")
	o.put("_INSTANCE_CONTAINER_ID", f.Container.ID)
	o.put("_X_CHALK_CONTAINER_ID_SOURCE", f.Container.Source)
	o.put("_X_CHALK_CONTAINER_ID_CONFIDENCE", f.Container.Confidence)
	o.put("_X_CHALK_NAMESPACES", f.Container.Namespaces)
	if f.Mark.SHA256 != "" {
		o.put("_X_CHALK_MARK_SHA256", f.Mark.SHA256)
		o.put("_X_CHALK_MARK_MODE", fmt.Sprintf("%04o", f.Mark.File.Mode))
		o.put("_X_CHALK_MARK_UID", f.Mark.File.UID)
	}
	o.put("_PROCESS_PID", f.Process.PID)
	o.put("_PROCESS_PARENT_PID", f.Process.ParentPID)
	o.put("_PROCESS_COMMAND_NAME", f.Process.Command)
	o.put("_PROCESS_STATE", f.Process.State)
	o.put("_PROCESS_ARGV", redact.Arguments(f.Process.Argv))
	o.put("_PROCESS_EXE_PATH", f.Process.Exe)
	o.put("_PROCESS_CWD", f.Process.Cwd)
	o.put("_PROCESS_UID", f.Process.UID)
	o.put("_PROCESS_GID", f.Process.GID)
	o.put("_PROCESS_GROUPS", f.Process.Groups)
	o.put("_X_CHALK_PROCESS_EXE_SHA256", f.Process.ExeSHA256)
	return &o
}
