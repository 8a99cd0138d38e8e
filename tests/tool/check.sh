#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the steps of `make check`, STEPS_AT_ONCE (2) at a time since most of them wait for something,
# each beside a PostgreSQL of its own, and adds up what they counted.
#
#   tests/tool/check.sh LOGS NAME=COMMAND...
#
# A step's output goes to LOGS/NAME.log, and to the terminal when the step fails, or with V=1, which runs
# one at a time. Counted is its last "N passed, N failed", or Criterion's summary; a step that counts
# nothing counts as one. The last line is the sum; the exit code is 1 when anything failed. STEP_SECONDS
# (900) ends a step. Tables, lines that begin with "| ", are shown in any case.
set -u
[ $# -ge 2 ] || { sed -n '6s/^# *//p' "$0" >&2; exit 64; }
logs=$1
shift
mkdir -p "$logs"
passed=0
failed=0

at_once=${V:+1}
at_once=${at_once:-${STEPS_AT_ONCE:-2}}

here=$(dirname "$0")
declare -A step=() begun=() # name and time by number of the process
stop() {
    kill -TERM "${!step[@]}" 2>/dev/null
    wait
    exit 143
}
trap stop INT TERM HUP

run() { exec timeout -k 60 "${STEP_SECONDS:-900}" "$here/with-postgres.sh" bash -c "$1"; }

# "PASSED FAILED" of a log
count() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        match($0, /[0-9]+ passed, [0-9]+ failed/) {
            split(substr($0, RSTART, RLENGTH), n, / passed, | failed/)
            ok = n[1]; bad = n[2]; seen = 1
        }
        /Synthesis: Tested: / {
            split($0, n, /Passing: |Failing: |Crashing: /)
            ok = n[2] + 0; bad = n[3] + n[4]; seen = 1
        }
        END { if (seen) print ok, bad }'
}

start() {
    local log=$logs/${1%%=*}.log
    if [ -n "${V:-}" ]; then
        run "${1#*=}" > >(tee "$log") 2>&1 &
    else
        run "${1#*=}" >"$log" 2>&1 &
    fi
    step[$!]=${1%%=*}
    begun[$!]=$SECONDS
}

# Waits for one of them, whichever, and counts it.
finish() {
    local pid code=0 ok bad name log
    wait -n -p pid "${!step[@]}" || code=$?
    name=${step[$pid]}
    log=$logs/$name.log
    read -r ok bad < <(count "$log") || { ok=0 bad=0; [ $code -ne 0 ] || ok=1; }
    [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$bad" -gt 0 ] && [ -z "${V:-}" ]; then
        tail -n 200 "$log"
        echo "  $name failed (exit $code); the whole log: $log"
    elif [ -z "${V:-}" ]; then
        grep '^| ' "$log"
    fi
    printf '  %-12s %5d passed, %d failed  (%d s)\n' "$name" "$ok" "$bad" $((SECONDS - begun[$pid]))
    unset "step[$pid]"
}

for named in "$@"; do
    [ ${#step[@]} -lt "$at_once" ] || finish
    start "$named"
done
while [ ${#step[@]} -gt 0 ]; do
    finish
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
