#!/usr/bin/env bash
# Packs what `make build` made, with the runtime itself in place of the link to it: unpack it anywhere and run
# `docker-chalk/docker-chalk chalk install`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(cat "$root/plugin/lib/version")
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
name=docker-chalk-$version-linux-$arch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/docker-chalk" "$root/dist"
cp "$root/plugin/docker-chalk" "$root/LICENSE" "$work/docker-chalk/"
cp -rL "$root/plugin/lib" "$work/docker-chalk/lib"

# The same bytes for the same content: fixed order, owner and time.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work" -cf - docker-chalk |
  gzip -9n >"$root/dist/$name.tar.gz"
(cd "$root/dist" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
