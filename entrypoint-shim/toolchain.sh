#!/bin/bash
# Finds, or on Debian as root installs, the compilers that build.sh needs. To be sourced with the platforms wanted (default:
# amd64 and arm64): sets GO, and CC_amd64 and so on, which `compiler_of PLATFORM` looks up. `bash toolchain.sh` prints them.

oldest_go=24 # the minor version of Go 1.x

cache_folder() { echo "${CHALK_TESTBED_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/docker-chalk-testbed}"; }

complain() { echo "toolchain: $*" >&2; }

can_install() { [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null; }

# install_program NAME PACKAGE...: from this machine's own Debian, unless somebody else did meanwhile. One at a time: apt waits
# for others' installations, but not for others' updates of its lists.
install_program() (
  name=$1
  shift
  can_install || { complain "$name is missing; install it (on Debian: apt-get install $*)"; exit 1; }
  mkdir -p "$(cache_folder)"
  exec 8> "$(cache_folder)/apt.lock"
  flock 8
  if command -v "$name" >/dev/null; then exit 0; fi
  echo "toolchain: installing $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt=(apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1 8>&- && exit 0
  "${apt[@]}" update >/dev/null 8>&- || complain "apt-get update failed"
  "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 8>&-
)

# c_compiler MACHINE-OF-UNAME TRIPLE: prints the compiler's name. The shim needs no C library; the tests' own programs do.
c_compiler() {
  local name=$2-gcc packages=("gcc-${2//_/-}")
  [ "$(uname -m)" = "$1" ] && name=gcc packages=(gcc libc6-dev)
  command -v "$name" >/dev/null || install_program "$name" "${packages[@]}" || return 1
  command -v "$name"
}

# new_enough GO: is it Go 1.24 or later, when no other may be downloaded?
new_enough() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$oldest_go" ]
}

# The address of Debian that this machine already uses.
debian_uri() {
  local found # first, as some of these files are not there and the caller may have set pipefail
  found=$({
    awk '/^URIs:/ { for (i = 2; i <= NF; i++) print $i }' /etc/apt/sources.list.d/*.sources
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\/\//) print $i }' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
  } 2>/dev/null || true)
  grep -m1 -E '/debian/?$' <<< "$found"
}

# fetch_go FOLDER: unpacks the newest Go of Debian's newer suites there, without touching this machine's apt.
fetch_go() {
  local uri suite name
  uri=$(debian_uri) || { complain "no Debian address in this machine's apt sources"; return 1; }
  rm -rf "$1.new"
  mkdir -p "$1.new"/{lists/partial,cache/archives/partial,debs,root}
  for suite in forky trixie; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" > "$1.new/sources.list"
    local own=(-qq -o "Dir::Etc::sourcelist=$1.new/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$1.new/lists" -o "Dir::Cache=$1.new/cache" -o APT::Sandbox::User=root)
    apt-get "${own[@]}" update >&2 || continue
    name=$(apt-cache "${own[@]}" pkgnames golang-1. | grep -E '^golang-1\.[0-9]+-go$' | sort -t. -k2n | tail -1)
    [[ $name =~ ^golang-1\.([0-9]+)-go$ ]] && [ "${BASH_REMATCH[1]}" -ge "$oldest_go" ] || continue
    echo "toolchain: fetching $name and its sources from Debian $suite" >&2
    (cd "$1.new/debs" && apt-get "${own[@]}" download "$name" "${name%-go}-src") >&2 || continue
    for name in "$1.new"/debs/*.deb; do dpkg -x "$name" "$1.new/root"; done
    for name in "$1.new"/root/usr/lib/go-1.*/bin/go; do
      if new_enough "$name"; then
        rm -rf "$1" "$1.new"/{lists,cache,debs,sources.list}
        mv "$1.new" "$1"
        return 0
      fi
    done
  done
  complain "Debian has no Go 1.$oldest_go that runs here"
  return 1
}

go_compiler() {
  if command -v go >/dev/null && new_enough go; then command -v go; return; fi
  local found cache
  cache=$(cache_folder)
  can_install || { complain "Go 1.$oldest_go or later is needed on PATH"; return 1; }
  mkdir -p "$cache"
  exec 8> "$cache/go.lock"
  flock 8
  for _ in 1 2; do
    for found in "$cache"/go/root/usr/lib/go-1.*/bin/go; do
      if [ -x "$found" ] && new_enough "$found"; then echo "$found"; return; fi
    done
    fetch_go "$cache/go" || break
  done
  complain "Go 1.$oldest_go or later is needed on PATH"
  return 1
}

compiler_of() { local name=CC_${1//-/_}; echo "${!name}"; }

find_compilers() {
  local platform found
  for platform in "$@"; do
    case $platform in
      amd64) found=$(c_compiler x86_64 x86_64-linux-gnu) ;;
      arm64) found=$(c_compiler aarch64 aarch64-linux-gnu) ;;
      arm-v7) found=$(c_compiler armv7l arm-linux-gnueabihf) ;;
      ppc64le) found=$(c_compiler ppc64le powerpc64le-linux-gnu) ;;
      riscv64) found=$(c_compiler riscv64 riscv64-linux-gnu) ;;
      s390x) found=$(c_compiler s390x s390x-linux-gnu) ;;
      *) complain "there is no shim for $platform"; return 1 ;;
    esac || return 1
    printf -v "CC_${platform//-/_}" %s "$found"
    compilers+=("CC_${platform//-/_}=$found")
  done
  GO=$(go_compiler)
}

compilers=()
[ "$#" -gt 0 ] || set -- amd64 arm64
find_compilers "$@" || {
  complain "the entrypoint shim cannot be built on this machine"
  return 2 2>/dev/null || exit 2
}

[ "${BASH_SOURCE[0]}" != "$0" ] || printf '%s\n' "${compilers[@]}" "GO=$GO"
