// Package network reads which addresses a process's network namespace has, and who listens on them.
package network

import (
	"encoding/hex"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"docker-chalk/reporter/internal/safefile"
)

const (
	fileLimit  = 1 << 20
	maxSockets = 200
)

// Network is one namespace's. Sockets are rows as Chalk has them: local address and port, remote address and port,
// state, user, inode.
type Network struct {
	Addresses map[string][]string
	TCP, UDP  [][]string
}

// Describe looks through /proc/PID/net and at this process's own interfaces: those of the container.
func Describe(pid int) Network {
	folder := filepath.Join("/proc", strconv.Itoa(pid), "net")
	read := func(name string) string {
		text, _ := safefile.ReadKernel(filepath.Join(folder, name), fileLimit)
		return text
	}
	// What a seccomp profile or a kernel without sock_diag keeps from us is in the tables.
	tcp := func(family byte, name string) [][]string {
		rows, err := listening(family)
		if err != nil {
			rows = Sockets(read(name), "0A", "LISTEN")
		}
		return rows
	}
	return Network{
		Addresses: addresses(),
		TCP:       limited(append(tcp(syscall.AF_INET, "tcp"), tcp(syscall.AF_INET6, "tcp6")...)),
		UDP:       limited(append(Sockets(read("udp"), "07", "UNCONN"), Sockets(read("udp6"), "07", "UNCONN")...)),
	}
}

func limited(rows [][]string) [][]string { return rows[:min(len(rows), maxSockets)] }

func addresses() map[string][]string {
	found := map[string][]string{}
	interfaces, _ := net.Interfaces()
	for _, each := range interfaces {
		list, _ := each.Addrs()
		for _, address := range list {
			if each.Flags&net.FlagLoopback == 0 {
				found[each.Name] = append(found[each.Name], address.String())
			}
		}
	}
	return found
}

// Sockets reads a table of the kernel and keeps the rows in one state: those that wait for somebody.
func Sockets(table, state, name string) [][]string {
	var rows [][]string
	for line := range strings.Lines(table) {
		field := strings.Fields(line)
		if len(field) < 10 || field[3] != state {
			continue
		}
		local, localPort, good := endpoint(field[1])
		remote, remotePort, alsoGood := endpoint(field[2])
		if good && alsoGood {
			rows = append(rows, []string{local, localPort, remote, remotePort, name, field[7], field[9]})
		}
	}
	return rows
}

// An address stands there as 32-bit words in the processor's own order, a port as a number.
func endpoint(text string) (address, port string, good bool) {
	digits, portDigits, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(digits)
	number, portErr := strconv.ParseUint(portDigits, 16, 16)
	if err != nil || portErr != nil || (len(bytes) != 4 && len(bytes) != 16) {
		return "", "", false
	}
	if littleEndian {
		for i := 0; i < len(bytes); i += 4 {
			bytes[i], bytes[i+1], bytes[i+2], bytes[i+3] = bytes[i+3], bytes[i+2], bytes[i+1], bytes[i]
		}
	}
	ip, _ := netip.AddrFromSlice(bytes)
	return ip.Unmap().String(), strconv.FormatUint(number, 10), true
}
