#!/bin/bash
# Builds shim and reporter for every platform into build/linux-ARCH/, the same bytes every time. Does nothing when nothing changed.
# build.sh [OUTPUT-FOLDER]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/build}
platforms=(amd64 arm64)
limit=8192 # bytes a shim may have

# shellcheck source=toolchain.sh
. "$here/toolchain.sh" || exit 2
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"
exec 9> "$out/.lock"
flock 9

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' ../package.json)
inputs() {
  find shim reporter build.sh toolchain.sh -type f ! -name '*_test.go' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  echo "$version"
  for tool in "$CC_amd64" "$CC_arm64"; do "$tool" --version; "$tool" -Wl,--version 2>/dev/null | head -1; done
  "$GO" env GOVERSION
}
stamp=$(inputs | sha256sum)

# One read-only segment and no writable data: so small with 64 KiB pages too, which arm64 kernels may have.
c_flags=(-std=c11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-ident -fno-stack-protector
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-tree-loop-distribute-patterns -fno-pie -no-pie -static -nostdlib -nostartfiles
  -Wl,--build-id=none,-z,noseparate-code,-z,noexecstack,--fatal-warnings,-s)

build_shim() {
  local compiler=CC_$1 flags=("${c_flags[@]}")
  [ "$1" != amd64 ] || flags+=(-fcf-protection=none)
  "${!compiler}" "${flags[@]}" -o "$2" shim/shim.c
  if [ "$(stat -c %s "$2")" -gt "$limit" ]; then echo "build: $2 is larger than $limit bytes" >&2; exit 1; fi
}

build_reporter() {
  (cd reporter && env -u GOFLAGS -u GOEXPERIMENT -u GOROOT GOENV=off GOTOOLCHAIN=local GOPROXY=off GOWORK=off CGO_ENABLED=0 GOOS=linux GOARCH="$1" \
    GOAMD64=v1 GOARM64=v8.0 GOCACHE="${GOCACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/go-build}" \
    "$GO" build -trimpath -buildvcs=false -tags nethttpomithttp2 -ldflags "-s -w -buildid= -X main.version=$version" -o "$2" .)
}

built() { for arch in "${platforms[@]}"; do [ -x "$out/linux-$arch/shim" ] && [ -x "$out/linux-$arch/reporter" ] || return 1; done; }

if ! built || [ "$(cat "$out/.stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -f "$out/.stamp"
  for arch in "${platforms[@]}"; do
    mkdir -p "$out/linux-$arch"
    build_shim "$arch" "$out/linux-$arch/shim.new"
    build_reporter "$arch" "$out/linux-$arch/reporter.new"
    for program in shim reporter; do
      chmod 0555 "$out/linux-$arch/$program.new"
      mv -f "$out/linux-$arch/$program.new" "$out/linux-$arch/$program"
    done
  done
  echo "$stamp" > "$out/.stamp"
fi
for arch in "${platforms[@]}"; do
  for program in shim reporter; do
    printf '%8d  %s  linux-%s/%s\n' "$(stat -c %s "$out/linux-$arch/$program")" "$(sha256sum < "$out/linux-$arch/$program" | cut -d' ' -f1)" "$arch" "$program"
  done
done
