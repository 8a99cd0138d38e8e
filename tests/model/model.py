# SPDX-License-Identifier: MIT
"""Random lives of orders, all at once, while server and database are killed.

A sequence is one order of one person: electronic, print or mixed; several attempts to pay it at both
providers; paid once, twice, late or never; callbacks that come again, late, out of order or not at
all; looks, cancellations, refunds, shipping, deletion. Many run side by side in a round, and each
round is cut by kill -9 of the server or an end of PostgreSQL without goodbye. Then all is quiet:
first what must hold at any time is looked at, then time goes on past every attempt, the jobs run
until nothing is left to do, and the books are compared:

  money in at the providers = payments in the ledger = states of attempts and orders
  money back at the providers = refunds in the ledger = states of refunds, each moved once
  nothing delivered unpaid, and who asks for it is told so; nothing paid undelivered without a refund
  under way or an anomaly that names it; no state ever went back

environment: MODEL_SEQUENCES (how many), SEED (to draw the same lots again; threads and kills still
fall as they fall)
"""
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

from installation import (LOST, SANDBOX, Caller, Checks, Phone, Server, idphotod, kill_postgres, make_png,
                          open_cashier, psql, restart_postgres, sandbox, wait_ready)

SEQUENCES = int(os.environ.get("MODEL_SEQUENCES") or 2000)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
PEOPLE = 12  # at once
EACH = 20  # sequences of a person in a round
CRASHES = 4  # of a round, at most
ROUND_MINUTES = 31  # past every attempt's time
WAYS = [("wechat", "native"), ("wechat", "app"), ("wechat", "h5"), ("alipay", "app"), ("alipay", "page"),
        ("alipay", "qr"), ("alipay", "wap")]
ODD = ("late", "second", "unknown-trade")  # anomalies of money that bought nothing
RANK = {"unpaid": 0, "paid": 1, "printing": 2, "shipped": 3, "delivered": 4, "closed": 5}

check = Checks()
server = Server()
happened = collections.Counter()
violations = []
wrong = threading.Lock()


def violation(sentence):
    with wrong:
        violations.append(sentence)
        if len(violations) <= 20:
            print(f"VIOLATION: {sentence}", flush=True)


class Gone(Exception):
    """The server stayed away, or refuses what the sequence needs to go on."""


class Order:
    """What the driver knows of one order."""

    def __init__(self, phone, order_id, photo_id, kind):
        self.phone, self.order_id, self.photo_id, self.kind = phone, order_id, photo_id, kind
        self.attempts = []  # (channel, out_trade_no, payment_id)
        self.state = "unpaid"
        self.attempt_states = {}
        self.paid = []
        self.erased = False


class World:
    """One round: who is there, and what is still on its way."""

    def __init__(self, number):
        self.number = number
        self.late = []  # callbacks kept back until the end of the round
        self.orders = []
        self.lock = threading.Lock()

    def keep(self, order):
        with self.lock:
            self.orders.append(order)

    def hold(self, channel, out_trade_no):
        with self.lock:
            self.late.append((channel, out_trade_no))


OF_THREAD = threading.local()


def provider(method, path, body=None):
    """The sandbox's answer or None where it refuses; a connection of each thread's own."""
    if not hasattr(OF_THREAD, "caller"):
        OF_THREAD.caller = Caller(SANDBOX)
    status, _, text = OF_THREAD.caller.call(method, path, body)
    return json.loads(text) if status == 200 else None


def ask(path, body):
    return provider("POST", path, body)


