// Package redact takes out of a program's arguments what looks like a secret.
package redact

import (
	"regexp"
	"strings"
)

// Hidden stands where a secret stood; Chalk's own word for it.
const Hidden = "<<redact>>"

const (
	maxArguments = 256
	maxLength    = 4096
	cut          = "<<cut>>"
)

const secretName = `[\w.-]*(?:pass|pwd|secret|token|api-?_?key|private-?_?key|access-?_?key|key|credential|auth|bearer|cookie|session)[\w.-]*`

var (
	flagAlone = regexp.MustCompile(`(?i)^(?:-{1,2}` + secretName + `|-pass|--?u|--user|-H|--header|--proxy-user)$`)
	userFlag  = regexp.MustCompile(`^(?:--?u|--user|--proxy-user)$`)
	headFlag  = regexp.MustCompile(`^(?:-H|--header)$`)

	patterns = []struct {
		find *regexp.Regexp
		with string
	}{
		{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'@?#]+@`), "${1}" + Hidden + "@"},
		{regexp.MustCompile(`(?i)((?:proxy-)?authorization\s*[:=]\s*)[^\r\n"']+`), "${1}" + Hidden},
		{regexp.MustCompile(`(?i)\b(bearer\s+)[\w.~+/=-]+`), "${1}" + Hidden},
		{regexp.MustCompile(`(?i)(` + secretName + `["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"'&;,]+)`), "${1}" + Hidden},
		{regexp.MustCompile(`(?i)((?:^|\s)--?` + secretName + `\s+)("[^"]*"|'[^']*'|[^\s"';&|]+)`), "${1}" + Hidden},
		{regexp.MustCompile(`\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*`), Hidden},
		{regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}`), Hidden},
		{regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|rk_live_|AIza|npm_|dckr_pat_|hvs\.)[\w-]{8,}`), Hidden},
		{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*`), Hidden},
	}
)

// IsSecretName tells whether what has this name is likely to be secret.
func IsSecretName(name string) bool { return flagAlone.MatchString("--" + name) }

// Text hides secrets inside one string.
func Text(s string) string {
	for _, pattern := range patterns {
		s = pattern.find.ReplaceAllString(s, pattern.with)
	}
	return s
}

// Arguments hides secrets in an argument vector, where a flag may stand before its value.
func Arguments(argv []string) []string {
	shown := make([]string, 0, min(len(argv), maxArguments+1))
	for i, argument := range argv {
		if i == maxArguments {
			return append(shown, cut)
		}
		if i > 0 && hiddenByFlag(argv[i-1], argument) {
			shown = append(shown, Hidden)
			continue
		}
		tooLong := len(argument) > maxLength
		if tooLong {
			argument = strings.ToValidUTF8(argument[:maxLength], "")
		}
		text := Text(argument)
		if tooLong {
			text += cut
		}
		shown = append(shown, text)
	}
	return shown
}

// --password VALUE; curl's -u NAME:VALUE; a header by its name. A flag after a flag is not a value.
func hiddenByFlag(before, value string) bool {
	if !flagAlone.MatchString(before) {
		return false
	}
	switch {
	case userFlag.MatchString(before):
		return strings.Contains(value, ":")
	case headFlag.MatchString(before):
		name, _, isHeader := strings.Cut(value, ":")
		return isHeader && flagAlone.MatchString("--"+name)
	}
	return !strings.HasPrefix(value, "--")
}
