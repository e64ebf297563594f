package config

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"docker-chalk/reporter/internal/safefile"
	"docker-chalk/reporter/internal/web"
)

const secretLimit = 16 << 10

// readSecrets makes the headers of a sink out of what its own entry says and the files that it names.
func (s *Sink) readSecrets() error {
	for name, value := range s.Headers {
		s.Send = append(s.Send, web.Header{Name: name, Value: value})
	}
	var problem error
	if s.HeadersFile != "" {
		text, err := secretFile(s.HeadersFile)
		if err != nil {
			problem = errors.New("a headers_file cannot be read")
		}
		problem = errors.Join(problem, s.addLines(text))
	}
	if s.TokenFile != "" {
		token, err := secretFile(s.TokenFile)
		if err != nil {
			problem = errors.Join(problem, errors.New("a token_file cannot be read"))
		}
		s.authorize("", token)
	}
	return problem
}

// secrets of the environment go to the first address alone that can take them: a secret belongs to one place.
func secrets(sinks []Sink, env func(string) (string, bool)) error {
	var problem error
	get := func(name string) string {
		value, _ := env(name)
		path, _ := env(name + "_FILE")
		if value != "" || path == "" {
			return strings.TrimSpace(value)
		}
		text, err := secretFile(path)
		if err != nil {
			problem = errors.Join(problem, errors.New(name+"_FILE cannot be read"))
		}
		return text
	}
	token, headers := get("CHALK_REPORT_TOKEN"), get("CHALK_REPORT_HEADERS")
	user, _ := env("CHALK_REPORT_USER")
	for i := range sinks {
		if sinks[i].Kind == HTTPS || sinks[i].Kind == Presign {
			problem = errors.Join(problem, sinks[i].addLines(headers))
			sinks[i].authorize(user, token)
			break
		}
	}
	return problem
}

// authorize adds a bearer token or, for a user, a password, unless the sink has an Authorization already.
func (s *Sink) authorize(user, token string) {
	value := "Bearer " + token
	if user != "" {
		value = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+token))
	}
	header := web.Header{Name: "Authorization", Value: value}
	if token == "" || !web.ValidHeader(header) || s.Has("Authorization") {
		return
	}
	s.Send = append(s.Send, header)
}

// Has tells whether the sink sets that header itself.
func (s *Sink) Has(name string) bool {
	for _, header := range s.Send {
		if strings.EqualFold(header.Name, name) {
			return true
		}
	}
	return false
}

// addLines reads `Name: value`, one a line; empty lines and those that begin with # are passed over.
func (s *Sink) addLines(text string) error {
	var problem error
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		header := web.Header{Name: name, Value: strings.TrimSpace(value)}
		if web.ValidHeader(header) {
			s.Send = append(s.Send, header)
		} else {
			problem = errors.New("a line of the headers is no header") // and not a word of it
		}
	}
	return problem
}

func secretFile(path string) (string, error) {
	data, err := safefile.ReadLinked(path, secretLimit)
	return strings.TrimSpace(string(data)), err
}

// number of the environment, or the file's, or the usual one; never outside its bounds.
func number(env func(string) (string, bool), name string, baked int, unit, usual, least, most time.Duration) (time.Duration, error) {
	value := int64(baked)
	if text, _ := env(name); text != "" {
		var err error
		if value, err = strconv.ParseInt(text, 10, 32); err != nil || value < 0 {
			return usual, errNumber
		}
	} else if value <= 0 {
		return usual, nil
	}
	return min(max(time.Duration(min(value, 1<<31))*unit, least), most), nil
}
