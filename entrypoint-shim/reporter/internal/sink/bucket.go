package sink

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	"docker-chalk/reporter/internal/config"
	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/sigv4"
	"docker-chalk/reporter/internal/web"
)

var errNoKeys = errors.New("no keys for the bucket")

// bucket of S3, or of what understands its requests.
type bucket struct {
	endpoint *url.URL // of the bucket: the object's path is added
	folder   string   // begins with a slash, does not end with one
	name     string
	region   string
	keys     sigv4.Keys
}

func openBucket(where config.Sink, env Environment) (bucket, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if value, _ := env(name); value != "" {
				return value
			}
		}
		return ""
	}
	address, err := url.Parse(where.URL)
	if err != nil {
		return bucket{}, err
	}
	b := bucket{folder: strings.TrimSuffix(path.Dir("/"+strings.TrimPrefix(address.Path, "/")), "/"), name: path.Base(address.Path), region: where.Region}
	if strings.HasSuffix(address.Path, "/") {
		b.folder, b.name = strings.TrimSuffix(address.Path, "/"), "report"
	}
	if b.name == "/" || b.name == "." {
		b.name = "report"
	}
	if b.region == "" {
		b.region = get("AWS_REGION", "AWS_DEFAULT_REGION")
	}
	if b.region == "" {
		b.region = "us-east-1"
	}
	endpoint := where.Endpoint
	if endpoint == "" {
		endpoint = get("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	}
	switch {
	case endpoint != "":
		if b.endpoint, err = url.Parse(strings.TrimSuffix(endpoint, "/")); err != nil {
			return bucket{}, err
		}
		b.folder = b.endpoint.Path + "/" + address.Host + b.folder
	case strings.Contains(address.Host, "."): // no certificate covers its own host name
		b.endpoint = &url.URL{Scheme: "https", Host: "s3." + b.region + ".amazonaws.com"}
		b.folder = "/" + address.Host + b.folder
	default:
		b.endpoint = &url.URL{Scheme: "https", Host: address.Host + ".s3." + b.region + ".amazonaws.com"}
	}
	b.keys = sigv4.Keys{ID: get("AWS_ACCESS_KEY_ID"), Secret: get("AWS_SECRET_ACCESS_KEY"), Session: get("AWS_SESSION_TOKEN")}
	if b.keys.ID == "" {
		b.keys = keysFromFile(get("AWS_SHARED_CREDENTIALS_FILE"), get("AWS_PROFILE"))
	}
	if b.keys.ID == "" || b.keys.Secret == "" {
		return bucket{}, errNoKeys
	}
	return b, nil
}

// keysFromFile reads one profile of a credentials file, as the AWS tools have it.
func keysFromFile(file, profile string) sigv4.Keys {
	if file == "" {
		return sigv4.Keys{}
	}
	if profile == "" {
		profile = "default"
	}
	data, err := safefile.ReadLinked(file, 64<<10)
	if err != nil {
		return sigv4.Keys{}
	}
	values, section := map[string]string{}, ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.TrimSpace(line[1 : len(line)-1])
		} else if name, value, found := strings.Cut(line, "="); found && section == profile {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return sigv4.Keys{ID: values["aws_access_key_id"], Secret: values["aws_secret_access_key"], Session: values["aws_session_token"]}
}

// put writes one object a report; a repeat writes the same one again.
func (b bucket) put(ctx context.Context, client web.Client, report Report) (bool, error) {
	object := b.folder + "/" + itoa(report.At.UnixMilli()) + "-" + report.ActionID + "-" + b.name
	escaped := sigv4.Escape(object)
	to := &url.URL{Scheme: b.endpoint.Scheme, Host: b.endpoint.Host, Path: object, RawPath: escaped}
	hash := sigv4.Hash(report.Body)
	headers := []web.Header{
		{Name: "Host", Value: to.Host}, {Name: "Content-Type", Value: "application/json"},
		{Name: "X-Amz-Content-Sha256", Value: hash}, {Name: "X-Amz-Date", Value: sigv4.Stamp(report.At)},
	}
	if b.keys.Session != "" {
		headers = append(headers, web.Header{Name: "X-Amz-Security-Token", Value: b.keys.Session})
	}
	scope := sigv4.Scope{Region: b.region, Service: "s3", Time: report.At}
	signature := sigv4.Sign(b.keys, scope, "PUT", escaped, "", headers, hash)
	sent := append(headers[1:], web.Header{Name: "Authorization", Value: signature}) // Host is every request's own
	_, again, err := place{client: client}.ask(ctx, "PUT", to, report.Body, append(sent, agent(report)...))
	return again, err
}
