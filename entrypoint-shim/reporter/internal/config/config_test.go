package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

type environment map[string]string

func (e environment) get(name string) (string, bool) { value, ok := e[name]; return value, ok }

var (
	remote = Sink{Kind: HTTPS, URL: "https://a.example/r"}
	log    = Sink{Kind: File, Path: "/var/log/chalk"}
	out    = Sink{Kind: Stdout}
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		sinks   []Sink
		problem error
	}{
		`{"sinks":[{"type":"https","url":"https://a.example/r"},{"type":"file","path":"/var/log/chalk"},{"type":"stdout"}]}`: {[]Sink{remote, log, out}, nil},
		`{}`: {nil, nil},
		`{"sinks":[{"type":"ftp"},{"type":"stdout"}],"later":1}`:  {[]Sink{out}, errBadSink},
		`{"sinks":[{"type":"https","url":"file:///etc/passwd"}]}`: {nil, errBadSink},
		`{"sinks":[{"type":"file","path":"relative"}]}`:           {nil, errBadSink},
		`[]`: {nil, errNotJSON}, `x`: {nil, errNotJSON},
	} {
		sinks, err := parse([]byte(text))
		if !reflect.DeepEqual(sinks, want.sinks) || !errors.Is(err, want.problem) {
			t.Errorf("%s: %v %v", text, sinks, err)
		}
	}
}

func TestEnvironmentOverFile(t *testing.T) {
	file := []Sink{remote, log, out}
	other := Sink{Kind: HTTPS, URL: "http://b.example:8080"}
	for name, c := range map[string]struct {
		env  environment
		want []Sink
	}{
		"nothing set": {environment{}, file},
		"url":         {environment{"CHALK_REPORT_URL": other.URL}, []Sink{other, log, out}},
		"file":        {environment{"CHALK_REPORT_FILE": "/r"}, []Sink{{Kind: File, Path: "/r"}, remote}},
		"stdout":      {environment{"CHALK_REPORT_FILE": "-"}, []Sink{out, remote}},
		"all off":     {environment{"CHALK_REPORT_FILE": "", "CHALK_REPORT_URL": ""}, nil},
	} {
		if got, err := overlay(file, c.env.get); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for _, env := range []environment{{"CHALK_REPORT_URL": "gopher://x"}, {"CHALK_REPORT_URL": "https://"}, {"CHALK_REPORT_FILE": "a/b"}} {
		if got, err := overlay(nil, env.get); got != nil || !errors.Is(err, errBadSink) {
			t.Errorf("%v: %v %v", env, got, err)
		}
	}
}

func TestOnlyRootsFileIsTrusted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to make files of root")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "runtime.json")
	write := func(fileMode, dirMode os.FileMode, uid int) {
		_ = os.Remove(path)
		for _, err := range []error{os.WriteFile(path, []byte(`{"sinks":[{"type":"stdout"}]}`), 0o600), os.Chmod(path, fileMode), os.Chmod(dir, dirMode), os.Chown(path, uid, 0)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		file, dir os.FileMode
		uid       int
		want      error
	}{
		{0o444, 0o755, 0, nil}, {0o644, 0o755, 0, nil}, {0o664, 0o755, 0, ErrNotTrusted}, {0o646, 0o755, 0, ErrNotTrusted},
		{0o444, 0o777, 0, ErrNotTrusted}, {0o444, 0o755, 1000, ErrNotTrusted},
	} {
		write(c.file, c.dir, c.uid)
		if sinks, err := fromFile(path); !errors.Is(err, c.want) || (len(sinks) == 1) != (c.want == nil) {
			t.Errorf("%+v: %v %v", c, sinks, err)
		}
	}
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("from-file\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("data", filepath.Join(dir, "token")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "token")
	for _, c := range []struct {
		env  environment
		want string
	}{{environment{}, ""}, {environment{"CHALK_REPORT_TOKEN": "t"}, "t"}, {environment{"CHALK_REPORT_TOKEN_FILE": path}, "from-file"}, {environment{"CHALK_REPORT_TOKEN": "t", "CHALK_REPORT_TOKEN_FILE": path}, "t"}} {
		if got, err := token(c.env.get); got != c.want || err != nil {
			t.Errorf("%v: %q %v", c.env, got, err)
		}
	}
	if _, err := token(environment{"CHALK_REPORT_TOKEN_FILE": "/dev/zero"}.get); err == nil {
		t.Error("a device was read")
	}
}
