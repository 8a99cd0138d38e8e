# SPDX-License-Identifier: MIT
"""Offers the server many times what it can do, for OVERLOAD_SECONDS (60), and looks at what that does to it.

The database is slowed down, so that one machine can offer ten times the sustainable rate: that rate is
measured first, over 64 connections. Then 2000 connections send callbacks without a pause. What is
refused must be refused by 503 with Retry-After; whatever was acknowledged must be committed, once; the
queue must fill and stay within its limit, and the server's memory must not grow once it is full;
and five seconds later the server must take callbacks again, all of them.
"""
import json
import os
import socket
import subprocess
import threading
import time

import bench
from bench import BASE, CALLBACKS, HERE, LOST, STACK, Caller, QuietServer, checks, load, psql, value
from exposition import Scrape

SECONDS = int(os.environ.get("OVERLOAD_SECONDS", "60"))
CONNECTIONS = 2000
QUEUE = 256
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION slow();
"""
GROWTH_MIB = 16  # what the allocator may still take after the first third


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Watch(threading.Thread):
    """Weighs the server and reads how many callbacks wait for their commit, every half second."""

    def __init__(self, pid, operator):
        super().__init__(daemon=True)
        self.pid, self.operator, self.over = pid, Caller(operator), threading.Event()
        self.weights, self.longest, self.missed = [], 0, 0
        self.start()

    def run(self):
        while not self.over.wait(0.5):
            self.weights.append(resident_mib(self.pid))
            try:
                scrape = Scrape(self.operator.call("GET", "/metrics")[2].decode())
            except LOST:
                self.missed += 1
                continue
            self.longest = max(self.longest, scrape.get("idphotod_commit_queue_length"))


def signed(server, first):
    pairs = [bench.sign(prefix, server.api.split("//")[1], first // 2, CALLBACKS // 2) for prefix in ("bw", "ba")]
    for _, process in pairs:
        if process.wait() != 0:
            raise AssertionError("bench-sign failed")
    return [path for path, _ in pairs]


def flood(server, files):
    result = os.path.join(STACK, "overload.json")
    watch = Watch(server.process.pid, f"http://{os.environ['IDPHOTOD_OPERATOR_LISTEN']}")
    subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--timeout", "30s", "-s",
                    os.path.join(HERE, "overload.lua"), server.api, "--", *files],
                   env=dict(os.environ, RESULT=result), check=True, stdout=subprocess.DEVNULL)
    watch.over.set()
    watch.join()
    with open(result) as file:
        return json.load(file), watch


def name_of(number, first):
    """The trade of the n-th request: first those of WeChat, then those of Alipay."""
    half = CALLBACKS // 2
    prefix, n = ("bw", number - 1) if number <= half else ("ba", number - 1 - half)
    return f"{prefix}0{BASE + first // 2 + n}"


def check_committed(taken, first):
    names = "{" + ",".join(name_of(number, first) for number in taken) + "}"
    paid, entered = psql(f"""SELECT count(DISTINCT p.out_trade_no) FILTER (WHERE p.state = 'succeeded' AND o.state = 'paid'),
        (SELECT count(*) FROM ledger_entry WHERE out_trade_no = ANY ('{names}'))
        FROM payment p JOIN orders o USING (account_id, order_id) WHERE p.out_trade_no = ANY ('{names}')""")[0]
    checks.that(len(taken) > 0 and int(paid) == int(entered) == len(taken),
                f"overload: {len(taken)} acknowledged, {paid} paid, {entered} entered in the ledger")
    doubled = value("SELECT count(*) FROM (SELECT FROM ledger_entry GROUP BY out_trade_no HAVING count(*) > 1) x")
    checks.that(int(doubled) == 0, f"overload: {doubled} entered twice")


def check_queue(watch):
    print(f"  longest queue: {watch.longest:.0f} of {QUEUE}")
    checks.that(0 < watch.longest <= QUEUE, f"overload: {watch.longest:.0f} commits in a queue for {QUEUE}")
    checks.same(watch.missed, 0, "scrapes of /metrics without an answer")


def check_flood(r, weights, sustained):
    offered = (r["took"] + r["refused"] + r["others"]) / r["seconds"]
    third = len(weights) // 3
    early, late = max(weights[:third]), max(weights[third:])
    print(f"  offered {offered:.0f}/s for {r['seconds']:.0f} s, {offered / sustained:.1f} times the sustainable "
          f"{sustained:.0f}/s: {r['took']} taken, {r['refused']} refused; memory {weights[0]:.0f} MiB before, "
          f"{early:.0f} at first, {late:.0f} later", flush=True)
    checks.that(offered >= 10 * sustained, "overload: ten times the sustainable rate was offered")
    checks.that(r["refused"] > 0 and r["others"] == 0, f"overload: {r['others']} answers were neither taken nor 503")
    checks.same(r["hurried"], 0, "refusals without Retry-After")
    checks.that(late <= early + GROWTH_MIB, f"overload: memory grew from {early:.0f} to {late:.0f} MiB")


def main():
    os.environ["IDPHOTOD_SERVER_QUEUE"] = str(QUEUE)
    os.environ["IDPHOTOD_OPERATOR_LISTEN"] = f"127.0.0.1:{free_port()}"
    server = QuietServer()
    load({"bw": 2 * CALLBACKS, "ba": 2 * CALLBACKS, "bp": 0})
    psql(SLOW)
    server.start()
    try:
        sustained = bench.callbacks_of(server, "before", 0)["rate"]
        r, watch = flood(server, signed(server, CALLBACKS))
        time.sleep(5)
        after = bench.callbacks_of(server, "after", 2 * CALLBACKS)
        check_flood(r, watch.weights, sustained)
        check_queue(watch)
        check_committed(r["taken"], CALLBACKS)
        checks.same(after["taken"], CALLBACKS, "callbacks taken five seconds later")
        print(f"  five seconds later: {after['rate']:.0f}/s, {after['taken']} of {after['sent']} taken")
    finally:
        code = server.stop()
    checks.that(code == 0, f"the server ended with {code}")
    print(f"overload: {checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
