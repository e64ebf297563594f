package host

import (
	"strconv"
	"strings"

	"docker-chalk/reporter/internal/safefile"
)

// Headroom returns how many bytes of memory the container may still take before its limit, as far as it has one:
// page cache that the kernel would give back is counted as free.
func Headroom() (bytes uint64, limited bool) {
	for _, v := range []struct{ limit, used, cacheKey, stat string }{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "inactive_file", "/sys/fs/cgroup/memory.stat"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", "total_inactive_file", "/sys/fs/cgroup/memory/memory.stat"},
	} {
		limit, hasLimit := number(v.limit)
		used, hasUsed := number(v.used)
		if !hasLimit || !hasUsed {
			continue
		}
		used -= min(used, cached(v.stat, v.cacheKey))
		return limit - min(limit, used), true
	}
	return 0, false
}

func number(path string) (uint64, bool) {
	text, err := safefile.ReadKernel(path, 64)
	if err != nil {
		return 0, false
	}
	value, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64) // "max" is no number
	return value, err == nil
}

func cached(path, key string) uint64 {
	text, _ := safefile.ReadKernel(path, 64<<10)
	for line := range strings.Lines(text) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == key {
			bytes, _ := strconv.ParseUint(value, 10, 64)
			return bytes
		}
	}
	return 0
}
