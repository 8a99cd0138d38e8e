# SPDX-License-Identifier: MIT
"""Measures callbacks, orders and prepayments; the database alone is the yardstick.

Seven rounds, medians. In a round, callbacks that were signed ahead (half WeChat, half Alipay, each
of a payment of its own) come over 64 connections; then pgbench settles as many payments of its own,
each by one statement, over 64 connections; then the peer of Fastify and pg takes as many callbacks.
A round that is not counted comes first, for the server and for the peer. In seven more rounds orders
are made and Alipay app payments are opened for them, and pgbench says the same to the database.
Afterwards the database must hold what was answered, once. Slowness never fails, wrong results do.
ROUNDS, CALLBACKS, ORDERS (both of a round) and WORKERS in the environment ask for others.
"""
import json
import os
import re
import statistics
import subprocess
import time

from installation import (CONFIG, DATABASE_URL, IDPHOTOD, STACK, SUPERUSER_URL, LOST, Caller, Checks,
                          Phone, Server, make_png, psql, value)
from recording import Recorder, Writer

ROUNDS = int(os.environ.get("ROUNDS", "7"))
CONNECTIONS = 64
CALLBACKS = int(os.environ.get("CALLBACKS", "8000")) // CONNECTIONS * CONNECTIONS  # a round
WARMED = ROUNDS + 1  # of the server and of the peer: the first one warms it up
ORDERS = int(os.environ.get("ORDERS", "2000")) // CONNECTIONS * CONNECTIONS  # a round
RECORDED = 3  # orders and payments of each person, for the baseline
PREPAY = {"channel": "alipay", "method": "app"}
WORKERS = os.environ.get("WORKERS", "16")  # as the server has by itself; the tests' file says fewer
LIMIT_S = 60  # for one measurement; a machine that slow still gets a result
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
HERE = os.path.dirname(os.path.abspath(__file__))
BASE = 10 ** 18  # trades are numbered from here: 19 digits each
checks = Checks()


