// The reporter tells the configured sinks, once, that a container of a marked image has started. The shim's keeper
// runs it as `reporter PID`, PID being the program's. It writes nothing to standard error, and its exit code means nothing.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/confine"
	"docker-chalk/reporter/internal/container"
	"docker-chalk/reporter/internal/host"
	"docker-chalk/reporter/internal/mark"
	"docker-chalk/reporter/internal/process"
	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/report"
	"docker-chalk/reporter/internal/sink"
)

const (
	markPath    = "/chalk.json"
	configPath  = "/.chalk/runtime.json"
	leastMemory = 16 << 20
	lifetime    = 10 * time.Second
)

// version is set by the build.
var version = "0"

func main() {
	defer func() { _ = recover() }() // a stack trace would go to the keeper's dead descriptor, and help nobody
	confine.Early()
	debug.SetTraceback("none")
	time.AfterFunc(lifetime, func() { os.Exit(1) })
	if len(os.Args) != 2 {
		return
	}
	pid, err := strconv.Atoi(os.Args[1])
	if err != nil || pid < 1 {
		return
	}
	if free, limited := host.Headroom(); limited && free < leastMemory {
		return
	}
	settings, problems := config.Load(configPath, os.LookupEnv)
	if len(settings.Sinks) == 0 {
		return
	}
	facts := collect(pid)
	for _, problem := range problems {
		facts.Errors = append(facts.Errors, "config: "+redact.Text(problem.Error()))
	}
	sinks := sink.Open(settings)
	confine.BeforeNetwork()
	sink.Deliver(sinks, sink.Report{Body: report.Render(facts), ActionID: facts.ActionID, Version: version})
}

// The program's own facts first: they are the ones that can go away.
func collect(pid int) report.Facts {
	facts := report.Facts{At: time.Now(), ActionID: report.NewID(), ExecID: report.NewID(), Version: version}
	facts.Process = process.Describe(pid)
	note := func(what string, err error) {
		if err != nil {
			facts.Errors = append(facts.Errors, what+": "+redact.Text(err.Error()))
		}
	}
	for _, err := range facts.Process.Failed {
		note("process", err)
	}
	var err error
	facts.Mark, err = mark.Read(markPath)
	facts.Marked = err == nil
	note("mark", err)
	facts.Host = host.Describe()
	var ecs string
	if uri := os.Getenv("ECS_CONTAINER_METADATA_URI_V4"); uri != "" {
		ecs, err = container.AskECS(context.Background(), uri)
		if err != nil {
			facts.Errors = append(facts.Errors, "ecs: the metadata service gave no answer") // not its address
		}
	}
	facts.Container = container.Identify(container.Gather(ecs))
	if facts.Container.ID == "" {
		facts.Container.Namespaces = container.Namespaces()
		facts.Errors = append(facts.Errors, "container: no identifier found")
	}
	return facts
}
