// Package process describes the program that the shim became.
package process

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"docker-chalk/reporter/internal/safefile"
)

const (
	maxExe     = 256 << 20
	maxHashing = 1500 * time.Millisecond
)

var errTooBig = errors.New("too big to hash")

type Process struct {
	PID       int
	ParentPID int
	Command   string
	State     string
	Argv      []string
	UID       []int
	GID       []int
	Groups    []int
	Cwd       string
	Exe       string
	ExeSHA256 string
	Failed    []error
}

// Describe reads /proc/PID. Exe comes first: once the program has given up its user, its exe can no longer be read.
func Describe(pid int) Process {
	p := Process{PID: pid}
	dir := "/proc/" + strconv.Itoa(pid)
	keep := func(err error) {
		if err != nil {
			p.Failed = append(p.Failed, err)
		}
	}
	var err error
	p.ExeSHA256, err = hash(dir + "/exe")
	keep(err)
	p.Exe, err = os.Readlink(dir + "/exe")
	keep(err)
	p.Cwd, err = os.Readlink(dir + "/cwd")
	keep(err)
	line, err := safefile.ReadKernel(filepath.Join(dir, "cmdline"), 1<<20)
	keep(err)
	p.Argv = arguments(line)
	status, err := safefile.ReadKernel(dir+"/status", 64<<10)
	keep(err)
	p.addStatus(status)
	return p
}

func arguments(cmdline string) []string {
	if cmdline == "" {
		return nil
	}
	argv := strings.Split(strings.TrimSuffix(cmdline, "\x00"), "\x00")
	for i := range argv {
		argv[i] = strings.ToValidUTF8(argv[i], "\uFFFD")
	}
	return argv
}

func (p *Process) addStatus(text string) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch name {
		case "Name":
			p.Command = strings.ToValidUTF8(strings.TrimSpace(value), "\uFFFD")
		case "State":
			p.State = strings.TrimSpace(value)
		case "PPid":
			p.ParentPID = numbers(fields)[0]
		case "Uid":
			p.UID = numbers(fields)
		case "Gid":
			p.GID = numbers(fields)
		case "Groups":
			p.Groups = numbers(fields)
		}
	}
}

func numbers(fields []string) []int {
	list := make([]int, len(fields))
	for i, field := range fields {
		list[i], _ = strconv.Atoi(field)
	}
	return list
}

func hash(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	facts, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !facts.Mode().IsRegular() || facts.Size() > maxExe {
		return "", errTooBig
	}
	sum, buffer, deadline := sha256.New(), make([]byte, 128<<10), time.Now().Add(maxHashing)
	for {
		n, err := file.Read(buffer)
		_, _ = sum.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
		if time.Now().After(deadline) {
			return "", errTooBig
		}
	}
}
