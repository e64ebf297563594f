# shellcheck shell=bash
# The oldest engine there is a promise for: Debian 12's own, 20.10, with its own client, which has no buildx. It stands
# beside the others, with data, socket and bridge of its own.

OLD_SUITE=bookworm
OLD_PREFIX=$ROOT/prefix-old

old_engine_up() {
  private_engine_possible || {
    say "the old engine can only be started on Debian as root."
    exit 2
  }
  (
    SUITE=$OLD_SUITE PREFIX=$OLD_PREFIX DOWNLOADS=$DOWNLOADS/$OLD_SUITE ENGINE_PACKAGES=(docker.io containerd)
    link_plugins() { :; }
    daemon_up old
  )
  use_engine old
  images_up old
  cat "$ENGINES/old/env"
}
