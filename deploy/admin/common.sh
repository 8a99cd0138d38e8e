# SPDX-License-Identifier: MIT
# What the operators' scripts share; sourced by them, with bash.
#
#   admin_start "OPTION..." ARGUMENTS "$@"   reads the command line: OPT[name], ARGS
#   admin_purpose                            this call needs --purpose
#   admin_reason                             this call needs --reason, and sends it
#   admin_call METHOD PATH [NAME VALUE]...   the call; pairs without a value are left out
#   admin_save FILE PATH [NAME VALUE]...     a GET into a new file that its owner alone can read
#
# The token never stands on a command line: curl reads it from its standard input. Answers are kept
# in memory, not in files, unless a file was asked for.
set -u

EXIT_REFUSED=1 EXIT_USAGE=64 EXIT_UNREACHABLE=69

common_options='
  --url URL           the operators'\'' listener ($IDPHOTOD_ADMIN_URL, http://127.0.0.1:8081)
  --token-file FILE   holds the token, readable by its owner alone
                      ($IDPHOTOD_TOKEN_FILE, ~/.config/idphotod/token)
  --purpose CODE[:ID] why personal data is read: fulfilment, support, refund, audit, legal,
                      incident; ID of an order, photo, payment or request
  --cacert FILE --cert FILE --key FILE   as for curl
  --help

Exit code: 0 success, 1 refused (the reason is on stderr), 64 usage, 69 unreachable.'

say() { printf '%s: %s\n' "${0##*/}" "$1" >&2; }
fail() {
    say "$2"
    exit "$1"
}

# The comment at the head of the script that was called.
help_text() {
    sed -n '3,${/^#/!q;s/^# \{0,1\}//p}' "$0"
    printf '%s\n' "$common_options"
}

admin_start() {
    local known=" url token-file purpose cacert cert key $1 " wanted=$2 name
    shift 2
    declare -gA OPT=()
    ARGS=()
    while [ $# -gt 0 ]; do
        case $1 in
        --help)
            help_text
            exit 0
            ;;
        --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        --*)
            name=${1#--}
            case $known in *" $name "*) ;; *) fail $EXIT_USAGE "unknown option $1; see --help" ;; esac
            [ $# -ge 2 ] || fail $EXIT_USAGE "$1 needs a value; see --help"
            OPT[$name]=$2
            shift 2
            ;;
        *)
            ARGS+=("$1")
            shift
            ;;
        esac
    done
    [ "${#ARGS[@]}" -eq "$wanted" ] || fail $EXIT_USAGE "takes $wanted argument(s); see --help"
}

admin_purpose() {
    [ -n "${OPT[purpose]-}" ] || fail $EXIT_USAGE 'reads personal data and needs --purpose; see --help'
}

# The body of a refund, from --reason.
admin_reason() {
    [ -n "${OPT[reason]-}" ] || fail $EXIT_USAGE 'needs --reason; see --help'
    BODY=$(jq -nc --arg reason "${OPT[reason]}" '{$reason}') || fail $EXIT_USAGE 'jq is missing'
}

# Part of a path: an id or a name, nothing that could lead elsewhere.
admin_name() {
    case $1 in '' | *[!A-Za-z0-9_-]*) fail $EXIT_USAGE "'$1' is not an id or a name" ;; esac
}

read_token() {
    local file=${OPT[token-file]:-${IDPHOTOD_TOKEN_FILE:-${HOME:-}/.config/idphotod/token}} mode
    mode=$(stat -Lc %a -- "$file" 2>/dev/null) || fail $EXIT_USAGE "no token file $file"
    (((8#$mode & 8#077) == 0)) || fail $EXIT_USAGE "$file can be read by others: chmod 600 it"
    TOKEN=$(cat -- "$file") || fail $EXIT_USAGE "cannot read $file"
    case $TOKEN in
    ipo_*[!A-Za-z0-9_]* | ipo_) fail $EXIT_USAGE "$file does not hold an operator's token" ;;
    ipo_*) ;;
    *) fail $EXIT_USAGE "$file does not hold an operator's token" ;;
    esac
}

