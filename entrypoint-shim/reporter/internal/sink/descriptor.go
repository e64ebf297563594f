package sink

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// The shim's keeper gives the reporter its own opening of the program's standard output as descriptor 1, or
// something that cannot be written to.
const stdoutFD = 1

// How long to leave a full pipe or terminal alone.
const pause = 5 * time.Millisecond

// descriptor is a sink that takes the report as one write: a line of its own among the program's lines. Only a
// full pipe or terminal takes it in parts.
type descriptor struct{ fd int }

func (d descriptor) Send(ctx context.Context, report Report) error {
	defer func() { _ = syscall.Close(d.fd) }()
	for rest := report.Body; len(rest) > 0; {
		n, err := syscall.Write(d.fd, rest)
		switch {
		case err == nil:
			rest = rest[n:]
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			return err
		}
	}
	return nil
}

func openFile(path string) (Sink, error) {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CREAT|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0o600)
	if err != nil {
		return nil, err
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		_ = syscall.Close(fd)
		return nil, errors.New("not a regular file")
	}
	return descriptor{fd: fd}, nil
}

// A regular file is no standard output for us: our own opening of it has its own offset, so the program would write
// over the report. Containers have pipes and terminals there.
func isStream(fd int) bool {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	var stat syscall.Stat_t
	return errno == 0 && flags&syscall.O_ACCMODE != syscall.O_RDONLY && syscall.Fstat(fd, &stat) == nil && stat.Mode&syscall.S_IFMT != syscall.S_IFREG
}
