package main

import (
	"testing"
	"time"
)

// The other half is in ../shim/keeper.c.
func pause(code int) time.Duration {
	if code < 220 {
		return time.Duration(code-99) * 2 * time.Second
	}
	return time.Duration(code-218) * 2 * time.Minute
}

func TestTheKeeperUnderstandsThePause(t *testing.T) {
	for _, want := range []time.Duration{2 * time.Second, 20 * time.Second, time.Minute, 4 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour} {
		var total time.Duration
		const rounds = 500
		for range rounds {
			code := pauseCode(want)
			got := pause(code)
			if code < 100 || code > 255 || got < want*8/10-2*time.Second || got > want*12/10+2*time.Minute {
				t.Fatalf("%v: %d, %v", want, code, got)
			}
			total += got
		}
		if average := total / rounds; average < want*9/10-time.Second || average > want*11/10+2*time.Second {
			t.Errorf("%v: %v on average", want, average)
		}
	}
}

func TestOrders(t *testing.T) {
	for _, argv := range [][]string{{"reporter"}, {"reporter", "exec", "1"}, {"reporter", "exec", "x", "1", "0"}, {"reporter", "exec", "0", "1", "0"}, {"reporter", "host", "1", "t"}, {"reporter", "host", "1", "t", "p", "x"}} {
		if _, good := parse(argv); good {
			t.Error(argv)
		}
	}
	for _, c := range []struct {
		argv []string
		want string
	}{{[]string{"r", "exec", "1", "1", "0"}, "exec"}, {[]string{"r", "heartbeat", "1", "1", "0"}, "exec"}, {[]string{"r", "heartbeat", "1", "1", "7"}, "heartbeat"}, {[]string{"r", "exit", "2", "1", "256"}, "postexec"}} {
		if order, good := parse(c.argv); !good || order.operation() != c.want {
			t.Error(c.argv, order)
		}
	}
	if order, _ := parse([]string{"r", "exit", "2", "1", "256"}); order.status.ExitStatus() != 1 {
		t.Error(order)
	}
}
