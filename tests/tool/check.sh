#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the steps of `make check` one after the other, each beside a PostgreSQL of its own, and adds
# up what they counted.
#
#   tests/tool/check.sh LOGS NAME=COMMAND...
#
# A step's output goes to LOGS/NAME.log, and to the terminal when the step fails or V=1. Counted is
# its last "N passed, N failed", or Criterion's summary; a step that counts nothing counts as one.
# The last line is the sum; the exit code is 1 when anything failed. STEP_SECONDS (900) ends a step.
# Tables, lines that begin with "| ", are shown in any case.
set -u
[ $# -ge 2 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 64; }
logs=$1
shift
mkdir -p "$logs"
passed=0
failed=0

here=$(dirname "$0")
step=
stop() {
    if [ -n "$step" ]; then
        kill -TERM "$step" 2>/dev/null
        wait "$step"
    fi
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

for named in "$@"; do
    name=${named%%=*}
    log=$logs/$name.log
    begin=$(date +%s)
    if [ -n "${V:-}" ]; then
        run "${named#*=}" > >(tee "$log") 2>&1 &
    else
        run "${named#*=}" >"$log" 2>&1 &
    fi
    step=$!
    wait "$step"
    code=$?
    step=
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
    printf '  %-12s %5d passed, %d failed  (%d s)\n' "$name" "$ok" "$bad" $(($(date +%s) - begin))
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
