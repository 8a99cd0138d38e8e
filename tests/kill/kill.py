# SPDX-License-Identifier: MIT
"""kill -9 at random moments, and what must hold afterwards.

callbacks   Signed callbacks at full speed over several connections, many of them more than once;
            meanwhile the server (even rounds) or PostgreSQL (odd rounds) is killed. What had been
            acknowledged must be in the database before anything is sent again, and after all was
            sent again everything is there exactly once.
keys        The same in the middle of uploads, orders and payments with Idempotency-Keys: the same
            keys then give one photo, one order, one attempt, and the first answer where there was one.
purge       `idphotod purge` is killed again and again while it walks over days: it ends its work,
            every row that is left can be opened, and the ratchet stands where it should.

usage: kill.py [ROUNDS [SEED]]
"""
import collections
import json
import os
import random
import subprocess
import sys
import threading
import time

from installation import (CONFIG, DATABASE_URL, IDPHOTOD, LOST, STACK, Caller, Checks, Phone, Server,
                          idphotod, kill_postgres, make_png, open_cashier, prepare_callbacks, psql,
                          restart_postgres, sandbox, value, wait_ready)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
PHONES = 4  # and connections
ORDERS = 16  # of each phone in a round
KEY_ROUNDS = 8
CHAINS = 8  # of each phone in a round of keys

chance = random.Random(SEED)
check = Checks()
server = Server()


def at_once(work, things):
    """work(thing) in a thread each; the first exception is raised here."""
    wrong = []

    def run(thing):
        try:
            work(thing)
        except BaseException as e:  # noqa: a thread's failure is the test's
            wrong.append(e)
    threads = [threading.Thread(target=run, args=(thing,)) for thing in things]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


class Killer:
    """Kills after so many answers and a random moment more."""

    def __init__(self, kill, answers):
        self.left = chance.randrange(answers)
        self.delay_s = chance.uniform(0, 0.006)
        self.kill = kill
        self.lock = threading.Lock()
        self.now = threading.Event()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        if self.left == 0:
            self.now.set()

    def run(self):
        self.now.wait()
        time.sleep(self.delay_s)
        self.kill()
        self.done.set()

    def count(self):
        with self.lock:
            self.left -= 1
            if self.left <= 0:
                self.now.set()

    def join(self):
        self.now.set()  # the work was over before
        self.thread.join()


def victim_of(number):
    """What is killed in this round, and how it comes back."""
    if number % 2 == 0:
        return server.kill, server.start

    def back():
        restart_postgres()
        wait_ready(server)
    return kill_postgres, back


# ---- durability

def check_settings():
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        check.same(value(f"SHOW {name}", DATABASE_URL), "on", f"{name} of the service's connection")
        check.same(value(f"SELECT reset_val FROM pg_settings WHERE name = '{name}'", DATABASE_URL), "on",
                   f"{name} where nobody sets it")
    weaker = psql("SELECT r.setconfig FROM pg_db_role_setting r WHERE array_to_string(setconfig, ' ')"
                  " ~ 'fsync|synchronous_commit|full_page_writes'")
    check.same(weaker, [], "no role or database weakens durability")


# ---- callbacks

def prepare_payments(number):
    """out_trade_nos of pending payments, half WeChat, half Alipay; one order in three is mixed."""
    numbers = []

    def shop(i):
        phone = Phone(server)
        phone.consent_to_print()
        photo = phone.upload(make_png(40, 50), "photo")
        for k in range(ORDERS):
            order = phone.order(photo, f"o{k}", prints=1 if k % 3 == 0 else 0)
            way = ("wechat", "native") if k % 2 == 0 else ("alipay", "app" if k % 4 == 1 else "page")
            numbers.append(phone.pay(order["order_id"], *way, f"p{k}")["out_trade_no"])
        phone.caller.close()
    at_once(shop, range(PHONES))
    return numbers


class Volley:
    """Callbacks on their way and what came of them."""

    def __init__(self, callbacks):
        self.callbacks = callbacks
        self.acknowledged = set()
        self.lock = threading.Lock()

    def fire(self, shots, killer=None):
        shots = collections.deque(shots)

        def connection(_):
            caller = Caller(server.api)
            while shots and not (killer and killer.done.is_set() and server.process is None):
                try:
                    callback = shots.popleft()
                    good = callback.send(caller)
                except IndexError:
                    break
                except LOST:
                    time.sleep(0.001)
                    continue
                with self.lock:
                    if good:
                        self.acknowledged.add(callback)
                if killer:
                    killer.count()
            caller.close()
        at_once(connection, range(PHONES + 2))

    def trades(self):
        with self.lock:
            return {callback.out_trade_no for callback in self.acknowledged}

    def unacknowledged(self):
        return [callback for callback in self.callbacks if callback not in self.acknowledged]


