#!/bin/bash
# SPDX-License-Identifier: MIT
# A private PostgreSQL 15 for tests, demo and `make run`.
#
#   tests/tool/postgres.sh start FOLDER    starts a new cluster, prints shell assignments
#   tests/tool/postgres.sh status FOLDER   the same for a running one; exit 1 when it is not
#   tests/tool/postgres.sh restart FOLDER  starts a cluster that was stopped or killed again
#   tests/tool/postgres.sh stop FOLDER     stops it and removes FOLDER
#
# The cluster's files are FOLDER/data, its log FOLDER/log. Where root calls, PostgreSQL runs as
# user postgres (or nobody), and its files lie under /tmp when that user cannot reach FOLDER. The
# socket lies in a short folder of mode 0700 under /tmp, where no password is asked; a free port on
# 127.0.0.1 asks for one. Durability is on, as in production, and statements with values in
# them stay out of the log.
set -eu

bin=/usr/lib/postgresql/15/bin
usage() { sed -n '5,8s/^# *//p' "$0" >&2; exit 64; }
[ $# -eq 2 ] || usage
verb=$1
folder=$2

user=
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id -u $user >/dev/null 2>&1 || user=nobody
fi
# Runs a command as the cluster's user, in a folder that it may enter.
as_user() {
    if [ -n "$user" ]; then
        (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/ "$@")
    else
        "$@"
    fi
}
answers() {
    [ -e "$folder/port" ] &&
        pg_isready -q -t 5 -h "$(cat "$folder/place")" -p "$(cat "$folder/port")" -U postgres
}
data() { readlink -f "$folder/data"; }

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo $port
}

make_cluster() {
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    local short
    short=$(mktemp -d /tmp/idphotod-pg-XXXXXX)
    echo "$short" >"$folder/place"
    mkdir "$folder/data"
    if [ -n "$user" ]; then
        chown "$user" "$short" "$folder/data"
        if ! as_user test -w "$folder/data" 2>/dev/null; then
            rmdir "$folder/data"
            mkdir "$short/data"
            chown "$user" "$short/data"
            ln -s "$short/data" "$folder/data"
        fi
    fi
    as_user $bin/initdb -D "$(data)" -U postgres --locale=C.UTF-8 -E UTF8 --data-checksums \
        --auth-local=trust --auth-host=scram-sha-256 >"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; exit 1; }
    as_user tee -a "$(data)/postgresql.conf" >/dev/null <<CONF
fsync = on
synchronous_commit = on
full_page_writes = on
listen_addresses = '127.0.0.1'
unix_socket_directories = '$short'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 64MB
timezone = 'UTC'
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
CONF
}

try_start() {
    as_user $bin/pg_ctl start -w -t 60 -s -D "$(data)" -l "$(cat "$folder/place")/log" -o "-p $1" \
        >/dev/null 2>&1
}

start_server() {
    local try port
    for try in 1 2 3 4 5; do
        port=$(free_port)
        if try_start "$port"; then
            echo "$port" >"$folder/port"
            ln -sfn "$(cat "$folder/place")/log" "$folder/log"
            return
        fi
    done
    tail -n 20 "$(cat "$folder/place")/log" >&2
    exit 1
}

# After a kill -9 the old processes may take a moment to go.
restart_server() {
    local try
    for try in {1..60}; do
        ! answers || return 0
        ! try_start "$(cat "$folder/port")" || return 0
        sleep 0.5
    done
    tail -n 20 "$folder/log" >&2
    exit 1
}

make_roles() {
    local secret
    secret=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && echo "$secret" >"$folder/password")
    psql -X -q -v ON_ERROR_STOP=1 "$(url postgres postgres)" <<SQL
CREATE ROLE idphotod_owner LOGIN CREATEDB PASSWORD '$secret';
CREATE ROLE idphotod_app LOGIN PASSWORD '$secret';
CREATE DATABASE idphotod OWNER idphotod_owner;
SQL
}

url() { echo "postgresql://$1@/$2?host=$(cat "$folder/place")&port=$(cat "$folder/port")"; }

print_settings() {
    cat <<SETTINGS
IDPHOTOD_TEST_DATABASE_URL='$(url idphotod_app idphotod)'
IDPHOTOD_TEST_OWNER_URL='$(url idphotod_owner idphotod)'
IDPHOTOD_TEST_SUPERUSER_URL='$(url postgres idphotod)'
IDPHOTOD_TEST_PGDATA='$(data)'
IDPHOTOD_TEST_PGFOLDER='$folder'
IDPHOTOD_TEST_PGLOG='$(readlink -f "$folder/log")'
SETTINGS
}

stop_cluster() {
    if [ -e "$folder/data/postmaster.pid" ]; then
        as_user $bin/pg_ctl stop -w -t 30 -s -m fast -D "$(data)" >/dev/null 2>&1 ||
            as_user $bin/pg_ctl stop -w -t 30 -s -m immediate -D "$(data)" >/dev/null 2>&1 || true
    fi
    if [ -e "$folder/place" ]; then
        case $(cat "$folder/place") in
        /tmp/idphotod-pg-*) rm -rf "$(cat "$folder/place")" ;;
        esac
    fi
    rm -rf "$folder"
}

case $verb in
start)
    [ ! -e "$folder/place" ] || { echo "$folder: there is a cluster already" >&2; exit 1; }
    trap 'stop_cluster' EXIT
    make_cluster
    start_server
    make_roles
    trap - EXIT
    print_settings
    ;;
restart)
    restart_server
    print_settings
    ;;
status)
    answers || exit 1
    print_settings
    ;;
stop) stop_cluster ;;
*) usage ;;
esac
