package safefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRegularFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	want := bytes.Repeat([]byte("x"), 40_000)
	if err := os.WriteFile(path, want, 0o444); err != nil {
		t.Fatal(err)
	}
	got, facts, err := Read(path, 40_000)
	if err != nil || !bytes.Equal(got, want) || facts.Mode != 0o444 || facts.UID != uint32(os.Getuid()) {
		t.Fatalf("%d bytes, %+v, %v", len(got), facts, err)
	}
	if _, _, err := Read(path, 39_999); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("one byte too many: %v", err)
	}
}

func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(syscall.Mkfifo(at("fifo"), 0o666))
	check(os.Symlink("/dev/zero", at("zero")))
	check(os.Symlink("/etc/shadow", at("shadow")))
	check(os.Mkdir(at("folder"), 0o755))
	sparse, err := os.Create(at("sparse"))
	check(err)
	check(sparse.Truncate(3 << 30))
	check(sparse.Close())
	for name, want := range map[string]error{
		"fifo": ErrNotRegular, "zero": syscall.ELOOP, "shadow": syscall.ELOOP, "folder": ErrNotRegular,
		"sparse": ErrTooLarge, "missing": syscall.ENOENT,
	} {
		if data, _, err := Read(at(name), 1<<20); !errors.Is(err, want) || data != nil {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if _, _, err := Read("/dev/zero", 1<<20); !errors.Is(err, ErrNotRegular) {
		t.Errorf("device: %v", err)
	}
}

func TestFilesOfTheKernel(t *testing.T) {
	whole, err := ReadKernel("/proc/self/limits", 1<<20)
	if err != nil || len(whole) < 100 || whole[len(whole)-1] != '\n' {
		t.Error(whole, err)
	}
	if cut, err := ReadKernel("/proc/self/limits", 10); err != nil || cut != whole[:10] {
		t.Error(cut, err)
	}
	path := filepath.Join(t.TempDir(), "long")
	long := strings.Repeat("0123456789", 5_000)
	if err := os.WriteFile(path, []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadKernel(path, 1<<20); err != nil || got != long {
		t.Error(len(got), err)
	}
	if got, err := ReadKernel(path, 12_345); err != nil || got != long[:12_345] {
		t.Error(len(got), err)
	}
	if _, err := ReadKernel("/proc/self/missing", 10); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}
