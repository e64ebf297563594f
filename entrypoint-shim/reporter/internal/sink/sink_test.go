package sink

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/sigv4"
	"docker-chalk/reporter/internal/web"
)

var report = Report{Body: []byte("[{}]\n"), ActionID: "0123456789abcdef", Version: "9.9", Operation: "exec", At: time.UnixMilli(1_795_301_658_775)}

// sinkOf opens one sink with the direct client of these tests.
func sinkOf(t *testing.T, where config.Sink, env ...string) Sink {
	t.Helper()
	sink, err := openRemote(where, environment(env...), web.Client{Limit: 1 << 16, Connect: time.Minute, Reply: time.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func sinkTo(t *testing.T, url, token string) Sink {
	t.Helper()
	where := config.Sink{Kind: config.HTTPS, URL: url}
	if token != "" {
		where.Send = []web.Header{{Name: "Authorization", Value: "Bearer " + token}, {Name: "x-chalk-version", Value: "mine"}, {Name: "X-Team", Value: "shop"}}
	}
	return sinkOf(t, where)
}

func environment(pairs ...string) Environment {
	values := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { value, has := values[name]; return value, has }
}

func TestPost(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	if err := sinkTo(t, server.URL, "tok").Send(context.Background(), report); err != nil {
		t.Fatal(err)
	}
	if string(body) != "[{}]\n" || got.Method != "POST" {
		t.Errorf("%s %q", got.Method, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Authorization": "Bearer tok", "X-Chalk-Action-Id": report.ActionID, "X-Chalk-Operation": "exec",
		"X-Chalk-Attempt": "1", "X-Chalk-Version": "9.9", "X-Team": "shop", "Idempotency-Key": report.ActionID, "X-Chalk-Digest-Sha256": sigv4.Hash(report.Body),
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
		{[]int{401}, 1, false}, {[]int{404, 200}, 1, false}, {[]int{200}, 1, true}, {[]int{302, 200}, 1, false},
	} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.codes[calls.Add(1)-1])
		}))
		err := sinkTo(t, server.URL, "").Send(context.Background(), report)
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
	if err := sinkTo(t, "http://"+listener.Addr().String(), "").Send(context.Background(), report); err != nil || calls.Load() != 1 {
		t.Errorf("%d %v", calls.Load(), err)
	}
	_ = listener.Close()
}

// A sink that never answers costs its own time only, and not more than all of them have.
func TestDeadSinkDoesNotStopTheOthers(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	path := filepath.Join(t.TempDir(), "report")
	others := openKeepingStdout(t, config.Config{Sinks: []config.Sink{
		{Kind: config.HTTPS, URL: "http://127.0.0.1:1"}, {Kind: config.File, Path: path}, {Kind: config.File, Path: filepath.Join(path, "x")},
	}})
	if len(others) != 2 {
		t.Fatal(len(others))
	}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { Deliver(ctx, append([]Sink{sinkTo(t, server.URL, "")}, others...), report); close(done) }()
	for { // the dead one would last minutes; go test ends what never ends
		if data, _ := os.ReadFile(path); string(data) == "[{}]\n" {
			break
		}
		select {
		case <-done:
			t.Fatal("the dead sink came to an end, and the file has no report")
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case <-done:
		t.Fatal("the file sink waited for the dead one")
	default:
	}
	cancel()
	<-done
}

func TestUserOfTheURLIsBasic(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization") + r.Host + r.URL.String()
	}))
	defer server.Close()
	if err := sinkTo(t, strings.Replace(server.URL, "://", "://u:p@", 1), "").Send(context.Background(), report); err != nil || got != "Basic dTpw"+strings.TrimPrefix(server.URL, "http://")+"/" {
		t.Error(got, err)
	}
}

// A signed URL gets the body and nothing that it was not signed for.
func TestPut(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	if err := sinkOf(t, config.Sink{Kind: config.Put, URL: server.URL + "/o?X-Amz-Signature=s"}).Send(context.Background(), report); err != nil {
		t.Fatal(err)
	}
	if got.Method != "PUT" || got.URL.RawQuery != "X-Amz-Signature=s" || string(body) != "[{}]\n" || got.Header.Get("Content-Type") != "" || got.ContentLength != 5 {
		t.Errorf("%+v %q", got, body)
	}
}

// Chalk's: a PUT without a body is answered by where to put it, and which headers to put it with.
func TestPresign(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.Path+" "+string(body)+r.Header.Get("Authorization")+r.Header.Get("X-Content-Length")+r.Header.Get("X-Amz-Sum"))
		switch r.URL.Path {
		case "/sign":
			w.Header().Set("Location", "http://"+r.Host+"/object")
			w.Header().Set("X-Forward-Headers", "X-Amz-Sum, X-Absent")
			w.Header().Set("X-Amz-Sum", "sum")
			w.WriteHeader(307)
		case "/loop":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		case "/relative":
			w.Header().Set("Location", "/object")
			w.WriteHeader(302)
		}
	}))
	defer server.Close()
	send := func(path string) error {
		where := config.Sink{Kind: config.Presign, URL: server.URL + path, Send: []web.Header{{Name: "Authorization", Value: "Bearer t"}}}
		return sinkOf(t, where).Send(context.Background(), report)
	}
	if err := send("/sign"); err != nil || len(seen) != 2 || seen[0] != "PUT /sign Bearer t5" || seen[1] != "PUT /object [{}]\nsum" {
		t.Errorf("%q %v", seen, err)
	}
	for _, path := range []string{"/loop", "/relative", "/none"} {
		if send(path) == nil {
			t.Error(path)
		}
	}
	if len(seen) != 5 {
		t.Errorf("%q", seen)
	}
}

