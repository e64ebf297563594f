package host

import (
	"strings"

	"docker-chalk/reporter/internal/safefile"
)

// Limits are what the control group of the container allows, by the names of version 2. What is not limited is left out.
func Limits() map[string]string { return limitsFrom("/sys/fs/cgroup") }

func limitsFrom(root string) map[string]string {
	found := map[string]string{}
	read := func(path string) string {
		text, _ := safefile.ReadKernel(root+"/"+path, 256)
		return strings.TrimSpace(text)
	}
	for _, each := range []struct{ name, second, first string }{
		{"memory.max", "memory.max", "memory/memory.limit_in_bytes"},
		{"memory.swap.max", "memory.swap.max", ""},
		{"memory.memsw.max", "", "memory/memory.memsw.limit_in_bytes"},
		{"pids.max", "pids.max", "pids/pids.max"},
		{"cpu.weight", "cpu.weight", ""},
		{"cpu.shares", "", "cpu/cpu.shares"},
		{"cpuset.cpus", "cpuset.cpus.effective", "cpuset/cpuset.cpus"},
	} {
		value := ""
		if each.second != "" {
			value = read(each.second)
		}
		if value == "" && each.first != "" {
			value = read(each.first)
		}
		if value != "" && value != "max" && !strings.HasPrefix(value, "92233720368547") { // version 1's "no limit"
			found[each.name] = value
		}
	}
	if value := read("cpu.max"); value != "" && !strings.HasPrefix(value, "max") {
		found["cpu.max"] = value
	} else if quota := read("cpu/cpu.cfs_quota_us"); quota != "" && !strings.HasPrefix(quota, "-") {
		found["cpu.max"] = quota + " " + read("cpu/cpu.cfs_period_us")
	}
	return found
}
