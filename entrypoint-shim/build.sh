#!/bin/bash
# Builds shim and reporter into build/linux-ARCH/, the same bytes every time. Does nothing when nothing changed.
# build.sh [--all] [OUTPUT-FOLDER]: amd64 and arm64, or with --all every platform.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
platforms=(amd64 arm64)
if [ "${1:-}" = --all ]; then
  platforms=(amd64 arm64 arm-v7 ppc64le riscv64 s390x)
  shift
fi
out=${1:-$here/build}
limit=8192 # bytes a shim may have
growth=4980000 # bytes of both: what an image grows by, mark and configuration aside

# shellcheck source=toolchain.sh
. "$here/toolchain.sh" "${platforms[@]}" || exit 2
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"
exec 9> "$out/.lock"
flock 9

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' ../package.json)
inputs() {
  find shim reporter build.sh toolchain.sh -type f ! -name '*_test.go' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  echo "$version"
  local compiler
  compiler=$(compiler_of "$1")
  "$compiler" --version
  "$compiler" -Wl,--version 2>/dev/null | head -1
  "$GO" env GOVERSION
}

# One read-only segment and no writable data: so small with 64 KiB pages too, which arm64 kernels may have.
c_flags=(-std=c11 -Os -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-ident -fno-stack-protector
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-tree-loop-distribute-patterns -fno-pie -no-pie -static -nostdlib -nostartfiles
  -Wl,--build-id=none,-z,noseparate-code,-z,noexecstack,--fatal-warnings,-s)

build_shim() {
  local flags=("${c_flags[@]}")
  case $1 in
    amd64) flags+=(-fcf-protection=none) ;;
    arm-v7) flags+=(-O2 -marm -march=armv7-a+fp) ;; # -Os would call a division that only a library has
    riscv64) flags+=(-mno-relax -Wl,--no-relax -msmall-data-limit=0) ;; # nobody sets up gp
  esac
  "$(compiler_of "$1")" "${flags[@]}" -o "$2" shim/shim.c shim/keeper.c shim/init.c
  if [ "$(stat -c %s "$2")" -gt "$limit" ]; then echo "build: $2 is larger than $limit bytes" >&2; exit 1; fi
}

# Without inlining: nothing here is in a hurry, and it is a third of a megabyte. Segments begin at multiples of 64 kB,
# where the processor has no larger pages than 4 kB at multiples of that.
build_reporter() {
  local layout=
  case $1 in riscv64 | s390x) layout='-R 0x1000' ;; esac
  (cd reporter && env -u GOFLAGS -u GOEXPERIMENT -u GOROOT GOENV=off GOTOOLCHAIN=local GOPROXY=off GOWORK=off CGO_ENABLED=0 GOOS=linux GOARCH="${1%-v7}" \
    GOAMD64=v1 GOARM64=v8.0 GOARM=7 GOPPC64=power8 GORISCV64=rva20u64 GOCACHE="${GOCACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/go-build}" \
    "$GO" build -trimpath -buildvcs=false -gcflags=all=-l -ldflags "-s -w -buildid= $layout -X main.version=$version" -o "$2" .)
}

for arch in "${platforms[@]}"; do
  folder=$out/linux-$arch
  stamp=$(inputs "$arch" | sha256sum)
  if [ -x "$folder/shim" ] && [ -x "$folder/reporter" ] && [ "$(cat "$out/.stamp-$arch" 2>/dev/null)" = "$stamp" ]; then continue; fi
  rm -f "$out/.stamp-$arch"
  mkdir -p "$folder"
  build_shim "$arch" "$folder/shim.new"
  build_reporter "$arch" "$folder/reporter.new"
  if [ "$(cat "$folder"/{shim,reporter}.new | wc -c)" -gt "$growth" ]; then echo "build: linux-$arch is larger than $growth bytes" >&2; exit 1; fi
  for program in shim reporter; do
    chmod 0555 "$folder/$program.new"
    mv -f "$folder/$program.new" "$folder/$program"
  done
  echo "$stamp" > "$out/.stamp-$arch"
done
for arch in "${platforms[@]}"; do
  for program in shim reporter; do
    printf '%8d  %s  linux-%s/%s\n' "$(stat -c %s "$out/linux-$arch/$program")" "$(sha256sum < "$out/linux-$arch/$program" | cut -d' ' -f1)" "$arch" "$program"
  done
done
