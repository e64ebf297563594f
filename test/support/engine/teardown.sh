# shellcheck shell=bash
# `down`: nothing of the testbed stays, except packages installed from the machine's own Debian.

tear_down() {
  local keep=${1:-}
  [[ -z $keep || $keep == --keep-downloads ]] || { usage >&2 && exit 64; }
  if [[ -n ${CHALK_ENGINE_STORE:-} ]]; then
    daemon_down "$(requested_store)"
    return 0
  fi
  daemon_down containerd
  daemon_down graph
  daemon_down old
  found_release
  registry_down
  [[ -n $keep ]] || rm -rf "$DOWNLOADS"
  remove_rest
  say "down${keep:+, downloads kept in $DOWNLOADS}"
}

# By name, so that a CHALK_TESTBED_CACHE set to a folder with other things in it loses none of them.
remove_rest() {
  rm -rf "$PREFIX" "$PREFIX.new" "$OLD_PREFIX" "$OLD_PREFIX.new" "$TOOLS" "$TOOLS.new" "$ROOT/context" "$ROOT"/buildkit-{module,context} "$ROOT"/*.log
  rmdir "$ENGINES" 2>/dev/null || true
  rm -f "$ROOT/lock"
  rmdir "$ROOT" 2>/dev/null || true
}
