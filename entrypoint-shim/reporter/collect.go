package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"docker-chalk/reporter/internal/cloud"
	"docker-chalk/reporter/internal/container"
	"docker-chalk/reporter/internal/host"
	"docker-chalk/reporter/internal/kube"
	"docker-chalk/reporter/internal/mark"
	"docker-chalk/reporter/internal/network"
	"docker-chalk/reporter/internal/process"
	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/report"
)

const (
	patience   = 300 * time.Millisecond // for others' services, where somebody waits for us
	untilExec  = time.Second
	launcherID = "docker-chalk-exec" // what the launcher of a host's program is called until it becomes the program
)

// cloudBudget is the time others' services may take. Where the program waits to start or the container to end, it is short.
func cloudBudget(o order) time.Duration {
	switch o.mode {
	case "sync", "lambda":
		return patience
	case "exit":
		return 0 // nobody is asked
	}
	return cloud.Budget
}

// collect takes the program's own facts first: they are the ones that can go away. A heartbeat is short, and the last
// report says only how it ended: who received the first one knows the rest.
func collect(ctx context.Context, o order) report.Facts {
	if o.mode == "host" {
		awaitExec(o.pid)
	}
	facts := report.Facts{At: time.Now(), Operation: o.operation(), Heartbeats: o.round, ActionID: report.NewID(), Version: version, Artifact: o.artifact}
	note := func(what string, err error) {
		if err != nil {
			facts.Errors = append(facts.Errors, what+": "+redact.Text(err.Error()))
		}
	}
	facts.Process = process.Describe(o.pid, o.shim)
	for _, err := range facts.Process.Failed {
		note("process", err)
	}
	if o.mode == "exit" {
		facts.Exit = &report.Exit{Code: o.status.ExitStatus()}
		if o.status.Signaled() {
			facts.Exit = &report.Exit{Code: 128 + int(o.status.Signal()), Signal: int(o.status.Signal())}
		}
	}
	var err error
	facts.Mark, err = mark.Read(o.markPath)
	facts.Marked = err == nil
	note("mark", err)
	facts.Host = host.Describe()
	facts.ExecID = execID(facts)
	facts.Network = network.Describe(o.pid)
	if o.mode == "host" {
		askAround(ctx, &facts, o, nil)
		return facts
	}
	facts.Limits = host.Limits()
	evidence := container.Gather(kube.Here(os.Getenv))
	facts.Container = container.Identify(evidence)
	if o.round == 0 && o.mode != "exit" {
		askAround(ctx, &facts, o, &evidence)
	}
	if facts.Container.ID == "" {
		facts.Errors = append(facts.Errors, "container: no identifier found")
	}
	return facts
}

// execID is the same in all reports of one run of the program, which different processes make.
func execID(facts report.Facts) string {
	p := facts.Process
	return report.SameID(facts.Host.BootID, p.Namespaces["pid"], strconv.Itoa(p.PID), p.StartTicks)
}

// askAround asks cloud and cluster at the same time.
func askAround(ctx context.Context, facts *report.Facts, o order, evidence *container.Evidence) {
	limited, cancel := context.WithTimeout(ctx, cloudBudget(o))
	defer cancel()
	var wait sync.WaitGroup
	if kube.Here(os.Getenv) && evidence != nil {
		wait.Add(1)
		go func() {
			defer wait.Done()
			facts.Pod = kube.Describe(limited, kube.Evidence{Env: os.Getenv, Folder: kube.Account, Hostname: facts.Host.Hostname,
				PodUID: facts.Container.PodUID, ContainerName: facts.Container.ContainerName})
		}()
	}
	found := cloud.Ask(limited, cloud.Real, cloud.Gather(os.Getenv))
	wait.Wait()
	facts.CloudKeys, facts.Failures = found.Keys, found.Failures
	if facts.Pod.Problem != nil {
		facts.Errors = append(facts.Errors, "kubernetes: "+redact.Text(facts.Pod.Problem.Error()))
	}
	if evidence != nil {
		evidence.ECSContainer, evidence.KubeContainer = found.ContainerID, facts.Pod.ContainerID
		facts.Container = container.Identify(*evidence)
	}
}

// awaitExec waits until the launcher on a host has become the program.
func awaitExec(pid int) {
	path := "/proc/" + strconv.Itoa(pid) + "/cmdline"
	for deadline := time.Now().Add(untilExec); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte("\x00"+launcherID+"\x00")) {
			return
		}
	}
}

func jitter() float64 { return rand.Float64() }
