// Package safefile reads files whose path or content somebody else may have chosen.
package safefile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("larger than allowed")
)

// Facts are what the file system says of the very file that was read.
type Facts struct {
	Mode uint32
	UID  uint32
	GID  uint32
}

// Read returns the whole of a regular file of at most limit bytes. A link is not followed, a FIFO or device is
// neither waited for nor read.
func Read(path string, limit int64) ([]byte, Facts, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, Facts{}, err
	}
	defer func() { _ = syscall.Close(fd) }()
	return readRegular(fd, limit)
}

// ReadInput is Read for what is open as standard input; a device there is no file at all.
func ReadInput(_ string, limit int64) ([]byte, Facts, error) {
	data, facts, err := readRegular(0, limit)
	if errors.Is(err, ErrNotRegular) {
		err = syscall.ENOENT
	}
	return data, facts, err
}

func readRegular(fd int, limit int64) ([]byte, Facts, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return nil, Facts{}, err
	}
	facts := Facts{Mode: stat.Mode & 0o7777, UID: stat.Uid, GID: stat.Gid}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, facts, ErrNotRegular
	}
	if stat.Size > limit {
		return nil, facts, ErrTooLarge
	}
	data, err := readAtMost(fd, limit)
	return data, facts, err
}

// ReadLinked is Read for files that orchestrators mount, which are links: the path is followed first.
func ReadLinked(path string, limit int64) ([]byte, error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	data, _, err := Read(path, limit)
	return data, err
}

// The file may grow while it is read, so its size is not trusted either.
func readAtMost(fd int, limit int64) ([]byte, error) {
	var data []byte
	buffer := make([]byte, 16<<10)
	for {
		n, err := syscall.Read(fd, buffer)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return data, nil
		}
		if int64(len(data)+n) > limit {
			return nil, ErrTooLarge
		}
		data = append(data, buffer[:n]...)
	}
}

// ReadKernel reads a file of /proc or /sys, which the kernel made: at most limit bytes, more is cut. Calls of the kernel
// alone: package os would have its poller watch every one of these files.
func ReadKernel(path string, limit int64) (string, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = syscall.Close(fd) }()
	data := make([]byte, 0, min(limit, 4<<10))
	for int64(len(data)) < limit {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := syscall.Read(fd, data[len(data):min(int64(cap(data)), limit)])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return string(data), &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n <= 0 {
			break
		}
		data = data[:len(data)+n]
	}
	return string(data), nil
}
