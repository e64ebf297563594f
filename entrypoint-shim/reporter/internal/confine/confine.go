// Package confine takes away what the reporter could do beyond its work.
package confine

import (
	"os/signal"
	"syscall"
	"unsafe"
)

const prSetDumpable = 4

// Early makes the reporter unreadable for other processes of its user, and gives it no core file and no SIGPIPE.
func Early() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	signal.Ignore(syscall.SIGPIPE)
}

// BeforeNetwork drops every capability of every thread. It fails only where there are none to drop.
func BeforeNetwork() {
	const version3 = 0x20080522
	header := struct {
		version uint32
		pid     int32
	}{version: version3}
	var nothing [6]uint32
	_, _, _ = syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&nothing)), 0)
}