COUNTS = """
SELECT w.no, coalesce(p.state, 'none'), coalesce(o.state, 'none'), coalesce(p.amount_fen, 0),
  (SELECT count(*) FROM payer y WHERE y.out_trade_no = w.no),
  (SELECT count(*) FROM ledger_entry l WHERE l.out_trade_no = w.no),
  (SELECT coalesce(sum(amount_fen), 0) FROM ledger_entry l WHERE l.out_trade_no = w.no),
  (SELECT count(*) FROM audit_log a WHERE a.object_id = p.payment_id AND a.action = 'payment.success'),
  (SELECT count(*) FROM audit_log a WHERE a.object_id = p.payment_id)
FROM unnest(string_to_array('%s', ',')) w (no) LEFT JOIN payment p ON p.out_trade_no = w.no
  LEFT JOIN orders o ON o.account_id = p.account_id AND o.order_id = p.order_id"""


def judge(numbers):
    """How many of these trades are not wholly there, and how many are there more than once."""
    lost = doubled = 0
    for no, payment, order, amount, payers, entries, total, successes, audits in psql(
            COUNTS % ",".join(sorted(numbers))):
        counts = [int(n) for n in (payers, entries, successes, audits)]
        if payment != "succeeded" or order != "paid" or 0 in counts:
            lost += 1
            print(f"lost: {no}: payment {payment}, order {order}, {counts}")
        elif max(counts) > 1 or total != amount:
            doubled += 1
            print(f"doubled: {no}: {counts}, {total} fen of {amount}")
    return lost, doubled


def callback_round(number, totals):
    numbers = prepare_payments(number)
    volley = Volley(prepare_callbacks(numbers) + prepare_callbacks(numbers, "again"))
    shots = [c for c in volley.callbacks for _ in range(chance.choice((1, 1, 2, 3)))]
    chance.shuffle(shots)
    kill, back = victim_of(number)
    killer = Killer(kill, int(len(shots) * 0.9))
    volley.fire(shots, killer)
    killer.join()
    at_kill = len(volley.acknowledged)
    back()
    lost, doubled = judge(volley.trades()) if at_kill else (0, 0)
    totals["before"] += at_kill
    totals["in the middle"] += 0 < at_kill < len(volley.callbacks)
    for _ in range(50):
        left = volley.unacknowledged()
        if not left:
            break
        volley.fire(left)
    volley.fire(chance.sample(volley.callbacks, 20))
    more_lost, more_doubled = judge(set(numbers))
    totals["acknowledged"] += len(volley.acknowledged)
    totals["lost"] += lost + more_lost + len(volley.unacknowledged())
    totals["doubled"] += doubled + more_doubled


def check_sums():
    ledger = value("SELECT coalesce(sum(amount_fen), 0) FROM ledger_entry WHERE kind = 'payment'")
    paid = value("SELECT coalesce(sum(amount_fen), 0) FROM orders WHERE paid_at IS NOT NULL")
    trades = sandbox("/sandbox/trades")["trades"]
    theirs = sum(trade["amount_fen"] for trade in trades if trade["state"] == "paid")
    check.same(ledger, paid, "sum of the ledger is the sum of the paid orders")
    check.same(ledger, str(theirs), "sum of the ledger is what the providers took")
    check.same(value("SELECT count(*) FROM anomaly"), "0", "anomalies")


def callbacks():
    totals = collections.Counter()
    for number in range(ROUNDS):
        callback_round(number, totals)
    check.same(totals["lost"], 0, "lost")
    check.same(totals["doubled"], 0, "doubled")
    check.that(totals["in the middle"] * 2 >= ROUNDS, "at least every other kill hit the middle of a volley")
    check_sums()
    print(f"kill: {ROUNDS} rounds, {totals['acknowledged']} acknowledged ({totals['before']} before the "
          f"kill), {totals['lost']} lost, {totals['doubled']} doubled", flush=True)


# ---- idempotency keys

