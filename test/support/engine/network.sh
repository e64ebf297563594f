# shellcheck shell=bash
# A bridge per private engine, with rules of our own. dockerd runs with --iptables=false: its chains have fixed
# names, and two engines (or the user's and ours) would flush each other's.

# At most 15 characters, and another one for another CHALK_TESTBED_CACHE.
bridge_of() {
  printf 'chalk%.5s%.1s' "$(printf '%s' "$ROOT" | md5sum)" "$1"
}

free_subnet() {
  local n
  for n in {28..31} {18..27}; do
    ip -4 route show | grep -q "^172\.$n\." || { printf '172.%s.0' "$n" && return 0; }
  done
  die "no free 172.16.0.0/12 network for the engine's bridge"
}

# bridge_rules BRIDGE SUBNET IPTABLES -A|-D
bridge_rules() {
  local bridge=$1 subnet=$2 iptables=$3 action=$4 mark=(-m comment --comment "docker-chalk testbed $1")
  "$iptables" -t nat "$action" POSTROUTING -s "$subnet" '!' -o "$bridge" "${mark[@]}" -j MASQUERADE
  "$iptables" -t filter "$action" FORWARD -i "$bridge" "${mark[@]}" -j ACCEPT
  "$iptables" -t filter "$action" FORWARD -o "$bridge" "${mark[@]}" -j ACCEPT
}

bridge_subnet() {
  { ip -4 -o addr show dev "$1" 2>/dev/null || true; } | awk '{ sub(/\.1\/24/, ".0/24", $4); print $4 }'
}

bridge_up() {
  local bridge subnet
  bridge=$(bridge_of "$1")
  [[ -n $(bridge_subnet "$bridge") ]] && return 0
  subnet=$(free_subnet)
  ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
  ip addr add "$subnet.1/24" dev "$bridge"
  ip link set "$bridge" up
  bridge_rules "$bridge" "$subnet.0/24" iptables -A ||
    say "no iptables rules for $bridge: containers reach this machine, but nothing beyond it"
}

bridge_down() {
  local bridge subnet
  bridge=$(bridge_of "$1")
  subnet=$(bridge_subnet "$bridge")
  [[ -z $subnet ]] || bridge_rules "$bridge" "$subnet" quiet_iptables -D
  ip link del "$bridge" 2>/dev/null || true
}

quiet_iptables() { iptables "$@" 2>/dev/null || true; }
