#!/bin/bash
# observers.sh FOLDER: unpacks the servers that the tests watch with and without a shim, with what they need beyond this
# machine's own libraries. Debian as root; anywhere else, or without an archive, it says why and exits with 1.
set -euo pipefail
folder=$1
packages=(nginx-light redis-server php8.2-fpm)

[ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] || { echo "observers: only on Debian as root" >&2; exit 1; }
exec 9> "$folder.lock"
flock 9
[ -d "$folder" ] && exit 0
work=$folder.new
rm -rf "$work"
mkdir -p "$work/partial" "$work/root"
# Nothing is installed: apt only says what is missing here, and fetches it.
fetch() { apt-get -qq -o DPkg::Lock::Timeout=120 -o "Dir::Cache::archives=$work" -o APT::Sandbox::User=root install -y --download-only --no-install-recommends "${packages[@]}" >&2; }
fetch || { apt-get -qq update >&2 && fetch; } || { echo "observers: the packages cannot be had" >&2; exit 1; }
for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
mv "$work/root" "$folder"
rm -rf "$work"
