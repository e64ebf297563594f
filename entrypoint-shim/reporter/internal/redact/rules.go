package redact

import "strings"

// rules hide one kind of secret each, in this order. They were regular expressions once, as redact_test.go still has
// them to compare with; the package for those would be a quarter of a megabyte more in every image.
var rules = []func(string) string{userOfURL, authorization, bearer, assignment, flagInText, webToken, accessKey, prefixed, privateKey}

type class func(c byte) bool

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func isName(c byte) bool { return isWord(c) || c == '.' || c == '-' }

func isNoNameRune(r rune) bool { return r >= 0x80 || !isName(byte(r)) }

func noneOf(set string) class { return func(c byte) bool { return strings.IndexByte(set, c) < 0 } }

// run is where the characters of a class end that begin at that place.
func run(s string, at int, of class) int {
	for at < len(s) && of(s[at]) {
		at++
	}
	return at
}

// startsWord tells whether a word may begin there.
func startsWord(s string, at int) bool { return at == 0 || !isWord(s[at-1]) }

// hasFold tells whether the text, in capitals or not, stands there.
func hasFold(s string, at int, text string) bool {
	return len(s)-at >= len(text) && strings.EqualFold(s[at:at+len(text)], text)
}

// replace looks at every place of a text. Where find knows a secret it says from where to where.
func replace(s string, find func(at int) (from, to int)) string {
	var b strings.Builder
	done := 0
	for at := 0; at < len(s); {
		from, to := find(at)
		if to <= from {
			at++
			continue
		}
		b.WriteString(s[done:from])
		b.WriteString(Hidden)
		done, at = to, to
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// scheme://USER@
func userOfURL(s string) string {
	isScheme := func(c byte) bool { return isWord(c) && c != '_' || c == '+' || c == '.' || c == '-' }
	isUser := func(c byte) bool { return !isSpace(c) && strings.IndexByte(`/"'@?#`, c) < 0 }
	return replace(s, func(at int) (int, int) {
		if !strings.HasPrefix(s[at:], "://") {
			return 0, 0
		}
		start := at
		for start > 0 && isScheme(s[start-1]) {
			start--
		}
		if strings.IndexFunc(s[start:at], func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) < 0 {
			return 0, 0
		}
		end := run(s, at+3, isUser)
		if end == len(s) || s[end] != '@' {
			return 0, 0
		}
		return at + 3, end
	})
}

// Authorization: ANYTHING
func authorization(s string) string {
	const name = "authorization"
	return replace(s, func(at int) (int, int) {
		if !hasFold(s, at, name) {
			return 0, 0
		}
		from, found := separator(s, at+len(name))
		if !found {
			return 0, 0
		}
		return from, run(s, from, noneOf("\r\n\"'"))
	})
}

// separator is an = or a colon with space around; after it is where the value begins.
func separator(s string, at int) (after int, found bool) {
	at = run(s, at, isSpace)
	if at == len(s) || s[at] != '=' && s[at] != ':' {
		return 0, false
	}
	return run(s, at+1, isSpace), true
}

// Bearer TOKEN
func bearer(s string) string {
	const name = "bearer"
	isToken := func(c byte) bool { return isWord(c) || strings.IndexByte(".~+/=-", c) >= 0 }
	return replace(s, func(at int) (int, int) {
		space := at + len(name)
		if !hasFold(s, at, name) || !startsWord(s, at) {
			return 0, 0
		}
		from := run(s, space, isSpace)
		if from == space {
			return 0, 0
		}
		return from, run(s, from, isToken)
	})
}

// value is a quoted text, or runs until space or what separates values there.
func value(s string, at int, separators string) int {
	if at < len(s) && (s[at] == '"' || s[at] == '\'') {
		if end := strings.IndexByte(s[at+1:], s[at]); end >= 0 {
			return at + 1 + end + 1
		}
		return at
	}
	return run(s, at, func(c byte) bool { return !isSpace(c) && strings.IndexByte("\"'"+separators, c) < 0 })
}

// password=VALUE, "password": "VALUE"
func assignment(s string) string {
	return replace(s, func(at int) (int, int) {
		if at > 0 && isName(s[at-1]) || !isName(s[at]) {
			return 0, 0
		}
		end := run(s, at, isName)
		if !IsSecretName(s[at:end]) {
			return 0, 0
		}
		if end < len(s) && (s[end] == '"' || s[end] == '\'') {
			end++
		}
		from, found := separator(s, end)
		if !found {
			return 0, 0
		}
		return from, value(s, from, "&;,")
	})
}

// --password VALUE, inside one argument: a shell's script, say.
func flagInText(s string) string {
	return replace(s, func(at int) (int, int) {
		if s[at] != '-' || at > 0 && !isSpace(s[at-1]) {
			return 0, 0
		}
		end := run(s, at, isName)
		from := run(s, end, isSpace)
		if from == end || !IsSecretName(s[at:end]) {
			return 0, 0
		}
		return from, value(s, from, ";&|")
	})
}

// eyJ….….…
func webToken(s string) string {
	isPart := func(c byte) bool { return isWord(c) || c == '-' }
	return replace(s, func(at int) (int, int) {
		if !strings.HasPrefix(s[at:], "eyJ") || !startsWord(s, at) {
			return 0, 0
		}
		end := run(s, at+3, isPart)
		if end < at+8 || end == len(s) || s[end] != '.' {
			return 0, 0
		}
		second := run(s, end+1, isPart)
		if second == end+1 {
			return 0, 0
		}
		if second < len(s) && s[second] == '.' {
			second = run(s, second+1, isPart)
		}
		return at, second
	})
}

// The keys of Amazon's accounts.
func accessKey(s string) string {
	return replace(s, func(at int) (int, int) {
		if !startsWord(s, at) {
			return 0, 0
		}
		for _, prefix := range []string{"AKIA", "ASIA", "ABIA", "ACCA"} {
			if strings.HasPrefix(s[at:], prefix) {
				end := run(s, at+4, func(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' })
				if end >= at+16 {
					return at, end
				}
			}
		}
		return 0, 0
	})
}

// Tokens that say whose they are.
func prefixed(s string) string {
	prefixes := []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-",
		"sk-", "sk_live_", "rk_live_", "AIza", "npm_", "dckr_pat_", "hvs."}
	return replace(s, func(at int) (int, int) {
		if !startsWord(s, at) {
			return 0, 0
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(s[at:], prefix) {
				end := run(s, at+len(prefix), func(c byte) bool { return isWord(c) || c == '-' })
				if end >= at+len(prefix)+8 {
					return at, end
				}
			}
		}
		return 0, 0
	})
}

// A key in PEM, to the end of the text.
func privateKey(s string) string {
	const begin = "-----BEGIN "
	return replace(s, func(at int) (int, int) {
		if !strings.HasPrefix(s[at:], begin) {
			return 0, 0
		}
		end := run(s, at+len(begin), func(c byte) bool { return c >= 'A' && c <= 'Z' || c == ' ' })
		if strings.HasSuffix(s[at+len(begin):end], "PRIVATE KEY") && strings.HasPrefix(s[end:], "-----") {
			return at, len(s)
		}
		return 0, 0
	})
}
