# SPDX-License-Identifier: MIT
# A whole installation for tests and the demo: sandbox, keys, configuration, server. To be sourced
# by bash inside tests/tool/with-postgres.sh, which gives the database.
#
#   stack_up FOLDER          sandbox, keys, configuration, migrations (not the server)
#   server_up [OFFSET]       starts the server, at a shifted clock such as +8d; waits until it listens
#   server_down [SIGNAL]     stops it and waits
#   clock_to OFFSET          restarts the server at that offset and tells the sandbox
#   stack_down               stops what stack_up and server_up started
#
# After stack_up: STACK, SANDBOX (URL), CONFIG, IDPHOTOD (program). After server_up: API and ADMIN
# (URLs), SERVER_PID, SERVER_LOG.

: "${VARIANT:=release}"
STACK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STACK_BUILD=$STACK_ROOT/build/$VARIANT
IDPHOTOD=$STACK_BUILD/idphotod
SERVER_PID= SANDBOX_PID= OFFSET=0s

stack_wait_for() { # FILE PATTERN PID
    local i
    for ((i = 0; i < 300; i++)); do
        grep -qs -- "$2" "$1" && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    echo "stack: no '$2' in ${1##*/}" >&2
    tail -n 5 "$1" >&2
    return 1
}

# A database of its own in the cluster: stacks that follow each other share nothing. The addresses
# in the environment then name it.
stack_database() {
    local name=stack_$$_$RANDOM variable
    psql -qX "$IDPHOTOD_TEST_SUPERUSER_URL" -c "CREATE DATABASE $name OWNER idphotod_owner" || return 1
    for variable in IDPHOTOD_TEST_{DATABASE,OWNER,SUPERUSER}_URL; do
        export "$variable=$(sed -E "s,/[a-z0-9_]+\?,/$name?," <<<"${!variable}")"
    done
}

stack_up() {
    STACK=$1
    stack_database || return 1
    CONFIG=$STACK/idphotod.conf
    mkdir -p "$STACK/conf.d" "$STACK/sandbox"
    "$STACK_BUILD/sandbox" --listen 127.0.0.1:0 --dir "$STACK/sandbox" \
        >"$STACK/sandbox.log" 2>&1 &
    SANDBOX_PID=$!
    stack_wait_for "$STACK/sandbox.log" 'sandbox ready on' $SANDBOX_PID || return 1
    SANDBOX=http://$(sed -n 's/.*sandbox ready on //p' "$STACK/sandbox.log")
    cp "$STACK/sandbox/idphotod-merchants.conf" "$STACK/conf.d/merchants.conf"
    [ -d "$STACK/keys" ] || "$IDPHOTOD" keygen --dir "$STACK/keys" || return 1
    stack_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$CONFIG" <<CONF
[server]
listen = 127.0.0.1:$stack_port
public_base_url = http://127.0.0.1:$stack_port
workers = 8
rate_limits = off
[operator]
listen = 127.0.0.1:0
[database]
url = $IDPHOTOD_TEST_DATABASE_URL
owner_url = $IDPHOTOD_TEST_OWNER_URL
[keys]
master_key_file = $STACK/keys/master/1.key
ratchet_file = $STACK/keys/ratchet/ratchet.state
[catalogue]
file = $STACK_ROOT/config/catalogue.json
[limits]
file = $STACK_ROOT/config/limits.json
[policy]
dir = $STACK_ROOT/config/policy
[specs]
dir = $STACK_ROOT/config/specs
[image]
gates = $STACK_ROOT/config/gates.json
[testing]
allow_clock = true
${STACK_EXTRA_CONFIG:-}
CONF
    chmod 600 "$CONFIG"
    "$IDPHOTOD" migrate up --config "$CONFIG" >"$STACK/migrate.log" || return 1
}

server_up() {
    OFFSET=${1:-$OFFSET}
    SERVER_LOG=$STACK/server.log
    : >"$STACK/server.start"
    IDPHOTOD_TESTING_CLOCK_OFFSET=$OFFSET "$IDPHOTOD" serve --config "$CONFIG" \
        2> >(tee -a "$SERVER_LOG" >"$STACK/server.start") &
    SERVER_PID=$!
    stack_wait_for "$STACK/server.start" serve.listening $SERVER_PID || return 1
    API=http://127.0.0.1:$stack_port
    ADMIN=http://127.0.0.1:$(sed -n 's/.*"operator_port": *\([0-9]*\).*/\1/p' "$STACK/server.start" | tail -n 1)
}

server_down() {
    [ -n "$SERVER_PID" ] || return 0
    kill "-${1:-TERM}" "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" 2>/dev/null
    local code=$?
    SERVER_PID=
    return $code
}

clock_to() {
    server_down || return 1
    curl -sS -o "$STACK/clock.json" -H 'Content-Type: application/json' \
        -d "{\"offset\": \"$1\"}" "$SANDBOX/sandbox/clock" || return 1
    server_up "$1"
}

stack_down() {
    server_down
    [ -n "$SANDBOX_PID" ] && kill "$SANDBOX_PID" 2>/dev/null && wait "$SANDBOX_PID" 2>/dev/null
    SANDBOX_PID=
    return 0
}
