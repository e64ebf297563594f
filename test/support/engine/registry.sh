# shellcheck shell=bash
# One registry on 127.0.0.1 for all engines of this testbed.

REGISTRY_CONTAINER=docker-chalk-testbed-registry

registry_port() { cat "$REGISTRY/port" 2>/dev/null || printf 0; }

registry_answers() { [[ $(http_status /v2/) == 200 ]]; }

registry_up() {
  mkdir -p "$REGISTRY"
  if registry_answers && registry_is_ours; then return 0; fi
  stop "$REGISTRY/pid" "$REGISTRY/config.yml"
  choose_port
  if registry_program >/dev/null && engine_is_here; then registry_process; else registry_container; fi
  wait_until 30 "$REGISTRY/log" registry_answers
}

registry_is_ours() {
  alive "$REGISTRY/pid" "$REGISTRY/config.yml" || [[ -f $REGISTRY/container ]]
}

registry_program() {
  if [[ -x $TOOLS/usr/bin/docker-registry ]]; then
    printf '%s' "$TOOLS/usr/bin/docker-registry"
  else
    command -v docker-registry
  fi
}

# Keeps the port of the last run when it can: image names contain it.
choose_port() {
  local port remembered=${CHALK_TEST_REGISTRY_PORT:-$(registry_port)}
  for port in "$remembered" {5050..5099}; do
    ((port > 0)) || continue
    if port_is_free "$port"; then
      printf '%s\n' "$port" >"$REGISTRY/port"
      return 0
    fi
    [[ $port != "${CHALK_TEST_REGISTRY_PORT:-}" ]] || die "port $port (CHALK_TEST_REGISTRY_PORT) is taken"
  done
  die "no free port for the registry between 5050 and 5099"
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

registry_process() {
  cat >"$REGISTRY/config.yml" <<YAML
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: "$REGISTRY/data" }
  delete: { enabled: true }
http: { addr: "127.0.0.1:$(registry_port)" }
YAML
  : >"$REGISTRY/log"
  spawn "$REGISTRY/log" "$REGISTRY/pid" env OTEL_TRACES_EXPORTER=none "$(registry_program)" serve "$REGISTRY/config.yml"
}

# Beside an engine elsewhere, or on a machine without the program: the image, which that engine may fetch.
registry_container() {
  docker rm -f "$REGISTRY_CONTAINER" >/dev/null 2>&1 || true
  docker run -d --name "$REGISTRY_CONTAINER" -e REGISTRY_STORAGE_DELETE_ENABLED=true \
    -p "127.0.0.1:$(registry_port):5000" registry:2 >"$REGISTRY/container" || {
    rm -f "$REGISTRY/container"
    die "the registry did not start; install docker-registry (distribution) or let the engine pull registry:2"
  }
}

registry_has() { [[ $(http_status "/v2/$1/manifests/$2") == 200 ]]; }

registry_down() {
  stop "$REGISTRY/pid" "$REGISTRY/config.yml"
  rm -rf "$REGISTRY"
}
