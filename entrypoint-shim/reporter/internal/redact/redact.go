// Package redact takes out of a program's arguments what looks like a secret.
package redact

import "strings"

// Hidden stands where a secret stood; Chalk's own word for it.
const Hidden = "<<redact>>"

const (
	maxArguments = 256
	maxLength    = 4096
	cut          = "<<cut>>"
)

// words make a name one of a secret.
var words = []string{"pass", "pwd", "secret", "token", "key", "credential", "auth", "bearer", "cookie", "session"}

// IsSecretName tells whether what has this name is likely to be secret.
func IsSecretName(name string) bool {
	name = strings.ToLower(name)
	for _, word := range words {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Text hides secrets inside one string.
func Text(s string) string {
	for _, hide := range rules {
		s = hide(s)
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
	switch before {
	case "-u", "--u", "-U", "--user", "--proxy-user":
		return strings.Contains(value, ":")
	case "-H", "--header":
		name, _, isHeader := strings.Cut(value, ":")
		return isHeader && IsSecretName(name)
	}
	isFlag := len(before) > 1 && before[0] == '-' && strings.IndexFunc(before, isNoNameRune) < 0 && IsSecretName(before)
	return isFlag && !strings.HasPrefix(value, "--")
}
