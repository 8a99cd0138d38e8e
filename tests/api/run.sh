#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the API tests against a whole installation, inside tests/tool/with-postgres.sh.
#
#   tests/api/run.sh PROGRAM [PATTERN...]    only the tests whose names match, with their groups' set-up
#
# The program asks over two pipes for what it cannot do by HTTP: a line of shell over descriptor 3,
# run here with the functions of tests/tool/stack.sh, and back over descriptor 4 its exit code and
# the addresses as they are then. The scheduler is off but for the test of it. Output of those lines goes to control.log beside the server's log.
set -u
[ $# -ge 1 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 64; }
program=$1
shift
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/tests/tool/stack.sh"
place=$(mktemp -d "$here/build/api.XXXXXX")
clean_up() {
    [ -z "${tests_pid:-}" ] || kill "$tests_pid" 2>/dev/null
    stack_down
    [ -n "${KEEP:-}" ] || rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 143' INT TERM HUP

export IDPHOTOD_SERVER_PAYMENT_RETURN_URL=https://photos.example.cn/paid
export IDPHOTOD_SERVER_RATE_LIMITS=off IDPHOTOD_SCHEDULER_ENABLED=false
stack_up "$place" || exit 1
server_up || exit 1
mkfifo "$place/ask" "$place/tell"
export STACK CONFIG IDPHOTOD
"$program" "$@" 3>"$place/ask" 4<"$place/tell" &
tests_pid=$!
exec 5<"$place/ask" 6>"$place/tell"
while IFS= read -r line <&5; do
    echo "+ $line" >>"$place/control.log"
    eval "$line" >"$place/said" 2>>"$place/control.log"
    code=$?
    echo "$code $API $ADMIN $SANDBOX $OFFSET $(head -n 1 "$place/said")" >&6
done
wait "$tests_pid"
code=$?
tests_pid=
server_down || { echo "the server ended with $?"; [ $code -ne 0 ] || code=1; }
[ $code -eq 0 ] || { [ -z "${KEEP:-}" ] || echo "logs: $place"; }
exit $code
