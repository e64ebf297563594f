#!/bin/sh
set -e
export SYFT_CHECK_FOR_APP_UPDATE=false
/syft scan -q -o spdx-json@2.3 "dir:$BUILDKIT_SCAN_SOURCE" >/tmp/sbom.json
{
  printf '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":'
  cat /tmp/sbom.json
  printf '}'
} >"$BUILDKIT_SCAN_DESTINATION/$(basename "$BUILDKIT_SCAN_SOURCE").spdx.json"