class Person:
    """Draws one lot after the other. Everything that is lost on the way is asked for again."""

    def __init__(self, world, number):
        self.world = world
        self.chance = random.Random(f"{SEED}-{world.number}-{number}")
        self.phone = None
        self.operator = Caller(server.admin, OPERATOR)
        self.keys = 0

    def patiently(self, action):
        """Until there is an answer: the server comes back."""
        for _ in range(200):
            try:
                return action()
            except LOST:
                happened["lost answers"] += 1
                time.sleep(0.02)
                if self.phone:
                    self.phone.moved_to(server)
        raise Gone

    def call(self, method, path, body=None, key=None, **more):
        """Status and members."""
        happened["events"] += 1
        status, _, text = self.patiently(lambda: self.phone.call(method, path, body, key, **more))
        if status == 500:  # what is away is 502, 503 or 504
            violation(f"{method} {path.partition('?')[0]} answers 500")
        try:
            return status, json.loads(text) if text else {}
        except ValueError:
            return status, {}

    def made(self, method, path, body, **more):
        """The members of what was made, with a key so that it is made once; asked for again while the
        database or a provider is away."""
        self.keys += 1
        for _ in range(100):
            status, answer = self.call(method, path, body, f"k{self.keys}", **more)
            if status == 201:
                return answer
            if status not in (409, 502, 503, 504):
                happened[f"refused with {status} {path.rpartition('/')[2][:9]} {answer.get('type')}"] += 1
                return None
            if status == 409 and not str(answer.get("type", "")).endswith("idempotency-in-progress"):
                return None
            time.sleep(0.05)
        return None

    def live(self):
        self.phone = self.patiently(lambda: Phone(server))
        self.call("PUT", "/v1/consents/print-mailing", {"policy_version": "2026-11-01"})
        for _ in range(EACH):
            happened["sequences"] += 1
            try:
                self.sequence()
            except Gone:
                happened["sequences given up"] += 1

    def sequence(self):
        order = self.begin()
        if order is None:
            raise Gone
        self.world.keep(order)
        steps = [self.attempt, self.attempt, self.pay, self.pay, self.look, self.again, self.end, self.ship,
                 self.give_back]
        weights = [4, 2, 5, 2, 4, 2, 1.5, 1.5, 1]
        self.attempt(order)
        for _ in range(self.chance.randrange(3, 11)):
            if order.erased:
                break
            self.chance.choices(steps, weights)[0](order)
        if not order.erased:
            self.look(order)

    def begin(self):
        kind = self.chance.choice(("electronic", "electronic", "print", "mixed"))
        picture = make_png(40, 50, self.chance.randrange(1 << 30))
        photo = self.made("POST", "/v1/photos?subject=self", picture, **{"Content-Type": "image/png"})
        order = photo and self.made("POST", "/v1/orders", Phone.order_body(
            photo["photo_id"], electronic=int(kind != "print"), prints=int(kind != "electronic")))
        return order and Order(self.phone, order["order_id"], photo["photo_id"], kind)

    # ---- what happens

    def attempt(self, order):
        if len(order.attempts) > 3:
            return
        channel, method = self.chance.choice(WAYS)
        made = self.made("POST", f"/v1/orders/{order.order_id}/payments", {"channel": channel, "method": method})
        if not made:
            return
        happened["attempts"] += 1
        try:
            open_cashier(made)
        except (AssertionError, *LOST):
            pass  # closed there meanwhile, paid before the answer came, or the cashier fails
        order.attempts.append((channel, made["out_trade_no"], made["payment_id"]))

    def pay(self, order):
        if not order.attempts:
            return
        channel, number, _ = self.chance.choice(order.attempts)
        how = self.chance.choice(("told", "told", "kept back", "lost"))
        happened["events"] += 1
        paid = ask("/sandbox/pay", {"out_trade_no": number, "channel": channel, "notify": how == "told",
                                    "late": self.chance.random() < 0.2})
        if paid:
            happened["paid at a provider"] += 1
            order.paid.append((channel, number))
            happened["callbacks lost"] += how == "lost"
            if how == "kept back":
                self.world.hold(channel, number)

    def again(self, order):
        """A callback that came, or never came, once more."""
        if order.paid:
            happened["events"] += 1
            channel, number = self.chance.choice(order.paid)
            ask("/sandbox/notify", {"out_trade_no": number, "channel": channel, "fault": "again"})

    def look(self, order):
        status, shown = self.call("GET", f"/v1/orders/{order.order_id}")
        if status == 200:
            if RANK[shown["state"]] < RANK[order.state]:
                violation(f"order {order.order_id} went from {order.state} back to {shown['state']}")
            order.state = shown["state"]
        status, _ = self.call("GET", f"/v1/photos/{order.photo_id}/file")
        if status == 200:
            happened["files fetched"] += 1
            if not any(is_paid(number) for _, number, _ in order.attempts) and not was_paid_unheard(order):
                violation(f"order {order.order_id}: its file was given, and nobody has paid")
        if order.attempts:
            self.look_at_attempt(order, self.chance.choice(order.attempts)[2])

    def look_at_attempt(self, order, payment):
        status, shown = self.call("GET", f"/v1/orders/{order.order_id}/payments/{payment}")
        if status == 200:
            before = order.attempt_states.setdefault(payment, "pending")
            if before not in ("pending", shown["state"]):
                violation(f"attempt {payment} went from {before} to {shown['state']}")
            order.attempt_states[payment] = shown["state"]

    def end(self, order):
        if self.chance.random() < 0.5:
            happened["cancelled"] += self.call("POST", f"/v1/orders/{order.order_id}/cancel", {})[0] == 200
            return
        force = self.chance.choice(("", "?force=true"))
        status, _ = self.call("DELETE", f"/v1/orders/{order.order_id}{force}")
        order.erased = status in (204, 404)
        happened["erased"] += order.erased

    def operate(self, path, body):
        happened["events"] += 1

        def act():
            self.operator.address = server.admin.partition("//")[2]
            return self.operator.call("POST", path, body)
        return self.patiently(act)[0]

    def ship(self, order):
        if order.kind != "electronic" and order.state == "paid":
            status = self.operate(f"/admin/v1/orders/{order.order_id}/ship",
                                  {"carrier": "顺丰", "tracking_no": "SF1234567890"})
            happened["shipped"] += status == 200

    def give_back(self, order):
        """By the person, or by an operator."""
        if self.chance.random() < 0.5:
            status = self.call("POST", f"/v1/orders/{order.order_id}/refund", {})[0]
        else:
            status = self.operate(f"/admin/v1/orders/{order.order_id}/refund", {"reason": "complaint"})
        happened["refunds asked"] += status in (200, 201, 202)


