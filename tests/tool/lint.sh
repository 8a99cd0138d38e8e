#!/bin/bash
# SPDX-License-Identifier: MIT
# What `make lint` holds the tree to, besides clang-tidy:
#   includes    between the rooms of server/ run downwards only
#   format      clang-format has nothing to change
#   functions   no function body is longer than 100 lines (tables are not functions)
#   spdx        every source names its licence
#   words       no tracked file names a place on this machine
#   shell       scripts parse
# With names as arguments, only those.
set -u
cd "$(dirname "$0")/../.." || exit 1

bad=0
complain() { bad=1; echo "lint: $*" >&2; }
sources() { find server tests -name '*.[ch]' -o -name '*.[ch]pp' | LC_ALL=C sort; }

# room: the rooms that it may include from
allowed() {
    case $1 in
    base) echo base ;;
    vault) echo base vault ;;
    pay) echo base vault pay ;;
    store) echo base vault pay store ;;
    http) echo base http ;;
    core) echo core ;;
    image) echo base core image ;;
    jobs) echo base vault pay store http image jobs ;;
    api) echo base vault pay store http image jobs api ;;
    *) echo '*' ;;
    esac
}

lint_includes() {
    local file room target may
    while IFS=: read -r file target; do
        room=${file#server/}
        room=${room%%/*}
        may=" $(allowed "$room") "
        [ "$may" = ' * ' ] || case $may in
        *" $target "*) ;;
        *) complain "$file: includes $target/, which lies above $room/" ;;
        esac
    done < <(grep -HoE '^ *# *include +"[a-z]+/' $(find server -mindepth 2 -name '*.[ch]' -o -name '*.[ch]pp') |
        sed -E 's,: *# *include +",:,; s,/$,,')
}

lint_format() {
    local file
    for file in $(sources | xargs clang-format --dry-run 2>&1 | sed -nE 's/^([^ :]+):.*/\1/p' | uniq); do
        complain "$file: make format would change it"
    done
}

lint_functions() {
    local report
    report=$(sources | grep -E '^server/.*\.c(pp)?$' | xargs awk '
        FNR == 1 { open = 0 }
        /^\{/ { open = before ~ /^(class|struct|namespace|enum)/ ? 0 : FNR; name = before }
        /^\}/ && open { print FNR - open - 1, FILENAME ":" open " " name; open = 0 }
        /^[a-z]/ { before = $0 }' | sort -n)
    echo "$report" | awk '$1 > 100 { print "lint: over 100 lines:", $0; found = 1 } END { exit found }' >&2 || bad=1
    echo "$report" | awk '{ n[NR] = $1 } END {
        if (NR) printf "lint: functions: %d in server/, median %d lines, 90th percentile %d, longest %d\n",
            NR, n[int((NR + 1) / 2)], n[int(NR * 0.9 + 0.5)], n[NR] }'
}

lint_spdx() {
    local file
    for file in $(sources); do
        [ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: MIT */' ] ||
            complain "$file: the first line is not the SPDX line"
    done
    for file in $(find deploy tests .ci server -type f -perm -u+x); do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
    done
}

lint_words() {
    local here
    here=$(pwd)
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 0
    if [ ${#here} -ge 6 ]; then
        git grep -nIF -e "$here/" -- . >&2 && complain "words: a path of this machine"
    fi
    git grep -nIE -e '/(home|Users)/[a-z]' -- . ':!tests/tool/lint.sh' >&2 && complain "words: somebody's home"
    return 0
}

lint_shell() {
    local file
    for file in $(grep -rlE '^#!.*\b(ba)?sh$' deploy tests .ci server 2>/dev/null); do
        bash -n "$file" || complain "$file: does not parse"
    done
}

for part in ${*:-includes format functions spdx words shell}; do
    before=$bad
    bad=0
    "lint_$part"
    [ $bad -ne 0 ] || echo "lint: $part: good"
    [ $before -eq 0 ] || bad=1
done
exit $bad
