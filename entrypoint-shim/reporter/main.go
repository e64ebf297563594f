// The reporter tells the configured sinks that a container of a marked image has started (and, in some modes, that it
// still runs or how it ended). The shim's keeper runs it:
//
//	reporter MODE PID SHIM-PID ROUND         PID is the program's, ROUND counts from 0
//	reporter exit PID SHIM-PID WAIT-STATUS   the program has ended
//	reporter host PID TYPE PATH              not in a container: the program's own mark is standard input
//
// It writes nothing to standard error. Its exit code tells the keeper when the next heartbeat is due, otherwise it
// means nothing.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"docker-chalk/reporter/internal/awake"
	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/confine"
	"docker-chalk/reporter/internal/host"
	"docker-chalk/reporter/internal/redact"
	"docker-chalk/reporter/internal/report"
	"docker-chalk/reporter/internal/sink"
)

const (
	markPath    = "/chalk.json"
	configPath  = "/.chalk/runtime.json"
	leastMemory = 16 << 20
	lifetime    = 10 * time.Second
	delivery    = 5 * time.Second
)

// version is set by the build.
var version = "0"

func main() {
	os.Exit(run(os.Args))
}

func run(argv []string) (code int) {
	defer func() { _ = recover() }() // a stack trace would go to the keeper's dead descriptor, and help nobody
	confine.Early()
	debug.SetTraceback("none")
	order, understood := parse(argv)
	if !understood {
		return 0
	}
	var clock *awake.Clock
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		clock = awake.Start()
	}
	life, cancel := clock.Timeout(context.Background(), lifetime)
	defer cancel()
	settings, problems := config.Load(order.configPath, os.LookupEnv)
	if order.mode == "heartbeat" && len(settings.Sinks) > 0 {
		code = pauseCode(settings.Interval)
	}
	context.AfterFunc(life, func() { os.Exit(code) })
	if free, limited := host.Headroom(); (limited && free < leastMemory) || len(settings.Sinks) == 0 {
		return code
	}
	limit := delivery
	if order.mode == "exit" {
		limit = settings.ExitWait
	}
	ctx, stop := clock.Timeout(life, limit+cloudBudget(order))
	defer stop()
	facts := collect(ctx, order)
	for _, problem := range problems {
		for line := range strings.SplitSeq(problem.Error(), "\n") {
			facts.Errors = append(facts.Errors, "config: "+redact.Text(line))
		}
	}
	sinks := sink.Open(settings, os.LookupEnv, clock)
	confine.BeforeNetwork()
	sink.Deliver(ctx, sinks, sink.Report{Body: report.Render(facts), ActionID: facts.ActionID, Version: version, Operation: facts.Operation, At: facts.At})
	return code
}

// order is what the reporter was started for.
type order struct {
	mode       string
	pid, shim  int
	round      int
	status     syscall.WaitStatus
	markPath   string // "" is standard input
	configPath string
	artifact   report.Artifact
}

func parse(argv []string) (order, bool) {
	if len(argv) < 5 {
		return order{}, false
	}
	pid, err := strconv.Atoi(argv[2])
	if err != nil || pid < 1 {
		return order{}, false
	}
	o := order{mode: argv[1], pid: pid, markPath: markPath, configPath: configPath, artifact: report.Artifact{Type: "Docker Container"}}
	if o.mode == "host" {
		if len(argv) != 5 {
			return order{}, false
		}
		o.markPath, o.configPath, o.artifact = "", "", report.Artifact{Type: argv[3], Path: argv[4]}
		return o, true
	}
	if o.shim, err = strconv.Atoi(argv[3]); err != nil {
		return order{}, false
	}
	number, err := strconv.Atoi(argv[4])
	if o.mode == "exit" {
		o.status = syscall.WaitStatus(number)
	} else {
		o.round = number
	}
	return o, err == nil
}

func (o order) operation() string {
	switch {
	case o.mode == "exit":
		return "postexec"
	case o.round > 0:
		return "heartbeat"
	}
	return "exec"
}

// pauseCode is an exit code that tells the keeper how long to sleep, shim/keeper.c has the other half: 100 to 219 are
// 2 to 240 seconds, 220 to 255 are 4 to 74 minutes. A tenth more or less, so that not all containers report at once.
func pauseCode(interval time.Duration) int {
	interval += time.Duration((jitter() - 0.5) * 0.2 * float64(interval))
	seconds := int(interval.Round(time.Second) / time.Second)
	if seconds <= 240 {
		return 100 + (max(seconds, 2)-1)/2
	}
	return min(220+(seconds+59-240)/120, 255)
}