def is_paid(number):
    trade = provider("GET", f"/sandbox/trades/{number}")
    return trade is not None and trade["state"] == "paid"


BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def was_paid_unheard(order):
    """By an attempt whose answer never came back: paid before it, and then the answer was spoilt."""
    number = 0
    for digit in order.order_id[4:]:
        number = number * 62 + BASE62.index(digit)
    try:
        attempts = psql(f"SELECT out_trade_no FROM payment WHERE order_id = '{number:032x}'")
    except subprocess.CalledProcessError:
        return True  # the database is away; what is quiet is looked at again
    return any(is_paid(found[0]) for found in attempts)


# ---- crashes

class Chaos(threading.Thread):
    """Kills and brings back, and makes providers fail, until told to stop."""

    def __init__(self, number):
        super().__init__()
        self.chance = random.Random(f"{SEED}-{number}-chaos")
        self.stopping = threading.Event()
        self.database = number % 4 == 0
        self.left = CRASHES
        self.wrong = None

    def run(self):
        try:
            while not self.stopping.wait(self.chance.uniform(0.1, 1.2)):
                self.strike()
        except BaseException as e:  # noqa: a thread's failure is the test's
            self.wrong = e

    def strike(self):
        self.spoil_answers()
        if self.left == 0 or self.chance.random() < 0.3:
            return
        self.left -= 1
        happened["crashes"] += 1
        if self.database:
            self.database = False
            kill_postgres()
            restart_postgres()
            happened["of PostgreSQL"] += 1
        else:
            server.kill()
            server.start()
        wait_ready(server)

    def spoil_answers(self):
        faults = ["server-error", "rate-limit", "cut", "wrong-signature", "unsigned", "unavailable",
                  "after-callback", "after-callback"]
        for channel in "wechat", "alipay":
            if self.chance.random() < 0.5:
                sandbox("/sandbox/answers", {"channel": channel, "fault": self.chance.choice(faults)})
        mode = self.chance.choice(("immediate", "held", "not-enough", "frequency", "system-error", "lost"))
        sandbox("/sandbox/refunds", {"mode": mode, "times": 3})


def one_round(number):
    world = World(number)
    people = [threading.Thread(target=guarded, args=(Person(world, i),)) for i in range(PEOPLE)]
    chaos = Chaos(number)
    for thread in people + [chaos]:
        thread.start()
    for thread in people:
        thread.join()
    chaos.stopping.set()
    chaos.join()
    if chaos.wrong:
        raise chaos.wrong
    for channel in "wechat", "alipay":
        sandbox("/sandbox/answers", {"channel": channel, "fault": "slow", "times": 0})
    sandbox("/sandbox/refunds", {"mode": "immediate"})
    random.Random(f"{SEED}-{number}-late").shuffle(world.late)
    for channel, out_trade_no in world.late:
        happened["events"] += 1
        ask("/sandbox/notify", {"out_trade_no": out_trade_no, "channel": channel, "fault": "again"})
    return world


