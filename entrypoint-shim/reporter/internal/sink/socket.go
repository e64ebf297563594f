package sink

import (
	"context"
	"net"
	"strconv"
	"time"
)

// socket is a Unix socket that takes the report as one line, or as one datagram if it is of that kind.
type socket string

func (s socket) Send(ctx context.Context, report Report) error {
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "unix", string(s))
	if err != nil {
		connection, err = dialer.DialContext(ctx, "unixgram", string(s))
	}
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = connection.Write(report.Body)
	return err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
