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
		if took := time.Since(started); took < 140*time.Millisecond || took > time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// A child of this test stops for longer than its time limit, as Lambda would stop it, and must have time left after it. It does
// so itself, right after the limit began, so that nothing depends on when this test gets a processor.
func TestFreeze(t *testing.T) {
	if os.Getenv("AWAKE_CHILD") != "" {
		clock := Start()
		ctx, cancel := clock.Timeout(context.Background(), time.Second)
		defer cancel()
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		for ctx.Err() == nil && clock.Lost() < time.Second {
			time.Sleep(5 * time.Millisecond)
		}
		if ctx.Err() == nil {
			_, _ = os.Stdout.WriteString("awake in time\n")
		}
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFreeze$")
	child.Env = append(os.Environ(), "AWAKE_CHILD=1")
	var out strings.Builder
	child.Stdout = &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(child.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatal(status, err)
	}
	time.Sleep(1500 * time.Millisecond)
	_ = child.Process.Signal(syscall.SIGCONT)
	_ = child.Wait()
	if !strings.Contains(out.String(), "awake in time") {
		t.Errorf("%q", out.String())
	}
}
