// Package sink delivers one report to every place at once; a dead place never holds up another.
package sink

import (
	"context"
	"net/http"
	"sync"
	"syscall"
	"time"

	"docker-chalk/reporter/internal/config"
)

const total = 5 * time.Second

// Report is the finished text, one line, and what its transport needs to know of it.
type Report struct {
	Body     []byte
	ActionID string
	Version  string
}

// Sink is a place that has been opened and can be written to once.
type Sink interface {
	Send(context.Context, Report) error
}

// Open opens every sink while the reporter still has its rights; what cannot be opened is left out.
func Open(c config.Config) []Sink {
	var open []Sink
	usesStdout := false
	token, client := c.Token, newClient()
	for _, where := range c.Sinks {
		switch where.Kind {
		case config.HTTPS:
			open = append(open, remote{url: where.URL, token: token, client: client})
			token = ""
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
func Deliver(sinks []Sink, report Report) {
	ctx, cancel := context.WithTimeout(context.Background(), total)
	defer cancel()
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

func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: 2 * time.Second, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
