package container

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// AskECS returns the DockerId that the metadata service of Amazon ECS gives for this container. The request never
// goes through a proxy, and no redirect is followed.
func AskECS(ctx context.Context, uri string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		DockerID string `json:"DockerId"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 256<<10)).Decode(&answer)
	return answer.DockerID, err
}
