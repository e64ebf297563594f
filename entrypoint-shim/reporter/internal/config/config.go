// Package config decides where reports go: the image's runtime.json, then the container's environment over it.
package config

import (
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"

	"docker-chalk/reporter/internal/safefile"
)

const (
	sizeLimit  = 64 << 10
	tokenLimit = 16 << 10
	maxSinks   = 8
)

// Kind of a sink.
type Kind string

const (
	HTTPS  Kind = "https"
	File   Kind = "file"
	Stdout Kind = "stdout"
)

// Sink is one place reports go to: URL for https (which may also be http), Path for file.
type Sink struct {
	Kind Kind   `json:"type"`
	URL  string `json:"url,omitempty"`
	Path string `json:"path,omitempty"`
}

// Config is the whole answer. The token goes to the first https sink only: a secret belongs to one place.
type Config struct {
	Sinks []Sink
	Token string
}

var (
	ErrNotTrusted = errors.New("runtime.json is not trusted: it and its folder must be root's and writable by root alone")
	errNotJSON    = errors.New("runtime.json is not a JSON object with a list of sinks")
	errBadSink    = errors.New("a sink has an unknown type, a bad URL, or a path that is not absolute")
	errTooMany    = errors.New("more sinks than allowed")
)

// Load reads runtime.json and the environment. Every problem is reported, none stops the rest.
func Load(path string, env func(string) (string, bool)) (Config, []error) {
	var problems []error
	sinks, err := fromFile(path)
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		problems = append(problems, err)
	}
	sinks, err = overlay(sinks, env)
	if err != nil {
		problems = append(problems, err)
	}
	if len(sinks) > maxSinks {
		sinks, problems = sinks[:maxSinks], append(problems, errTooMany)
	}
	token, err := token(env)
	if err != nil {
		problems = append(problems, err)
	}
	return Config{Sinks: sinks, Token: token}, problems
}

func fromFile(path string) ([]Sink, error) {
	data, facts, err := safefile.Read(path, sizeLimit)
	if err != nil {
		return nil, err
	}
	var folder syscall.Stat_t
	if err := syscall.Lstat(filepath.Dir(path), &folder); err != nil {
		return nil, err
	}
	if !rootOnly(facts.UID, facts.Mode) || !rootOnly(folder.Uid, folder.Mode) || folder.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return nil, ErrNotTrusted
	}
	return parse(data)
}

func rootOnly(uid, mode uint32) bool { return uid == 0 && mode&0o022 == 0 }

func parse(data []byte) ([]Sink, error) {
	var file struct {
		Sinks []Sink `json:"sinks"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, errNotJSON
	}
	var good []Sink
	var problem error
	for _, sink := range file.Sinks {
		if valid(sink) {
			good = append(good, sink)
		} else {
			problem = errBadSink
		}
	}
	return good, problem
}

func valid(sink Sink) bool {
	switch sink.Kind {
	case HTTPS:
		parsed, err := url.Parse(sink.URL)
		return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != ""
	case File:
		return filepath.IsAbs(sink.Path)
	case Stdout:
		return true
	}
	return false
}

// CHALK_REPORT_URL replaces the https sinks of the file, CHALK_REPORT_FILE its file and stdout sinks; set but empty
// means none of them.
func overlay(sinks []Sink, env func(string) (string, bool)) ([]Sink, error) {
	var added []Sink
	var problem error
	add := func(sink Sink) {
		if valid(sink) {
			added = append(added, sink)
		} else {
			problem = errBadSink
		}
	}
	address, hasAddress := env("CHALK_REPORT_URL")
	path, hasPath := env("CHALK_REPORT_FILE")
	if address = strings.TrimSpace(address); address != "" {
		add(Sink{Kind: HTTPS, URL: address})
	}
	switch path {
	case "":
	case "-", "stdout":
		add(Sink{Kind: Stdout})
	default:
		add(Sink{Kind: File, Path: path})
	}
	for _, sink := range sinks {
		if replaced := (sink.Kind == HTTPS && hasAddress) || (sink.Kind != HTTPS && hasPath); !replaced {
			added = append(added, sink)
		}
	}
	return added, problem
}

// A token file may be a link: orchestrators mount secrets so.
func token(env func(string) (string, bool)) (string, error) {
	if value, _ := env("CHALK_REPORT_TOKEN"); value != "" {
		return strings.TrimSpace(value), nil
	}
	path, _ := env("CHALK_REPORT_TOKEN_FILE")
	if path == "" {
		return "", nil
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	data, _, err := safefile.Read(path, tokenLimit)
	if err != nil {
		return "", errors.New("CHALK_REPORT_TOKEN_FILE cannot be read")
	}
	return strings.TrimSpace(string(data)), nil
}
