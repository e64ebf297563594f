// Package sigv4 signs requests as Amazon's services, and those compatible with them, want it (AWS Signature Version 4).
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"docker-chalk/reporter/internal/web"
)

// Keys of an account.
type Keys struct{ ID, Secret, Session string }

// Scope is what a signature is good for.
type Scope struct {
	Region, Service string
	Time            time.Time
}

const stamp = "20060102T150405Z"

// Sign returns the value of the Authorization header. Path and query are as they are sent, the query sorted; every
// header given is signed and must be sent.
func Sign(keys Keys, scope Scope, method, path, query string, headers []web.Header, payloadHash string) string {
	lines := make([]string, 0, len(headers))
	names := make([]string, 0, len(headers))
	for _, header := range headers {
		name := strings.ToLower(header.Name)
		names = append(names, name)
		lines = append(lines, name+":"+strings.Join(strings.Fields(header.Value), " ")+"\n")
	}
	slices.Sort(lines)
	slices.Sort(names)
	signed := strings.Join(names, ";")
	request := strings.Join([]string{method, path, query, strings.Join(lines, ""), signed, payloadHash}, "\n")
	moment := scope.Time.UTC().Format(stamp)
	area := strings.Join([]string{moment[:8], scope.Region, scope.Service, "aws4_request"}, "/")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", moment, area, Hash([]byte(request))}, "\n")
	key := []byte("AWS4" + keys.Secret)
	for _, part := range []string{moment[:8], scope.Region, scope.Service, "aws4_request"} {
		key = mac(key, part)
	}
	return "AWS4-HMAC-SHA256 Credential=" + keys.ID + "/" + area + ", SignedHeaders=" + signed + ", Signature=" + hex.EncodeToString(mac(key, toSign))
}

// Stamp is the X-Amz-Date of a time.
func Stamp(t time.Time) string { return t.UTC().Format(stamp) }

// Hash is a SHA-256 in hexadecimal digits.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Escape writes a path as the signature wants it: everything but unreserved characters and slashes as %XX.
func Escape(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(path) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}
