package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"docker-chalk/reporter/internal/safefile"
)

const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// describePlanned takes the program from the shim's own arguments: it is about to become it, or has started it.
func (p *Process) describePlanned(shimPID int) {
	dir := "/proc/" + strconv.Itoa(shimPID)
	line, err := safefile.ReadKernel(dir+"/cmdline", 1<<20)
	if err != nil {
		p.Failed = append(p.Failed, err)
		return
	}
	p.Argv = Program(arguments(line))
	if len(p.Argv) == 0 {
		return
	}
	environment, _ := safefile.ReadKernel(dir+"/environ", 1<<20)
	cwd, _ := os.Readlink(dir + "/cwd")
	p.Exe = find(p.Argv[0], searchPath(environment), cwd)
	if resolved, err := filepath.EvalSymlinks(p.Exe); err == nil && p.Exe != "" {
		p.Exe = resolved
		p.ExeSHA256, err = hash(resolved)
		if err != nil {
			p.Failed = append(p.Failed, err)
		}
	}
}

// Program is what follows the shim's own options.
func Program(argv []string) []string {
	if len(argv) < 2 {
		return nil
	}
	if !strings.HasPrefix(argv[1], "-") {
		return argv[1:]
	}
	for i, word := range argv {
		if i > 0 && word == "--" {
			return argv[i+1:]
		}
	}
	return nil
}

func searchPath(environment string) string {
	search := usualPath
	for entry := range strings.SplitSeq(environment, "\x00") {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			search = value
		}
	}
	return search
}

// find looks as the shim does: the first executable file.
func find(name, search, cwd string) string {
	if strings.Contains(name, "/") {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(cwd, name)
	}
	for folder := range strings.SplitSeq(search, ":") {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(cwd, folder)
		}
		path := filepath.Join(folder, name)
		if facts, err := os.Stat(path); err == nil && facts.Mode().IsRegular() && facts.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
