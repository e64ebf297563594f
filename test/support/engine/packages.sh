# shellcheck shell=bash
# Programs: Debian's newer Docker into a private prefix, the rest from the machine's own release.

SUITE=forky
ENGINE_PACKAGES=(docker.io docker-cli docker-buildx docker-compose containerd)
TOOL_PACKAGES=(docker-registry cosign)
# From the machine's own release: the newer runc wants a newer libc.
MACHINE_PACKAGES=(runc iptables iproute2 busybox-static tini ca-certificates git)

on_debian() { grep -qx 'ID=debian' /etc/os-release 2>/dev/null && command -v apt-get >/dev/null; }

private_engine_possible() { on_debian && ((EUID == 0)); }

explain_missing_engine() {
  say "no Docker engine answers, and a private one can only be started on Debian as root."
  say "Install Docker Engine 23 or newer with the buildx plugin, start it, and check that"
  say "\`docker version\` and \`docker buildx version\` both succeed. Then run this again."
}

# The archive this machine already uses.
debian_archive() {
  local uri=''
  if [[ -f /etc/apt/sources.list.d/debian.sources ]]; then
    uri=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
  elif [[ -f /etc/apt/sources.list ]]; then
    uri=$(awk '/^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:/) { print $i; exit } }' /etc/apt/sources.list)
  fi
  if [[ -z $uri ]]; then
    say "this machine's apt sources name no Debian archive: add one, then run this again."
    return 1
  fi
  printf '%s' "$uri"
}

# apt-get with its own source list and its own state: the machine's stays as it is.
private_apt() {
  local state=$DOWNLOADS/apt archive
  archive=$(debian_archive) || return 1
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$archive" "$SUITE" >"$state/sources.list"
  apt-get -q -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root \
    -o Acquire::Retries=3 "$@"
}

# download_debs PACKAGE...: into DOWNLOADS/debs, complete or not at all; nothing to do when they are there.
download_debs() {
  local package missing=() tmp=$DOWNLOADS/incoming
  for package in "$@"; do
    compgen -G "$DOWNLOADS/debs/${package}_*.deb" >/dev/null || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "downloading from Debian $SUITE: ${missing[*]}"
  rm -rf "$tmp" && mkdir -p "$tmp" "$DOWNLOADS/debs"
  if ! (cd "$tmp" && private_apt update && private_apt download "${missing[@]}") >"$DOWNLOADS/apt.log" 2>&1; then
    tail -n 20 "$DOWNLOADS/apt.log" >&2
    die "could not download: ${missing[*]}"
  fi
  mv "$tmp"/*.deb "$DOWNLOADS/debs/"
  rm -rf "$tmp" "$DOWNLOADS/apt"
}

# unpack FOLDER PACKAGE...: the packages' files below FOLDER, complete or not at all.
unpack() {
  local folder=$1 package
  shift
  [[ -d $folder ]] && return 0
  download_debs "$@"
  rm -rf "$folder.new" && mkdir -p "$folder.new"
  for package in "$@"; do
    dpkg-deb -x "$DOWNLOADS/debs/${package}"_*.deb "$folder.new" || {
      rm -f "$DOWNLOADS/debs/${package}"_*.deb
      die "$package did not unpack; its file is removed, run this again"
    }
  done
  mv "$folder.new" "$folder"
}

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

install_from_machine() {
  local package missing=() log=$ROOT/apt-install.log
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing from this machine's Debian: ${missing[*]}"
  local install=(apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 install --no-install-recommends)
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" "${missing[@]}" >"$log" 2>&1 </dev/null && return 0
  apt-get -q update >>"$log" 2>&1 || true
  "${install[@]}" "${missing[@]}" >>"$log" 2>&1 </dev/null && return 0
  tail -n 20 "$log" >&2
  die "could not install: ${missing[*]}"
}

packages_for_engine() {
  install_from_machine "${MACHINE_PACKAGES[@]}"
  unpack "$PREFIX" "${ENGINE_PACKAGES[@]}"
  unpack "$TOOLS" "${TOOL_PACKAGES[@]}"
  ln -sf /usr/bin/tini-static "$PREFIX/usr/bin/docker-init"
  "$PREFIX/usr/sbin/dockerd" --version >/dev/null || die "Debian $SUITE's dockerd does not run on this machine"
}
