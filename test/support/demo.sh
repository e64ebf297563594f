#!/usr/bin/env bash
# The main job, shown: `make demo` runs this with an engine. Everything it makes is below one temporary folder and one
# image name, and is gone afterwards.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
image=chalk-demo
pushed=$CHALK_TEST_REGISTRY/chalk-demo:1
trap 'docker image rm -f $image $image-plain $pushed >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# A docker configuration of our own with the testbed's plugins, so that nobody's is changed.
cp -rP "$DOCKER_CONFIG" "$work/docker-config"
export DOCKER_CONFIG=$work/docker-config XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
unset CHALK_PASSWORD COSIGN_PASSWORD
base=$CHALK_TEST_REGISTRY/busybox:1

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

cp -r "$here/test/fixtures/demo" "$work/app"
cd "$work/app"
git init --quiet --initial-branch=main
git -c user.name=Ada -c user.email=ada@example.com add .
git -c user.name=Ada -c user.email=ada@example.com commit --quiet --message='Greet the world'
git remote add origin https://ada:secret@git.example.com/acme/greet.git

say 'Install the plugin'
"$here/plugin/docker-chalk" chalk install

say 'Build as ever, with one word more'
run docker chalk build --quiet --build-arg BASE="$base" --tag "$image" .

say 'The entrypoint is wrapped'
run docker image inspect --format '{{json .Config.Entrypoint}} {{json .Config.Cmd}}' "$image"

say 'The mark, read from the image and validated'
run docker chalk extract "$image"

say 'The layers of the user are those of a plain docker build'
docker build --quiet --build-arg BASE="$base" --tag "$image-plain" . >/dev/null
layers() { docker image inspect --format '{{range .RootFS.Layers}}{{println .}}{{end}}' "$1"; }
plain=$(layers "$image-plain")
if [ "$(layers "$image" | head -n "$(wc -l <<<"$plain")")" = "$plain" ]; then
  echo "$(wc -l <<<"$plain") of $(wc -l <<<"$plain") layers identical, then ours: $(layers "$image" | tail -n +"$(($(wc -l <<<"$plain") + 1))" | grep -c .)"
else
  echo 'the layers differ' >&2
  exit 1
fi

say 'It runs as the plain image does, and reports where'
code=0
run docker run --rm --env CHALK_REPORT_FILE=- "$image" >"$work/run" || code=$?
grep -v '^\[{' "$work/run"
echo "exit code $code, as of the plain image: $(docker run --rm "$image-plain" >/dev/null || echo $?)"

say 'The runtime report'
grep '^\[{' "$work/run" | "$here/node_modules/.bin/node" -e '
  const [report] = JSON.parse(require("fs").readFileSync(0, "utf8"));
  console.log(JSON.stringify(report, null, 2));'

say 'The build report'
head -n 1 "$XDG_STATE_HOME/docker-chalk/reports.jsonl" | "$here/node_modules/.bin/node" -e '
  const [report] = JSON.parse(require("fs").readFileSync(0, "utf8"));
  console.log(JSON.stringify(report, null, 2));'

say 'One CHALK_ID everywhere'
for source in "$work/run" "$XDG_STATE_HOME/docker-chalk/reports.jsonl"; do
  grep -o '"CHALK_ID" \?: \?"[^"]*"' "$source" | sort -u
done

say 'Keys, once; their password is shown this one time'
run docker chalk setup | tee "$work/setup"
CHALK_PASSWORD=$(sed -n 's/^CHALK_PASSWORD=//p' "$work/setup")
export CHALK_PASSWORD

say 'Push: mark and provenance are signed beside the image'
run docker chalk build --quiet --push --build-arg BASE="$base" --tag "$pushed" .

say 'The real cosign verifies both'
public=$XDG_CONFIG_HOME/docker-chalk/chalk.pub
for type in slsaprovenance1 https://in-toto.io/attestation/scai/v0.3; do
  run cosign verify-attestation --key "$public" --insecure-ignore-tlog --type "$type" "$pushed" >"$work/verified" 2>"$work/cosign" ||
    { cat "$work/cosign" >&2; exit 1; }
  grep -m 1 '^Verification' "$work/cosign"
done

say 'And so do we, with every check'
run docker chalk verify --key "$public" "$pushed"

say 'Somebody else’s key does not'
XDG_CONFIG_HOME=$work/other docker chalk setup >/dev/null
run docker chalk verify --key "$work/other/docker-chalk/chalk.pub" "$pushed" || echo "exit code $?"
