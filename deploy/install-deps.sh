#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian 12 packages that idphotod is built and tested with.
#
#   deploy/install-deps.sh [build|develop|bench|peers|web]
#
# build (default): compiler, libraries, PostgreSQL, what the demo and the tests call.
# develop: also clang, for lint and fuzzing.
# bench: also wrk, for `make bench`.
# peers: also node and npm, for tests/peers, unless there are some that dpkg does not know of.
# web: also Chromium and a Chinese font, for tests/web.
# Quiet when nothing is missing. Otherwise needs root, or sudo.
set -eu

build="gcc g++ libc6-dev make pkg-config ca-certificates curl jq openssl python3
    libmicrohttpd-dev libpq-dev libjansson-dev libsodium-dev libcurl4-openssl-dev libssl-dev
    libgnutls28-dev libinih-dev libsimdjson-dev libvips-dev libopencv-core-dev
    libopencv-imgproc-dev libopencv-objdetect-dev libopencv-dnn-dev opencv-data libjpeg-dev
    libcairo2-dev zlib1g-dev libzip-dev libarchive-dev libcsv-dev libqrencode-dev libcriterion-dev
    postgresql-15 postgresql-client-15 procps strace gdb poppler-utils"
develop="$build clang clang-format clang-tidy libclang-rt-14-dev"
bench="$build wrk"

case ${1:-build} in
build) wanted=$build ;;
develop) wanted=$develop ;;
bench) wanted=$bench ;;
web) wanted="$build chromium fonts-noto-cjk" ;;
peers)
    wanted=$build
    command -v node >/dev/null && command -v npm >/dev/null || wanted="$build nodejs npm"
    ;;
*)
    echo "usage: deploy/install-deps.sh [build|develop|bench|peers|web]" >&2
    exit 64
    ;;
esac

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "neither root nor sudo here; as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
# One at a time: tests that run beside each other may both miss something. What a package starts does not
# inherit the lock.
apt_get() { flock --close "$0" $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

# The tests run clusters of their own: a first installation of PostgreSQL need not start one.
if ! [ -e /etc/postgresql-common/createcluster.conf ] &&
    ! dpkg-query -W postgresql-common >/dev/null 2>&1; then
    $as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Lists that are absent or stale are fetched once, on the first failure.
# shellcheck disable=SC2086
if ! apt_get install -y --no-install-recommends $missing >"$log" 2>&1; then
    apt_get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    apt_get install -y --no-install-recommends $missing >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
