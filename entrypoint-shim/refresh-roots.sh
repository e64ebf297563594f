#!/bin/bash
# Replaces the certificate authorities built into the reporter (reporter/internal/roots/roots.der) by those of Debian's
# newest ca-certificates, which are Mozilla's. For maintainers, and only when somebody decides so: builds stay reproducible.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=toolchain.sh
. "$here/toolchain.sh"
suite=${1:-sid}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,root}
uri=$(debian_uri) || { complain "no Debian address in this machine's apt sources"; exit 1; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" > "$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" download ca-certificates)
dpkg -x "$work"/*.deb "$work/root"
for file in "$work"/root/usr/share/ca-certificates/mozilla/*.crt; do
  sed '/-----/d' "$file" | base64 -d
done > "$here/reporter/internal/roots/roots.der"
basename "$work"/*.deb | sed 's/%3a/:/' > "$here/reporter/internal/roots/source"
sha256sum "$here/reporter/internal/roots/roots.der"
cat "$here/reporter/internal/roots/source"
