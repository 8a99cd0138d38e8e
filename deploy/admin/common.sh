# SPDX-License-Identifier: MIT
# What the operators' scripts share; sourced by them, with bash.
#
#   admin_start "OPTION..." ARGUMENTS "$@"   reads the command line: OPT[name], ARGS
#   admin_purpose                            this call needs --purpose
#   admin_reason                             this call needs --reason, and sends it
#   admin_call METHOD PATH [NAME VALUE]...   the call; pairs without a value are left out
#
# The token never stands on a command line: curl reads it from its standard input. Answers are kept
# in memory, not in files.
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

# Prints the answer's body; BODY is sent as JSON where it is set.
admin_call() {
    local method=$1 path=$2 answer status code name
    local -a arguments=(-q -sS --max-time 60 --config - --request "$method" --header 'Accept-Language: en'
        --write-out '\n%{http_code}')
    shift 2
    read_url
    read_token
    for name in cacert cert key; do
        [ -n "${OPT[$name]-}" ] || continue
        [ -r "${OPT[$name]}" ] || fail $EXIT_USAGE "cannot read ${OPT[$name]}"
        arguments+=("--$name" "${OPT[$name]}")
    done
    [ -z "${OPT[purpose]-}" ] || arguments+=(--header "X-Purpose: ${OPT[purpose]}")
    [ -z "${BODY-}" ] || arguments+=(--header 'Content-Type: application/json' --data-binary "$BODY")
    [ -n "${BODY-}" ] || arguments+=(--get)
    while [ $# -ge 2 ]; do
        [ -z "$2" ] || arguments+=(--data-urlencode "$1=$2")
        shift 2
    done
    answer=$(printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" | curl "${arguments[@]}" "$URL$path")
    code=$?
    case $code in
    0) ;;
    2 | 3 | 58 | 77) exit $EXIT_USAGE ;; # curl has said what is wrong with an option or a file
    *) fail $EXIT_UNREACHABLE "no answer from $URL" ;;
    esac
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    case $status in
    2??) printf '%s\n' "$answer" ;;
    *)
        explain "$status" "$answer"
        exit $EXIT_REFUSED
        ;;
    esac
}
