package container

import "strings"

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// isID: a container's or sandbox's.
func isID(text string) bool { return len(text) == 64 && isHex(text) }

// isTaskID: a container's of a Fargate task.
func isTaskID(text string) bool {
	task, number, found := strings.Cut(text, "-")
	return found && len(task) == 32 && isHex(task) && number != "" && strings.Trim(number, "0123456789") == ""
}

// isPodUID: as the kubelet names its folders, which for pods of the machine itself is no UUID.
func isPodUID(text string) bool {
	return len(text) == 36 && strings.Trim(text, "0123456789abcdef-") == ""
}

// idAtEnd of a control group: the name itself, or behind the engine's prefix.
func idAtEnd(path string) string {
	path = strings.TrimSuffix(path, ".scope")
	start := len(path) - 64
	if start < 0 || !isID(path[start:]) || (start > 0 && path[start-1] != '/' && path[start-1] != '-') {
		return ""
	}
	return path[start:]
}

func taskIDAtEnd(path string) string {
	if name := path[strings.LastIndexByte(path, '/')+1:]; isTaskID(name) {
		return name
	}
	return ""
}

// podUID of a control group: five groups of digits, with "_" between where systemd made the group.
func podUID(path string) string {
	for _, rest, found := strings.Cut(path, "pod"); found; _, rest, found = strings.Cut(rest, "pod") {
		if len(rest) < 36 {
			return ""
		}
		uid := strings.ReplaceAll(rest[:36], "_", "-")
		parts := strings.Split(uid, "-")
		if len(parts) == 5 && len(parts[0]) == 8 && len(parts[1]) == 4 && len(parts[2]) == 4 && len(parts[3]) == 4 && isPodUID(uid) {
			return uid
		}
	}
	return ""
}

// between is the first part of a path after one text and before another that is of the right kind.
func between(path, before string, right func(string) bool, after string) string {
	for _, rest, found := strings.Cut(path, before); found; _, rest, found = strings.Cut(rest, before) {
		if part, _, ends := strings.Cut(rest, after); ends && right(part) {
			return part
		}
	}
	return ""
}

// containerName of a file below the pod's folder: …/pods/UID/containers/NAME/…
func containerName(path string) string {
	uid := between(path, "/pods/", isPodUID, "/containers/")
	if uid == "" {
		return ""
	}
	_, rest, _ := strings.Cut(path, "/pods/"+uid+"/containers/")
	name, _, ends := strings.Cut(rest, "/")
	if !ends {
		return ""
	}
	return name
}

// idOfEnvironment reads the line id="…" that podman writes.
func idOfEnvironment(text string) string {
	for line := range strings.Lines(text) {
		id, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), `id="`)
		if id, quoted := strings.CutSuffix(id, `"`); found && quoted && isID(id) {
			return id
		}
	}
	return ""
}