// The double checks the signature as the service does: with its own copy of the keys, from what arrived.
func TestS3(t *testing.T) {
	keys := sigv4.Keys{ID: "AKIDEXAMPLE", Secret: "shh", Session: "session"}
	var path string
	var good bool
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		path = r.URL.EscapedPath()
		headers := []web.Header{{Name: "host", Value: r.Host}}
		for _, name := range []string{"content-type", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} {
			headers = append(headers, web.Header{Name: name, Value: r.Header.Get(name)})
		}
		at, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		want := sigv4.Sign(keys, sigv4.Scope{Region: "eu-west-1", Service: "s3", Time: at}, r.Method, r.URL.EscapedPath(), "", headers, sigv4.Hash(body))
		good = r.Header.Get("Authorization") == want && r.Header.Get("X-Amz-Content-Sha256") == sigv4.Hash(body)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[other]\naws_access_key_id=no\n[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=shh\naws_session_token=session\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		where config.Sink
		env   []string
		want  string
	}{
		"keys of the environment": {config.Sink{URL: "s3://b/a b/r.json"}, []string{"AWS_REGION", "eu-west-1", "AWS_ENDPOINT_URL", server.URL, "AWS_ACCESS_KEY_ID", keys.ID, "AWS_SECRET_ACCESS_KEY", "shh", "AWS_SESSION_TOKEN", "session"},
			"/b/a%20b/1795301658775-0123456789abcdef-r.json"},
		"keys of a file":  {config.Sink{URL: "s3://b", Region: "eu-west-1", Endpoint: server.URL + "/s/"}, []string{"AWS_SHARED_CREDENTIALS_FILE", file}, "/s/b/1795301658775-0123456789abcdef-report"},
		"into a folder":   {config.Sink{URL: "s3://b/f/", Region: "eu-west-1", Endpoint: server.URL}, []string{"AWS_SHARED_CREDENTIALS_FILE", file}, "/b/f/1795301658775-0123456789abcdef-report"},
		"at the top":      {config.Sink{URL: "s3://b/x", Region: "eu-west-1", Endpoint: server.URL}, []string{"AWS_SHARED_CREDENTIALS_FILE", file}, "/b/1795301658775-0123456789abcdef-x"},
		"at the top, dir": {config.Sink{URL: "s3://b/", Region: "eu-west-1", Endpoint: server.URL}, []string{"AWS_SHARED_CREDENTIALS_FILE", file}, "/b/1795301658775-0123456789abcdef-report"},
	} {
		path, good = "", false
		c.where.Kind = config.S3
		if err := sinkOf(t, c.where, c.env...).Send(context.Background(), report); err != nil || path != c.want || !good {
			t.Errorf("%s: %s %v %v", name, path, good, err)
		}
	}
	if _, err := openBucket(config.Sink{URL: "s3://b"}, environment()); err == nil {
		t.Error("without keys")
	}
	if b, err := openBucket(config.Sink{URL: "s3://b/x"}, environment("AWS_ACCESS_KEY_ID", "i", "AWS_SECRET_ACCESS_KEY", "s")); err != nil || b.endpoint.String() != "https://b.s3.us-east-1.amazonaws.com" || b.folder != "" {
		t.Error(b, err)
	}
}

func TestUnixSocket(t *testing.T) {
	folder := t.TempDir()
	stream, err := net.Listen("unix", filepath.Join(folder, "stream"))
	if err != nil {
		t.Fatal(err)
	}
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "datagrams"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		connection, err := stream.Accept()
		if err == nil {
			data, _ := io.ReadAll(connection)
			got <- string(data)
		}
	}()
	if err := socket(filepath.Join(folder, "stream")).Send(context.Background(), report); err != nil || <-got != "[{}]\n" {
		t.Error(err)
	}
	if err := socket(filepath.Join(folder, "datagrams")).Send(context.Background(), report); err != nil {
		t.Error(err)
	}
	buffer := make([]byte, 64)
	if n, err := datagrams.Read(buffer); err != nil || string(buffer[:n]) != "[{}]\n" {
		t.Error(string(buffer[:n]), err)
	}
	if socket(filepath.Join(folder, "missing")).Send(context.Background(), report) == nil {
		t.Error("missing")
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
	sinks := Open(c, environment(), nil)
	if err := syscall.Dup3(saved, stdoutFD, 0); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(saved)
	return sinks
}
