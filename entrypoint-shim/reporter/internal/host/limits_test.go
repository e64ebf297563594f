package host

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if os.MkdirAll(filepath.Dir(path), 0o755) != nil || os.WriteFile(path, []byte(content+"\n"), 0o600) != nil {
			t.Fatal(name)
		}
	}
	return root
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ files, want map[string]string }{
		"version 2": {
			map[string]string{"memory.max": "67108864", "memory.swap.max": "max", "pids.max": "100", "cpu.max": "50000 100000", "cpuset.cpus.effective": "0-1"},
			map[string]string{"memory.max": "67108864", "pids.max": "100", "cpu.max": "50000 100000", "cpuset.cpus": "0-1"},
		},
		"version 1": {
			map[string]string{"memory/memory.limit_in_bytes": "67108864", "memory/memory.memsw.limit_in_bytes": "9223372036854771712", "pids/pids.max": "max",
				"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000", "cpu/cpu.shares": "512"},
			map[string]string{"memory.max": "67108864", "cpu.max": "50000 100000", "cpu.shares": "512"},
		},
		"no limits": {map[string]string{"memory.max": "max", "cpu.max": "max 100000", "cpu/cpu.cfs_quota_us": "-1"}, map[string]string{}},
	} {
		if got := limitsFrom(tree(t, c.files)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