class QuietServer(Server):
    """The server as it runs in production, but for its jobs, which would measure themselves."""

    def start(self, offset=None):
        environment = dict(os.environ, IDPHOTOD_LOG_LEVEL="warn", IDPHOTOD_SERVER_RATE_LIMITS="off",
                           IDPHOTOD_SCHEDULER_ENABLED="false", IDPHOTOD_SERVER_WORKERS=WORKERS)
        with open(CONFIG) as config:
            self.api = re.search(r"public_base_url = (\S+)", config.read()).group(1)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([IDPHOTOD, "serve", "--config", CONFIG],
                                            stdin=subprocess.DEVNULL, stderr=log, env=environment)
        self.wait_ready()
        return self

    def wait_ready(self):
        for _ in range(600):
            try:
                if Caller(self.api).call("GET", "/readyz")[0] == 200:
                    return
            except LOST:
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def cpu_us(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def postgres_cpu_us():
    """Of all processes of the cluster, those that ended included."""
    tick = 1e6 / os.sysconf("SC_CLK_TCK")
    postmaster = int(value("SELECT pg_read_file('postmaster.pid')").split()[0])
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(pid) == postmaster:
            total += sum(int(n) for n in fields[11:15])
        elif int(fields[1]) == postmaster:
            total += int(fields[11]) + int(fields[12])
    return total * tick


# ---- what is in the database before

LOAD = """
SET session_replication_role = replica; -- the rows fit each other; no need to look
SET synchronous_commit = off;
CREATE TEMP TABLE made AS SELECT '{prefix}0' || n AS out_trade_no,
    ('x' || substr(md5('a{prefix}' || n), 1, 16))::bit(64)::bigint & 9223372036854775807 AS account_id,
    ('0190cccc' || substr(md5('o{prefix}' || n), 9))::uuid AS order_id,
    ('0190dddd' || substr(md5('p{prefix}' || n), 9))::uuid AS payment_id
  FROM generate_series({first}, {first} + {count} - 1) AS n;
INSERT INTO account (account_id, pseudonym, minor, policy_version, created_at, idle_from)
  SELECT account_id, decode(md5(out_trade_no), 'hex'), false, '2026-11-01', now(), now() FROM made;
INSERT INTO orders (account_id, order_id, state, kind, amount_fen, accepts_no_refund, created_at,
    expires_at, key_day, key_wrapped, ip_sealed)
  SELECT account_id, order_id, 'unpaid', 'electronic', 990, true, now(), now() + interval '1 hour',
    {day}, decode(repeat('5a', 79), 'hex'), decode(repeat('5a', 49), 'hex') FROM made;
INSERT INTO payment (account_id, payment_id, order_id, channel, method, merchant, appid,
    out_trade_no, amount_fen, state, created_at, expires_at, ask_at, key_day, key_wrapped, ip_sealed)
  SELECT account_id, payment_id, order_id, '{channel}', '{method}', '{merchant}', '{appid}',
    out_trade_no, 990, 'pending', now(), now() + interval '1 hour', now() + interval '1 hour', {day},
    decode(repeat('5a', 79), 'hex'), decode(repeat('5a', 49), 'hex') FROM made;
INSERT INTO trade (out_trade_no, account_id, order_id, payment_id)
  SELECT out_trade_no, account_id, order_id, payment_id FROM made;
"""


def merchants():
    with open(os.path.join(STACK, "sandbox", "identifiers.json")) as file:
        ids = json.load(file)
    wechat = {"channel": "wechat", "method": "native", "merchant": ids["mchid"],
              "appid": ids["appid_native"]}
    alipay = {"channel": "alipay", "method": "app", "merchant": ids["seller_id"],
              "appid": ids["app_id"]}
    return {"bw": wechat, "ba": alipay, "bp": wechat}


def load(counts):
    """Payments that wait for their callbacks. Sealed columns hold anything: settling opens none."""
    day = int(time.time() + 8 * 3600) // 86400 + 40
    for prefix, merchant in merchants().items():
        psql(LOAD.format(prefix=prefix, first=BASE, count=counts[prefix], day=day, **merchant))
    psql("VACUUM ANALYZE")


def settle_script():
    """The one-row statement for pgbench: parameters become literals of the same size, but for what
    tells payments apart."""
    with open(os.path.join(HERE, "settle_one.sql")) as file:
        sql = "".join(line for line in file if not line.startswith("--"))
    merchant = merchants()["bp"]
    now = f"to_timestamp({time.time():.6f})"
    literals = {
        1: "('bp0' || :row)", 2: "'wechat'::text", 3: "('430000000' || :row)", 4: "990::bigint",
        5: "'CNY'::text", 6: f"'{merchant['merchant']}'::text", 7: f"'{merchant['appid']}'::text",
        8: now, 9: now, 10: "true", 11: "interval '7 days'", 12: "interval '30 days'",
        13: str(int(time.time()) // 86400 + 30), 14: "'\\x" + "5a" * 79 + "'::bytea",
        15: "'\\x" + "5a" * 108 + "'::bytea", 16: "('0190aaaaaaaa7' || :row)::uuid",
        17: "('0190aaaaaaab7' || :row)::uuid"}
    sql = re.sub(r"\$(\d+)", lambda m: literals[int(m.group(1))], sql)
    path = os.path.join(STACK, "settle.sql")
    with open(path, "w") as file:
        file.write("\\set n :n + 1\n"
                   f"\\set row :first + :n * {CONNECTIONS} + :client_id\n{sql.strip()};\n")
    return path


# ---- what is measured

def sign(prefix, host, first, count):
    """The requests, as a file."""
    path = os.path.join(STACK, f"{prefix}.{first}")
    channel = merchants()[prefix]["channel"]
    with open(path, "wb") as out:
        return path, subprocess.Popen([os.environ["SIGN"], os.path.join(STACK, "sandbox"), channel,
                                       host, str(BASE + first), str(count)], stdout=out)


def write_requests(path, requests):
    with open(path, "wb") as file:
        for request in requests:
            file.write(b"%08d" % len(request) + request)
    return path


def post(host, target, token, key, body):
    return (f"POST {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def replay(server, files, bodies=None):
    """Sends the requests of the files; wrk's figures and the server's CPU per answer."""
    result = os.path.join(STACK, "wrk.json")
    psql("CHECKPOINT")  # so that each measurement writes its pages whole once
    before, database_before = server.cpu_us(), postgres_cpu_us()
    environment = dict(os.environ, RESULT=result)
    if bodies:
        environment["BODIES"] = bodies
    subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LIMIT_S}", "-s",
                    os.path.join(HERE, "replay.lua"), server.api, "--", *files],
                   env=environment, check=True, stdout=subprocess.DEVNULL)
    with open(result) as file:
        r = json.load(file)
    r["rate"] = r["answered"] / r["seconds"]
    r["cpu_us"] = (server.cpu_us() - before) / max(r["answered"], 1)
    r["database_cpu_us"] = (postgres_cpu_us() - database_before) / max(r["answered"], 1)
    return r


