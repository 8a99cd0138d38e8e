# SPDX-License-Identifier: MIT
"""Drives traffic through a whole installation and reads what it counted.

Every name must be in deploy/prometheus/metrics.md, every label value of a closed form; what the
traffic carried (names, numbers, addresses, ids) must not turn up; what happened must have moved its
metric. promtool judges format, alert rules and their tests.
"""
import calendar
import json
import os
import re
import struct
import subprocess
import threading
import time
import zlib

from exposition import Document, Scrape
from installation import (STACK, SUPERUSER_URL, Caller, Checks, Phone, Server, idphotod, kill_postgres,
                          make_png, prepare_callbacks, psql, restart_postgres, sandbox, value)

PROMTOOL = os.path.abspath(os.environ["PROMTOOL"])
RULES = "deploy/prometheus/idphotod.rules.yml"
DASHBOARD = "deploy/grafana/idphotod.json"

check = Checks()
document = Document("deploy/prometheus/metrics.md")
server = Server({"IDPHOTOD_SERVER_TRUSTED_PROXIES": "127.0.0.1/32"})

# What people's traffic carries. None of it may be told.
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
BUYER_ID = "2088102116773037"
ADDRESSES = ["198.51.100.177", "2001:db8:1234:5678::77"]
RECIPIENT = {"name": "诸葛孔明", "phone": "13987654321", "province": "广东", "city": "深圳市",
             "district": "南山区", "street": "卧龙路88号"}
planted = {"openid": OPENID, "buyer_id": BUYER_ID, "name": RECIPIENT["name"], "phone": RECIPIENT["phone"],
           "street": RECIPIENT["street"], "address": ADDRESSES[0], "address of version 6": ADDRESSES[1]}


def plant(name, text):
    planted[f"{name} {len(planted)}"] = str(text)
    return text


# ---- merchants with certificates

def give_certificates():
    """Certificates of our own on both sides. WeChat's merchant gets one that ends in 20 days, so that the two
    channels' ends differ."""
    with open(os.path.join(STACK, "sandbox", "idphotod-certificates.conf")) as file:
        text = file.read()
    settings = dict(re.findall(r"^(\w+) = (.*)$", text, re.M))
    merchant = os.path.join(STACK, "merchant.pem")
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", settings["merchant_key_file"], "-subj", "/CN=merchant",
                    "-days", "20", "-set_serial", "0x" + settings["merchant_serial"], "-out", merchant],
                   check=True, capture_output=True)
    with open(os.path.join(STACK, "conf.d", "merchants.conf"), "w") as file:
        file.write(text.replace("[wechat]\n", f"[wechat]\nmerchant_cert_file = {merchant}\n"))
    for name in ("mchid", "seller_id", "app_id", "merchant_serial"):
        plant(name, settings[name])
    return {"wechat": merchant, "alipay": settings["app_cert_file"]}


def judge_certificates(files):
    """As openssl reads them."""
    found = scrape()
    for channel, file in files.items():
        told = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-enddate", "-dateopt", "iso_8601"],
                              check=True, capture_output=True, text=True).stdout.strip()
        end = calendar.timegm(time.strptime(told, "notAfter=%Y-%m-%d %H:%M:%SZ"))
        check.same(found.get("idphotod_merchant_certificate_expiry_timestamp_seconds", channel=channel), end,
                   f"when the certificate for {channel} ends")


# ---- bills, and what waits for its commit

def judge_differences():
    """Seven days are compared again and again; what is older is left to the books."""
    check.same(scrape_quietly().get("idphotod_bill_differences", channel="alipay"), 0, "no bills, no differences")
    psql("INSERT INTO bill_day (day, channel, merchant, tries, tried_at, outcome, different, only_here, only_there,"
         "  other_day)"
         " SELECT floor((extract(epoch FROM now()) + 28800) / 86400)::integer - ago, 'alipay', 'x', 1, now(),"
         "  'compared', 1, 2, 4, 100 FROM unnest(ARRAY[1, 60]) AS ago")
    scrape_until(lambda s: s.get("idphotod_bill_differences", channel="alipay") == 7,
                 "what differs in a fresh bill is told")
    check.same(scrape_quietly().get("idphotod_bill_differences", channel="wechat"), 0, "the other channel's is 0")


