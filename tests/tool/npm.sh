#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what a folder's package-lock.json names: node and npm of Debian where there are none, then
# `npm ci`. Nothing of a package is run here. Quiet, and quick, when it has been done.
#
#   tests/tool/npm.sh FOLDER PLACE    such as tests/peers build/peers
set -eu
cd "$(dirname "$0")/../.."
[ $# -eq 2 ] || { sed -n '6s/^# *//p' tests/tool/npm.sh >&2; exit 64; }
folder=$1 place=$2
deploy/install-deps.sh peers
wanted=$(cat "$folder/package.json" "$folder/package-lock.json" "$folder/.npmrc" | sha256sum)
[ "$(cat "$place/installed" 2>/dev/null)" != "$wanted" ] || exit 0
mkdir -p "$place"
cp "$folder/package.json" "$folder/package-lock.json" "$folder/.npmrc" "$place/"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier \
    --cache ../npm-cache) >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
echo "$wanted" >"$place/installed"
