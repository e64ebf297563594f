package web

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, c Client, method, address string, body []byte, headers ...Header) (Answer, error) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if c.Limit == 0 {
		c.Limit = 1 << 16
	}
	return c.Do(context.Background(), Request{Method: method, URL: to, Headers: headers, Body: body})
}

func TestRequestAndAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Method+" "+r.RequestURI+" "+r.Header.Get("X-A")+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("pot"))
	}))
	defer server.Close()
	answer, err := ask(t, Client{}, "POST", server.URL+"/p%20q?a=1", []byte("body"), Header{"X-A", "v"})
	if err != nil || answer.Status != 418 || answer.Headers["x-saw"] != "POST /p%20q?a=1 v body" || string(answer.Body) != "pot" {
		t.Errorf("%+v %v", answer, err)
	}
}

func TestHeadersThatWouldSmuggle(t *testing.T) {
	for _, header := range []Header{{"A", "x\r\nB: y"}, {"A b", "x"}, {"", "x"}, {"A:", "x"}, {"A", "x\x00"}} {
		if _, err := ask(t, Client{}, "GET", "http://127.0.0.1:1/", nil, header); !errors.Is(err, errHeader) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
		err  error
	}{
		"length":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhixx", "hi", nil},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\n\r\n", "hi!", nil},
		"until the end":     {"HTTP/1.0 200 OK\r\n\r\nhi", "hi", nil},
		"interim":           {"HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", nil},
		"no body":           {"HTTP/1.1 204 No\r\n\r\n", "", nil},
		"too long":          {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "", ErrTooLarge},
		"too many chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n", "", ErrTooLarge},
		"huge chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n", "", errMalformed},
		"too long, unsaid":  {"HTTP/1.1 200 OK\r\n\r\n0123456789abcdef0", "", ErrTooLarge},
		"cut":               {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "", io.ErrUnexpectedEOF},
		"negative":          {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhi", "", errMalformed},
		"not HTTP":          {"SSH-2.0-x\r\n\r\n", "", errMalformed},
		"nothing":           {"", "", io.ErrUnexpectedEOF},
		"line without end":  {"HTTP/1.1 200 " + strings.Repeat("x", 1<<20), "", errMalformed},
		"headers, no end":   {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1<<16), "", errMalformed},
		"header without :":  {"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "", errMalformed},
		"interim for ever":  {strings.Repeat("HTTP/1.1 100 C\r\n\r\n", 1000), "", errMalformed},
		"status of no kind": {"HTTP/1.1 2x0 OK\r\n\r\n", "", errMalformed},
	} {
		answer, err := receive(bufio.NewReader(strings.NewReader(c.text)), 16)
		if !errors.Is(err, c.err) || (err == nil && string(answer.Body) != c.want) {
			t.Errorf("%s: %q %v", name, answer.Body, err)
		}
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	if answer, err := ask(t, Client{Roots: func() *x509.CertPool { return pool }}, "GET", server.URL, nil); err != nil || string(answer.Body) != "ok" {
		t.Error(answer, err)
	}
	if _, err := ask(t, Client{Roots: x509.NewCertPool}, "GET", server.URL, nil); err == nil {
		t.Error("an unknown authority was believed")
	}
}

func TestTimeLimits(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	started := time.Now()
	for _, scheme := range []string{"http", "https"} {
		limits := Client{Connect: 50 * time.Millisecond, Reply: 50 * time.Millisecond}
		if _, err := ask(t, limits, "GET", scheme+"://"+listener.Addr().String(), nil); !IsTimeout(err) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := (Client{}).Do(ctx, Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: listener.Addr().String()}}); !IsTimeout(err) {
		t.Error(err)
	}
	if took := time.Since(started); took > time.Minute {
		t.Error(took)
	}
}

// A forward proxy that speaks the real protocol: absolute targets, and CONNECT.
func TestProxy(t *testing.T) {
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.RequestURI+" "+r.Header.Get("Proxy-Authorization"))
		if r.Method != http.MethodConnect {
			return
		}
		to, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		from, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = from.Write([]byte("HTTP/1.1 200 Established\r\n\r\n"))
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	defer proxy.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("tunnel" + r.Header.Get("Proxy-Authorization")))
	}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	through := func(*url.URL) *url.URL {
		u, _ := url.Parse(strings.Replace(proxy.URL, "://", "://u:p@", 1))
		return u
	}
	client := Client{Proxy: through, Roots: func() *x509.CertPool { return pool }}
	if answer, err := ask(t, client, "GET", server.URL, nil); err != nil || string(answer.Body) != "tunnel" {
		t.Error(string(answer.Body), err)
	}
	if _, err := ask(t, client, "GET", "http://example.test/x", nil); err != nil {
		t.Error(err)
	}
	want := []string{"CONNECT " + strings.TrimPrefix(server.URL, "https://") + " Basic dTpw", "GET http://example.test/x Basic dTpw"}
	if strings.Join(seen, "|") != strings.Join(want, "|") {
		t.Errorf("%q", seen)
	}
	if _, err := ask(t, client, "GET", "https://127.0.0.1:1/", nil); !errors.Is(err, errProxy) {
		t.Error(err)
	}
}

func TestWhichProxy(t *testing.T) {
	env := map[string]string{"HTTPS_PROXY": "p:3128", "http_proxy": "http://q", "NO_PROXY": "a.test, .b.test,10.0.0.0/8,192.0.2.1,c.test:81,*.d.test"}
	proxy := ProxyFrom(func(name string) (string, bool) { value, has := env[name]; return value, has })
	for address, want := range map[string]string{
		"https://x.test": "http://p:3128", "http://x.test": "http://q", "https://a.test": "", "https://s.a.test": "", "https://ba.test": "http://p:3128",
		"https://b.test": "http://p:3128", "https://x.b.test": "", "https://10.1.2.3": "", "https://192.0.2.1:8": "", "https://192.0.2.2": "http://p:3128",
		"http://c.test:81": "", "http://c.test": "http://q", "https://y.d.test": "", "https://localhost": "", "http://127.0.0.2:9": "", "http://[::1]:9": "",
	} {
		to, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if through := proxy(to); through != nil {
			got = through.String()
		}
		if got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
	none := ProxyFrom(func(string) (string, bool) { return "", false })
	if none(&url.URL{Scheme: "https", Host: "x"}) != nil {
		t.Error("a proxy from nowhere")
	}
}