def guarded(person):
    try:
        person.live()
    except BaseException as e:  # noqa: a thread's failure is the test's
        violation(f"the driver itself failed: {e!r}")


# ---- the books

def rows(sql):
    """Dictionaries, through JSON: nothing in them needs escaping."""
    return [json.loads(found[0]) for found in psql(f"SELECT row_to_json(r) FROM ({sql}) r")]


class Books:
    """Both sides' books at one quiet moment."""

    def __init__(self):
        self.trades = {t["out_trade_no"]: t for t in sandbox("/sandbox/trades")["trades"]}
        self.ledger = rows("SELECT kind, channel, out_trade_no, transaction_id, amount_fen, out_refund_no"
                           " FROM ledger_entry")
        self.payments = rows("SELECT p.out_trade_no, p.state, p.amount_fen, p.transaction_id, p.order_id,"
                             " o.state AS order_state, o.close_reason, o.kind, o.paid_at IS NOT NULL AS was_paid"
                             " FROM payment p JOIN orders o USING (account_id, order_id)")
        self.anomalies = collections.defaultdict(list)
        for a in rows("SELECT kind, out_trade_no, transaction_id, resolved_at FROM anomaly"):
            self.anomalies[a["out_trade_no"]].append(a)
        # first there, then here: what moved by now was asked for before
        self.returned = sandbox("/sandbox/refunds")["refunds"]
        self.refunds = rows("SELECT out_refund_no, out_trade_no, refund_fen, state, last_code, tries FROM refund")

    def entries(self, kind):
        found = collections.defaultdict(list)
        for entry in self.ledger:
            if entry["kind"] == kind:
                found[entry["out_trade_no"]].append(entry)
        return found

    def is_odd(self, out_trade_no):
        """Money that bought nothing: told apart by an anomaly."""
        return any(a["kind"] in ODD for a in self.anomalies[out_trade_no])

    def always(self):
        """What holds whatever is still on its way."""
        entered = self.entries("payment")
        for number, entries in entered.items():
            trade = self.trades.get(number)
            if len(entries) != 1:
                violation(f"{number} stands {len(entries)} times in the ledger")
            elif trade is None or trade["state"] != "paid":
                violation(f"{number} is in the ledger, and the provider took nothing")
            elif (trade["amount_fen"], trade["transaction_id"]) != \
                    (entries[0]["amount_fen"], entries[0]["transaction_id"]):
                violation(f"{number}: the ledger says {entries[0]}, the provider {trade}")
        for number, trade in self.trades.items():
            if trade["acknowledged"] and number not in entered:
                violation(f"{number}: its callback was acknowledged, and the ledger knows nothing")
        self.orders(final=False)
        asked = {r["out_refund_no"]: r["refund_fen"] for r in self.refunds}
        for refund in self.returned:
            number, fen = refund["out_refund_no"], refund["moved"] * refund["amount_fen"]
            if fen and fen != asked.get(number):
                violation(f"{number}: {fen} fen went back, and {asked.get(number)} were asked for here")
        for number, trade in self.trades.items():
            if trade["refunded_fen"] > trade["amount_fen"]:
                violation(f"{number}: more went back than came")

    def orders(self, final):
        """An order is paid by one success that fitted, and by no more."""
        by_order = collections.defaultdict(list)
        for payment in self.payments:
            by_order[payment["order_id"]].append(payment)
        for order_id, payments in by_order.items():
            fitting = [p for p in payments if p["state"] == "succeeded" and not self.is_odd(p["out_trade_no"])]
            first = payments[0]
            if first["was_paid"] and len(fitting) != 1:
                violation(f"order {order_id} is {first['order_state']} by {len(fitting)} payments")
            if not first["was_paid"] and fitting:
                violation(f"order {order_id} is {first['order_state']} though {fitting} fitted")
            for p in payments:
                self.attempt(order_id, p, final)

    def attempt(self, order_id, p, final):
        number = p["out_trade_no"]
        trade = self.trades.get(number)
        paid = trade is not None and trade["state"] == "paid"
        if p["state"] == "succeeded" and not (paid and trade["transaction_id"] == p["transaction_id"]):
            violation(f"attempt {number} succeeded, and the provider says {trade}")
        if final and paid and p["state"] != "succeeded" and not self.is_odd(number):
            violation(f"attempt {number} of order {order_id} is {p['state']}, and was paid")
        if final and p["state"] == "pending":
            violation(f"attempt {number} of order {order_id} is pending past its time")

    def settled(self):
        """What holds when nothing is on its way any more."""
        self.always()
        self.orders(final=True)
        entered = self.entries("payment")
        for number, trade in self.trades.items():
            if trade["state"] == "paid" and number not in entered:
                violation(f"{number} was paid, and the ledger knows nothing")
        self.money_back()

    def money_back(self):
        """What went back was asked for here, under the number and of the amount that it has there."""
        here = {r["out_refund_no"]: r for r in self.refunds}
        there = {r["out_refund_no"]: r for r in self.returned}
        for number, refund in here.items():
            if refund["state"] == "done" and (number not in there or there[number]["moved"] != 1):
                violation(f"refund {number} is done here, and the provider says {there.get(number)}")
        for number, refund in there.items():
            if refund["moved"] and (number not in here or here[number]["refund_fen"] != refund["amount_fen"] or
                                    here[number]["state"] == "failed"):
                violation(f"refund {number} went back, and here it is {here.get(number)}")
        entered = {e["out_refund_no"]: e["amount_fen"] for e in self.ledger if e["kind"] == "refund"}
        done = {r["out_refund_no"]: r["refund_fen"] for r in self.refunds if r["state"] == "done"}
        if entered != done:
            violation(f"the ledger's refunds and those done differ: {sorted(entered.items() ^ done.items())}")
        under_way = {r["out_trade_no"] for r in self.refunds if r["state"] != "failed"}
        for number in self.trades:
            odd = [a for a in self.anomalies[number] if a["kind"] in ODD]
            if odd and number not in under_way and all(a["resolved_at"] for a in odd):
                violation(f"{number} bought nothing: no refund, and no open anomaly")

    def ended(self):
        """Days later: nothing is under way any more, and what bought nothing went back."""
        self.settled()
        for refund in self.refunds:
            if refund["state"] not in ("done", "failed"):
                violation(f"refund {refund} never ends")
        for number, trade in self.trades.items():
            if any(a["kind"] in ODD for a in self.anomalies[number]) and trade["refunded_fen"] != trade["amount_fen"]:
                violation(f"{number} bought nothing, and went back by {trade['refunded_fen']} fen alone")
            for a in self.anomalies[number]:
                if a["kind"] in ODD and not a["resolved_at"]:
                    violation(f"{number} went back, and its anomaly is open")

    def sums(self):
        paid = sum(t["amount_fen"] for t in self.trades.values() if t["state"] == "paid")
        entered = sum(e["amount_fen"] for e in self.ledger if e["kind"] == "payment")
        check.same(entered, paid, "payments of the ledger in all are what the providers took")
        check.same(sum(e["amount_fen"] for e in self.ledger if e["kind"] == "refund"),
                   sum(r["amount_fen"] * r["moved"] for r in self.returned),
                   "refunds of the ledger in all are what went back")
        return paid