# A token must not cross a network in clear.
read_url() {
    URL=${OPT[url]:-${IDPHOTOD_ADMIN_URL:-http://127.0.0.1:8081}}
    URL=${URL%/}
    case $URL in
    https://?*) ;;
    http://*)
        [[ $URL =~ ^http://(127\.[0-9.]+|localhost|\[::1\])(:[0-9]+)?$ ]] ||
            fail $EXIT_USAGE "$URL: plain http is for this host alone; use https"
        ;;
    *) fail $EXIT_USAGE "'$URL' is not an http or https address" ;;
    esac
}

# What a problem document says, or as much as there is.
explain() { # STATUS BODY
    local text
    text=$(jq -re '"\(.title)\n\(.detail)" + ([.errors[]? | "\n  \(.pointer): \(.code) \(.detail)"] | add // "")
        + "\n(\(.code), request \(.request_id))"' <<<"$2" 2>/dev/null) || text="HTTP $1"
    say "$text"
}

# The arguments that every call of curl has, in CURL; pairs without a value are left out.
read_call() { # METHOD [NAME VALUE]...
    local name
    CURL=(-q -sS --config - --request "$1" --header 'Accept-Language: en' --write-out '\n%{http_code}')
    shift
    read_url
    read_token
    for name in cacert cert key; do
        [ -n "${OPT[$name]-}" ] || continue
        [ -r "${OPT[$name]}" ] || fail $EXIT_USAGE "cannot read ${OPT[$name]}"
        CURL+=("--$name" "${OPT[$name]}")
    done
    [ -z "${OPT[purpose]-}" ] || CURL+=(--header "X-Purpose: ${OPT[purpose]}")
    [ -z "${BODY-}" ] || CURL+=(--header 'Content-Type: application/json' --data-binary "$BODY")
    [ -n "${BODY-}" ] || CURL+=(--get)
    while [ $# -ge 2 ]; do
        [ -z "$2" ] || CURL+=(--data-urlencode "$1=$2")
        shift 2
    done
}

# Prints what curl was answered, and the status in a line of its own.
call_curl() { # PATH [ARGUMENT]...
    local path=$1
    shift
    printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" | curl "${CURL[@]}" "$@" "$URL$path"
}

# Ends the script unless curl was answered.
check_curl() { # CODE
    case $1 in
    0) ;;
    2 | 3 | 58 | 77) exit $EXIT_USAGE ;; # curl has said what is wrong with an option or a file
    *) fail $EXIT_UNREACHABLE "no answer from $URL" ;;
    esac
}

# Prints the answer's body; BODY is sent as JSON where it is set.
admin_call() {
    local method=$1 path=$2 answer status
    shift 2
    read_call "$method" "$@"
    answer=$(call_curl "$path" --max-time 60)
    check_curl $?
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    case $status in
    2??) [ -z "$answer" ] || printf '%s\n' "$answer" ;;
    *)
        explain "$status" "$answer"
        exit $EXIT_REFUSED
        ;;
    esac
}

# What came is kept under another name until all of it is there.
admin_save() {
    local file=$1 path=$2 status code
    shift 2
    read_call GET "$@"
    [ ! -e "$file" ] || fail $EXIT_USAGE "$file is there already"
    umask 077
    PART=$(mktemp -- "$file.XXXXXX") || fail $EXIT_USAGE "cannot write $file"
    trap 'rm -f -- "$PART"' EXIT
    trap 'exit 130' INT TERM HUP
    status=$(call_curl "$path" --output "$PART" --speed-limit 1 --speed-time 60)
    code=$?
    [ $code -ne 18 ] || fail $EXIT_UNREACHABLE "the answer broke off; call again"
    check_curl $code
    status=${status##*$'\n'}
    if [ "$status" != 200 ]; then
        explain "$status" "$(head -c 65536 -- "$PART" | tr -d '\0')"
        exit $EXIT_REFUSED
    fi
    mv -n -- "$PART" "$file" && [ ! -e "$PART" ] || fail $EXIT_USAGE "cannot write $file"
}