class Peer:
    """A server of Fastify and pg that does the same; it stands where the server stands in replay."""

    def __init__(self):
        environment = dict(os.environ, MERCHANTS=os.path.join(STACK, "sandbox", "idphotod-merchants.conf"),
                           DATABASE_URL=DATABASE_URL)
        self.process = subprocess.Popen(["node", os.path.join(HERE, "peer", "server.mjs"),
                                         os.path.join(HERE, "settle_one.sql")], env=environment,
                                        stdout=subprocess.PIPE, text=True)
        self.api = self.process.stdout.readline().strip()
        if not self.api.startswith("http"):
            raise AssertionError("the peer does not listen")

    cpu_us = QuietServer.cpu_us

    def stop(self):
        self.process.terminate()
        self.process.wait()


LOOKUPS = ("-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off "
           "-c enable_mergejoin=off")  # as the committer's connection plans


def run_pgbench(script, first, count, options=""):
    """Transactions a second."""
    psql("CHECKPOINT")
    done = subprocess.run(
        [PGBENCH, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-t",
         str(count // CONNECTIONS), "-D", "n=-1", "-D", f"first={BASE + first}", "-f", script,
         DATABASE_URL], check=True, capture_output=True, text=True,
        env=dict(os.environ, PGOPTIONS=options))
    return float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1))


# ---- what must be there afterwards

SETTLED = """
SET enable_nestloop = off; -- everything is looked at, and the statistics are of before
CREATE TEMP TABLE paid AS SELECT left(out_trade_no, 2) AS prefix, * FROM payment WHERE state = 'succeeded';
CREATE TEMP TABLE entry AS SELECT left(out_trade_no, 2) AS prefix, * FROM ledger_entry;
WITH a AS (SELECT prefix, count(*) AS payments FROM paid GROUP BY 1),
 b AS (SELECT prefix, count(*) AS orders FROM paid JOIN orders o USING (account_id, order_id)
   WHERE o.state = 'paid' AND o.expires_at = paid_at + interval '30 days' GROUP BY 1),
 c AS (SELECT prefix, count(*) AS payers FROM paid JOIN payer USING (account_id, order_id) GROUP BY 1),
 d AS (SELECT prefix, count(*) AS entries, count(DISTINCT out_trade_no) AS trades,
   sum(amount_fen)::bigint / 990 AS priced FROM entry WHERE kind = 'payment' GROUP BY 1),
 e AS (SELECT prefix, count(*) AS audits FROM paid JOIN audit_log ON object_id = payment_id
   WHERE action = 'payment.success' GROUP BY 1)
SELECT prefix, payments, orders, payers, entries, trades, priced, audits, (SELECT count(*) FROM anomaly)
  FROM a FULL JOIN b USING (prefix) FULL JOIN c USING (prefix) FULL JOIN d USING (prefix)
  FULL JOIN e USING (prefix) ORDER BY prefix
"""


def settled():
    """By prefix: payments that succeeded, after it was checked that each has all that belongs to it,
    once."""
    paid = {}
    for prefix, *counts in psql(SETTLED):
        checks.that(counts == [counts[0]] * 7 + ["0"],
                    f"{prefix}: payments, orders, payers, ledger entries, trades and prices in them, "
                    f"audit rows are as many, and there is no anomaly: {counts}")
        paid[prefix] = int(counts[0])
    checks.same(sorted(paid), ["ba", "bp", "bw"], "channels and pgbench, with something paid")
    return paid


def check_replay(what, r):
    checks.that(r["taken"] == r["answered"] or r["refusal"] == 503,
                f"{what}: {r['answered'] - r['taken']} refused, the last one with {r['refusal']}")
    for key, name in (("taken", "answered"), ("answered", "sent")):
        if r[key] != r[name]:
            print(f"  {what}: {r[name] - r[key]} of {r[name]} {name} were not {key}")


# ---- the phases

