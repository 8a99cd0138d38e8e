#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs fuzz targets on their corpus in the tree, as many at a time as there are cores.
#
#   tests/tool/fuzz.sh WORK SECONDS TARGET...
#
# New inputs go to WORK/corpus/NAME, findings to WORK/findings; the corpus in the tree
# (tests/fuzz/corpus/NAME) is only read. Exit 1 when a target found something.
set -u
[ $# -ge 3 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 64; }
work=$1
seconds=$2
shift 2
mkdir -p "$work/findings"

run() {
    local name log
    name=$(basename "$1" _fuzz)
    log=$work/$name.log
    mkdir -p "$work/corpus/$name"
    if "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$work/findings/$name-" "$work/corpus/$name" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units/ { n = $2 } / cov: / { split($0, c, / cov: | ft:/); cov = c[2] }
            END { printf "  fuzz %-16s %9d inputs, %s edges, nothing found\n", name, n, cov }' "$log"
    else
        grep -v '^#' "$log" | tail -n 40
        echo "  fuzz $name found something: $work/findings"
        return 1
    fi
}

rm -f "$work/failed"
trap 'kill $(jobs -p) 2>/dev/null; exit 143' INT TERM HUP
for target in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    { run "$target" || touch "$work/failed"; } &
done
wait
[ ! -e "$work/failed" ]
