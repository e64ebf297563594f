# shellcheck shell=bash
# Where things live, waiting, messages, the lock. Sourced by engine.sh.

ROOT=${CHALK_TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/docker-chalk-testbed}
ENGINES=$ROOT/engines     # one folder per engine: found, containerd, graph
REGISTRY=$ROOT/registry   # the registry's storage, port, pid and log
DOWNLOADS=$ROOT/downloads # package files; what `down --keep-downloads` leaves
PREFIX=$ROOT/prefix       # the engine's programs
TOOLS=$ROOT/tools         # registry and cosign, also used beside an engine we found

say() { printf 'testbed: %s\n' "$*" >&2; }
die() { say "$*" && exit 1; }

requested_store() {
  local store=${CHALK_ENGINE_STORE:-containerd}
  case $store in
    containerd | graph) printf '%s' "$store" ;;
    *) die "CHALK_ENGINE_STORE must be containerd or graph, not '$store'" ;;
  esac
}

# Runs "$@" holding the lock. The lock file may be removed by `down`, so after waiting look whether it is still
# the file that the name means.
with_lock() {
  local lock=$ROOT/lock
  command -v flock >/dev/null || { say "needs flock (util-linux)" && exit 2; }
  while true; do
    mkdir -p "$ROOT"
    exec 9>>"$lock"
    flock -w 600 9 || die "another run has held $lock for ten minutes"
    [[ $lock -ef /proc/self/fd/9 ]] && break
  done
  "$@"
}

# wait_until SECONDS LOG COMMAND...: polls; on failure shows the end of LOG.
wait_until() {
  local deadline=$((SECONDS + $1)) log=$2
  shift 2
  until "$@"; do
    if ((SECONDS >= deadline)); then
      say "gave up waiting for: $*"
      [[ -f $log ]] && tail -n 30 "$log" >&2
      return 1
    fi
    sleep 0.1
  done
}

# spawn LOG PIDFILE COMMAND...: a daemon that outlives this shell and holds none of its files, the lock included.
spawn() {
  local log=$1 pidfile=$2
  shift 2
  (
    cd /
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    exec setsid "$@" </dev/null >>"$log" 2>&1
  ) &
  printf '%s\n' "$!" >"$pidfile"
}

# alive PIDFILE TEXT: the process lives and its command line has TEXT, so a number used again does not fool us.
alive() {
  local pid
  [[ -s $1 ]] && read -r pid <"$1" && [[ -r /proc/$pid/cmdline ]] || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2"
}

# stop PIDFILE TEXT: ends that process, politely for 20 seconds.
stop() {
  local pid
  if alive "$1" "$2"; then
    read -r pid <"$1"
    kill "$pid" 2>/dev/null || true
    wait_until 20 /dev/null not alive "$1" "$2" || kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$1"
}

not() { ! "$@"; }

# http_status PATH: the registry's answer to HEAD, without needing curl.
http_status() {
  local line
  {
    exec 3<>"/dev/tcp/127.0.0.1/$(registry_port)"
  } 2>/dev/null || return 1
  printf 'HEAD %s HTTP/1.0\r\nAccept: %s, %s, %s\r\n\r\n' "$1" application/vnd.oci.image.index.v1+json \
    application/vnd.oci.image.manifest.v1+json application/vnd.docker.distribution.manifest.v2+json >&3
  read -r -t 5 line <&3 2>/dev/null || line=''
  exec 3>&-
  [[ $line =~ ^HTTP/1\.[01]\ ([0-9]+) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# Points `docker` in this shell at one engine.
use_engine() {
  # shellcheck source=/dev/null
  source "$ENGINES/$1/env"
}

engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The engine that `env` speaks of: the one asked for, or the user's own when it serves.
current_engine() {
  local name store
  store=$(requested_store)
  for name in found "$store"; do
    [[ -f $ENGINES/$name/env ]] || continue
    if [[ $name == found && -n ${CHALK_ENGINE_STORE:-} ]] &&
      ! grep -qx "export CHALK_TEST_STORE=$store" "$ENGINES/found/env"; then continue; fi
    if (use_engine "$name" && engine_answers); then
      printf '%s' "$name"
      return 0
    fi
  done
  return 1
}
