#!/bin/bash
# SPDX-License-Identifier: MIT
# Gets Debian's promtool, without the service that its package would start.
#
#   tests/tool/promtool.sh FILE
#
# FILE becomes a link to an installed promtool, or the one of the package, downloaded and unpacked.
set -eu
[ $# -eq 1 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 64; }
file=$1
mkdir -p "$(dirname "$file")"
if command -v promtool >/dev/null; then
    ln -sf "$(command -v promtool)" "$file"
    exit 0
fi

place=$(cd "$(dirname "$file")" && pwd)/promtool.d
rm -rf "$place"
mkdir -p "$place"
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
download() { (cd "$place" && apt-get -qq download prometheus 2>&1); }
# Lists that are absent or stale are fetched once, on the first failure.
if ! said=$(download); then
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    said=$(download) || { echo "$said" >&2; exit 1; }
fi
dpkg-deb -x "$place"/prometheus_*.deb "$place/unpacked"
mv "$place/unpacked/usr/bin/promtool" "$file"
rm -rf "$place"