# ---- time goes on

JOBS = ["poll", "close", "promote", "refund"]


def run_jobs():
    """Until a whole turn has nothing left to do."""
    operator = Caller(server.admin, OPERATOR)
    for _ in range(50):
        left = 0
        for name in JOBS:
            status, _, text = operator.call("POST", f"/admin/v1/jobs/{name}/run", {})
            if status == 404:
                continue  # there is no such job
            left += json.loads(text)["rows"] if check_status(status, name) else 0
        if left == 0:
            break
    operator.close()


def check_status(status, name):
    if status != 200:
        violation(f"the job {name} answers {status}")
    return status == 200


def deliver_the_rest(world):
    """The provider goes on repeating what was not acknowledged; of orders that are gone nobody could ask."""
    alive = {p["out_trade_no"] for p in rows("SELECT out_trade_no FROM payment")}
    for order in world.orders:
        for channel, number, _ in order.attempts:
            if number not in alive and is_paid(number):
                ask("/sandbox/notify", {"out_trade_no": number, "channel": channel, "fault": "again"})
    sandbox("/sandbox/retry", {})


def pay_late(world):
    """Some pay long after, while the jobs are at the same attempts."""
    chance = random.Random(f"{SEED}-{world.number}-pay-late")
    for order in world.orders:
        for channel, number, _ in order.attempts:
            if chance.random() < 0.3 and ask("/sandbox/pay", {
                    "out_trade_no": number, "channel": channel, "late": True, "notify": chance.random() < 0.7}):
                happened["paid late"] += 1