def send_alone(callback):
    caller = Caller(server.api)
    callback.send(caller)
    caller.close()


def judge_queue(numbers):
    """While a table is locked the first is with the database, the next passes it and is held up too, and the
    others wait for them."""
    lock = subprocess.Popen(["psql", "-X", "-q", "-d", SUPERUSER_URL, "-c",
                             "BEGIN; LOCK TABLE ledger_entry; SELECT pg_sleep(30)"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
                " AND relation = 'ledger_entry'::regclass") != "1":
        time.sleep(0.05)
    callers = [threading.Thread(target=send_alone, args=(c,))
               for c in prepare_callbacks(numbers, "again")]

    def one_by_one():
        for thread in callers:
            thread.start()
            time.sleep(0.05)
    starter = threading.Thread(target=one_by_one)
    starter.start()
    scrape_until(lambda s: s.get("idphotod_commit_queue_length") > 0, "what waits to be committed is told")
    starter.join()
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)'"
         " AND pid <> pg_backend_pid()")
    lock.wait()
    for thread in callers:
        thread.join()
    scrape_until(lambda s: s.get("idphotod_commit_queue_length") == 0, "and that nothing does any more")


def scrape():
    status, headers, text = Caller(server.admin).call("GET", "/metrics")
    check.same(status, 200, "GET /metrics")
    check.same(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "its type")
    return Scrape(text.decode())


def scrape_until(holds, sentence):
    """Figures of the database come within some seconds."""
    for _ in range(300):
        found = scrape_quietly()
        if holds(found):
            break
        time.sleep(0.1)
    check.that(holds(found), sentence)
    return found


def scrape_quietly():
    return Scrape(Caller(server.admin).call("GET", "/metrics")[2].decode())


# ---- traffic

def buy(phone, channel, method, payer, key, prints=0):
    phone.consent_to_print()
    photo = plant("photo", phone.upload(make_png(seed=key), key + " photo"))
    order = phone.order(photo, key + " order", electronic=1, prints=prints, recipient=RECIPIENT)
    plant("order", order["order_id"])
    attempt = phone.pay(order["order_id"], channel, method, key + " pay")
    plant("out_trade_no", attempt["out_trade_no"])
    plant("payment", attempt["payment_id"])
    sandbox("/sandbox/pay", dict(out_trade_no=attempt["out_trade_no"], **payer))
    return order, attempt


def faults(number):
    """Callbacks of one paid trade, each wrong in its own way."""
    caller = Caller(server.api)
    for fault in ("again", "wrong-signature", "probe", "old-timestamp", "unknown-serial", "wrong-amount",
                  "wrong-api-key", "garbage-body"):
        for callback in prepare_callbacks([number], fault):
            callback.headers["X-Forwarded-For"] = ADDRESSES[1]
            callback.send(caller)
    caller.close()


def misfits(phone):
    """Payments that do not fit: a wrong amount, and one that nobody here asked for."""
    photo = phone.upload(make_png(seed="misfit"), "misfit photo")
    order = phone.order(photo, "misfit order")
    attempt = phone.pay(order["order_id"], "wechat", "native", "misfit pay")
    plant("out_trade_no", attempt["out_trade_no"])
    caller = Caller(server.api)
    for callback in prepare_callbacks([attempt["out_trade_no"]], "wrong-amount"):
        callback.send(caller)
    caller.close()


def give_back(phone, run):
    """A success that comes after its order was cancelled is given back."""
    photo = phone.upload(make_png(seed="late"), "late photo")
    order = phone.order(photo, "late order")
    attempt = phone.pay(order["order_id"], "wechat", "native", "late pay")
    plant("out_trade_no", attempt["out_trade_no"])
    plant("out_refund_no", attempt["out_trade_no"] + "R1")
    sandbox("/sandbox/refunds", {"mode": "held"})
    sandbox("/sandbox/pay", {"out_trade_no": attempt["out_trade_no"], "openid": OPENID, "notify": False})
    phone.json("POST", f"/v1/orders/{order['order_id']}/cancel", {}, expect=200)
    caller = Caller(server.api)
    for callback in prepare_callbacks([attempt["out_trade_no"]]):
        callback.send(caller)
    caller.close()
    run("refund")
    sandbox("/sandbox/refund", {"out_refund_no": attempt["out_trade_no"] + "R1", "outcome": "success"})