def callbacks_of(server, what, first):
    """Signed just before they are sent: a WeChat callback ages."""
    host, half = server.api.split("//")[1], CALLBACKS // 2
    signing = [sign(prefix, host, first // 2, half) for prefix in ("bw", "ba")]
    for _, process in signing:
        if process.wait() != 0:
            raise AssertionError("bench-sign failed")
    r = replay(server, [path for path, _ in signing])
    check_replay(what, r)
    return r


def compare(r, baseline):
    r["baseline"] = baseline
    r["ratio"] = r["rate"] / baseline
    return r


def callbacks_round(server, peer, script, k):
    """Of the server, and of the peer right after it, since the machine is not the same for long."""
    ours = compare(callbacks_of(server, "callbacks", (1 + k) * CALLBACKS),
                   run_pgbench(script, k * CALLBACKS, CALLBACKS, LOOKUPS))
    node = callbacks_of(peer, "node", (WARMED + 1 + k) * CALLBACKS)
    node["ratio"] = ours["rate"] / node["rate"]
    return ours, node


def make_phones(server):
    """As many people as connections, each with one photo."""
    phones = []
    for i in range(CONNECTIONS):
        phone = Phone(server)
        phone.photo = phone.upload(make_png(), f"photo {i}")
        phone.token = phone.caller.token
        phones.append(phone)
    return phones


def record(phones):
    """Scripts for pgbench that say to the database what the server says for an order and a payment.
    The first of each is not recorded: something may be noted once a day."""
    orders, prepays = [[[] for _ in phones] for _ in range(2)]
    with Recorder() as recorder:
        for k in range(RECORDED):
            for i, phone in enumerate(phones):
                said, order = recorder.record(lambda: phone.order(phone.photo, f"recorded {k}"))
                orders[i].append(said)
                said, _ = recorder.record(lambda: phone.json(
                    "POST", f"/v1/orders/{order['order_id']}/payments", PREPAY, f"recorded {k}", 201))
                prepays[i].append(said)
    for phone in phones:
        phone.caller.close()
    writer = Writer()
    return [writer.script([own[1:] for own in of], os.path.join(STACK, f"{name}.sql"), CONNECTIONS)
            for name, of in (("order", orders), ("prepay", prepays))]


def orders_round(server, phones, k):
    host = server.api.split("//")[1]
    requests = [post(host, "/v1/orders", phones[i % CONNECTIONS].token, f"order {k} {i}",
                     json.dumps(Phone.order_body(phones[i % CONNECTIONS].photo)))
                for i in range(ORDERS)]
    bodies = os.path.join(STACK, "orders")
    r = replay(server, [write_requests(bodies + ".requests", requests)], bodies)
    check_replay("orders", r)
    with open(bodies) as file:
        return r, [json.loads(line) for line in file if line.strip()]


def prepay_round(server, tokens, orders, k):
    host = server.api.split("//")[1]
    requests = [post(host, f"/v1/orders/{order['order_id']}/payments",
                     tokens[order["items"][0]["photo_id"]], f"pay {k} {i}",
                     json.dumps(PREPAY))
                for i, order in enumerate(orders)]
    path = os.path.join(STACK, "prepay.requests")
    r = replay(server, [write_requests(path, requests)])
    check_replay("prepay", r)
    return r


def check_orders(orders, prepays):
    mine = "merchant = '{merchant}' AND out_trade_no NOT LIKE 'ba0%'".format(**merchants()["ba"])
    made = int(value("SELECT count(*) FROM order_item"))
    ids = {order["order_id"] for order in orders}
    others = RECORDED * CONNECTIONS + ROUNDS * ORDERS  # recorded, pgbench's
    checks.that(made - others == len(orders) == len(ids),
                f"orders: {len(orders)} answered, {len(ids)} ids, {made} with {others} others stored")
    stored, of = psql(f"SELECT count(*), count(DISTINCT order_id) FROM payment WHERE {mine}")[0]
    taken, sent = (sum(r[key] for r in prepays) + others for key in ("taken", "sent"))
    checks.that(stored == of and taken <= int(stored) <= sent,
                f"prepay: {taken} answered, {sent} sent, {stored} stored for {of} orders")


def parts_of_callback(server):
    """Microseconds of the server's processor for a WeChat callback, by part."""
    path, signing = sign("bw", server.api.split("//")[1], 9 * 10 ** 17, 1)
    if signing.wait() != 0:
        raise AssertionError("bench-sign failed")
    with open(path, encoding="utf-8", newline="") as file:
        request = file.read()[8:]
    return json.loads(subprocess.run([os.environ["PARTS"], CONFIG, request], check=True,
                                     capture_output=True, text=True).stdout)


# ---- the report

def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def show(name, rounds):
    print(f"  {name:<10} {median(rounds, 'rate'):8.0f}/s   p50 {median(rounds, 'p50_us') / 1e3:6.1f} ms"
          f"   p99 {median(rounds, 'p99_us') / 1e3:6.1f} ms   server CPU "
          f"{median(rounds, 'cpu_us'):5.0f} µs each", flush=True)


def show_pgbench(rounds):
    print(f"  {'pgbench':<10} {median(rounds, 'baseline'):8.0f}/s   the same statements, as many "
          f"connections: ratio {median(rounds, 'ratio'):.2f}")


def write_results(callbacks, node, parts, orders, prepays, signing_us):
    def entry(name, number, unit, baseline=None, ratio=None):
        def rounded(x):
            return None if x is None else round(x, 3)
        return {"name": name, "value": rounded(number), "unit": unit, "baseline": rounded(baseline),
                "ratio": rounded(ratio)}

    def compared(name, rounds):
        return entry(name, median(rounds, "rate"), "1/s", median(rounds, "baseline"), median(rounds, "ratio"))
    entries = [
        compared("callback_rate", callbacks),
        entry("callback_rate_vs_node", median(callbacks, "rate"), "1/s", median(node, "rate"),
              median(node, "ratio")),
        entry("callback_p99_ms", median(callbacks, "p99_us") / 1e3, "ms"),
        entry("callback_cpu_us", median(callbacks, "cpu_us"), "us"),
        *(entry(f"callback_cpu_{part.split()[0].lower()}_us", us, "us") for part, us in parts.items()),
        compared("order_rate", orders),
        compared("prepay_rate", prepays),
        entry("prepay_signature_us", signing_us, "us"),
    ]
    with open(os.environ["RESULTS"], "w") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(e) for e in entries) + "\n]\n")


