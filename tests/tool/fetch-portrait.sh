#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the path of a portrait to upload: Eileen Collins, NASA, public domain. It comes out of
# Debian's python3-skimage, unpacked below build/ and not installed. Says nothing else on success;
# a second call finds the first one's file.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=python3-skimage
inside=./usr/lib/python3/dist-packages/skimage/data/astronaut.png
folder=build/portrait
portrait=$folder/astronaut.png

fail() {
    echo "fetch-portrait: $1" >&2
    exit 1
}

download() { (cd "$1" && apt-get -qq download "$package" >log 2>&1); }

# Lists that are absent or stale are fetched once, as deploy/install-deps.sh does.
update_lists() {
    if [ "$(id -u)" -eq 0 ]; then
        apt-get -qq update >/dev/null 2>&1
    else
        sudo -n apt-get -qq update >/dev/null 2>&1
    fi
}

fetch() {
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    download "$work" || { update_lists && download "$work"; } ||
        fail "apt-get could not download $package: $(tail -n 1 "$work/log"). PORTRAIT=file does without"
    dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" "$inside" ||
        fail "$package holds no $inside"
    mv "$work/$inside" "$portrait"
}

[ -s "$portrait" ] || fetch
echo "$portrait"
