// Package web is a small HTTP/1.1 client: one request, one connection, one answer of limited size. Redirects are
// answers like any other. net/http would be a megabyte more in every image, for what none of its receivers needs.
package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Header is one header line.
type Header struct{ Name, Value string }

// Request to a http or https URL. A user part of the URL is no header; whoever wants it sent makes one of it.
type Request struct {
	Method  string
	URL     *url.URL
	Headers []Header
	Body    []byte
}

// Answer of a server; the names of its headers are in lower case.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    []byte
}

// Client holds what the requests of one purpose have in common. The zero value asks directly, with the system's roots.
type Client struct {
	Proxy   func(*url.URL) *url.URL
	Roots   func() *x509.CertPool
	Connect time.Duration // for each of: connection, TLS
	Reply   time.Duration // from the request to the end of the answer
	Limit   int64         // bytes of a body
}

var (
	ErrTooLarge  = errors.New("the answer is larger than allowed")
	errMalformed = errors.New("the answer is not HTTP")
	errProxy     = errors.New("the proxy refused")
	errHeader    = errors.New("a header has a line break or an odd name")
)

// Do asks once.
func (c Client) Do(ctx context.Context, request Request) (Answer, error) {
	for _, header := range request.Headers {
		if !ValidHeader(header) {
			return Answer{}, errHeader
		}
	}
	connection, target, more, err := c.open(ctx, request.URL)
	if err != nil {
		return Answer{}, plain(err)
	}
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	limitTime(ctx, connection, c.Reply)
	if err := send(connection, request, target, more); err != nil {
		return Answer{}, plain(err)
	}
	answer, err := receive(bufio.NewReader(connection), c.Limit)
	return answer, plain(err)
}

// open connects, through a proxy and with TLS as needed: the connection, the request's target, headers for a proxy.
func (c Client) open(ctx context.Context, to *url.URL) (net.Conn, string, []Header, error) {
	target, next := to.RequestURI(), to
	var proxy *url.URL
	if c.Proxy != nil {
		proxy = c.Proxy(to)
	}
	if proxy != nil {
		next = proxy
	}
	limited, cancel := withTimeout(ctx, c.Connect)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(limited, "tcp", address(next))
	if err != nil {
		return nil, "", nil, err
	}
	if next.Scheme == "https" {
		if connection, err = c.secure(ctx, connection, next.Hostname()); err != nil {
			return nil, "", nil, err
		}
	}
	if proxy == nil {
		return connection, target, nil, nil
	}
	credentials := Basic(proxy.User, "Proxy-Authorization")
	if to.Scheme == "http" {
		return connection, "http://" + to.Host + target, credentials, nil
	}
	if err := tunnel(ctx, connection, address(to), credentials, c.Connect); err != nil {
		_ = connection.Close()
		return nil, "", nil, err
	}
	connection, err = c.secure(ctx, connection, to.Hostname())
	return connection, target, nil, err
}

func (c Client) secure(ctx context.Context, connection net.Conn, name string) (net.Conn, error) {
	settings := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if c.Roots != nil {
		settings.RootCAs = c.Roots()
	}
	limited, cancel := withTimeout(ctx, c.Connect)
	defer cancel()
	secured := tls.Client(connection, settings)
	if err := secured.HandshakeContext(limited); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return secured, nil
}

func tunnel(ctx context.Context, connection net.Conn, to string, credentials []Header, limit time.Duration) error {
	limitTime(ctx, connection, limit)
	request := Request{Method: "CONNECT", URL: &url.URL{Host: to}}
	if err := send(connection, request, to, credentials); err != nil {
		return err
	}
	// One byte at a time, for what follows the headers is not ours to read.
	status, _, err := head(bufio.NewReaderSize(oneByOne{connection}, 16))
	if err == nil && status != 200 {
		err = errProxy
	}
	_ = connection.SetDeadline(time.Time{})
	return err
}

type oneByOne struct{ net.Conn }

func (o oneByOne) Read(p []byte) (int, error) { return o.Conn.Read(p[:1]) }

func send(connection net.Conn, request Request, target string, more []Header) error {
	var text strings.Builder
	text.WriteString(request.Method + " " + target + " HTTP/1.1\r\nHost: " + request.URL.Host + "\r\nConnection: close\r\n")
	for _, list := range [][]Header{request.Headers, more} {
		for _, header := range list {
			text.WriteString(header.Name + ": " + header.Value + "\r\n")
		}
	}
	if request.Body != nil || request.Method == "PUT" || request.Method == "POST" {
		text.WriteString("Content-Length: " + strconv.Itoa(len(request.Body)) + "\r\n")
	}
	text.WriteString("\r\n")
	_, err := connection.Write(append([]byte(text.String()), request.Body...))
	return err
}

// ValidHeader tells whether a header can be sent as it is.
func ValidHeader(header Header) bool {
	for _, c := range []byte(header.Value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	const odd = "()<>@,;:\\\"/[]?={} \t"
	for _, c := range []byte(header.Name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(odd, c) >= 0 {
			return false
		}
	}
	return header.Name != ""
}

func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

func limitTime(ctx context.Context, connection net.Conn, limit time.Duration) {
	deadline, has := ctx.Deadline()
	if own := time.Now().Add(limit); limit > 0 && (!has || own.Before(deadline)) {
		deadline, has = own, true
	}
	if has {
		_ = connection.SetDeadline(deadline)
	}
}

// IsTimeout tells whether nobody answered in time, as opposed to a refusal.
func IsTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}

// Errors of the net package name addresses, which may be part of a secret URL.
func plain(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}
