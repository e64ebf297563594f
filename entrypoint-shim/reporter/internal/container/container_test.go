package container

import (
	"reflect"
	"strings"
	"testing"
)

var (
	id      = strings.Repeat("0123456789abcdef", 4)
	sandbox = strings.Repeat("fedcba9876543210", 4)
	layer   = strings.Repeat("aaaabbbbccccdddd", 4)
	pod     = "1b2c3d4e-0000-1111-2222-333344445555"
)

func mount(source, at string) string {
	return "900 880 254:0 " + source + " " + at + " rw,relatime - ext4 /dev/vda rw\n"
}

func TestIdentify(t *testing.T) {
	root := "880 1 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/" + layer + "/diff\n"
	for name, c := range map[string]struct {
		evidence Evidence
		want     Identity
	}{
		"the pod's own status": {Evidence{KubeContainer: id, Cgroup: "0::/\n", Hostname: "web-0", Kubernetes: true}, Identity{ID: id, Source: "kubernetes", Confidence: High, PodName: "web-0"}},
		"nothing":              {Evidence{Hostname: "laptop", Cgroup: "0::/\n", Mounts: root}, Identity{}},
		"docker, v1":           {Evidence{Cgroup: "12:pids:/docker/" + id + "\n0::/\n"}, Identity{ID: id, Source: "cgroup", Confidence: High}},
		"systemd scope":        {Evidence{Cgroup: "0::/system.slice/docker-" + id + ".scope\n"}, Identity{ID: id, Source: "cgroup", Confidence: High}},
		"v2, private":          {Evidence{Cgroup: "0::/\n", Hostname: id[:12], Mounts: root + mount("/var/lib/docker/containers/"+id+"/hostname", "/etc/hostname")}, Identity{ID: id, Source: "mountinfo", Confidence: High}},
		"podman":               {Evidence{Mounts: root + mount("/containers/overlay-containers/"+id+"/userdata/hosts", "/etc/hosts")}, Identity{ID: id, Source: "mountinfo", Confidence: High}},
		"podman, env file":     {Evidence{ContainerEnv: "engine=\"podman-4.3.1\"\nid=\"" + id + "\"\n"}, Identity{ID: id, Source: "containerenv", Confidence: High}},
		"host name only":       {Evidence{Cgroup: "0::/\n", Hostname: id[:12]}, Identity{ID: id[:12], Source: "hostname", Confidence: Low}},
		"ecs":                  {Evidence{ECSContainer: id[:32] + "-1234567890", Cgroup: "0::/ecs/x\n"}, Identity{ID: id[:32] + "-1234567890", Source: "ecs", Confidence: High}},
		"ecs, nonsense":        {Evidence{ECSContainer: "../x"}, Identity{}},
		"fargate cgroup":       {Evidence{Cgroup: "5:cpu:/ecs/9781/" + id[:32] + "-265927825\n"}, Identity{ID: id[:32] + "-265927825", Source: "cgroup", Confidence: High}},
		"kubernetes, v1": {
			Evidence{Cgroup: "3:cpu:/kubepods.slice/kubepods-pod" + strings.ReplaceAll(pod, "-", "_") + ".slice/cri-containerd-" + id + ".scope\n", Hostname: "web-0", KubernetesSpace: "shop"},
			Identity{ID: id, Source: "cgroup", Confidence: High, PodUID: pod, PodName: "web-0", PodNamespace: "shop"},
		},
		"kubernetes, v2: the mounts are the sandbox's": {
			Evidence{Cgroup: "0::/\n", Hostname: "web-0", Mounts: root + mount("/var/lib/kubelet/pods/"+pod+"/etc-hosts", "/etc/hosts") +
				mount("/var/lib/kubelet/pods/"+pod+"/containers/app/0a1b", "/dev/termination-log") +
				mount("/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/"+sandbox+"/hostname", "/etc/hostname")},
			Identity{SandboxID: sandbox, PodUID: pod, PodName: "web-0", ContainerName: "app"},
		},
		"cri-dockerd: a docker path is the sandbox": {
			Evidence{Kubernetes: true, Hostname: "web-0", Mounts: mount("/var/lib/docker/containers/"+sandbox+"/resolv.conf", "/etc/resolv.conf")},
			Identity{SandboxID: sandbox, PodName: "web-0"},
		},
		"a volume that looks like it": {Evidence{Mounts: mount("/var/lib/docker/containers/"+id+"/x", "/data")}, Identity{}},
	} {
		if got := Identify(c.evidence); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}