class Shopper:
    """A phone that goes through upload, order and payment with keys of its own, and starts over."""

    def __init__(self, number):
        self.phone = Phone(server)
        self.pictures = [make_png(40, 50) for _ in range(CHAINS)]
        self.answers = {}
        self.offered = number

    def step(self, name, method, path, body, headers):
        """The answer's members; None when there was none or a refusal."""
        try:
            status, _, text = self.phone.call(method, path, body, name, **headers)
        except LOST:
            return None
        if status != 201:
            return None
        answer = json.loads(text)
        first = self.answers.setdefault(name, answer)
        check.that(first == answer, f"{name}: the same key gives the same answer")
        return answer

    def go(self, killer=None):
        """True when everything has its answer."""
        for k in range(CHAINS):
            chain = ("wechat", "native") if (k + self.offered) % 2 else ("alipay", "app")
            photo = self.step(f"photo-{k}", "POST", "/v1/photos?subject=self", self.pictures[k],
                              {"Content-Type": "image/png"})
            if killer:
                killer.count()
            order = photo and self.step(f"order-{k}", "POST", "/v1/orders",
                                        Phone.order_body(photo["photo_id"]), {})
            if killer:
                killer.count()
            attempt = order and self.step(f"pay-{k}", "POST", f"/v1/orders/{order['order_id']}/payments",
                                          {"channel": chain[0], "method": chain[1]}, {})
            if killer:
                killer.count()
            if not attempt:
                return False
        return True

    def judge(self):
        count = psql("SELECT (SELECT count(*) FROM photo p WHERE p.account_id = a.account_id),"
                     " (SELECT count(*) FROM photo_bytes p WHERE p.account_id = a.account_id),"
                     " (SELECT count(*) FROM orders o WHERE o.account_id = a.account_id),"
                     " (SELECT count(*) FROM payment p WHERE p.account_id = a.account_id),"
                     " (SELECT count(*) FROM trade t WHERE t.account_id = a.account_id),"
                     " (SELECT count(*) FROM idempotency i WHERE i.account_id = a.account_id"
                     "   AND http_status = 201)"
                     f" FROM payment a WHERE out_trade_no = '{self.answers['pay-0']['out_trade_no']}'")
        check.same([int(n) for n in count[0]], [CHAINS] * 5 + [3 * CHAINS],
                   "photos, ciphertexts, orders, attempts, trades and kept answers of an account")


