#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs each script of deploy/admin against a whole installation: the good way, and each way to get
# it wrong. Inside tests/tool/with-postgres.sh, with VARIANT in the environment.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tool/stack.sh
scripts=$STACK_ROOT/deploy/admin
home=$(mktemp -d)
passed=0 failed=0
trap 'stack_down; rm -rf "$home"' EXIT
unset IDPHOTOD_ADMIN_URL IDPHOTOD_TOKEN_FILE

# Runs a command; expects an exit code, a jq condition (or text, for ~) on stdout, a text on stderr.
try() { # LABEL CODE CONDITION TEXT COMMAND...
    local label=$1 code=$2 condition=$3 text=$4 got why=
    shift 4
    "$@" >"$home/out" 2>"$home/err" </dev/null
    got=$?
    [ $got -eq "$code" ] || why="exit $got, not $code"
    case $condition in
    '') [ ! -s "$home/out" ] || why="$why; output where none belongs" ;;
    '~'*) grep -qF -- "${condition#\~}" "$home/out" || why="$why; output lacks ${condition#\~}" ;;
    *) jq -es "length == 1 and (.[0] | $condition)" "$home/out" >/dev/null 2>&1 || why="$why; output is not $condition" ;;
    esac
    [ -z "$text" ] && [ -s "$home/err" ] && why="$why; a complaint where none belongs"
    grep -qF -- "$text" "$home/err" || [ -z "$text" ] || why="$why; stderr lacks '$text'"
    if grep -qs ipo_ "$home/out" "$home/err"; then why="$why; shows a token"; fi
    if [ -z "$why" ]; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    echo "FAILED $label: ${why#; }"
    sed 's/^/    /' "$home/out" "$home/err" | head -n 12
}

api() { # METHOD PATH [curl arguments]
    curl -sS -q -X "$1" -H "Authorization: Bearer ${token-}" -H 'Content-Type: application/json' "${@:3}" "$API$2"
}

# A plain grey picture of 295 x 413.
picture() {
    python3 -c '
import struct, sys, zlib
def part(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
rows = b"".join(b"\0" + bytes((x + y) % 256 for x in range(295)) for y in range(413))
sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", 295, 413, 8, 0, 0, 0, 0))
                        + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))' >"$1"
}

# One paid order with a print; prints its id.
paid_order() {
    local photo order number items
    token=$(api POST /v1/accounts -d '{"policy_version": "2026-11-01"}' | jq -r .token)
    api PUT /v1/consents/print-mailing -d '{"policy_version": "2026-11-01"}' >/dev/null
    picture "$home/picture.png"
    photo=$(curl -sS -q -H "Authorization: Bearer $token" -H 'Content-Type: image/png' -H 'Idempotency-Key: photo' \
        --data-binary @"$home/picture.png" "$API/v1/photos" | jq -r .photo_id)
    items="[{\"product\": \"print-1inch-sheet\", \"photo_id\": \"$photo\", \"quantity\": 1}]"
    order=$(api POST /v1/orders -H 'Idempotency-Key: order' -d "{\"items\": $items, \"recipient\": {\"name\": \"李小龙\",
        \"phone\": \"13812345678\", \"province\": \"广东\", \"city\": \"深圳市\", \"district\": \"南山区\", \"street\": \"科技路1号\"}}" |
        jq -r .order_id)
    number=$(api POST "/v1/orders/$order/payments" -H 'Idempotency-Key: payment' \
        -d '{"channel": "wechat", "method": "native"}' | jq -r .out_trade_no)
    curl -sS -q -H 'Content-Type: application/json' -o /dev/null \
        -d "{\"out_trade_no\": \"$number\", \"openid\": \"oTestOfAdminScripts000000001\"}" "$SANDBOX/sandbox/pay"
    echo "$order"
}

stack_up "$home/stack" && server_up || exit 1
order=$(paid_order)
absent=ord_0000000000000000000001
day=$(TZ=Asia/Shanghai date +%F)
mkdir -p "$home/.config/idphotod"
export HOME=$home IDPHOTOD_ADMIN_URL=$ADMIN
umask 077
for role in admin fulfilment finance auditor support; do
    "$IDPHOTOD" operator add "tester-$role" --role $role --config "$CONFIG" >"$home/$role" 2>/dev/null || exit 1
