package awake

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTimeout(t *testing.T) {
	for name, clock := range map[string]*Clock{"plain": nil, "watching": Start()} {
		started := time.Now()
		ctx, cancel := clock.Timeout(context.Background(), 150*time.Millisecond)
		<-ctx.Done()
		cancel()
		if took := time.Since(started); took < 140*time.Millisecond || took > 3*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// A child of this test stops itself being run for a second, as Lambda would, and must have time left after it.
func TestFreeze(t *testing.T) {
	if os.Getenv("AWAKE_CHILD") != "" {
		clock := Start()
		ctx, cancel := clock.Timeout(context.Background(), 700*time.Millisecond)
		defer cancel()
		_, _ = os.Stdout.WriteString("started\n")
		for deadline := time.Now().Add(10 * time.Second); clock.Lost() < 500*time.Millisecond && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if ctx.Err() == nil && clock.Lost() > 500*time.Millisecond {
			_, _ = os.Stdout.WriteString("awake in time\n")
		}
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFreeze$")
	child.Env = append(os.Environ(), "AWAKE_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil || child.Start() != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 8)
	_, _ = out.Read(buffer)
	_ = child.Process.Signal(syscall.SIGSTOP)
	time.Sleep(1200 * time.Millisecond)
	_ = child.Process.Signal(syscall.SIGCONT)
	rest := make([]byte, 64)
	n, _ := out.Read(rest)
	_ = child.Wait()
	if !strings.Contains(string(rest[:n]), "awake in time") {
		t.Errorf("%q", rest[:n])
	}
}