def odd_requests():
    """Personal values where they do not belong: in paths, methods, queries and headers."""
    caller = Caller(server.api)
    for method, path in (("GET", f"/v1/photos/{OPENID}"), ("GET", f"/{RECIPIENT['phone']}"),
                         ("GET", f"/v1/orders?cursor={BUYER_ID}"), ("BREW", f"/v1/orders/{BUYER_ID}"),
                         (f"X{RECIPIENT['phone']}", "/v1/products"), ("DELETE", "/v1/products"),
                         ("POST", f"/v1/notify/wechat?openid={OPENID}")):
        caller.call(method, path, None, {"X-Forwarded-For": ADDRESSES[0]})
    caller.close()


def traffic():
    people = [Phone(server, headers={"X-Forwarded-For": a}) for a in ADDRESSES]
    for phone in people:
        plant("account", phone.account_id)
        plant("token", phone.caller.token)
    _, paid = buy(people[0], "wechat", "native", {"openid": OPENID}, "first", prints=1)
    buy(people[1], "alipay", "app", {"buyer_id": BUYER_ID}, "second")
    people[0].upload(make_turned_png(), "turned")
    faults(paid["out_trade_no"])
    misfits(people[1])
    odd_requests()
    operator = Caller(server.admin, idphotod("operator", "add", "anna", "--role", "admin").stdout.strip())

    def run(job):
        operator.json("POST", f"/admin/v1/jobs/{job}/run", {}, expect=200)
    give_back(people[1], run)
    for job in ("promote", "purge", "ratchet"):
        run(job)
    operator.close()
    return people


def make_turned_png():
    """A photo that lies on its side (EXIF orientation 6), so that it passes all stages."""
    whole = make_png()
    body = b"eXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return whole[:33] + chunk + whole[33:]


# ---- judging a scrape

def promtool(*arguments, **more):
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, **more)


