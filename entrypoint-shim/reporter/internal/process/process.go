// Package process describes the program that the shim became.
package process

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"docker-chalk/reporter/internal/safefile"
)

const (
	maxExe     = 256 << 20
	maxHashing = 1500 * time.Millisecond
)

// ShimPath is where the shim is in every image.
const ShimPath = "/.chalk/shim"

var errTooBig = errors.New("too big to hash")

type Process struct {
	PID        int
	ParentPID  int
	Group      int
	Command    string
	State      string
	Zombie     bool
	Argv       []string
	UID        []int
	GID        []int
	Groups     []int
	Umask      *int
	Cwd        string
	Exe        string
	ExeSHA256  string
	UserTime   float64
	SystemTime float64
	// StartTime is in seconds since the machine started; StartTicks the same as the kernel writes it.
	StartTime    float64
	StartTicks   string
	Seccomp      string
	NoNewPrivs   bool
	Capabilities map[string]string // the kernel's masks
	Namespaces   map[string]string
	Failed       []error
}

// Describe reads /proc/PID. Exe comes first: once the program has given up its user, its exe can no longer be read.
// Where the program is not that process yet (or no longer), argv is what the shim, process shimPID, was told to run.
func Describe(pid, shimPID int) Process {
	p := Process{PID: pid, Capabilities: map[string]string{}}
	dir := "/proc/" + strconv.Itoa(pid)
	keep := func(err error) {
		if err != nil {
			p.Failed = append(p.Failed, err)
		}
	}
	read := func(name string) string {
		text, err := safefile.ReadKernel(dir+"/"+name, 1<<20)
		keep(err)
		return text
	}
	exe, exeErr := os.Readlink(dir + "/exe")
	p.addStat(read("stat"))
	if exe == ShimPath || p.Zombie || errors.Is(exeErr, os.ErrNotExist) {
		p.describePlanned(shimPID)
	} else {
		var err error
		keep(exeErr)
		p.Exe = exe
		p.ExeSHA256, err = hash(dir + "/exe")
		keep(err)
		p.Argv = arguments(read("cmdline"))
	}
	var err error
	if p.Cwd, err = os.Readlink(dir + "/cwd"); !p.Zombie {
		keep(err)
	}
	p.addStatus(read("status"))
	p.Namespaces = namespaces(dir)
	if len(p.Namespaces) == 0 {
		p.Namespaces = namespaces("/proc/self")
	}
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
	sum, buffer, deadline := sha256.New(), make([]byte, 32<<10), time.Now().Add(maxHashing)
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
