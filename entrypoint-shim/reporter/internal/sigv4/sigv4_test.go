package sigv4

import (
	"strings"
	"testing"
	"time"

	"docker-chalk/reporter/internal/web"
)

// Vectors that Amazon published: its Signature Version 4 test suite, and the PUT of "Authenticating Requests" in the
// documentation of S3.
func TestPublishedVectors(t *testing.T) {
	suite := Keys{ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	at := Scope{Region: "us-east-1", Service: "service", Time: time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)}
	headers := []web.Header{{Name: "Host", Value: "example.amazonaws.com"}, {Name: "X-Amz-Date", Value: "20150830T123600Z"}}
	documented := Keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	body := Hash([]byte("Welcome to Amazon S3."))
	for name, c := range map[string]struct {
		keys                Keys
		scope               Scope
		method, path, query string
		headers             []web.Header
		hash, want          string
	}{
		"get-vanilla": {suite, at, "GET", "/", "", headers, Hash(nil),
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"post-vanilla":                     {suite, at, "POST", "/", "", headers, Hash(nil), "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		"get-vanilla-query-order-key-case": {suite, at, "GET", "/", "Param1=value1&Param2=value2", headers, Hash(nil), "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"S3, PUT Object": {documented, Scope{Region: "us-east-1", Service: "s3", Time: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)}, "PUT", Escape("/test$file.text"), "",
			[]web.Header{{Name: "Date", Value: "Fri, 24 May 2013 00:00:00 GMT"}, {Name: "Host", Value: "examplebucket.s3.amazonaws.com"}, {Name: "x-amz-date", Value: "20130524T000000Z"},
				{Name: "x-amz-storage-class", Value: "REDUCED_REDUNDANCY"}, {Name: "x-amz-content-sha256", Value: body}}, body,
			"SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	} {
		if got := Sign(c.keys, c.scope, c.method, c.path, c.query, c.headers, c.hash); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