done
cp "$home/admin" "$home/.config/idphotod/token"
as() { export IDPHOTOD_TOKEN_FILE=$home/$1; }

# ---- each call, by the role that it is for
as fulfilment
try 'orders-list' 0 ".items | length == 1 and .[0].order_id == \"$order\" and .[0].recipient.name == \"李*\"" '' \
    "$scripts/orders-list"
try 'orders-list of a state' 0 '.items | length == 0' '' "$scripts/orders-list" --state shipped
try 'orders-list with --limit=1' 0 ".next_cursor == \"$order\"" '' "$scripts/orders-list" --limit=1
try 'orders-list, next page' 0 '.items | length == 0' '' "$scripts/orders-list" --cursor "$order"
try 'order-show' 0 '.recipient.name == "李小龙" and .recipient.street == "科技路1号"' '' \
    "$scripts/order-show" --purpose "fulfilment:$order" "$order"
try 'order-sheet' 0 '' '' "$scripts/order-sheet" --purpose fulfilment --output "$home/sheet.jpg" "$order"
try 'order-sheet on other paper, as PDF' 0 '' '' "$scripts/order-sheet" --purpose fulfilment --item 0 --paper A4 \
    --format pdf --output "$home/sheet.pdf" "$order"
try 'what was saved is whole, and for its owner alone' 0 '~600 600 JFIF %PDF-' '' bash -c 'cd "$1" &&
    echo $(stat -c %a sheet.jpg sheet.pdf) $(head -c 10 sheet.jpg | tail -c 4) $(head -c 5 sheet.pdf)' - "$home"
try 'a file that is there is not overwritten' 64 '' 'is there already' \
    "$scripts/order-sheet" --purpose fulfilment --output "$home/sheet.jpg" "$order"
try 'order-sheet on paper that is none' 1 '' '?paper: unknown' \
    "$scripts/order-sheet" --purpose fulfilment --paper B5 --output "$home/none.jpg" "$order"
try 'print-batch-make' 0 ".made_of == 1 and .orders[0].order_id == \"$order\"" '' "$scripts/print-batch-make" --limit 5
batch=$(jq -r .batch_id "$home/out")
try 'print-batch-make, of nothing' 0 '' 'no order waits to be printed' "$scripts/print-batch-make"
try 'print-batches-list' 0 ".items[0].batch_id == \"$batch\"" '' "$scripts/print-batches-list"
try 'print-batch-get' 0 ".orders[0].state == \"paid\" and .gone == 0" '' \
    "$scripts/print-batch-get" --purpose fulfilment --output "$home/batch.zip" "$batch"
try 'the zip is whole, and for its owner alone' 0 '~600 labels.csv' '' bash -c 'cd "$1" && echo $(stat -c %a batch.zip) \
    $(python3 -c "import zipfile; z = zipfile.ZipFile(\"batch.zip\"); print(z.testzip() or z.namelist()[1])")' - "$home"
try 'print-batch-printed' 0 '.orders[0].state == "printing" and .printed_at != null' '' "$scripts/print-batch-printed" "$batch"
try 'no part of a file is left behind' 0 '~none' '' bash -c 'cd "$1" && ls *.jpg.* *.zip.* none.jpg 2>/dev/null || echo none' - "$home"
try 'order-ship' 0 '.state == "shipped" and (has("recipient") | not)' '' \
    "$scripts/order-ship" --carrier '顺丰 "SF"' --tracking-no SF1234567890 "$order"
try 'order-show, shipped' 0 '.shipment.carrier == "顺丰 \"SF\"" and .shipment.tracking_no == "SF1234567890"' '' \
    "$scripts/order-show" --purpose fulfilment "$order"
try 'order-deliver' 0 '.state == "delivered"' '' "$scripts/order-deliver" "$order"
as finance
try 'ledger' 0 '.items | length == 1 and .[0].amount_fen == 1290' '' "$scripts/ledger" "$day"
try 'ledger as CSV' 0 '~entry_id,kind,channel,' '' "$scripts/ledger" --format csv "$day"
try 'reconcile, of a day without bills' 0 '.items | length == 0' '' "$scripts/reconcile" "$day"
try 'payers' 0 '.items[0].openid == "oTestOfAdminScripts000000001"' '' "$scripts/payers" --purpose audit "$order"
entry=$("$scripts/ledger" "$day" | jq -r '.items[0].entry_id')
try 'refund' 0 '.amount_fen == 1290 and .reason == "complaint" and .state == "requested"' '' \
    "$scripts/refund" --reason complaint "$order"