def key_round(number):
    shoppers = [Shopper(i) for i in range(PHONES)]
    kill, back = victim_of(number)
    killer = Killer(kill, 3 * CHAINS * PHONES * 9 // 10)
    at_once(lambda shopper: shopper.go(killer), shoppers)
    killer.join()
    before = sum(len(shopper.answers) for shopper in shoppers)
    back()
    server.shift_to(f"+{2 * (number + 1)}m")  # past the longest request: markers are taken over
    for shopper in shoppers:
        shopper.phone.moved_to(server)
    for shopper in shoppers:
        check.that(shopper.go(), "every key has its answer after the restart")
        check.that(shopper.go(), "and gives it again")
        shopper.judge()
    attempts = [answer for shopper in shoppers for name, answer in shopper.answers.items()
                if name.startswith("pay-")]
    for attempt in attempts:
        open_cashier(attempt)
    volley = Volley(prepare_callbacks([attempt["out_trade_no"] for attempt in attempts]))
    volley.fire(volley.callbacks)
    check.same(judge({attempt["out_trade_no"] for attempt in attempts}), (0, 0), "each attempt is paid once")
    return before, sum(len(shopper.answers) for shopper in shoppers)


def keys():
    before = answered = 0
    for number in range(KEY_ROUNDS):
        one = key_round(number)
        before, answered = before + one[0], answered + one[1]
    check_sums()
    print(f"kill: {KEY_ROUNDS} rounds with Idempotency-Keys, {answered} keys ({before} answered before the "
          f"kill), one photo, order or attempt each", flush=True)


# ---- purge and ratchet

def sealed_values():
    """What try-open says of all rows."""
    with open(os.path.join("tests", "secrecy", "sealed.sql")) as sql:
        rows = subprocess.run(["psql", "-X", "-q", "-d", os.environ["IDPHOTOD_TEST_SUPERUSER_URL"]],
                              stdin=sql, check=True, capture_output=True).stdout
    done = subprocess.run([os.environ["TRY_OPEN"], f"{STACK}/keys/master/1.key",
                           f"{STACK}/keys/ratchet/ratchet.state"], input=rows, capture_output=True)
    check.same(done.returncode, 0, f"key folders load: {done.stderr[-300:]!r}")
    check.same(value("SELECT count(*) FROM photo_copy c LEFT JOIN photo_bytes b"
                     " USING (drop_day, account_id, photo_id, purpose) WHERE b.sealed IS NULL"),
               "0", "copies without their bytes")
    return [int(word) for word in done.stdout.decode().replace(",", "").split() if word.isdigit()]


def kill_purge(offset):
    """One run, killed after a random moment. True when it was faster."""
    environment = dict(os.environ, IDPHOTOD_TESTING_CLOCK_OFFSET=offset)
    run = subprocess.Popen([IDPHOTOD, "purge", "--once", "--config", CONFIG], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return run.wait(chance.uniform(0.01, 0.2)) == 0
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()
        return False


def walk_to(offset):
    """Kills on the way to a later day; the number of kills."""
    kills = 0
    while kills < 8 and not kill_purge(offset):
        kills += 1
        keys_, keys_open, sealed, sealed_open = sealed_values()
        check.that((keys_, sealed) == (keys_open, sealed_open), f"every row is readable on the way to {offset}")
    done = idphotod("purge", "--once", offset=offset, check=False)
    check.same(done.returncode, 0, f"purge ends its work at {offset}: {done.stdout} {done.stderr[-300:]}")
    keys_, keys_open, sealed, sealed_open = sealed_values()
    check.that((keys_, sealed) == (keys_open, sealed_open), f"every row is readable at {offset}")
    return kills, keys_


def count(table):
    return int(value(f"SELECT count(*) FROM {table}"))


def wait_for(table, expected, sentence):
    """Until the server's jobs have come so far."""
    for _ in range(300):
        if count(table) == expected:
            break
        time.sleep(0.2)
    check.same(count(table), expected, sentence)


# The open order's key is not renewed, whatever the reason: the ratchet has to wait for it.
STUCK_LEASES = """
CREATE FUNCTION keep_key() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_key BEFORE UPDATE OF key_day ON orders FOR EACH ROW EXECUTE FUNCTION keep_key()"""


def purge():
    phone = Phone(server)
    phone.consent_to_print()
    picture = make_png(40, 50)
    photo = phone.upload(picture, "photo")
    order = phone.order(photo, "order", prints=1)
    attempt = phone.pay(order["order_id"], "wechat", "native", "pay")
    Volley([]).fire(prepare_callbacks([attempt["out_trade_no"]]))
    # Nobody asks the provider about this one while only purge runs, so it outlives its key days' plan.
    open_order = phone.order(photo, "open", electronic=0, prints=1)
    phone.pay(open_order["order_id"], "alipay", "page", "open")
    server.stop()
    orders = count("orders")
    kills = rows = 0
    for offset in ("+2d", "+5d"):
        if offset == "+5d":
            psql(STUCK_LEASES)
        one = walk_to(offset)
        kills, rows = kills + one[0], rows + one[1]
        check.same(count("orders"), orders, f"paid orders at {offset}")
        check.same(count("orders WHERE paid_at IS NOT NULL AND promoted_at IS NULL"), 0, f"orders not promoted at {offset}")
        check.same(count("photo_copy WHERE purpose = 'draft'"), 1, f"drafts at {offset}: that of the open order")
    check.same(value("SELECT min(day) - ratchet_day FROM instance, (SELECT key_day AS day FROM orders UNION ALL"
                     " SELECT key_day FROM photo_copy UNION ALL SELECT key_day FROM payment) rows"
                     " GROUP BY ratchet_day"), "0", "days between the ratchet and the row that it waits for")
    psql("DROP FUNCTION keep_key CASCADE")
    server.shift_to("+5d")
    phone.moved_to(server)
    wait_for("orders", orders - 1, "the order that nobody paid is closed and goes")
    orders -= 1
    status, _, file = phone.call("GET", f"/v1/photos/{photo}/file")
    check.same((status, file), (200, picture), "the bought photo on day 5")
    shown = phone.json("GET", f"/v1/orders/{order['order_id']}", expect=200)
    check.same(shown["recipient"]["name"], "张三丰", "the recipient on day 5")
    server.stop()
    one = walk_to("+9d")
    kills, rows = kills + one[0], rows + one[1]
    check.same(count("photo_copy WHERE purpose <> 'print'"), 0, "electronic copies on day 9")
    check.same(count("orders"), orders, "orders on day 9")
    one = walk_to("+33d")
    kills, rows = kills + one[0], rows + one[1]
    for table in ("orders", "payment", "trade", "payer", "photo", "photo_copy", "idempotency"):
        check.same(count(table), 0, f"{table} on day 33")
    for _ in range(20):  # a partition whose lock somebody holds, such as autovacuum, falls in a later run
        if count("photo_bytes") == 0:
            break
        time.sleep(1)
        idphotod("purge", "--once", offset="+33d")
    check.same(count("photo_bytes"), 0, "photo_bytes on day 33")
    check.that(count("ledger_entry") > 0, "the ledger stays")
    status = idphotod("ratchet", "status", offset="+33d").stdout.splitlines()[0]
    check.that(status.split()[3].strip(",") == status.split()[-1], f"the ratchet is up to date: {status}")
    print(f"kill: purge killed {kills} times over 33 days, {rows} keys tried at the stops, none shut", flush=True)


def main():
    print(f"kill: seed {SEED}", flush=True)
    try:
        server.start()
        check_settings()
        for part in (callbacks, keys, purge):
            begin = time.monotonic()
            part()
            print(f"  {part.__name__}: {time.monotonic() - begin:.0f} s", flush=True)
    finally:
        if server.process:
            server.kill()
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed != 0


sys.exit(main())
