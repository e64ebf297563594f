package process

import (
	"os"
	"strconv"
	"strings"
)

// addStatus reads /proc/PID/status.
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
		case "Umask":
			umask, err := strconv.ParseInt(fields[0], 8, 32)
			if err == nil {
				number := int(umask)
				p.Umask = &number
			}
		case "PPid":
			p.ParentPID = numbers(fields)[0]
		case "Uid":
			p.UID = numbers(fields)
		case "Gid":
			p.GID = numbers(fields)
		case "Groups":
			p.Groups = numbers(fields)
		case "Seccomp":
			p.Seccomp = map[string]string{"0": "disabled", "1": "strict", "2": "filter"}[fields[0]]
		case "NoNewPrivs":
			p.NoNewPrivs = fields[0] == "1"
		case "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb":
			kind := map[string]string{"CapEff": "effective", "CapPrm": "permitted", "CapInh": "inheritable", "CapBnd": "bounding", "CapAmb": "ambient"}[name]
			p.Capabilities[kind] = fields[0]
		}
	}
}

// ticks a second of every architecture's user interface.
const ticks = 100

// addStat reads /proc/PID/stat, whose second field may hold anything, parentheses too.
func (p *Process) addStat(text string) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return
	}
	number := func(index int) float64 {
		value, _ := strconv.ParseFloat(fields[index-3], 64) // counted as proc(5) does
		return value
	}
	p.State = either(p.State, fields[0])
	p.Zombie = fields[0] == "Z" || fields[0] == "X"
	p.Group = int(number(5))
	p.UserTime, p.SystemTime = number(14)/ticks, number(15)/ticks
	p.StartTicks = fields[22-3]
	p.StartTime = number(22) / ticks
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// namespaces are inodes by kind; equal for two processes of one container, on one boot.
func namespaces(folder string) map[string]string {
	inodes := map[string]string{}
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		link, err := os.Readlink(folder + "/ns/" + kind)
		if err != nil {
			continue
		}
		_, inode, _ := strings.Cut(strings.TrimSuffix(link, "]"), "[")
		inodes[kind] = inode
	}
	return inodes
}
