#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs fuzz targets one after the other on their corpus in the tree.
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
failed=0
for target in "$@"; do
    name=$(basename "$target" _fuzz)
    mkdir -p "$work/corpus/$name" "$work/findings"
    log=$work/$name.log
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$work/findings/$name-" "$work/corpus/$name" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units/ { n = $2 } / cov: / { split($0, c, / cov: | ft:/); cov = c[2] }
            END { printf "  fuzz %-16s %9d inputs, %s edges, nothing found\n", name, n, cov }' "$log"
    else
        failed=1
        grep -v '^#' "$log" | tail -n 40
        echo "  fuzz $name found something: $work/findings"
    fi
done
exit $failed