try 'ledger-refund of what is given back already' 0 ".entry_id == \"$entry\" and .reason == \"complaint\"" '' \
    "$scripts/ledger-refund" --reason legal "$entry"
try 'refunds-list' 0 '.items | length == 1 and .[0].amount_fen == 1290' '' "$scripts/refunds-list"
try 'refunds-list of a state' 0 '.items | length == 0' '' "$scripts/refunds-list" --state failed
as auditor
try 'retention' 0 '[.classes[].overdue_rows] | add == 0' '' "$scripts/retention"
try 'jobs-list' 0 '[.items[].job] | index("purge") != null' '' "$scripts/jobs-list"
unset IDPHOTOD_TOKEN_FILE
try 'job-run, with the token at its usual place' 0 '.job == "purge" and .outcome == "ok"' '' "$scripts/job-run" purge

# ---- every script: help, token, role, address
for script in orders-list "order-show $order" "order-ship --carrier SF --tracking-no SF12 $order" "order-deliver $order" \
    "ledger $day" "reconcile $day" "payers $order" "refund --reason legal $order" "ledger-refund --reason legal $entry" refunds-list retention jobs-list 'job-run purge' \
    "order-sheet --output $home/never $order" print-batch-make print-batches-list \
    "print-batch-get --output $home/never $batch" "print-batch-printed $batch"; do
    read -ra words <<<"$script --purpose audit"
    name=${words[0]}
    words[0]=$scripts/$name
    try "$name --help" 0 "~--token-file" '' "${words[0]}" --help
    as support
    try "$name with another role" 1 '' '(forbidden, request ' "${words[@]}"
    sed 's/.$/_/' "$home/admin" >"$home/wrong"
    as wrong
    try "$name with a wrong token" 1 '' '(unauthenticated, request ' "${words[@]}"
    as none
    try "$name without a token" 64 '' 'no token file' "${words[@]}"
    as admin
    try "$name with an unknown option" 64 '' 'unknown option --bla' "${words[@]}" --bla 1
    try "$name with one argument too many" 64 '' 'argument' "${words[@]}" more
    try "$name where nothing listens" 69 '' 'no answer from' "${words[@]}" --url http://127.0.0.1:1
done

# ---- ids
for script in 'order-show --purpose audit' 'order-ship --carrier SF --tracking-no SF12' order-deliver 'payers --purpose audit' \
    'refund --reason legal' "order-sheet --purpose audit --output $home/never" \
    "print-batch-get --purpose audit --output $home/never" print-batch-printed; do
    read -ra words <<<"$script"
    words[0]=$scripts/${words[0]}
    try "$script of an order that is not there" 1 '' '(not-found, request ' "${words[@]}" "$absent"
    try "$script without an id" 64 '' 'argument' "${words[@]}"
done
for script in 'order-show --purpose audit' order-deliver job-run 'refund --reason legal' 'ledger-refund --reason legal' \
    "print-batch-get --purpose audit --output $home/never" print-batch-printed; do
    read -ra words <<<"$script"
    words[0]=$scripts/${words[0]}
    try "$script does not leave its path" 64 '' 'is not an id or a name' "${words[@]}" '../jobs?x='
done
try 'job-run of a job that is not there' 1 '' '(not-found, request ' "$scripts/job-run" sweep
try 'payers of what is no id' 1 '' '?order: malformed' "$scripts/payers" --purpose audit 12

# ---- purpose, members, state
for script in order-show payers; do
    try "$script without a purpose" 64 '' 'needs --purpose' "$scripts/$script" "$order"
    try "$script with an unknown purpose" 1 '' '(purpose-required, request ' "$scripts/$script" --purpose curious "$order"
    try "$script with words for an id" 1 '' '(purpose-required, request ' "$scripts/$script" --purpose 'audit:because' "$order"