def measure(server, script):
    signing_us = float(subprocess.run([os.environ["SIGN"], os.path.join(STACK, "sandbox"), "time"],
                                      check=True, capture_output=True, text=True).stdout)
    parts, callbacks, node, peer = parts_of_callback(server), [], [], Peer()
    try:
        warm = [callbacks_of(server, "callbacks", 0), callbacks_of(peer, "node", WARMED * CALLBACKS)]
        for k in range(ROUNDS):
            ours, theirs = callbacks_round(server, peer, script, k)
            callbacks.append(ours)
            node.append(theirs)
            print(f"  round {k + 1}: callbacks {ours['rate']:.0f}/s, pgbench {ours['baseline']:.0f}/s, ratio "
                  f"{ours['ratio']:.2f}; node {theirs['rate']:.0f}/s, ratio {theirs['ratio']:.2f}", flush=True)
    finally:
        peer.stop()
    phones = make_phones(server)
    order_script, prepay_script = record(phones)
    tokens = {phone.photo: phone.token for phone in phones}
    orders, prepays, made = [], [], []
    for k in range(ROUNDS):
        r, bodies = orders_round(server, phones, k)
        orders.append(compare(r, run_pgbench(order_script, k * ORDERS, ORDERS)))
        made += bodies
        r = prepay_round(server, tokens, bodies, k)
        prepays.append(compare(r, run_pgbench(prepay_script, k * ORDERS, ORDERS)))
    show("callbacks", callbacks)
    parts["SQL (in PostgreSQL)"] = median(callbacks, "database_cpu_us")
    print("  of a callback, in µs of processor: " +
          ", ".join(f"{name} {us:.0f}" for name, us in parts.items()))
    show_pgbench(callbacks)
    print(f"  {'node':<10} {median(node, 'rate'):8.0f}/s   Fastify and pg, one statement a callback: we are "
          f"{median(node, 'ratio'):.1f} times as fast")
    show("orders", orders)
    show_pgbench(orders)
    show("prepay", prepays)
    show_pgbench(prepays)
    print(f"  {'':<10} of a prepayment's CPU, {signing_us:.0f} µs are its RSA-2048 signature")
    write_results(callbacks, node, parts, orders, prepays, signing_us)
    paid = settled()
    taken, sent = (sum(r[key] for r in (*warm, *callbacks, *node)) for key in ("taken", "sent"))
    by_callback = paid["bw"] + paid["ba"]
    checks.that(taken <= by_callback <= sent,
                f"callbacks: {taken} acknowledged, {sent} sent, {by_callback} paid")
    checks.same(paid["bp"], ROUNDS * CALLBACKS, "paid by pgbench")
    check_orders(made, prepays)


def main():
    begin = time.monotonic()
    server = QuietServer()
    load({"bw": WARMED * CALLBACKS, "ba": WARMED * CALLBACKS, "bp": ROUNDS * CALLBACKS})
    print(f"bench: {CONNECTIONS} connections, {WORKERS} workers, {os.cpu_count()} cores, "
          f"{ROUNDS} rounds of {CALLBACKS} callbacks and {ORDERS} orders", flush=True)
    server.start()
    try:
        measure(server, settle_script())
    finally:
        code = server.stop()
    checks.that(code == 0, f"the server ended with {code}")
    print(f"bench: {checks.passed} checks of the results held, {checks.failed} did not; "
          f"{time.monotonic() - begin:.0f} s")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
