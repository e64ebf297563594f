package process

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"reflect"
	"testing"
)

func TestDescribesThisVeryProcess(t *testing.T) {
	p := Describe(os.Getpid())
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
}

func TestMissingProcessIsOnlyFailures(t *testing.T) {
	if p := Describe(1 << 30); len(p.Failed) != 5 || p.Argv != nil {
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
