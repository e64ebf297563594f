// Package sink delivers one report to every place at once; a dead place never holds up another.
package sink

import (
	"context"
	"sync"
	"syscall"
	"time"

	"docker-chalk/reporter/internal/awake"
	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/roots"
	"docker-chalk/reporter/internal/web"
)

// Report is the finished text, one line, and what its transport needs to know of it.
type Report struct {
	Body      []byte
	ActionID  string
	Version   string
	Operation string
	At        time.Time
}

// Sink is a place that has been opened and can be written to once.
type Sink interface {
	Send(context.Context, Report) error
}

// Environment is what sinks may look up.
type Environment func(string) (string, bool)

// Open opens every sink while the reporter still has its rights; what cannot be opened is left out.
func Open(c config.Config, env Environment, clock *awake.Clock) []Sink {
	var open []Sink
	usesStdout := false
	client := web.Client{Proxy: web.ProxyFrom(env), Roots: roots.Pool, Connect: time.Second, Reply: 3 * time.Second, Limit: 64 << 10}
	for _, where := range c.Sinks {
		switch where.Kind {
		case config.HTTPS, config.Put, config.Presign, config.S3:
			if sink, err := openRemote(where, env, client, clock); err == nil {
				open = append(open, sink)
			}
		case config.Unix:
			open = append(open, socket(where.Path))
		case config.File:
			if sink, err := openFile(where.Path); err == nil {
				open = append(open, sink)
			}
		case config.Stdout:
			if isStream(stdoutFD) && !usesStdout {
				open = append(open, descriptor{fd: stdoutFD})
				usesStdout = true
			}
		}
	}
	if !usesStdout {
		_ = syscall.Close(stdoutFD) // whoever waits for the end of the program's output must not wait for us
	}
	return open
}

// Deliver sends to all sinks in parallel and returns when all are done or the time is up.
func Deliver(ctx context.Context, sinks []Sink, report Report) {
	var wait sync.WaitGroup
	for _, sink := range sinks {
		wait.Add(1)
		go func() {
			defer wait.Done()
			_ = sink.Send(ctx, report)
		}()
	}
	wait.Wait()
}
