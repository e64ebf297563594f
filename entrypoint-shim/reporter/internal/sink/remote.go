package sink

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"docker-chalk/reporter/internal/awake"
	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/web"
)

const (
	attempts   = 3
	mostRounds = 10 // when freezes came between
	firstWait  = 200 * time.Millisecond
)

// once is one attempt; again tells whether another may do better.
type once func(ctx context.Context, report Report, attempt int) (again bool, err error)

// remote is a sink that is asked over HTTP, and repeats after network errors, 429 and 5xx. The receiver tells repeats
// by the report's id.
type remote struct {
	try   once
	clock *awake.Clock
}

func openRemote(where config.Sink, env Environment, client web.Client, clock *awake.Clock) (Sink, error) {
	if where.Kind == config.S3 {
		bucket, err := openBucket(where, env)
		return remote{func(ctx context.Context, report Report, _ int) (bool, error) { return bucket.put(ctx, client, report) }, clock}, err
	}
	to, err := url.Parse(where.URL)
	if err != nil {
		return nil, err
	}
	headers := where.Send
	if !where.Has("Authorization") {
		headers = append(slices.Clone(headers), web.Basic(to.User, "Authorization")...)
	}
	place := place{client: client, url: to, headers: headers}
	switch where.Kind {
	case config.Put:
		return remote{place.put, clock}, nil
	case config.Presign:
		return remote{place.presign, clock}, nil
	}
	return remote{place.post, clock}, nil
}

// Send repeats inside the time of ctx. An attempt that a freeze has cut does not count.
func (r remote) Send(ctx context.Context, report Report) error {
	var err error
	for attempt, round := 1, 0; attempt <= attempts && round < mostRounds; round++ {
		frozen := r.clock.Lost()
		var again bool
		if again, err = r.try(ctx, report, attempt); !again {
			return err
		}
		if r.clock.Lost() == frozen {
			attempt++
		}
		if attempt > attempts {
			break
		}
		select {
		case <-time.After(firstWait<<(2*min(round, 2)) + rand.N(firstWait/4)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

// place is a URL and what every request to it has.
type place struct {
	client  web.Client
	url     *url.URL
	headers []web.Header
}

func (p place) post(ctx context.Context, report Report, attempt int) (bool, error) {
	_, again, err := p.ask(ctx, "POST", p.url, report.Body, p.all(report, attempt, true))
	return again, err
}

// put sends to a URL that carries its own signature: nothing else of ours but what every PUT has.
func (p place) put(ctx context.Context, report Report, _ int) (bool, error) {
	_, again, err := p.ask(ctx, "PUT", p.url, report.Body, append(slices.Clone(p.headers), agent(report)...))
	return again, err
}

// presign asks where to put the report, as Chalk's sink of that name does: the answer is a redirect, and its
// X-Forward-Headers names which of the answer's headers go along. Our own credentials do not.
func (p place) presign(ctx context.Context, report Report, attempt int) (bool, error) {
	headers := append(p.all(report, attempt, false), web.Header{Name: "X-Content-Length", Value: strconv.Itoa(len(report.Body))})
	answer, again, err := p.ask(ctx, "PUT", p.url, nil, headers)
	if err != nil {
		return again, err
	}
	if answer.Status != 302 && answer.Status != 307 {
		return false, errors.New("the sink did not say where to put the report")
	}
	to, err := url.Parse(answer.Headers["location"])
	if err != nil || to.Host == "" || (to.Scheme != "https" && to.Scheme != p.url.Scheme) {
		return false, errors.New("the sink's address to put the report to cannot be used")
	}
	forward := agent(report)
	for name := range strings.SplitSeq(answer.Headers["x-forward-headers"], ",") {
		name = strings.TrimSpace(name)
		if value, has := answer.Headers[strings.ToLower(name)]; has {
			forward = append(forward, web.Header{Name: name, Value: value})
		}
	}
	_, again, err = p.ask(ctx, "PUT", to, report.Body, forward)
	return again, err
}

// all are the headers of a sink that knows Chalk's reports.
func (p place) all(report Report, attempt int, body bool) []web.Header {
	sum := sha256.Sum256(report.Body)
	own := append(agent(report),
		web.Header{Name: "X-Chalk-Version", Value: report.Version},
		web.Header{Name: "X-Chalk-Operation", Value: report.Operation},
		web.Header{Name: "X-Chalk-Action-Id", Value: report.ActionID},
		web.Header{Name: "Idempotency-Key", Value: report.ActionID},
		web.Header{Name: "X-Chalk-Attempt", Value: strconv.Itoa(attempt)},
		web.Header{Name: "X-Chalk-Digest-Sha256", Value: hex.EncodeToString(sum[:])})
	if body {
		own = append(own, web.Header{Name: "Content-Type", Value: "application/json"})
	}
	return override(p.headers, own)
}

func agent(report Report) []web.Header {
	return []web.Header{{Name: "User-Agent", Value: "docker-chalk-reporter/" + report.Version}}
}

// override puts ours in the place of theirs with the same name.
func override(theirs, ours []web.Header) []web.Header {
	kept := slices.DeleteFunc(slices.Clone(theirs), func(header web.Header) bool {
		return slices.ContainsFunc(ours, func(own web.Header) bool { return strings.EqualFold(own.Name, header.Name) })
	})
	return append(ours, kept...)
}

// ask takes 2xx for success, and redirects where the body was empty: presign looks at those.
func (p place) ask(ctx context.Context, method string, to *url.URL, body []byte, headers []web.Header) (answer web.Answer, again bool, err error) {
	answer, err = p.client.Do(ctx, web.Request{Method: method, URL: to, Headers: headers, Body: body})
	var distrust *tls.CertificateVerificationError
	switch {
	case errors.As(err, &distrust):
		return answer, false, err
	case answer.Status/100 == 2: // whatever became of the body
		return answer, false, nil
	case err != nil:
		return answer, ctx.Err() == nil, err
	case answer.Status/100 == 3 && body == nil:
		return answer, false, nil
	}
	return answer, answer.Status >= 500 || answer.Status == 429, errors.New("the sink answered " + strconv.Itoa(answer.Status))
}
