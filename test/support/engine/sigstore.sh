#!/usr/bin/env bash
# The servers of a private Sigstore: Fulcio, Rekor 2 and a timestamp authority, from the Go module proxy.
# Prints the folder they are in. Built once, and kept with the downloads; sigstore.ts starts them.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/common.sh"

# Name, package, version. Later versions of Rekor want a newer Go.
SERVERS=(
  'fulcio github.com/sigstore/fulcio v1.8.8'
  'timestamp-server github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server v2.0.3'
  'rekor-server github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix v2.2.1'
)

# Another list of servers is another folder.
servers_folder() { printf '%s/sigstore-%.8s' "$DOWNLOADS" "$(printf '%s\n' "${SERVERS[@]}" | sha256sum)"; }

# build NAME PACKAGE VERSION FOLDER: in a module of its own, because `go install PACKAGE@VERSION` refuses modules with
# replace lines.
build() {
  local module=$4/module-$1
  export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
  mkdir -p "$module" && cd "$module" &&
    printf 'module testbed/%s\n\ngo 1.26\n' "$1" >go.mod &&
    "$GO" get -tool "$2@$3" &&
    nice "$GO" build -trimpath -ldflags '-s -w' -o "$4/$1" "$2" &&
    rm -rf "$module"
}

build_servers() {
  local folder=$1 log=$DOWNLOADS/sigstore.log server name package version started=$SECONDS
  # The compiler's choice, and where it is fetched from, is the one of the programs that go into images.
  source "$here/../../../entrypoint-shim/toolchain.sh" amd64 || die "a private Sigstore is built with Go: see above"
  oldest_go=26 # of Fulcio
  GO=$(go_compiler) || die "a private Sigstore is built with Go 1.$oldest_go: see above"
  say "building a private Sigstore; some minutes, once"
  rm -rf "$folder.new" && mkdir -p "$folder.new"
  : >"$log"
  for server in "${SERVERS[@]}"; do
    read -r name package version <<<"$server"
    (build "$name" "$package" "$version" "$folder.new") >>"$log" 2>&1 ||
      { tail -n 20 "$log" >&2 && die "$name $version could not be built"; }
  done
  mv "$folder.new" "$folder"
  say "the private Sigstore is built: $((SECONDS - started)) s"
}

main() {
  local folder
  folder=$(servers_folder)
  mkdir -p "$DOWNLOADS"
  # A lock of its own: a build of minutes must not keep an engine from starting.
  exec 9>>"$DOWNLOADS/sigstore.lock"
  flock -w 1200 9 || die "another run has held $DOWNLOADS/sigstore.lock for twenty minutes"
  [[ -d $folder ]] || build_servers "$folder" >&2
  printf '%s\n' "$folder"
}

main
