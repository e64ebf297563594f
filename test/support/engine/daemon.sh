# shellcheck shell=bash
# The private dockerd: own data, socket, bridge and client configuration; nothing of the machine's own Docker.

daemon_up() {
  local store=$1 dir=$ENGINES/$1
  if [[ -f $dir/env ]] && daemon_alive "$store" && (use_engine "$store" && engine_answers); then return 0; fi
  check_socket_length "$dir"
  packages_for_engine
  mkdir -p "$dir/config/cli-plugins"
  stop "$dir/pid" "$dir/daemon.json"
  kill_leftovers "$dir"
  bridge_up "$store"
  write_daemon_json "$store"
  link_plugins "$dir/config/cli-plugins"
  write_private_env "$store"
  start_daemon "$store"
}

daemon_alive() { alive "$ENGINES/$1/pid" "$ENGINES/$1/daemon.json"; }

# A unix socket's path has at most 107 characters.
check_socket_length() {
  local longest=$1/exec/containerd/containerd.sock.ttrpc
  ((${#longest} <= 107)) || die "CHALK_TESTBED_CACHE is too long for unix sockets: $longest"
}

write_daemon_json() {
  local dir=$ENGINES/$1 snapshotter=false
  [[ $1 == containerd ]] && snapshotter=true
  cat >"$dir/daemon.json" <<JSON
{
  "data-root": "$dir/data",
  "exec-root": "$dir/exec",
  "hosts": ["unix://$dir/docker.sock"],
  "pidfile": "$dir/dockerd.pid",
  "group": "root",
  "bridge": "$(bridge_of "$1")",
  "iptables": false,
  "ip6tables": false,
  "features": { "containerd-snapshotter": $snapshotter }
}
JSON
}

link_plugins() {
  local plugin
  for plugin in buildx compose; do
    ln -sfn "$PREFIX/usr/libexec/docker/cli-plugins/docker-$plugin" "$1/docker-$plugin"
  done
}

# Our programs first on PATH; nothing of the caller's that would lead to another engine.
write_private_env() {
  local dir=$ENGINES/$1
  {
    printf 'unset DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION BUILDX_BUILDER BUILDX_CONFIG\n'
    printf 'export DOCKER_HOST=%q\n' "unix://$dir/docker.sock"
    printf 'export DOCKER_CONFIG=%q\n' "$dir/config"
    # shellcheck disable=SC2016 # the reader's PATH, not ours
    printf 'export PATH=%q:"$PATH"\n' "$PREFIX/usr/bin:$PREFIX/usr/sbin:$TOOLS/usr/bin"
    printf 'export CHALK_TEST_STORE=%s\n' "$1"
  } >"$dir/env"
}

start_daemon() {
  local store=$1 dir=$ENGINES/$1 path
  path=$PREFIX/usr/sbin:$PREFIX/usr/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
  # A number in an old pid file may be somebody else's by now; dockerd would take it for its containerd.
  rm -f "$dir/dockerd.pid" "$dir/docker.sock" "$dir/exec/containerd/containerd.pid"
  : >"$dir/log"
  spawn "$dir/log" "$dir/pid" env "PATH=$path" dockerd --config-file "$dir/daemon.json"
  (use_engine "$store" && wait_until 60 "$dir/log" ready_or_dead "$store")
  daemon_alive "$store" || { tail -n 30 "$dir/log" >&2 && die "dockerd ended while starting"; }
}

ready_or_dead() { engine_answers || ! daemon_alive "$1"; }

daemon_down() {
  local dir=$ENGINES/$1
  if daemon_alive "$1"; then
    say "stopping the $1 engine"
    (use_engine "$1" && timeout 30 docker ps -aq | xargs -r timeout 30 docker rm -f) >/dev/null 2>&1 || true
  fi
  stop "$dir/pid" "$dir/daemon.json"
  kill_leftovers "$dir"
  unmount_below "$dir"
  if command -v ip >/dev/null; then bridge_down "$1"; fi
  rm -rf --one-file-system "$dir"
}
