#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs prints.py against a whole installation. Inside tests/tool/with-postgres.sh, with VARIANT in the
# environment.
#
#   tests/api/prints.sh [WORD...]    only the tests with such a word in their names
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tool/stack.sh
home=$(mktemp -d)
trap 'stack_down; rm -rf "$home"' EXIT
umask 077
stack_up "$home/stack" && server_up || exit 1
"$IDPHOTOD" operator add printer --role fulfilment --config "$CONFIG" >"$home/token" 2>/dev/null || exit 1
export API ADMIN SANDBOX SERVER_PID IDPHOTOD_TEST_SUPERUSER_URL SERVER_LOG
PYTHONPATH=tests/tool PYTHONDONTWRITEBYTECODE=1 python3 tests/api/prints.py "$home/token" "$@"
