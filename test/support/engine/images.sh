# shellcheck shell=bash
# Base images, from the recipes in images/, in the registry and in the engine. Nothing is fetched for them.

IMAGES=(busybox entry-cmd onbuild shell distroless multi)

image_ref() { printf '127.0.0.1:%s/%s:1' "$(registry_port)" "$1"; }

# Changes when a recipe does.
recipe() { cat "$here/images.sh" "$here"/images/* | cksum; }

images_up() {
  local dir=$ENGINES/$1 sum name present
  rm -rf "$ROOT/context"
  sum=$(recipe)
  present=$(docker image ls --format '{{.Repository}}:{{.Tag}}')
  [[ $(cat "$dir/recipe" 2>/dev/null) == "$sum" ]] || present=''
  for name in "${IMAGES[@]}"; do
    image_up "$name" "$present" "$sum"
  done
  printf '%s\n' "$sum" >"$dir/recipe"
  printf '%s\n' "$sum" >"$REGISTRY/recipe"
  rm -rf "$ROOT/context"
}

# The registry's copy is the one that counts, so both engines hold the same image.
image_up() {
  local name=$1 ref
  ref=$(image_ref "$name")
  if [[ $name == multi && $CHALK_TEST_STORE != containerd ]]; then return 0; fi
  if [[ $(cat "$REGISTRY/recipe" 2>/dev/null) == "$3" ]] && registry_has "$name" 1; then
    grep -qxF "$ref" <<<"$2" || docker pull -q "$ref" >/dev/null
  else
    say "building $ref"
    image_build "$name" "$ref"
    docker push -q "$ref" >/dev/null
  fi
}

image_build() {
  local name=$1 ref=$2 file=$1 platforms=()
  prepare_context
  if [[ $name == busybox && ! -f $ROOT/context/busybox ]]; then file="busybox-hub"; fi
  if [[ $name == multi ]]; then platforms=(--platform "linux/amd64,linux/arm64"); fi
  BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker buildx build -q "${platforms[@]}" --load -t "$ref" \
    --build-arg "REGISTRY=127.0.0.1:$(registry_port)" -f "$here/images/$file.Dockerfile" "$ROOT/context" >/dev/null
}

prepare_context() {
  local context=$ROOT/context busybox
  [[ -d $context ]] && return 0
  mkdir -p "$context"
  busybox=$(command -v busybox) && is_static "$busybox" && cp "$busybox" "$context/busybox"
  cp "$here/images/passwd" "$here/images/group" "$context/"
  compile_app "$context/app"
}

is_static() { ! ldd "$1" >/dev/null 2>&1; }

compile_app() {
  command -v cc >/dev/null || ! private_engine_possible || install_from_machine gcc libc6-dev
  cc -static -Os -s -o "$1" "$here/images/app.c" || die "the distroless image needs a C compiler and a static libc (gcc, libc6-dev)"
}

image_glibc() {
  local ref tar=$DOWNLOADS/glibc.tar root=$ROOT/glibc
  ref=$(image_ref glibc)
  registry_has glibc 1 && { docker pull -q "$ref" && return 0; }
  private_engine_possible || die "the glibc image is built with debootstrap: Debian, as root"
  if [[ ! -f $tar ]]; then
    install_from_machine debootstrap
    mkdir -p "$DOWNLOADS" && rm -rf --one-file-system "$root"
    debootstrap --variant=minbase bookworm "$root" "$(debian_archive)" >"$ROOT/debootstrap.log" 2>&1 ||
      { tail -n 20 "$ROOT/debootstrap.log" >&2 && die "debootstrap failed"; }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" --one-file-system -cf "$tar.new" . && mv "$tar.new" "$tar"
    rm -rf --one-file-system "$root"
  fi
  docker import -c 'CMD ["bash"]' "$tar" "$ref" >/dev/null
  docker push -q "$ref"
}
