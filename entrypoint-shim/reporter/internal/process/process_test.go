package process

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDescribesThisVeryProcess(t *testing.T) {
	p := Describe(os.Getpid(), 1<<30)
	if len(p.Failed) > 0 {
		t.Fatal(p.Failed)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	cwd, _ := os.Getwd()
	if sum := sha256.Sum256(data); p.ExeSHA256 != hex.EncodeToString(sum[:]) || p.Exe != exe || p.Cwd != cwd {
		t.Errorf("%+v", p)
	}
	if !reflect.DeepEqual(p.Argv, os.Args) || p.ParentPID != os.Getppid() || p.UID[0] != os.Getuid() || p.GID[1] != os.Getegid() {
		t.Errorf("%+v", p)
	}
	if p.Seccomp == "" || p.Namespaces["mnt"] == "" || p.StartTicks == "" || p.Umask == nil || len(p.Capabilities["bounding"]) != 16 {
		t.Errorf("%+v", p)
	}
}

func TestWhatTheShimIsToldToRun(t *testing.T) {
	for text, want := range map[string][]string{
		"shim -- p a": {"p", "a"}, "shim --mode=sync -- p -- x": {"p", "--", "x"}, "shim p -- x": {"p", "--", "x"}, "shim": nil, "shim --x": nil, "shim --": {},
	} {
		if got := Program(strings.Fields(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"run": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if got := find("run", "/nowhere:"+dir, "/"); got != filepath.Join(dir, "run") {
		t.Error(got)
	}
	if find("plain", dir, "/") != "" || find("run", "", dir) != filepath.Join(dir, "run") || find("./run", "", dir) != filepath.Join(dir, "run") {
		t.Error("wrong")
	}
}

func TestStatOfAnOddName(t *testing.T) {
	p := Process{}
	p.addStat("7 (a) Z 1 (b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 4321 1 2 3")
	if p.Group != 7 || p.UserTime != 2.5 || p.SystemTime != 0.5 || p.StartTicks != "4321" || p.Zombie {
		t.Errorf("%+v", p)
	}
}

func TestMissingProcessIsOnlyFailures(t *testing.T) {
	if p := Describe(1<<30, 1<<30); len(p.Failed) == 0 || p.Argv != nil {
		t.Errorf("%+v", p)
	}
}

func TestArguments(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "a\x00": {"a"}, "a\x00\x00": {"a", ""}, "a\x00b c\x00\xff\x00": {"a", "b c", "\uFFFD"},
	} {
		if got := arguments(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q -> %q", text, got)
		}
	}
}
