#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh TABLE FILE...: writes assembler that puts the files into the program, with a table of that
# name (server/base/embed.h, server/core/cascades.hpp).
set -eu
table=$1
shift
echo '.section .rodata'
i=0
for f in "$@"; do
    printf 'path%d: .asciz "%s"\nbytes%d: .incbin "%s"\nend%d: .byte 0\n' $i "$f" $i "$f" $i
    i=$((i + 1))
done
echo '.section .data.rel.ro,"aw"'
echo '.balign 8'
echo ".global $table"
echo "$table:"
n=0
while [ $n -lt $i ]; do
    printf '.quad path%d, bytes%d, end%d - bytes%d\n' $n $n $n $n
    n=$((n + 1))
done
echo '.quad 0, 0, 0'
echo '.section .note.GNU-stack,"",@progbits'
