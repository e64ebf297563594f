package redact

import (
	"math/rand/v2"
	"reflect"
	"regexp"
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

// The same rules as regular expressions, to compare with.
var patterns = []struct {
	find *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'@?#]+@`), "${1}" + Hidden + "@"},
	{regexp.MustCompile(`(?i)((?:proxy-)?authorization\s*[:=]\s*)[^\s"'][^\r\n"']*`), "${1}" + Hidden},
	{regexp.MustCompile(`(?i)\b(bearer\s+)[\w.~+/=-]+`), "${1}" + Hidden},
	{regexp.MustCompile(`(?i)(` + secretName + `["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"'&;,]+)`), "${1}" + Hidden},
	{regexp.MustCompile(`(?i)((?:^|\s)--?` + secretName + `\s+)("[^"]*"|'[^']*'|[^\s"';&|]+)`), "${1}" + Hidden},
	{regexp.MustCompile(`\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*`), Hidden},
	{regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}`), Hidden},
	{regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|rk_live_|AIza|npm_|dckr_pat_|hvs\.)[\w-]{8,}`), Hidden},
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*`), Hidden},
}

const secretName = `[\w.-]*(?:pass|pwd|secret|token|key|credential|auth|bearer|cookie|session)[\w.-]*`

func TestAsRegularExpressions(t *testing.T) {
	pieces := []string{"a", "B7", "_", "-", "--", ".", "=", ":", " ", "\n", "\t", "\v", `"`, `'`, "&", ";", ",", "|", "/", "?", "#", "@", "+", "~", "é", "\xff", "://", "https://", "u:p@h",
		"pass", "PWD", "secret", "Token", "key", "credential", "auth", "Authorization", "proxy-authorization", "bearer", "Bearer ", "cookie", "session", "password=", "--token ", "-key ",
		"eyJabcde", "eyJhbGci", "ABCDEFGHIJKL", "AKIA", "ASIA", "ghp_", "github_pat_", "glpat-", "xoxb-", "sk-", "sk_live_", "AIza", "hvs.", "0123456789", "abcdefgh",
		"-----BEGIN ", "RSA ", "PRIVATE KEY", "-----"}
	random := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		var text string
		for range 1 + random.IntN(10) {
			text += pieces[random.IntN(len(pieces))]
		}
		for i, pattern := range patterns {
			if got, want := rules[i](text), pattern.find.ReplaceAllString(text, pattern.with); got != want {
				t.Fatalf("rule %d, %q:\n got %q\nwant %q", i, text, got, want)
			}
		}
	}
}

func TestFlagsWithoutSecrets(t *testing.T) {
	argv := []string{"psql", "-h", "db.example.com", "-U", "postgres", "--host", "x"}
	if got := Arguments(argv); !reflect.DeepEqual(got, argv) {
		t.Errorf("%q", got)
	}
}