done
try 'refund without a reason' 64 '' 'needs --reason' "$scripts/refund" "$order"
try 'refund with words for a reason' 1 '' '/reason: unknown' "$scripts/refund" --reason because "$order"
try 'ledger-refund of an entry that is not there' 1 '' '(not-found, request ' \
    "$scripts/ledger-refund" --reason legal led_0000000000000000000001
try 'refunds-list of an unknown state' 1 '' '?state: unknown' "$scripts/refunds-list" --state lost
try 'order-ship without a carrier' 64 '' 'needs --carrier' "$scripts/order-ship" --tracking-no SF12 "$order"
try 'order-ship with a wrong number' 1 '' '/tracking_no: malformed' \
    "$scripts/order-ship" --carrier SF --tracking-no '=1+1' "$order"
try 'order-ship of a delivered order' 1 '' '(conflict, request ' \
    "$scripts/order-ship" --carrier SF --tracking-no SF12 "$order"
try 'order-deliver twice' 0 '.state == "delivered"' '' "$scripts/order-deliver" "$order"
try 'orders-list of an unknown state' 1 '' '?state: unknown' "$scripts/orders-list" --state lost
try 'print-batch-get without a file' 64 '' 'needs --output' "$scripts/print-batch-get" --purpose audit "$batch"
try 'print-batch-make of too many' 1 '' '/limit: out-of-range' "$scripts/print-batch-make" --limit 501
try 'print-batch-make of words' 64 '' '--limit is a number' "$scripts/print-batch-make" --limit all
try 'ledger of no day' 1 '' '?day: malformed' "$scripts/ledger" yesterday

# ---- token files and addresses
cp "$home/admin" "$home/loose"
chmod 640 "$home/loose"
try 'a token that the group can read' 64 '' 'can be read by others' "$scripts/retention" --token-file "$home/loose"
echo ipa_0000000000000000000000 >"$home/account"
try 'an account'\''s token' 64 '' 'does not hold an operator' "$scripts/retention" --token-file "$home/account"
printf 'ipo_x"\nurl = "http://127.0.0.1:1\n' >"$home/quote"
try 'a token that would end its quotes' 64 '' 'does not hold an operator' "$scripts/retention" --token-file "$home/quote"
try 'plain http to another host' 64 '' 'plain http is for this host alone' "$scripts/retention" --url http://192.0.2.1:8081
try 'a host that only begins like this one' 64 '' 'plain http is for this host alone' \
    "$scripts/retention" --url http://127.0.0.1.example.net
try 'no address at all' 64 '' 'is not an http or https address' "$scripts/retention" --url ftp://127.0.0.1
try 'a certificate that is not there' 64 '' 'cannot read' "$scripts/retention" --url https://127.0.0.1:1 --cacert "$home/none"
echo 'output = "/dev/null"' >"$home/.curlrc"
try 'a .curlrc in the way' 0 'has("ratchet")' '' "$scripts/retention"

# ---- TLS with client certificates
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=test \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$home/tls.key" -out "$home/tls.pem" 2>/dev/null || exit 1
server_down
sed -i "s|^\[operator\]|&\ntls_cert = $home/tls.pem\ntls_key = $home/tls.key\nclient_ca = $home/tls.pem|" "$CONFIG"
server_up || exit 1
export IDPHOTOD_ADMIN_URL=https://${ADMIN#http://}
try 'TLS and a client certificate' 0 'has("ratchet")' '' \
    "$scripts/retention" --cacert "$home/tls.pem" --cert "$home/tls.pem" --key "$home/tls.key"
try 'TLS without a client certificate' 1 '' '(client-certificate-required, request ' "$scripts/retention" --cacert "$home/tls.pem"
try 'TLS without its authority' 69 '' 'no answer from' "$scripts/retention"

# ---- the token is on no command line
printf '#!/bin/bash\nps -o args= -p $$ >%q\ncat >/dev/null\nprintf "{}\\n200"\n' "$home/args" >"$home/curl"
chmod 700 "$home/curl"
PATH=$home:$PATH try 'the command line of curl' 0 '. == {}' '' "$scripts/retention"
if grep -qs . "$home/args" && ! grep -q ipo_ "$home/args"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo 'FAILED: the token is on the command line of curl'
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
