package kube

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const claims = `{"iss":"x","kubernetes.io":{"namespace":"shop","node":{"name":"node-7"},"pod":{"name":"web-0","uid":"1b2c"},"serviceaccount":{"name":"seller"}}}`

var token = "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"

func TestMain(m *testing.M) {
	oneQuestion = time.Minute
	os.Exit(m.Run())
}

// account makes a folder as the kubelet does: links to links.
func account(t *testing.T, server *httptest.Server) string {
	t.Helper()
	folder := t.TempDir()
	data := filepath.Join(folder, "..2026")
	must(t, os.Mkdir(data, 0o755))
	must(t, os.Symlink("..2026", filepath.Join(folder, "..data")))
	files := map[string]string{"token": token + "\n", "namespace": "shop"}
	if server != nil {
		files["ca.crt"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	}
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(data, name), []byte(content), 0o600))
		must(t, os.Symlink("..data/"+name, filepath.Join(folder, name)))
	}
	return folder
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func environment(server *httptest.Server, more ...string) func(string) string {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
	if server != nil {
		_, env["KUBERNETES_SERVICE_PORT"], _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "https://"))
	}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return func(name string) string { return env[name] }
}

const podAnswer = `{"kind":"Pod","metadata":{"name":"web-0","uid":"9f","labels":{"app":"web","note":"AKIAIOSFODNN7EXAMPLE"},
"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"Kanarienvogel"},
"ownerReferences":[{"kind":"Other","name":"no","controller":false},{"kind":"ReplicaSet","name":"web-5d","uid":"u1","controller":true}]},
"spec":{"nodeName":"node-9","serviceAccountName":"seller","containers":[{"name":"app","env":[{"name":"P","value":"Kanarienvogel"}],"ports":[{"containerPort":8080,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]},{"name":"side"}]},
"status":{"containerStatuses":[{"name":"side","containerID":"containerd://bbb"},{"name":"app","containerID":"containerd://aaa"}]}}`

func TestTheAPIIsAsked(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(401)
			return
		}
		switch r.URL.Path {
		case "/api/v1/namespaces/shop/pods/web-0":
			_, _ = w.Write([]byte(podAnswer))
		case "/apis/apps/v1/namespaces/shop/replicasets/web-5d":
			_, _ = w.Write([]byte(`{"metadata":{"ownerReferences":[{"kind":"Deployment","name":"web","uid":"u2","controller":true}]}}`))
		default:
			w.WriteHeader(404)
		}
	}))
	defer server.Close()
	env := environment(server, "CHALK_K8S_METADATA", `{"cluster":{"uid":"c1","name":"prod","endpoint":"https://u:pw@k"}}`)
	pod := Describe(context.Background(), Evidence{Env: env, Folder: account(t, server), Hostname: "web-0", ContainerName: "app"})
	want := Pod{
		Name: "web-0", Namespace: "shop", UID: "9f", Node: "node-9", ServiceAccount: "seller", ContainerName: "app", ContainerID: "aaa",
		Labels: map[string]string{"app": "web", "note": "<<redact>>"}, Ports: []string{"8080/TCP", "53/UDP"},
		Owner: &Owner{"Deployment", "web", "u2"}, Cluster: Cluster{"c1", "prod", "https://<<redact>>@k"},
	}
	if !reflect.DeepEqual(pod, want) {
		t.Errorf("\n got %+v\nwant %+v", pod, want)
	}
}

func TestRefusedItIsWhatTheTokenSays(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }))
	defer server.Close()
	pod := Describe(context.Background(), Evidence{Env: environment(server), Folder: account(t, server), PodUID: "1b2c"})
	if pod.Problem != errRefused || pod.Name != "web-0" || pod.Namespace != "shop" || pod.Node != "node-7" || pod.ServiceAccount != "seller" || pod.UID != "1b2c" {
		t.Errorf("%+v", pod)
	}
}

func TestTheDownwardAPIComesFirst(t *testing.T) {
	env := environment(nil, "CHALK_K8S_POD_NAME", "p", "POD_NAMESPACE", "n", "NODE_NAME", "m", "CHALK_K8S_CONTAINER_NAME", "c")
	pod := Describe(context.Background(), Evidence{Env: env, Folder: t.TempDir(), Hostname: "h"})
	if pod.Name != "p" || pod.Namespace != "n" || pod.Node != "m" || pod.ContainerName != "c" || pod.Problem != nil {
		t.Errorf("%+v", pod)
	}
}

// Whoever stands in the way, with a certificate of another authority, sees no request and so no token.
func TestTheTokenGoesToTheClusterOnly(t *testing.T) {
	requests := 0
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	stranger.StartTLS()
	defer stranger.Close()
	folder := account(t, nil)
	for _, authority := range []string{"", "nonsense", otherAuthority} {
		must(t, os.WriteFile(filepath.Join(folder, "..2026/ca.crt"), []byte(authority), 0o600))
		_ = os.Symlink("..data/ca.crt", filepath.Join(folder, "ca.crt"))
		if pod := Describe(context.Background(), Evidence{Env: environment(stranger), Folder: folder}); pod.Problem == nil || pod.Name != "web-0" {
			t.Errorf("%+v", pod)
		}
	}
	if requests != 0 {
		t.Error("a stranger was asked")
	}
}

func TestNamesThatArePaths(t *testing.T) {
	called := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer server.Close()
	for _, bad := range []string{"../../secrets/x", "a/b", "A", "x?y", "-x"} {
		Describe(context.Background(), Evidence{Env: environment(server, "POD_NAME", bad), Folder: account(t, server)})
	}
	if called {
		t.Error("a name that is none was asked for")
	}
}

func TestTokensThatAreNone(t *testing.T) {
	for _, text := range []string{"", "a.b", "a.!!!.c", "a.e30.c", "a." + base64.RawURLEncoding.EncodeToString([]byte("[]")) + ".c"} {
		if pod := fromToken(text); pod.Name != "" {
			t.Errorf("%q: %+v", text, pod)
		}
	}
}

// A self-signed certificate made for this test.
const otherAuthority = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUFE4hb7kLnosL3xR7f3QdJEtjTHYwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIyMDczODEyWhgPMjEyNjEwMjkwNzM4
MTJaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
jHlq5Q1bxRV9K8x/LRPoUfmQOMZAzcZ7OtERoxQqjDVXXJuJzV0ZfbvbsNfftNgO
zAvr6ZOkzgHrKzss7oWhQKNTMFEwHQYDVR0OBBYEFHGTprM2JMWU7RQQw2Brsqn9
ZDLZMB8GA1UdIwQYMBaAFHGTprM2JMWU7RQQw2Brsqn9ZDLZMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAI9iUudBs7ROvzW2o7gK4D1fUzrk/bti
dMdsWEoLCQnuAiA357iVP56ly5vSIYKrih8qkQNhiflkfGdRv1SjQ/8nPQ==
-----END CERTIFICATE-----
`