def look_at_deliveries(world, books):
    """Who paid has the photo, who did not has not. An order all of whose attempts are gone has no row here."""
    payments = {p["out_trade_no"]: p for p in books.payments}

    def look(orders):
        for order in orders:
            known = [payments[number] for _, number, _ in order.attempts if number in payments]
            if order.erased or not known or order.state == "closed":
                continue
            paid = known[0]["was_paid"] and known[0]["order_state"] != "closed"
            bought = paid and order.kind != "print"
            order.phone.moved_to(server)
            told = 402 if order.phone.call("GET", f"/v1/photos/{order.photo_id}")[0] == 200 else 404
            status = order.phone.call("GET", f"/v1/photos/{order.photo_id}/file")[0]
            happened["deliveries looked at"] += 1
            if bought and status != 200:
                violation(f"order {order.order_id} is paid, and its photo is not given: {status}")
            if not known[0]["was_paid"] and status == 200:
                violation(f"order {order.order_id} is not paid, and its photo is given")
            if paid and not bought and status == 200:
                violation(f"order {order.order_id} is paid for prints, and its file is given")
            if not bought and status not in (200, told):
                violation(f"order {order.order_id} did not buy its file, and is told {status} instead of {told}")
    of_phone = collections.defaultdict(list)
    for order in world.orders:
        of_phone[order.phone].append(order)
    threads = [threading.Thread(target=look, args=(orders,)) for orders in of_phone.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def quiet(world):
    before = len(violations)
    Books().always()
    check.that(len(violations) == before, f"round {world.number}: what holds at any time")
    minutes = (world.number + 1) * ROUND_MINUTES
    server.shift_to(f"+{minutes}m")
    wait_ready(server)
    latecomers = threading.Thread(target=pay_late, args=(world,))
    latecomers.start()
    run_jobs()
    latecomers.join()
    deliver_the_rest(world)
    run_jobs()
    before = len(violations)
    books = Books()
    books.settled()
    look_at_deliveries(world, books)
    check.that(len(violations) == before, f"round {world.number}: what holds when all is quiet")


def later(number):
    """The refunds end: what was held is done at the provider, and time goes on past every wait."""
    sandbox("/sandbox/refunds", {"mode": "immediate"})
    for refund in sandbox("/sandbox/refunds")["refunds"]:
        if refund["state"] == "processing":
            ask("/sandbox/refund", {"out_refund_no": refund["out_refund_no"], "channel": refund["channel"],
                                    "out_trade_no": refund["out_trade_no"], "outcome": "success",
                                    "notify": len(refund["out_trade_no"]) % 2 == 0})
    for hours in 1, 3, 8, 16:
        server.shift_to(f"+{number * ROUND_MINUTES + hours * 60}m")
        wait_ready(server)
        run_jobs()
    before = len(violations)
    books = Books()
    books.ended()
    for refund in books.refunds:
        happened[f"refunds {refund['state']}"] += 1
    check.that(len(violations) == before, "what holds when every refund has ended")


def add_operator():
    return idphotod("operator", "add", "model", "--role", "admin").stdout.strip()


def main():
    print(f"model: seed {SEED}", flush=True)
    begin = time.monotonic()
    try:
        server.start()
        number = 0
        while happened["sequences"] < SEQUENCES:
            quiet(one_round(number))
            number += 1
        later(number)
        fen = Books().sums()
    finally:
        if server.process:
            server.kill()
    for name, sentence in EXPECTED:
        check.that(happened[name] > 0, f"it came to pass: {sentence}")
    check.same(violations, [], "violations")
    print("model: " + ", ".join(f"{n} {name}" for name, n in sorted(happened.items())))
    print(f"model: {number} rounds in {time.monotonic() - begin:.0f} s, {fen} fen taken")
    print(f"model: {happened['sequences']} sequences, {happened['events']} events, {happened['crashes']} crashes, "
          f"violations: {len(violations)}")
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed != 0


EXPECTED = [("crashes", "a crash"), ("of PostgreSQL", "an end of PostgreSQL"), ("cancelled", "a cancellation"),
            ("erased", "an erased order"), ("shipped", "a shipped order"), ("callbacks lost", "a lost callback"),
            ("files fetched", "a photo fetched"), ("paid late", "a payment after its time"),
            ("deliveries looked at", "a look at what was delivered"), ("refunds done", "a refund")]

OPERATOR = add_operator()

if __name__ == "__main__":
    sys.exit(main())
