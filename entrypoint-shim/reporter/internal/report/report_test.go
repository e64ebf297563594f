package report

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"docker-chalk/reporter/internal/cloud"
	"docker-chalk/reporter/internal/container"
	"docker-chalk/reporter/internal/host"
	own "docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/kube"
	"docker-chalk/reporter/internal/mark"
	"docker-chalk/reporter/internal/process"
)

func facts() Facts {
	return Facts{
		Operation: "exec", Artifact: Artifact{Type: "Docker Container"},
		At: time.Date(2026, 11, 21, 23, 54, 18, 775_000_000, time.FixedZone("", 3600)), ActionID: "a1", ExecID: "e1", Version: "0.1.0", Marked: true,
		Mark:      mark.Mark{SHA256: "5e", Pairs: []mark.Pair{{Key: "MAGIC", Value: own.Raw(`"m"`)}, {Key: "CHALK_ID", Value: own.Raw(`"<ID>"`)}, {Key: "X_N", Value: own.Raw("1.50")}}},
		Host:      host.Host{Hostname: "h", Sysname: "Linux", Arch: "x86_64", UptimeSeconds: 12.5},
		Container: container.Identity{ID: "c1", Source: "cgroup", Confidence: container.High},
		Process:   process.Process{PID: 1, Argv: []string{"p", "--token", "x"}, UID: []int{0, 0, 0, 0}},
	}
}

const golden = `[{"_OPERATION":"exec","_TIMESTAMP":1795301658775,"_DATETIME":"2026-11-21T22:54:18.775+00:00","_CHALKS":[{"MAGIC":"m","CHALK_ID":"<ID>","X_N":1.50,` +
	`"_OP_ARTIFACT_TYPE":"Docker Container","_INSTANCE_CONTAINER_ID":"c1","_X_CHALK_CONTAINER_ID_SOURCE":"cgroup","_X_CHALK_CONTAINER_ID_CONFIDENCE":"high",` +
	`"_X_CHALK_MARK_SHA256":"5e","_X_CHALK_MARK_MODE":"0000","_X_CHALK_MARK_UID":0,"_PROCESS_PID":1,"_PROCESS_PARENT_PID":0,"_PROCESS_ARGV":["p","--token","<<redact>>"],"_PROCESS_UID":[0,0,0,0]}],` +
	`"_ACTION_ID":"a1","_EXEC_ID":"e1","_OP_CHALKER_VERSION":"0.1.0","_OP_HOSTNAME":"h","_OP_HOST_MACHINE":"x86_64","_OP_HOST_SYSNAME":"Linux","_OP_PLATFORM":"GNU/Linux x86_64","_X_CHALK_UPTIME":12.5,"_OP_CHALK_COUNT":1}]` + "\n"

func TestShape(t *testing.T) {
	if got := string(Render(facts())); got != golden {
		t.Errorf("\n got %s\nwant %s", got, golden)
	}
}

func TestEverythingElse(t *testing.T) {
	f := facts()
	umask := 18
	f.Operation, f.Heartbeats, f.Exit = "heartbeat", 3, &Exit{Code: 143, Signal: 15}
	f.Pod = kube.Pod{Name: "p", Owner: &kube.Owner{Kind: "Deployment", Name: "d"}}
	f.CloudKeys = map[string]any{"_OP_CLOUD_PROVIDER": "aws", "_AWS_AZ": "a"}
	f.Failures = []cloud.Failure{{Key: "_K", Code: "C", Error: "e", Description: "d"}}
	f.Process.Umask, f.Process.StartTime = &umask, 1.5
	got := string(Render(f))
	for _, part := range []string{`"_OPERATION":"heartbeat"`, `"_HEARTBEAT_COUNT":3`, `"_X_CHALK_PROCESS_EXIT_CODE":143,"_X_CHALK_PROCESS_EXIT_SIGNAL":15`, `"_K8S_POD_NAME":"p"`,
		`"_X_CHALK_POD_OWNER":{"kind":"Deployment","name":"d"}`, `"_AWS_AZ":"a","_OP_CLOUD_PROVIDER":"aws"`, `"_OP_FAILED_KEYS":{"_K":[{"code":"C","description":"d","error":"e"}]}`,
		`"_PROCESS_UMASK":18`, `"_PROCESS_START_TIME":1.5`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
	if !json.Valid([]byte(got)) {
		t.Error(got)
	}
}

func TestUnmarked(t *testing.T) {
	f := facts()
	f.Marked, f.Errors = false, []string{"mark: not a JSON object"}
	got := string(Render(f))
	if !json.Valid([]byte(got)) || strings.Contains(got, "MAGIC") || !strings.Contains(got, `"_OP_CHALK_COUNT":0`) || !strings.Contains(got, `"_OP_ERRORS":["mark: not a JSON object"]`) {
		t.Error(got)
	}
}

func TestOneLine(t *testing.T) {
	f := facts()
	f.Mark.Pairs[1].Value = own.Raw("{\n  \"a\" : 1\n}")
	if got := string(Render(f)); strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
}

func TestIDs(t *testing.T) {
	if SameID("a", "b") != SameID("a", "b") || SameID("a", "b") == SameID("ab", "") || len(SameID()) != 16 {
		t.Error("not the same")
	}
	if a, b := NewID(), NewID(); a == b || !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(a) {
		t.Error(a, b)
	}
}
