package network

import (
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestTables(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 27973 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000        0 27974 1 0 20 4 30 10 -1
   2: nonsense 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   3: B80D01200000000067452301EFCDAB89:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1
   4: 0000000000000000FFFF00000100007F:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1
`
	want := [][]string{
		{"127.0.0.1", "8080", "0.0.0.0", "0", "LISTEN", "1000", "27973"},
		{"2001:db8::123:4567:89ab:cdef", "80", "::", "0", "LISTEN", "0", "9"},
		{"127.0.0.1", "53", "::", "0", "LISTEN", "0", "8"},
	}
	if got := Sockets(table, "0A", "LISTEN"); littleEndian && !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestThisMachine(t *testing.T) {
	for _, where := range []struct{ network, address, any string }{{"tcp4", "127.0.0.1", "0.0.0.0"}, {"tcp6", "::1", "::"}} {
		listener, err := net.Listen(where.network, net.JoinHostPort(where.address, "0"))
		if err != nil {
			t.Logf("%s: %v", where.network, err)
			continue
		}
		defer func() { _ = listener.Close() }()
		port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		found := false
		for _, row := range Describe(os.Getpid()).TCP {
			isOurs := row[0] == where.address && row[1] == port
			found = found || isOurs && row[2] == where.any && row[3] == "0" && row[4] == "LISTEN"
		}
		if !found {
			t.Errorf("our own listening %s socket is not there", where.network)
		}
	}
}

// What the kernel answers is what it writes into its tables, for sockets nobody else closes meanwhile.
func TestDiagAgreesWithTheTables(t *testing.T) {
	ours := map[string]bool{}
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer func() { _ = listener.Close() }()
		ours[strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)] = true
	}
	only := func(rows [][]string) []string {
		var kept []string
		for _, row := range rows {
			if ours[row[1]] {
				kept = append(kept, strings.Join(row, " "))
			}
		}
		slices.Sort(kept)
		return kept
	}
	for name, family := range map[string]byte{"tcp": syscall.AF_INET, "tcp6": syscall.AF_INET6} {
		rows, err := listening(family)
		if err != nil {
			t.Skipf("this kernel has no sock_diag: %v", err)
		}
		table, err := os.ReadFile("/proc/self/net/" + name)
		if err != nil {
			t.Skip(err)
		}
		if got, want := only(rows), only(Sockets(string(table), "0A", "LISTEN")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, in the table %q", name, got, want)
		}
	}
}
