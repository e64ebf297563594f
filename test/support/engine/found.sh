# shellcheck shell=bash
# The user's own engine, when one answers. It is used as it is, through a client configuration of ours.

# True when an engine answers that is not one of ours, runs Linux containers, has buildx, and is of the store
# asked for, if one was asked for.
found_engine_fits() {
  local os store=${CHALK_ENGINE_STORE:-}
  command -v docker >/dev/null && [[ $(found_endpoint) != "unix://$ENGINES/"* ]] || return 1
  os=$(timeout 20 docker version --format '{{.Server.Os}}' 2>/dev/null) || return 1
  [[ $os == linux ]] && timeout 20 docker buildx version >/dev/null 2>&1 || return 1
  [[ -z $store || $store == "$(found_store)" ]]
}

# A context lives in the user's configuration, which we do not use; its address does.
found_endpoint() {
  printf '%s' "${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)}"
}

# False for a remote engine and for Docker Desktop's: our 127.0.0.1 is not theirs.
engine_is_here() { [[ $(docker info --format '{{.Name}}') == "$(uname -n)" ]]; }

found_store() {
  if docker info --format '{{json .DriverStatus}}' | grep -q 'io.containerd.snapshotter'; then
    printf containerd
  else
    printf graph
  fi
}

found_adopt() {
  local dir=$ENGINES/found endpoint store
  endpoint=$(found_endpoint)
  store=$(found_store)
  mkdir -p "$dir/config/cli-plugins"
  docker info --format '{{range .ClientInfo.Plugins}}{{.Name}} {{.Path}}{{"\n"}}{{end}}' |
    while read -r name path; do
      case $name in buildx | compose) ln -sfn "$path" "$dir/config/cli-plugins/docker-$name" ;; esac
    done
  on_debian && unpack "$TOOLS" "${TOOL_PACKAGES[@]}"
  {
    printf 'unset DOCKER_CONTEXT BUILDX_BUILDER BUILDX_CONFIG\n'
    printf 'export DOCKER_HOST=%q\n' "$endpoint"
    printf 'export DOCKER_CONFIG=%q\n' "$dir/config"
    # shellcheck disable=SC2016 # the reader's PATH, not ours
    printf 'export PATH=%q:"$PATH"\n' "$TOOLS/usr/bin"
    printf 'export CHALK_TEST_STORE=%s\n' "$store"
  } >"$dir/env"
  (use_engine found && engine_answers) || die "the engine at $endpoint does not answer without your docker configuration"
}

found_release() {
  local dir=$ENGINES/found
  [[ -f $dir/env ]] || return 0
  (
    use_engine found
    timeout 30 docker rm -f "$REGISTRY_CONTAINER" || true
    builders_down
    timeout 30 docker image ls --format '{{.Repository}}:{{.Tag}}' | { grep "^127.0.0.1:$(registry_port)/" || true; } |
      xargs -r docker image rm
  ) >/dev/null 2>&1 || true
  rm -rf "$dir"
}
