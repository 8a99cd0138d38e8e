#!/bin/bash
# SPDX-License-Identifier: MIT
# `make run`: server, sandbox and database in the foreground until Ctrl-C. Nothing of it stays.
# To be called inside tests/tool/with-postgres.sh.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tool/stack.sh

folder=$(mktemp -d /tmp/idphotod-run-XXXXXX)
trap 'stack_down; rm -rf "$folder"' EXIT
trap 'exit 0' INT TERM HUP

stack_up "$folder" && server_up || exit 1
token=$folder/operator.token
(umask 077 && "$IDPHOTOD" operator add local --role admin --config "$CONFIG" 2>/dev/null |
    tail -n 1 >"$token") || echo "no operator could be added" >&2

cat <<TEXT

  API         $API
  operators   $ADMIN        token in $token
  sandbox     $SANDBOX
  database    $IDPHOTOD_TEST_DATABASE_URL
  log         $SERVER_LOG

  curl $API/v1/policy
  curl $API/v1/products
  curl -X POST $API/v1/accounts -H 'Content-Type: application/json' \\
       -H "Idempotency-Key: \$(cat /proc/sys/kernel/random/uuid)" \\
       -d '{"policy_version": "2026-11-01"}'

  Ctrl-C stops everything and removes it.

TEXT
tail -n +1 -f --pid="$SERVER_PID" "$SERVER_LOG" &
wait "$SERVER_PID"
