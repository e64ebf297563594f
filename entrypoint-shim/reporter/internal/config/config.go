// Package config decides where reports go: the image's runtime.json, then the container's environment over it.
package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/web"
)

const (
	sizeLimit = 64 << 10
	maxSinks  = 8
)

// Kind of a sink.
type Kind string

const (
	HTTPS   Kind = "https"   // POST
	Put     Kind = "put"     // PUT to a URL that was signed beforehand
	Presign Kind = "presign" // PUT without a body, then with it to where the answer points
	S3      Kind = "s3"
	Unix    Kind = "unix"
	File    Kind = "file"
	Stdout  Kind = "stdout"
)

// Sink is one place reports go to. What is secret is never in runtime.json itself, only in files it names.
type Sink struct {
	Kind        Kind
	URL         string
	Path        string
	Region      string
	Endpoint    string
	Headers     map[string]string
	TokenFile   string
	HeadersFile string

	Send []web.Header // every header of this sink, Authorization too
}

// Config is the whole answer.
type Config struct {
	Sinks    []Sink
	Interval time.Duration // between heartbeats
	ExitWait time.Duration // for the last report of init mode
}

const (
	usualInterval = time.Minute
	usualWait     = time.Second
	longestWait   = 5 * time.Second
)

var (
	ErrNotTrusted = errors.New("runtime.json is not trusted: it and its folder must be root's and writable by root alone")
	errNotJSON    = errors.New("runtime.json is not a JSON object with a list of sinks")
	errBadSink    = errors.New("a sink has an unknown type, a bad URL, or a path that is not absolute")
	errTooMany    = errors.New("more sinks than allowed")
	errNumber     = errors.New("an interval or waiting time is not a number in its range")
)

// file is runtime.json.
type file struct {
	Sinks      []Sink
	Interval   int // seconds
	ExitWaitMS int // milliseconds
}

// Load reads runtime.json and the environment. Every problem is reported, none stops the rest.
func Load(path string, env func(string) (string, bool)) (Config, []error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	baked, err := fromFile(path)
	if !errors.Is(err, syscall.ENOENT) {
		note(err)
	}
	sinks, err := overlay(baked.Sinks, env)
	note(err)
	if len(sinks) > maxSinks {
		sinks = sinks[:maxSinks]
		note(errTooMany)
	}
	for i := range sinks {
		note(sinks[i].readSecrets())
	}
	note(secrets(sinks, env))
	config := Config{Sinks: sinks}
	config.Interval, err = number(env, "CHALK_REPORT_INTERVAL", baked.Interval, time.Second, usualInterval, 2*time.Second, time.Hour)
	note(err)
	config.ExitWait, err = number(env, "CHALK_REPORT_WAIT", baked.ExitWaitMS, time.Millisecond, usualWait, 0, longestWait)
	note(err)
	return config, problems
}

func fromFile(path string) (file, error) {
	data, facts, err := safefile.Read(path, sizeLimit)
	if err != nil {
		return file{}, err
	}
	var folder syscall.Stat_t
	if err := syscall.Lstat(filepath.Dir(path), &folder); err != nil {
		return file{}, err
	}
	if !rootOnly(facts.UID, facts.Mode) || !rootOnly(folder.Uid, folder.Mode) || folder.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return file{}, ErrNotTrusted
	}
	return parse(data)
}

func rootOnly(uid, mode uint32) bool { return uid == 0 && mode&0o022 == 0 }

func (s Sink) valid() bool {
	for name, value := range s.Headers {
		if !web.ValidHeader(web.Header{Name: name, Value: value}) {
			return false
		}
	}
	for _, path := range []string{s.TokenFile, s.HeadersFile} {
		if path != "" && !filepath.IsAbs(path) {
			return false
		}
	}
	switch s.Kind {
	case HTTPS, Put, Presign:
		return webURL(s.URL)
	case S3:
		parsed, err := url.Parse(s.URL)
		return err == nil && parsed.Scheme == "s3" && parsed.Host != "" && (s.Endpoint == "" || webURL(s.Endpoint))
	case File, Unix:
		return filepath.IsAbs(s.Path)
	case Stdout:
		return true
	}
	return false
}

func webURL(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Hostname() != ""
}

// local sinks are the ones CHALK_REPORT_FILE replaces, the others those of CHALK_REPORT_URL.
func (s Sink) local() bool { return s.Kind == File || s.Kind == Stdout }

// overlay puts the sinks of the environment in the place of the file's; set but empty means none of them.
func overlay(sinks []Sink, env func(string) (string, bool)) ([]Sink, error) {
	var added []Sink
	var problem error
	add := func(sink Sink) {
		if sink.valid() {
			added = append(added, sink)
		} else {
			problem = errBadSink
		}
	}
	addresses, hasAddress := env("CHALK_REPORT_URL")
	path, hasPath := env("CHALK_REPORT_FILE")
	for _, address := range strings.Fields(addresses) {
		add(fromAddress(address))
	}
	switch path {
	case "":
	case "-", "stdout":
		add(Sink{Kind: Stdout})
	default:
		add(Sink{Kind: File, Path: path})
	}
	for _, sink := range sinks {
		if replaced := (!sink.local() && hasAddress) || (sink.local() && hasPath); !replaced {
			added = append(added, sink)
		}
	}
	return added, problem
}

func fromAddress(address string) Sink {
	for prefix, kind := range map[string]Kind{"put+": Put, "presign+": Presign} {
		if rest, found := strings.CutPrefix(address, prefix); found {
			return Sink{Kind: kind, URL: rest}
		}
	}
	if path, found := strings.CutPrefix(address, "unix://"); found {
		return Sink{Kind: Unix, Path: path}
	}
	if strings.HasPrefix(address, "s3://") {
		return Sink{Kind: S3, URL: address}
	}
	return Sink{Kind: HTTPS, URL: address}
}
