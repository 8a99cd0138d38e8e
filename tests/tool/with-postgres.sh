#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs a command beside a private PostgreSQL and stops that in any case.
#
#   tests/tool/with-postgres.sh COMMAND [ARGUMENT...]
#
# The command's environment names the cluster: IDPHOTOD_TEST_DATABASE_URL (application role),
# IDPHOTOD_TEST_OWNER_URL, IDPHOTOD_TEST_SUPERUSER_URL, IDPHOTOD_TEST_PGDATA, ..._PGLOG, and
# IDPHOTOD_TEST_PGFOLDER for tests/tool/postgres.sh. Exit code: the command's.
set -eu
[ $# -gt 0 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 64; }

here=$(cd "$(dirname "$0")" && pwd)
clusters=${IDPHOTOD_TEST_CLUSTERS:-$(cd "$here/../.." && pwd)/build/pg}
mkdir -p "$clusters"

# What a run that was killed left behind: the folder's name ends in the number of its process.
for left in "$clusters"/run.*; do
    [ -d "$left" ] && ! kill -0 "${left##*.}" 2>/dev/null && "$here/postgres.sh" stop "$left"
done

folder=$clusters/run.$$
child=
clean_up() {
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null && wait "$child" 2>/dev/null || true
    fi
    "$here/postgres.sh" stop "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

settings=$("$here/postgres.sh" start "$folder")
set -a
eval "$settings"
set +a

# A process group of its own, so that an interruption reaches everything that the command started.
set -m
"$@" &
child=$!
set +m
code=0
wait "$child" || code=$?
child=
exit "$code"
