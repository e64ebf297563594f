# shellcheck shell=bash
# What a dockerd that was killed leaves behind.

# Its containerd and the containers' shims, which name our exec folder; and whatever still runs in a container
# or a build step, whose root is a mount of our data folder.
leftover_pids() {
  local proc
  for proc in /proc/[0-9]*; do
    case $(cat "$proc/comm" 2>/dev/null) in
      containerd* | dockerd | docker-proxy)
        if tr '\0' ' ' 2>/dev/null <"$proc/cmdline" | grep -qF -- "$1/"; then printf '%s\n' "${proc##*/}"; fi
        ;;
    esac
  done
  { grep -sF -- ' / / ' /proc/[0-9]*/mountinfo || true; } | { grep -F -- "$1/data/" || true; } | cut -d/ -f3
}

no_leftovers() { [[ -z $(leftover_pids "$1") ]]; }

kill_leftovers() {
  local signal pid
  for signal in TERM KILL; do
    for pid in $(leftover_pids "$1"); do kill -s "$signal" "$pid" 2>/dev/null || true; done
    wait_until 5 /dev/null no_leftovers "$1" 2>/dev/null && return 0
  done
  die "these processes of $1 do not end: $(leftover_pids "$1" | xargs)"
}

unmount_below() {
  local point
  awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r point; do
    umount -l "$(printf '%b' "$point")" || true
  done
}
