package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"docker-chalk/reporter/internal/web"
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
		`{"sinks":[{"type":"unix","path":"/run/s"},{"type":"s3","url":"s3://b/p"},{"type":"s3","url":"https://b"},{"type":"s3","url":"s3://b","endpoint":"x"}]}`: {
			[]Sink{{Kind: Unix, Path: "/run/s"}, {Kind: S3, URL: "s3://b/p"}}, errBadSink},
		`{"sinks":[{"type":"put","url":"https://a/b?sig=1"},{"type":"presign","url":"https://a"},{"type":"put"}]}`: {
			[]Sink{{Kind: Put, URL: "https://a/b?sig=1"}, {Kind: Presign, URL: "https://a"}}, errBadSink},
		`{"sinks":[{"type":"https","url":"https://a","headers":{"A":"b\r\nC: d"}},{"type":"https","url":"https://a","token_file":"x"}]}`: {nil, errBadSink},
		`{"sinks":[{"type":"stdout","url":7},{"type":"https","url":"https://a","headers":{"A":1}},[],{"type":"stdout","path":null}]}`:    {[]Sink{out}, errBadSink},
		`{"sinks":[{"type":"stdout"}],"interval":"60"}`:    {[]Sink{out}, errNumber},
		`{"sinks":[{"type":"stdout"}],"exit_wait_ms":1.5}`: {[]Sink{out}, errNumber},
		`{"sinks":{}}`: {nil, errNotJSON}, `null`: {nil, errNotJSON},
		`[]`: {nil, errNotJSON}, `x`: {nil, errNotJSON},
	} {
		whole, err := parse([]byte(text))
		sinks := whole.Sinks
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
		"several": {environment{"CHALK_REPORT_URL": " http://b.example:8080\n unix:///run/s s3://b/p put+https://c/?s=1 presign+https://d"}, []Sink{other, {Kind: Unix, Path: "/run/s"},
			{Kind: S3, URL: "s3://b/p"}, {Kind: Put, URL: "https://c/?s=1"}, {Kind: Presign, URL: "https://d"}, log, out}},
		"file":    {environment{"CHALK_REPORT_FILE": "/r"}, []Sink{{Kind: File, Path: "/r"}, remote}},
		"stdout":  {environment{"CHALK_REPORT_FILE": "-"}, []Sink{out, remote}},
		"all off": {environment{"CHALK_REPORT_FILE": "", "CHALK_REPORT_URL": ""}, nil},
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
		if got, err := fromFile(path); !errors.Is(err, c.want) || (len(got.Sinks) == 1) != (c.want == nil) {
			t.Errorf("%+v: %v %v", c, got, err)
		}
	}
}

// secret makes a file as orchestrators mount them: a link.
func secret(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if os.WriteFile(filepath.Join(dir, "data"), []byte(content), 0o400) != nil || os.Symlink("data", filepath.Join(dir, "secret")) != nil {
		t.Fatal("no file")
	}
	return filepath.Join(dir, "secret")
}

func TestSecretsGoToOneSinkOnly(t *testing.T) {
	path := secret(t, "from-file\n")
	for _, c := range []struct {
		env  environment
		want []web.Header
	}{
		{environment{}, nil},
		{environment{"CHALK_REPORT_TOKEN": "t"}, []web.Header{{Name: "Authorization", Value: "Bearer t"}}},
		{environment{"CHALK_REPORT_TOKEN_FILE": path}, []web.Header{{Name: "Authorization", Value: "Bearer from-file"}}},
		{environment{"CHALK_REPORT_TOKEN": "t", "CHALK_REPORT_TOKEN_FILE": path}, []web.Header{{Name: "Authorization", Value: "Bearer t"}}},
		{environment{"CHALK_REPORT_TOKEN": "t", "CHALK_REPORT_USER": "u"}, []web.Header{{Name: "Authorization", Value: "Basic dTp0"}}},
		{environment{"CHALK_REPORT_HEADERS": "A: b\n# c\n\nD:e"}, []web.Header{{Name: "A", Value: "b"}, {Name: "D", Value: "e"}}},
		{environment{"CHALK_REPORT_HEADERS_FILE": secret(t, "Authorization: Own x\n"), "CHALK_REPORT_TOKEN": "t"}, []web.Header{{Name: "Authorization", Value: "Own x"}}},
	} {
		sinks := []Sink{{Kind: S3}, {Kind: Put, URL: "https://signed"}, {Kind: HTTPS, URL: "https://a"}, {Kind: HTTPS, URL: "https://b"}}
		if err := secrets(sinks, c.env.get); err != nil || !reflect.DeepEqual(sinks[2].Send, c.want) || sinks[0].Send != nil || sinks[1].Send != nil || sinks[3].Send != nil {
			t.Errorf("%v: %v %v", c.env, sinks, err)
		}
	}
	for _, env := range []environment{{"CHALK_REPORT_TOKEN_FILE": "/dev/zero"}, {"CHALK_REPORT_HEADERS_FILE": "/nonexistent"}, {"CHALK_REPORT_HEADERS": "no header"}} {
		sinks := []Sink{{Kind: HTTPS}}
		if err := secrets(sinks, env.get); err == nil || sinks[0].Send != nil {
			t.Errorf("%v: %v", env, sinks)
		}
	}
}

func TestSecretsOfTheFilesOwnSinks(t *testing.T) {
	sink := Sink{Kind: HTTPS, Headers: map[string]string{"X-Team": "shop"}, TokenFile: secret(t, "tok"), HeadersFile: secret(t, "X-Key: k")}
	want := []web.Header{{Name: "X-Team", Value: "shop"}, {Name: "X-Key", Value: "k"}, {Name: "Authorization", Value: "Bearer tok"}}
	if err := sink.readSecrets(); err != nil || !reflect.DeepEqual(sink.Send, want) {
		t.Error(sink.Send, err)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 20 * time.Second, "7": 7 * time.Second, "0": 2 * time.Second, "99999": time.Hour, "x": time.Minute, "-1": time.Minute} {
		env := environment{"N": text}
		if got, _ := number(env.get, "N", 20, time.Second, time.Minute, 2*time.Second, time.Hour); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
