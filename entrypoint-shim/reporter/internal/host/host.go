// Package host describes the machine as far as a container can see it.
package host

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"docker-chalk/reporter/internal/safefile"
)

type Host struct {
	Hostname                                  string
	Sysname, Nodename, Release, Version, Arch string
	BootID                                    string
	UptimeSeconds                             float64
}

func Describe() Host {
	var h Host
	h.Hostname, _ = os.Hostname()
	var names syscall.Utsname
	if syscall.Uname(&names) == nil {
		h.Sysname, h.Nodename, h.Release = text(names.Sysname), text(names.Nodename), text(names.Release)
		h.Version, h.Arch = text(names.Version), text(names.Machine)
	}
	boot, _ := safefile.ReadKernel("/proc/sys/kernel/random/boot_id", 64)
	h.BootID = strings.TrimSpace(boot)
	uptime, _ := safefile.ReadKernel("/proc/uptime", 64)
	seconds, _, _ := strings.Cut(uptime, " ")
	h.UptimeSeconds, _ = strconv.ParseFloat(seconds, 64)
	return h
}

// The kernel's characters are signed on some processors and unsigned on others.
func text[T int8 | uint8](characters [65]T) string {
	var b strings.Builder
	for _, c := range characters {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
