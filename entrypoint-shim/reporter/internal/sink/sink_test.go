package sink

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"docker-chalk/reporter/internal/config"
)

var report = Report{Body: []byte("[{}]\n"), ActionID: "0123456789abcdef", Version: "9.9"}

func sinkTo(url, token string) remote { return remote{url: url, token: token, client: newClient()} }

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	if err := sinkTo(server.URL, "tok").Send(context.Background(), report); err != nil {
		t.Fatal(err)
	}
	if string(body) != "[{}]\n" || got.Method != "POST" {
		t.Errorf("%s %q", got.Method, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Authorization": "Bearer tok", "X-Chalk-Action-Id": report.ActionID, "X-Chalk-Operation": "exec",
		"X-Chalk-Attempt": "0", "X-Chalk-Version": "9.9",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q", name, value)
		}
	}
}

func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		codes []int
		calls int32
		good  bool
	}{
		{[]int{503, 200}, 2, true}, {[]int{429, 500, 204}, 3, true}, {[]int{500, 500, 500, 200}, 3, false},
		{[]int{401}, 1, false}, {[]int{404, 200}, 1, false}, {[]int{302, 200}, 1, false},
	} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.codes[calls.Add(1)-1])
		}))
		err := sinkTo(server.URL, "").Send(context.Background(), report)
		if calls.Load() != c.calls || (err == nil) != c.good {
			t.Errorf("%v: %d calls, %v", c.codes, calls.Load(), err)
		}
		server.Close()
	}
}

func TestNobodyListensAndThenSomebodyDoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	go func() { // the first connection is cut, the second answered
		first, err := listener.Accept()
		if err == nil {
			_ = first.Close()
		}
		_ = http.Serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	}()
	if err := sinkTo("http://"+listener.Addr().String(), "").Send(context.Background(), report); err != nil || calls.Load() != 1 {
		t.Errorf("%d %v", calls.Load(), err)
	}
	_ = listener.Close()
}

// A sink that never answers costs its own time only, and not more than the total.
func TestDeadSinkDoesNotStopTheOthers(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	path := filepath.Join(t.TempDir(), "report")
	sinks := openKeepingStdout(t, config.Config{Sinks: []config.Sink{
		{Kind: config.HTTPS, URL: server.URL}, {Kind: config.HTTPS, URL: "http://127.0.0.1:1"}, {Kind: config.File, Path: path}, {Kind: config.File, Path: "/nonexistent/x"},
	}})
	if len(sinks) != 3 {
		t.Fatal(len(sinks))
	}
	done, started := make(chan struct{}), time.Now()
	go func() { Deliver(sinks, report); close(done) }()
	for deadline := time.Now().Add(2 * time.Second); ; {
		if data, _ := os.ReadFile(path); string(data) == "[{}]\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the file sink waited for the dead one")
		}
		time.Sleep(time.Millisecond)
	}
	<-done
	if took := time.Since(started); took > total+time.Second {
		t.Error(took)
	}
}

func TestTokenGoesToTheFirstAddressOnly(t *testing.T) {
	sinks := openKeepingStdout(t, config.Config{Token: "tok", Sinks: []config.Sink{{Kind: config.HTTPS, URL: "https://a"}, {Kind: config.HTTPS, URL: "https://b"}}})
	if sinks[0].(remote).token != "tok" || sinks[1].(remote).token != "" {
		t.Errorf("%+v", sinks)
	}
}

func TestFileSink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report")
	for range 2 {
		sink, err := openFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := sink.Send(context.Background(), report); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := os.Stat(path)
	if data, _ := os.ReadFile(path); err != nil || string(data) != "[{}]\n[{}]\n" || facts.Mode().Perm() != 0o600 {
		t.Errorf("%q %v %v", data, facts.Mode(), err)
	}
	if err := os.Symlink(path, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "fifo", "missing/x", "."} {
		if _, err := openFile(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := openFile("/dev/full"); err == nil {
		t.Error("a device was opened")
	}
}

func TestOnlyAStreamIsStdout(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	if isStream(int(read.Fd())) || !isStream(int(write.Fd())) || isStream(999) || isStream(int(file.Fd())) {
		t.Error("wrong")
	}
}

// Open closes descriptor 1 where no sink wants it, which the test program must not suffer from.
func openKeepingStdout(t *testing.T, c config.Config) []Sink {
	t.Helper()
	saved, err := syscall.Dup(stdoutFD)
	if err != nil {
		t.Fatal(err)
	}
	sinks := Open(c)
	if err := syscall.Dup3(saved, stdoutFD, 0); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(saved)
	return sinks
}