def judge_format(found):
    done = promtool("check", "metrics", input=found.text)
    check.same((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")


def judge_names(found):
    """Names, types and labels are those of metrics.md."""
    odd = set()
    for name, labels in found.samples:
        family = found.family(name)
        kind, names = document.rows.get(family, (None, ()))
        if found.types.get(family) != kind or {l for l, _ in labels} - {"le"} != set(names):
            odd.add((name, kind, names))
    check.same(odd, set(), "every sample is as metrics.md says")
    for family in found.types:
        check.that(family in document.rows, f"{family} is in metrics.md")


VALUES = {
    "route": r"/[a-z0-9/_.{}-]*|other", "method": r"GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|other",
    "code": r"[1-5][0-9][0-9]|none", "le": r"[0-9.e-]+|\+Inf", "version": r"[0-9]+\.[0-9]+\.[0-9]+",
    "commit": r"[0-9a-f]{12}|unknown", "sqlstate": r"40001|40P01",
}
WORD = r"[A-Za-z0-9]{1,12}(-[a-z]{1,12}){0,3}"


def judge_privacy(found):
    bad = {f"{label}={text}" for _, labels in found.samples for label, text in labels
           if not re.fullmatch(VALUES.get(label, WORD), text)}
    check.same(bad, set(), "every label value has the form of its set")
    for name, text in planted.items():
        check.that(text not in found.text, f"{name} is not told")
    canary = Scrape(found.text + f'idphotod_canary{{route="/v1/photos/{OPENID}"}} 1\n')
    check.that(any(text in canary.text for text in planted.values()), "what is planted would be found")


def judge_movement(found):
    """(metric, labels, at least)"""
    moved = [
        ("idphotod_http_requests_total", {"route": "/v1/photos", "method": "POST", "code": "201"}, 3),
        ("idphotod_http_requests_total", {"route": "/v1/notify/wechat", "method": "POST", "code": "204"}, 2),
        ("idphotod_http_requests_total", {"route": "other", "method": "other"}, 1),
        ("idphotod_http_request_duration_seconds_count", {"route": "/v1/orders", "method": "POST"}, 2),
        ("idphotod_http_requests_in_flight", {}, 1),
        ("idphotod_http_queue_limit", {"lane": "callback"}, 1),
        ("idphotod_http_bodies_limit_bytes", {}, 1 << 20),
        ("idphotod_database_up", {}, 1),
        ("idphotod_database_connections", {}, 3),
        ("idphotod_database_connects_total", {"result": "ok"}, 3),
        ("idphotod_database_round_trip_seconds_count", {}, 50),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "success"}, 1),
        ("idphotod_callbacks_total", {"channel": "alipay", "result": "success"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "duplicate"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "signature"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "probe"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "timestamp"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "serial"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "decrypt"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "mismatch"}, 1),
        ("idphotod_payment_anomalies_total", {"channel": "wechat", "kind": "amount"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "late"}, 1),
        ("idphotod_callbacks_total", {"channel": "wechat", "result": "refund"}, 1),
        ("idphotod_refund_words_total", {"channel": "wechat", "result": "accepted"}, 1),
        ("idphotod_refund_words_total", {"channel": "wechat", "result": "done"}, 1),
        ("idphotod_provider_calls_total", {"channel": "wechat", "call": "refund", "outcome": "ok"}, 1),
        ("idphotod_payment_anomalies_unresolved", {}, 1),
        ("idphotod_payments_pending", {}, 1),
        ("idphotod_commit_batch_callbacks_count", {}, 4),
        ("idphotod_commit_queue_limit", {}, 1),
        ("idphotod_trades_settled_total", {"source": "callback", "result": "success"}, 2),
        ("idphotod_provider_calls_total", {"channel": "wechat", "call": "prepay", "outcome": "ok"}, 1),
        ("idphotod_provider_call_duration_seconds_count", {"channel": "wechat", "call": "prepay"}, 1),
        ("idphotod_purge_last_success_timestamp_seconds", {}, 1e9),
        ("idphotod_ratchet_day_timestamp_seconds", {}, 1e9),
        ("idphotod_partitions_ahead", {}, 60),
        ("idphotod_job_runs_total", {"job_name": "promote", "outcome": "ok"}, 1),
        ("idphotod_job_duration_seconds_count", {"job_name": "purge"}, 1),
        ("idphotod_job_last_success_timestamp_seconds", {"job_name": "promote"}, 1e9),
        ("idphotod_job_last_outcome", {"job_name": "promote", "outcome": "ok"}, 1),
        ("idphotod_image_stage_duration_seconds_count", {"stage": "decode"}, 3),
        ("idphotod_image_stage_duration_seconds_count", {"stage": "strip"}, 3),
        ("idphotod_image_stage_duration_seconds_count", {"stage": "encode"}, 1),
        ("idphotod_build_info", {}, 1),
        ("process_cpu_seconds_total", {}, 0.01),
        ("process_resident_memory_bytes", {}, 1 << 20),
        ("process_virtual_memory_bytes", {}, 1 << 20),
        ("process_open_fds", {}, 5),
        ("process_max_fds", {}, 256),
        ("process_start_time_seconds", {}, 1e9),
        ("process_threads", {}, 5),
    ]
    for name, labels, least in moved:
        got = found.sum(name, **labels)
        check.that(got >= least, f"{name}{labels} is {got}, at least {least}")
    check.same(found.sum("idphotod_metrics_other_values_total"), 0, "nothing is counted outside its set")
    check.same(found.get("idphotod_database_connections"), len(found_connections()),
               "the connections are those that PostgreSQL sees")


def found_connections():
    return psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'idphotod'"
                " AND datname = (SELECT current_database())")


# ---- while the database is away

FROM_DATABASE = ("idphotod_promote_lag_seconds", "idphotod_bill_differences", "idphotod_retention_overdue_rows",
                 "idphotod_payments_pending", "idphotod_partitions_ahead",
                 "idphotod_job_last_outcome", "idphotod_purge_last_success_timestamp_seconds")


def judge_outage(before):
    for name in FROM_DATABASE:
        check.that(name in before.types, f"{name} is there while the database is")
    kill_postgres()
    down = scrape_until(lambda s: s.get("idphotod_database_up") == 0, "without the database it is told as down")
    for name in FROM_DATABASE:
        check.that(name not in down.types, f"{name} is absent while the database is away")
    check.that(down.sum("idphotod_database_connections_lost_total") > 0, "lost connections are counted")
    check.that(down.sum("idphotod_database_connects_total", result="failed") > 0, "failed attempts are counted")
    judge_format(down)
    judge_names(down)
    restart_postgres()
    scrape_until(lambda s: s.get("idphotod_database_up") == 1, "when it is back, it is told as up")


