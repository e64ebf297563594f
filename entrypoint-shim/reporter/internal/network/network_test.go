package network

import (
	"net"
	"os"
	"reflect"
	"strconv"
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
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	for _, row := range Describe(os.Getpid()).TCP {
		if row[0] == "127.0.0.1" && row[1] == port && row[4] == "LISTEN" {
			return
		}
	}
	t.Error("our own listening socket is not there")
}
