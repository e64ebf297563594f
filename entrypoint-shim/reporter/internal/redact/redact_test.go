package redact

import (
	"reflect"
	"strings"
	"testing"
)

const canary = "Canary7Zq"

func TestSecretsAreHidden(t *testing.T) {
	for _, argv := range [][]string{
		{"p", "--password", canary}, {"p", "--password=" + canary}, {"p", "-api-key", canary}, {"p", "--db-pass:" + canary, "--DB_PASSWD=" + canary},
		{"p", "--secret-id", canary}, {"p", "--token=" + canary}, {"p", "--credentials", canary}, {"p", "APP_SECRET_KEY=" + canary},
		{"p", "https://user:" + canary + "@example.com/x"}, {"p", "postgres://" + canary + "@db/x"}, {"p", "https://h/?a=1&access_token=" + canary + "&b=2"},
		{"p", "-u", "me:" + canary}, {"p", "--user", "me:" + canary}, {"p", "-H", "Authorization: Bearer " + canary}, {"p", "-H", "X-Api-Key: " + canary},
		{"sh", "-c", "export DB_PASSWORD=" + canary + "; run"}, {"sh", "-c", "mysql --password " + canary + " db"}, {"sh", "-c", `curl -H "Authorization: Basic ` + canary + `" x`},
		{"sh", "-c", `echo '{"password": "` + canary + ` with blanks"}'`}, {"p", "--private-key", "-----BEGIN PRIVATE KEY-----\n" + canary},
		{"p", "eyJhbGciOiJIUzI1NiJ9." + canary + ".sig"}, {"p", "ghp_" + canary + "0123456789"}, {"p", "--password", "-" + canary},
	} {
		if got := strings.Join(Arguments(argv), " "); strings.Contains(got, canary) || !strings.Contains(got, Hidden) {
			t.Errorf("%q -> %s", argv, got)
		}
	}
	if got := Text("x AKIAIOSFODNN7EXAMPLE y"); got != "x <<redact>> y" {
		t.Error(got)
	}
}

func TestOrdinaryArgumentsStay(t *testing.T) {
	argv := []string{"nginx", "-g", "daemon off;", "--port=80", "http://example.com/a?b=c", "-u", "1000", "--user", "www", "sh", "-c", "exec node /app/server.js --max-old-space-size=512", "", "é\x00\n"}
	if got := Arguments(argv); !reflect.DeepEqual(got, argv) {
		t.Errorf("%q", got)
	}
}

func TestBounds(t *testing.T) {
	got := Arguments([]string{strings.Repeat("x", 10_000)})
	if len(got[0]) > maxLength+len(cut) {
		t.Error(len(got[0]))
	}
	if got := Arguments(make([]string, 5_000)); len(got) != maxArguments+1 || got[maxArguments] != cut {
		t.Error(len(got))
	}
}
