package sink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	attempts  = 3
	firstWait = 200 * time.Millisecond
)

var dialer = &net.Dialer{Timeout: time.Second}

// remote is a sink that takes the report as an HTTP POST.
type remote struct {
	url    string
	token  string
	client *http.Client
}

// Send repeats after network errors, 429 and 5xx, inside the time of ctx. The receiver tells repeats by X-Chalk-Action-Id.
func (r remote) Send(ctx context.Context, report Report) error {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-time.After(firstWait << (2 * (attempt - 1))):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var again bool
		if again, err = r.once(ctx, report, attempt); !again {
			return err
		}
	}
	return err
}

func (r remote) once(ctx context.Context, report Report, attempt int) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(report.Body))
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(report.Body)
	for name, value := range map[string]string{
		"Content-Type":          "application/json",
		"User-Agent":            "docker-chalk-reporter/" + report.Version,
		"X-Chalk-Version":       report.Version,
		"X-Chalk-Operation":     "exec",
		"X-Chalk-Action-Id":     report.ActionID,
		"X-Chalk-Attempt":       strconv.Itoa(attempt),
		"X-Chalk-Digest-Sha256": hex.EncodeToString(sum[:]),
	} {
		request.Header.Set(name, value)
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return ctx.Err() == nil, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 == 2 {
		return false, nil
	}
	again = response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests
	return again, fmt.Errorf("the sink answered %d", response.StatusCode)
}
