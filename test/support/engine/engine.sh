#!/usr/bin/env bash
# The testbed's front door: a Docker engine, a registry and base images for the end-to-end tests.
# See usage() below; the pieces are in the files beside this one.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/common.sh"
source "$here/packages.sh"
source "$here/network.sh"
source "$here/leftovers.sh"
source "$here/daemon.sh"
source "$here/found.sh"
source "$here/registry.sh"
source "$here/images.sh"
source "$here/buildkit.sh"
source "$here/old-engine.sh"
source "$here/teardown.sh"

usage() {
  cat <<'TEXT'
usage: engine.sh COMMAND

  up                       engine, registry and base images; quick when they are there already
  env                      the export lines for a shell: eval "$(bash test/support/engine/engine.sh env)"
  status                   what is up
  image glibc              a Debian image with apt, built on demand because it takes a minute
  builders                 a BuildKit for the docker-container driver, one for the remote driver, and frontends for
                           # syntax= lines; export lines as of env. Builds BuildKit: minutes, once
  old-engine               Debian 12's engine 20.10 beside the others; its env
  down [--keep-downloads]  stop and remove everything, or with CHALK_ENGINE_STORE set only that engine

  CHALK_ENGINE_STORE       containerd (default) or graph; both engines may be up at once
  CHALK_TESTBED_CACHE      where all of it lives (default: ~/.cache/docker-chalk-testbed)
  CHALK_TEST_REGISTRY_PORT the registry's port on 127.0.0.1 (default: the first free one from 5050)
TEXT
}

# Prefers the user's own engine; starts a private one where that is possible; says what to install elsewhere.
bring_up() {
  local name
  if found_engine_fits; then
    name=found
    found_adopt
  elif private_engine_possible; then
    name=$(requested_store)
    daemon_up "$name"
  else
    explain_missing_engine
    exit 2
  fi
  use_engine "$name"
  registry_up
  images_up "$name"
  say "up: $name engine $(docker version --format '{{.Server.Version}}'), registry 127.0.0.1:$(registry_port)"
}

print_env() {
  local name
  name=$(current_engine) || die "no engine is up; run: bash test/support/engine/engine.sh up"
  registry_answers || die "the testbed's registry is not up; run: bash test/support/engine/engine.sh up"
  cat "$ENGINES/$name/env"
  printf 'export CHALK_TEST_REGISTRY=127.0.0.1:%s\n' "$(registry_port)"
}

print_status() {
  local name
  for name in found containerd graph; do
    [[ -f $ENGINES/$name/env ]] || continue
    if (use_engine "$name" && engine_answers); then say "engine $name: up"; else say "engine $name: down"; fi
  done
  if registry_answers; then say "registry: 127.0.0.1:$(registry_port)"; else say "registry: down"; fi
}

build_image() {
  local name
  [[ ${1:-} == glibc ]] || { usage >&2 && exit 64; }
  name=$(current_engine) || die "no engine is up; run: bash test/support/engine/engine.sh up"
  use_engine "$name"
  image_glibc
}

bring_up_builders() {
  local name
  name=$(current_engine) || die "no engine is up; run: bash test/support/engine/engine.sh up"
  use_engine "$name"
  builders_up "$name"
}

main() {
  local command=${1:-}
  shift || true
  case $command in
    env) print_env ;;
    status) print_status ;;
    up) with_lock bring_up ;;
    image) with_lock build_image "$@" ;;
    builders) with_lock bring_up_builders ;;
    old-engine) with_lock old_engine_up ;;
    down) with_lock tear_down "$@" ;;
    *) usage >&2 && exit 64 ;;
  esac
}

main "$@"
