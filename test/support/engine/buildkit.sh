# shellcheck shell=bash
# BuildKit's own programs, from the Go module proxy: what the `docker-container` and `remote` drivers run, and the
# frontend of `# syntax=` lines. Built once and kept with the downloads.

BUILDKIT_VERSION=v0.25.2
BUILDKIT_PROGRAMS=(cmd/buildkitd cmd/buildctl frontend/dockerfile/cmd/dockerfile-frontend)

buildkit_folder() { printf '%s/buildkit-%s' "$DOWNLOADS" "$BUILDKIT_VERSION"; }

# Static programs in buildkit_folder, complete or not at all.
buildkit_programs() {
  local folder module=$ROOT/buildkit-module log=$ROOT/buildkit.log program started=$SECONDS
  folder=$(buildkit_folder)
  [[ -d $folder ]] && return 0
  # The compiler's choice, and where it is fetched from, is the one of the programs that go into images.
  source "$here/../../../entrypoint-shim/toolchain.sh" amd64 || die "BuildKit is built with Go: see above"
  say "building BuildKit $BUILDKIT_VERSION; some minutes, once"
  rm -rf "$module" "$folder.new" && mkdir -p "$module" "$folder.new"
  printf 'module testbed/buildkit\n\ngo 1.24\n' >"$module/go.mod"
  for program in "${BUILDKIT_PROGRAMS[@]}"; do
    # A module with replace lines of its own is not taken by `go install PACKAGE@VERSION`.
    (
      cd "$module"
      export CGO_ENABLED=0 GOTOOLCHAIN=local
      "$GO" get -tool "github.com/moby/buildkit/$program@$BUILDKIT_VERSION"
      nice "$GO" build -trimpath -ldflags '-s -w' -o "$folder.new/${program##*/}" "github.com/moby/buildkit/$program"
    ) >>"$log" 2>&1 || { tail -n 20 "$log" >&2 && die "BuildKit could not be built"; }
  done
  rm -rf "$module"
  mv "$folder.new" "$folder"
  say "BuildKit is built: $((SECONDS - started)) s"
}

# The frontend under Docker's own names, mirrored; one before named contexts; the frontend under a name nobody knows.
FRONTENDS=(docker/dockerfile:1 docker/dockerfile:1.7-labs docker/dockerfile-upstream:master mirror/dockerfile:1 frontends/foreign:1)
OLD_FRONTENDS=(docker/dockerfile:1.3 frontends/dockerfile:unknown-age)

BUILDER=chalk-testbed
REMOTE_CONTAINER=docker-chalk-testbed-remote

buildkit_ref() { printf '127.0.0.1:%s/buildkit:%s' "$(registry_port)" "$BUILDKIT_VERSION"; }

# Both builders of ENGINE and all frontends, running and in the registry; the export lines for a shell on stdout.
builders_up() {
  local dir=$ENGINES/$1
  buildkit_images
  docker buildx inspect "$BUILDER" >/dev/null 2>&1 || docker buildx create --name "$BUILDER" --driver docker-container \
    --driver-opt "image=$(buildkit_ref),network=host" >/dev/null
  docker buildx inspect --bootstrap "$BUILDER" >/dev/null
  remote_up "$dir"
  printf 'export CHALK_TEST_BUILDER=%s\n' "$BUILDER"
  printf 'export CHALK_TEST_BUILDKIT=%s\n' "$(buildkit_ref)"
  printf 'export CHALK_TEST_REMOTE=%q\n' "unix://$dir/buildkit/buildkitd.sock"
}

remote_up() {
  local socket=$1/buildkit/buildkitd.sock
  if [[ $(docker inspect --format '{{.State.Running}}' "$REMOTE_CONTAINER" 2>/dev/null) != true ]]; then
    docker rm -f "$REMOTE_CONTAINER" >/dev/null 2>&1 || true
    mkdir -p "$1/buildkit"
    docker run -d --privileged --network host --name "$REMOTE_CONTAINER" -v "$1/buildkit:/run/buildkit" \
      "$(buildkit_ref)" --addr unix:///run/buildkit/buildkitd.sock >/dev/null
  fi
  wait_until 60 /dev/null "$(buildkit_folder)/buildctl" --addr "unix://$socket" debug workers >/dev/null 2>&1
}

buildkit_images() {
  local sum name context=$ROOT/buildkit-context
  buildkit_programs
  sum=$(cat "$here/buildkit.sh" "$here/buildkit/Dockerfile" | cksum)
  [[ $(cat "$REGISTRY/buildkit-recipe" 2>/dev/null) == "$sum" ]] && return 0
  rm -rf "$context" && mkdir -p "$context/libraries"
  cp "$(buildkit_folder)"/* "$here/buildkit/Dockerfile" "$context/"
  cp "$(command -v runc || printf /usr/sbin/runc)" "$context/buildkit-runc"
  ldd "$context/buildkit-runc" | { grep -o '/[^ ]*' || true; } | xargs -r cp -L --parents -t "$context/libraries"
  buildkit_image buildkit "$(buildkit_ref)"
  for name in "${FRONTENDS[@]}"; do buildkit_image frontend "127.0.0.1:$(registry_port)/$name"; done
  for name in "${OLD_FRONTENDS[@]}"; do buildkit_image old-frontend "127.0.0.1:$(registry_port)/$name"; done
  printf '%s\n' "$sum" >"$REGISTRY/buildkit-recipe"
  rm -rf "$context"
}

buildkit_image() {
  say "building $2"
  BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker buildx build -q --builder "$(docker context show)" --push --target "$1" \
    --build-arg "REGISTRY=127.0.0.1:$(registry_port)" -t "$2" "$ROOT/buildkit-context" >/dev/null
}

# Of an engine that stays: what goes away with a private one.
builders_down() {
  docker buildx rm "$BUILDER" || true
  docker rm -f -v "$REMOTE_CONTAINER" || true
}