# ---- rules and dashboard

def judge_rules():
    with open(RULES) as file:
        text = file.read()
    done = promtool("check", "rules", RULES)
    check.that(done.returncode == 0, f"promtool check rules: {done.stdout}{done.stderr}")
    alerts = re.findall(r"^ *- alert: (\w+)$", text, re.M)
    expressions = re.findall(r"^ *expr: (?:>-\n((?: {10,}.*\n)+)|(.*))", text, re.M)
    check.same(len(expressions), len(alerts), "each alert has an expression")
    for folded, plain in expressions:
        expression = " ".join((folded or plain).split())
        complaints = document.complaints(expression) if expression != 'up{job="idphotod"} == 0' else []
        check.same(complaints, [], "a rule names what exists")
    for alert in re.split(r"^ *- alert: ", text, flags=re.M)[1:]:
        name = alert.split()[0]
        check.that(re.search(r"severity: (page|ticket)\b", alert), f"{name} has a severity")
        check.that(re.search(r"\brunbook: \S", alert), f"{name} has a runbook")
    test_rules(text, alerts)


def test_rules(text, alerts):
    """Annotations are for people and are left out: their wording is not what is tested."""
    place = os.path.join(STACK, "rules")
    os.makedirs(place)
    with open(os.path.join(place, "rules.yml"), "w") as file:
        file.write(re.sub(r"^ {8}annotations:\n(?: {10,}.*\n)+", "", text, flags=re.M))
    with open("tests/metrics/rules_test.yml") as file:
        tests = file.read()
    ordinary = ", ".join(f"{{eval_time: 50m, alertname: {a}}}" for a in alerts)
    with open(os.path.join(place, "test.yml"), "w") as file:
        file.write(tests.replace("[RULES]", "[rules.yml]").replace("ORDINARY", f"[{ordinary}]"))
    fired = set(re.findall(r"alertname: (\w+)\n *exp_alerts: \[\{", tests))
    for alert in alerts:
        check.that(alert in fired, f"a test makes {alert} fire")
    done = promtool("test", "rules", os.path.join(place, "test.yml"))
    check.that(done.returncode == 0, f"promtool test rules: {done.stdout}{done.stderr}")


def judge_dashboard():
    with open(DASHBOARD) as file:
        dashboard = json.load(file)
    expressions = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    check.that(len(expressions) > 30, "the dashboard has panels")
    shown = set()
    for expression in expressions:
        check.same(document.complaints(expression), [], "the dashboard names what exists")
        shown.update(re.findall(r"\b(?:idphotod|process)_[a-z_]+", expression))
    for name in document.rows:
        check.that(any(s == name or s.startswith(name + "_") for s in shown), f"the dashboard shows {name}")
    ids = [p["id"] for p in dashboard["panels"]]
    check.same(len(ids), len(set(ids)), "panels have ids of their own")
    # what Prometheus makes of the expressions, with the dashboard's variables filled in
    with open(os.path.join(STACK, "dashboard.yml"), "w") as file:
        rules = [{"record": f"panel:{i}", "expr": e.replace("$__rate_interval", "5m").replace("$instance", ".*")}
                 for i, e in enumerate(expressions)]
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
    done = promtool("check", "rules", os.path.join(STACK, "dashboard.yml"))
    check.that(done.returncode == 0, f"the dashboard's expressions: {done.stdout}{done.stderr}")


def main():
    judge_rules()
    judge_dashboard()
    certificates = give_certificates()
    server.start()
    traffic()
    found = scrape_until(lambda s: s.get("idphotod_payments_pending"), "the database's figures come")
    scrape()
    judge_format(found)
    judge_names(found)
    judge_privacy(found)
    judge_movement(found)
    judge_certificates(certificates)
    judge_differences()
    judge_queue([n for name, n in planted.items() if name.startswith("out_trade_no")])
    judge_outage(found)
    check.same(server.stop(), 0, "the server's end")
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
