# SPDX-License-Identifier: MIT
"""Plants values, runs the whole story, and searches for them wherever they must not be.

Markers are random in each run: people's names, numbers and addresses, payers' ids, client
addresses, bytes of photos, keys and tokens. The story uses them where they belong and, in bad
requests and forged callbacks, where they do not; PostgreSQL logs every statement with all
parameters, as a curious operator could make it do, and the service logs on level debug. Then nine
places are searched, in clear and in the forms of markers.py. Before that a canary is planted in
each place in the same way, and must be found.

A backup of day 1 is kept. With the key folders of that day everything in it opens; with those that
are left after all its days nothing does.
"""
import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from installation import (LOST, PGDATA, POLICY, STACK, SUPERUSER_URL, Caller, Checks, Phone, Server,
                          idphotod, kill_postgres, make_png, open_cashier, prepare_callbacks, psql,
                          restart_postgres, sandbox, value, wait_ready)
from markers import Markers

BACKUPS = os.environ["BACKUPS"]
PGLOG = os.environ["IDPHOTOD_TEST_PGLOG"]
TEMPORARY = os.path.join(os.path.dirname(STACK), "tmp")
WORKING = os.path.join(os.path.dirname(STACK), "cwd")
BEGIN = time.time()

check = Checks()
markers = Markers()
canary = Markers()
refusals = bytearray()
for folder in (BACKUPS, TEMPORARY, WORKING):
    os.makedirs(folder)

server = Server({"IDPHOTOD_LOG_LEVEL": "debug", "IDPHOTOD_SERVER_TRUSTED_PROXIES": "127.0.0.1/32",
                 "IDPHOTOD_SERVER_RATE_LIMITS": "off", "TMPDIR": TEMPORARY})
server.folder = WORKING


# ---- what is planted

class Planted:
    """The values, by the names they are reported under."""

    def __init__(self):
        t = markers.text
        self.recipient = {"name": t("recipient's name", "@@@@"), "phone": t("recipient's phone", "139########"),
                          "province": "广东", "city": "深圳市", "district": "南山区",
                          "street": t("recipient's street", "@@@@路####弄##号")}
        self.corrected = dict(self.recipient, name=t("corrected name", "@@@@"),
                              phone=t("corrected phone", "138########"))
        self.guardian = {"name": t("guardian's name", "@@@@"), "phone": t("guardian's phone", "137########"),
                         "relation": "母亲"}
        self.order_ip = markers.add("address at order", f"198.51.100.{markers.chance.randrange(100, 250)}")
        self.payment_ip = t("address at payment", "2001:db8:9###:8###:7###:6###:5###:4###")
        self.callback_ip = t("address of the callback", "2001:db8:1###:2###:3###:4###:5###:6###")
        self.openid = t("openid", "o****************************")
        self.buyer_id = t("buyer_id", "2088############")
        self.buyer_open_id = t("buyer_open_id", "0##" + "*" * 32)
        self.tracking = t("tracking number", "SF##########")
        self.key = t("Idempotency-Key", "idem-********************")
        self.tag = t("text inside the upload", "GPS-****************")
        self.photo = make_tagged_png(self.tag)
        self.second_photo = make_png(300, 400)
        for name, picture in (("bytes of a photo", self.photo), ("bytes of another photo", self.second_photo)):
            markers.add(name, picture[len(picture) // 2:len(picture) // 2 + 32])

    def secrets(self):
        """Keys on disk, in the form in which they would leak."""
        for name, path in (("master key", "master/1.key"), ("ratchet of day 1", "ratchet/ratchet.state")):
            with open(os.path.join(STACK, "keys", path), "rb") as file:
                markers.add(name, file.read()[16:48])
        for name, path in (("APIv3 key", "api_v3_key"), ("merchant key", "wechat_merchant_key.pem"),
                           ("application key", "alipay_app_key.pem")):
            with open(os.path.join(STACK, "sandbox", path)) as file:
                text = file.read()
            markers.add(name, text.splitlines()[5] if "\n" in text else text)


def make_tagged_png(text):
    """A picture with a text chunk, as a camera would leave one."""
    whole = make_png(300, 400)
    body = b"tEXt" + b"Comment\0" + text.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return whole[:33] + chunk + whole[33:]


planted = Planted()


# ---- the story

def log_everything():
    """What PostgreSQL can be made to tell, it tells."""
    for name, level in (("log_statement", "all"), ("log_min_error_statement", "debug5"),
                        ("log_min_messages", "debug1"), ("log_error_verbosity", "verbose"),
                        ("log_min_duration_statement", "0"), ("log_parameter_max_length", "-1"),
                        ("log_parameter_max_length_on_error", "-1"), ("log_connections", "on")):
        psql(f"ALTER SYSTEM SET {name} = '{level}'")
    psql("SELECT pg_reload_conf()")
    time.sleep(0.3)


class Told:
    """What the story's people keep in their hands."""


def forwarded(address):
    return {"X-Forwarded-For": address}


def pay(phone, order, channel, method, payer, key):
    attempt = phone.json("POST", f"/v1/orders/{order['order_id']}/payments",
                         {"channel": channel, "method": method}, key, expect=201,
                         **forwarded(planted.payment_ip))
    open_cashier(attempt)
    sandbox("/sandbox/pay", dict(out_trade_no=attempt["out_trade_no"], notify=False, **payer))
    return attempt


def deliver(callbacks):
    caller = Caller(server.api)
    for callback in callbacks:
        callback.headers.update(forwarded(planted.callback_ip))
        check.that(callback.send(caller), "the callback is acknowledged")
    caller.close()


def shop():
    """An adult: a mixed order by WeChat, an electronic one by Alipay in each of its two forms."""
    told = Told()
    phone = told.phone = Phone(server, headers=forwarded(planted.order_ip))
    markers.add("account token", phone.caller.token[-22:])
    js_code = sandbox("/sandbox/login", {"openid": planted.openid})["js_code"]
    markers.add("js_code", js_code)
    phone.json("POST", "/v1/sessions/wechat", {"js_code": js_code, "policy_version": POLICY}, expect=200)
    phone.consent_to_print()
    photo = told.photo = phone.upload(planted.photo, planted.key)
    order = told.order = phone.json(
        "POST", "/v1/orders", Phone.order_body(photo, prints=1, recipient=planted.recipient), planted.key,
        expect=201)
    attempt = pay(phone, order, "wechat", "native", {"openid": planted.openid}, planted.key)
    markers.add("code_url", attempt["client"]["code_url"])
    told.trade = attempt["out_trade_no"]
    numbers = [told.trade]
    for method, payer in (("app", {"buyer_id": planted.buyer_id}),
                          ("page", {"buyer_open_id": planted.buyer_open_id})):
        another = phone.order(photo, f"order-{method}")
        attempt = pay(phone, another, "alipay", method, payer, f"pay-{method}")
        client = attempt["client"].get("order_string") or attempt["client"]["url"]
        markers.add(f"signed {method} order", re.search("[?&]sign=([^&]{40})", "&" + client)[1])
        numbers.append(attempt["out_trade_no"])
    told.callbacks = prepare_callbacks(numbers, "again")
    deliver(told.callbacks)
    unpaid = phone.order(photo, "order-unpaid")
    attempt = phone.json("POST", f"/v1/orders/{unpaid['order_id']}/payments",
                         {"channel": "wechat", "method": "app"}, "pay-unpaid", expect=201)
    markers.add("prepayid", attempt["client"]["prepayid"])
    told.open_trade = attempt["out_trade_no"]
    phone.json("PATCH", f"/v1/orders/{order['order_id']}", {"recipient": planted.corrected}, expect=200)
    status, _, file = phone.call("GET", f"/v1/photos/{photo}/file")
    check.same(status, 200, "the photo is given")
    check.that({"bytes of a photo"} == markers.in_bytes(file), "with its own bytes and without the camera's text")
    shown = phone.json("GET", f"/v1/orders/{order['order_id']}", expect=200)
    check.same(shown["recipient"]["name"], planted.corrected["name"], "the corrected recipient")
    return told


def minor():
    """A child's account with a guardian, a photo and an order of its own."""
    phone = Phone(server, {"policy_version": POLICY, "minor": True, "guardian": planted.guardian},
                  forwarded(planted.order_ip))
    phone.consent_to_print()
    photo = phone.upload(planted.second_photo, planted.key)
    order = phone.order(photo, planted.key, prints=1, recipient=planted.recipient)
    return phone, photo, order


def operate(told):
    token = idphotod("operator", "add", "boss", "--role", "admin").stdout.strip()
    markers.add("operator token", token[-33:])
    boss = told.boss = Caller(server.admin, token)
    order = told.order["order_id"]
    purpose = {"X-Purpose": f"fulfilment:{order}"}
    boss.json("GET", "/admin/v1/orders", expect=200)
    shown = boss.json("GET", f"/admin/v1/orders/{order}", headers=purpose, expect=200)
    check.same(shown["recipient"]["phone"], planted.corrected["phone"], "the operator sees the recipient")
    payers = boss.json("GET", f"/admin/v1/payers?order={order}", headers={"X-Purpose": "audit"}, expect=200)
    text = json.dumps(payers)
    for name in ("openid", "order_ip", "payment_ip", "callback_ip"):
        check.that(getattr(planted, name) in text, f"the payer's {name} is kept and shown to finance")
    boss.json("POST", f"/admin/v1/orders/{order}/ship",
              {"carrier": "SF", "tracking_no": planted.tracking}, expect=200)
    boss.call("GET", "/admin/v1/ledger?day=" + time.strftime("%F"))
    boss.json("GET", "/admin/v1/retention", expect=200)


# ---- what goes wrong

def refused(caller, method, path, body=None, headers=None, keep=True):
    """A request that must not be answered well. Its answer is searched too, unless the value stood
    where an answer has to name it: a member's name."""
    try:
        status, _, text = caller.call(method, path, body, headers)
    except LOST:
        return
    check.that(status >= 400 or text == b"fail", f"{method} {path[:40]} is refused: {status}")
    if keep:
        refusals.extend(text)


def bad_requests(told):
    p, phone, j = planted, told.phone.caller, {"Content-Type": "application/json"}
    photo, order = told.photo, told.order["order_id"]

    def key():
        return {"Idempotency-Key": f"bad-{markers.chance.randrange(10**9)}"}
    item = {"product": "print-1inch-sheet", "photo_id": photo, "quantity": 1}

    def order_with(**changes):
        body = {"items": [item], "recipient": dict(p.recipient)}
        body["recipient"].update(changes)
        refused(phone, "POST", "/v1/orders", body, key())
    order_with(phone=p.recipient["name"])
    order_with(phone=p.recipient["phone"] + "9")
    order_with(province=p.recipient["street"])
    order_with(postcode=p.recipient["phone"])
    order_with(name=p.recipient["name"] + "\u0001")
    order_with(name=p.recipient["name"] * 20)
    order_with(street=p.recipient["street"] * 30)
    order_with(name={"value": p.recipient["name"]})
    for body in (b'{"recipient": {"name": "' + p.recipient["name"].encode(),
                 b'{"recipient": "' + p.recipient["phone"].encode() + b'\xff"}',
                 b'{"phone": "' + p.recipient["phone"].encode() + b'", "phone": 1}'):
        refused(phone, "POST", "/v1/orders", body, {**key(), **j}, keep=False)
    refused(phone, "POST", "/v1/orders", {"items": [item], p.recipient["phone"]: 1}, key(), keep=False)
    refused(phone, "POST", "/v1/orders", {"items": [dict(item, product=p.openid)]}, key())
    refused(phone, "POST", "/v1/orders", {"items": [dict(item, photo_id=p.recipient["phone"])]}, key())
    refused(phone, "POST", "/v1/orders", {"items": [item]}, {"Idempotency-Key": p.key * 20})
    refused(phone, "POST", "/v1/orders", {"items": [item]}, {"Idempotency-Key": p.key})
    refused(phone, "POST", "/v1/photos?subject=self", p.recipient["name"].encode(),
            {**key(), "Content-Type": "image/png"})
    refused(phone, "POST", "/v1/photos?subject=" + p.recipient["phone"], p.photo,
            {**key(), "Content-Type": "image/png"})
    refused(phone, "POST", "/v1/photos?" + p.recipient["phone"] + "=1", p.photo,
            {**key(), "Content-Type": "image/png"}, keep=False)
    refused(phone, "POST", "/v1/photos?spec=" + p.openid, p.photo[:len(p.photo) - 100],
            {**key(), "Content-Type": "image/png"})
    refused(phone, "POST", "/v1/photos?subject=self", p.photo[:len(p.photo) * 3 // 4],
            {**key(), "Content-Type": "image/png"})
    refused(phone, "POST", "/v1/photos?subject=self", p.photo, {**key(), "Content-Type": p.openid})
    refused(phone, "GET", "/v1/orders/" + p.recipient["phone"], keep=False)
    refused(phone, "GET", "/" + p.openid + "?phone=" + p.recipient["phone"], keep=False)
    refused(phone, p.openid.upper(), "/v1/orders", keep=False)
    refused(phone, "GET", "/v1/orders?cursor=" + p.recipient["phone"])
    refused(phone, "POST", f"/v1/orders/{order}/payments", {"channel": p.openid, "method": "app"}, key())
    refused(phone, "PUT", "/v1/consents/" + p.openid, {"policy_version": p.openid}, keep=False)
    stranger = Caller(server.api, "ipa_" + p.recipient["phone"] * 4)
    refused(stranger, "GET", "/v1/account")
    refused(stranger, "GET", "/v1/account", headers={"Authorization": "Basic " + base64.b64encode(
        p.openid.encode()).decode()})
    refused(stranger, "POST", "/v1/accounts", {"policy_version": p.openid})
    refused(stranger, "POST", "/v1/accounts", {"policy_version": POLICY, "minor": False, "guardian": p.guardian})
    refused(stranger, "POST", "/v1/accounts", {"policy_version": POLICY, "minor": True,
                                               "guardian": dict(p.guardian, phone=p.guardian["name"])})
    refused(stranger, "GET", "/v1/account", headers={"X-Forwarded-For": p.recipient["phone"] + ", " + p.callback_ip,
                                                     "X-Request-Id": p.recipient["name"].encode(),
                                                     "User-Agent": p.openid, "Cookie": p.key, "traceparent": p.key,
                                                     "Accept-Language": p.openid})
    boss = told.boss
    refused(boss, "GET", f"/admin/v1/orders/{order}", headers={"X-Purpose": "support:" + p.recipient["phone"]})
    refused(boss, "GET", f"/admin/v1/orders/{order}", headers={"X-Purpose": p.recipient["name"].encode()})
    refused(boss, "GET", "/admin/v1/payers?order=" + p.openid, headers={"X-Purpose": "audit"})
    refused(boss, "POST", f"/admin/v1/orders/{order}/ship", {"carrier": p.recipient["name"] * 20,
                                                            "tracking_no": p.tracking + "\u0001"})
    refused(boss, "GET", "/admin/v1/orders", headers={"Authorization": "Bearer " + phone.token})
    stranger.close()


def raw_rubbish():
    """What libmicrohttpd itself refuses."""
    p = planted
    host, port = server.api.rsplit("/", 1)[1].split(":")
    for rubbish in (f"GET /{p.openid}\r\n\r\n", f"{p.openid} {p.recipient['phone']} HTTP/9.9\r\n\r\n",
                    f"GET / HTTP/1.1\r\nHost: x\r\n{p.openid}\r\n\r\n",
                    f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {p.recipient['phone']}x\r\n\r\n",
                    f"GET / HTTP/1.1\r\nHost: x\r\nX-A: {p.openid * 4000}\r\n\r\n",
                    f"GET /%zz{p.recipient['phone']} HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as line:
            try:
                line.sendall(rubbish.encode())
                line.shutdown(socket.SHUT_WR)
                while line.recv(65536):
                    pass
            except OSError:
                pass


WECHAT_FAULTS = ("wrong-signature probe wrong-amount wrong-appid wrong-mchid wrong-currency old-timestamp "
                 "future-timestamp unknown-serial wrong-api-key garbage-body duplicate-key unknown-event "
                 "refund-notice closed").split()
ALIPAY_FAULTS = ("wrong-signature wrong-amount wrong-appid wrong-mchid garbage-body duplicate-key unknown-event "
                 "refund-notice closed").split()


def faulty_callbacks(told):
    caller = Caller(server.api)
    sent = 0
    for callback in told.callbacks:
        faults = ALIPAY_FAULTS if callback.path.endswith("alipay") else WECHAT_FAULTS
        for fault in faults:
            made = sandbox("/sandbox/callbacks/bulk", {"out_trade_nos": [callback.out_trade_no], "fault": fault})
            if "error" in made["callbacks"][0]:
                continue
            for one in prepare_callbacks([callback.out_trade_no], fault):
                status, _, text = caller.call("POST", one.path, one.body, one.headers)
                refusals.extend(text if status >= 400 else b"")
                sent += 1
    check.that(sent >= 20, f"faulty callbacks were sent: {sent}")
    p = planted
    headers = {"Wechatpay-Timestamp": p.recipient["phone"], "Wechatpay-Nonce": p.openid,
               "Wechatpay-Signature": p.key, "Wechatpay-Serial": p.openid, "Content-Type": "application/json"}
    refused(caller, "POST", "/v1/notify/wechat", {"id": p.openid, "resource": p.recipient}, headers)
    form = f"out_trade_no={p.openid}&buyer_id={p.buyer_id}&sign={p.key}&sign_type=RSA2&trade_status=TRADE_SUCCESS"
    refused(caller, "POST", "/v1/notify/alipay", form.encode(),
            {"Content-Type": "application/x-www-form-urlencoded"})
    caller.close()


def provider_faults(told):
    """The providers' answers go wrong while we hold prepay strings and ask for more."""
    phone = told.phone
    order = phone.order(told.photo, "order-faults")
    for n, fault in enumerate(("wrong-signature", "unsigned", "garbage", "server-error")):
        sandbox("/sandbox/answers", {"channel": "wechat", "fault": fault, "times": 1})
        refused(phone.caller, "POST", f"/v1/orders/{order['order_id']}/payments",
                {"channel": "wechat", "method": "native"},
                {"Idempotency-Key": f"{planted.key}-{n}", **forwarded(planted.payment_ip)})


def outage(told):
    """PostgreSQL dies in the middle of it; requests and callbacks carry values meanwhile."""
    phone, p = told.phone, planted
    kill_postgres()
    refused(phone.caller, "POST", "/v1/orders", Phone.order_body(told.photo, prints=1, recipient=p.recipient),
            {"Idempotency-Key": p.key + "x", **forwarded(p.order_ip)})
    refused(phone.caller, "POST", "/v1/photos?subject=self", p.photo,
            {"Idempotency-Key": p.key + "y", "Content-Type": "image/png"})
    caller = Caller(server.api)
    check.that(not told.callbacks[0].send(caller), "nothing is acknowledged without a database")
    caller.close()
    restart_postgres()
    wait_ready(server)
    time.sleep(0.6)  # a worker whose attempt to connect failed waits this long


# ---- the nine places

def is_key(path):
    return path.endswith(".key") or os.path.basename(path).startswith("ratchet.state") \
        and not path.endswith(".guard")


def of_the_providers(path):
    return path in (os.path.join(STACK, "sandbox"), os.path.join(STACK, "sandbox.log"))


def process_of(pid):
    found = b""
    for name in ("environ", "cmdline", "status", "comm"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            found += file.read()
    return found


def dump(url=SUPERUSER_URL):
    path = os.path.join(BACKUPS, "dump.sql")
    subprocess.run(["pg_dump", "-d", url, "-f", path], check=True)
    return path


def is_foreign(path):
    """Below /tmp: what was there before, and what other tests and this one's places hold."""
    try:
        return (os.path.isfile(path) and os.stat(path).st_mtime < BEGIN) or \
            path == os.path.dirname(STACK) or os.path.basename(path).startswith("idphotod-pg-") or \
            os.path.ismount(path)
    except OSError:
        return True


def search(what, pid):
    """Everything that is found of these markers, place by place."""
    psql("CHECKPOINT")
    places = {
        "server log": [(m, server.log) for m in what.in_file(server.log)],
        "PostgreSQL log": [(m, PGLOG) for m in what.in_file(PGLOG)],
        "data folder": what.in_tree(PGDATA, lambda path: path.endswith("/pg_wal"))[0],
        "WAL": what.in_tree(os.path.join(PGDATA, "pg_wal"))[0],
        "dump": [(m, "dump") for m in what.in_file(dump())],
        "installation": what.in_tree(STACK, lambda path: is_key(path) or of_the_providers(path)
                                     or path == server.log)[0],
        "temporary folders": [hit for folder in (TEMPORARY, WORKING, "/tmp", "/var/tmp", "/dev/shm")
                              for hit in what.in_tree(folder, is_foreign)[0]],
        "process": [(m, f"/proc/{pid}") for m in what.in_bytes(process_of(pid))],
        "refusals": [(m, "an answer") for m in what.in_bytes(refusals)],
    }
    return places


def plant_canary(text):
    """The same value in every place: the control that each search finds."""
    psql(f"CREATE TABLE canary (note text, bytes bytea); INSERT INTO canary VALUES ('{text}', '{text}')")
    with open(server.log, "a") as log:
        log.write(json.dumps({"event": text}) + "\n")
    for folder in (STACK, TEMPORARY):
        with open(os.path.join(folder, "canary"), "w") as file:
            file.write(base64.b64encode(b"x" + text.encode()).decode())
    refusals.extend(text.encode("utf-16-le"))


def check_search():
    """Every form in a file of its own, then every place."""
    text = canary.text("canary", "金丝雀@@-********:####")
    for form in canary.forms["canary"]:
        with tempfile.NamedTemporaryFile(dir=BACKUPS) as file:
            file.write(os.urandom(5000) + form + os.urandom(5000))
            file.flush()
            check.same(canary.in_file(file.name), {"canary"}, f"the form {form!r} is found")
    for skip in range(3):
        noise = base64.b64encode(os.urandom(30 + skip) + text.encode() + os.urandom(31))
        check.same(canary.in_bytes(noise), {"canary"}, "base64 is found wherever it begins")
    check.same(canary.in_bytes(os.urandom(100000)), set(), "noise holds nothing")
    plant_canary(text)
    witness = subprocess.Popen(["sleep", "60"], env={"CANARY": text})
    time.sleep(0.1)
    for place, hits in search(canary, witness.pid).items():
        check.that(hits, f"the canary is found in: {place}")
    witness.kill()
    witness.wait()
    psql("DROP TABLE canary")
    with open(PGLOG, "rb") as log:
        text = log.read()
    check.that(b"execute settle: " in text and b"parameters: $1 = " in text,
               "PostgreSQL's log holds the service's statements with their parameters")
    for folder in (STACK, TEMPORARY):
        os.unlink(os.path.join(folder, "canary"))


def search_all(when):
    """Number of finds."""
    finds = 0
    for place, hits in search(markers, server.process.pid).items():
        for marker, path in hits:
            finds += 1
            check.that(False, f"{when}: {marker} found in {place}: {path}")
        check.that(True, f"{when}: {place} searched")
    return finds


# ---- the process

def check_process():
    pid = server.process.pid
    with open(f"/proc/{pid}/limits") as limits:
        core = next(line for line in limits if line.startswith("Max core file size")).split()
    check.same(core[4:6], ["0", "0"], "no core dumps")
    read = ["python3", "-c", f"open('/proc/{pid}/mem', 'rb').read(1)"]
    if os.getuid() == 0:
        read = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + read
    check.that(subprocess.run(read, capture_output=True, cwd="/").returncode != 0,
               "nobody else reads the service's memory")


def crash():
    """A crash leaves no core file, whatever the system's pattern says about the working folder."""
    server.process.send_signal(signal.SIGSEGV)
    server.process.wait()
    server.process = None
    check.same(os.listdir(WORKING), [], "files in the working folder after a crash")


OPENED = re.compile(r'^\d+ +(open|openat|creat|openat2|memfd_create|rename|renameat2?|link|linkat|symlinkat?|mknod'
                    r'|mknodat|mkdir|mkdirat|truncate)\((.*)\) += (\d+)')


def read_trace(path):
    """The lines, when strace has written the last of them."""
    for _ in range(100):
        with open(path) as trace:
            lines = trace.read().splitlines()
        if lines and "+++ exited with" in lines[-1]:
            return lines
        time.sleep(0.1)
    raise AssertionError("strace does not end")


def check_written_files():
    """A second life of the server under strace: it writes to its ratchet's folder and nowhere else."""
    trace = os.path.join(BACKUPS, "trace")
    environment = dict(server.environment)
    if "ASAN_OPTIONS" in os.environ:  # the leak check is a tracer itself, and there can be but one
        environment["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"] + ":detect_leaks=0"
    watched = Server(environment, log=server.log, before=[
        "strace", "-D", "-f", "-y", "-s", "300", "-e", "signal=none", "-o", trace, "-e",
        "trace=open,openat,openat2,creat,memfd_create,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
        "mknod,mknodat,mkdir,mkdirat,truncate,prctl"])
    watched.folder = WORKING
    watched.start(server.offset)
    phone = Phone(watched, headers=forwarded(planted.order_ip))
    phone.consent_to_print()
    photo = phone.upload(planted.photo, planted.key)
    big = phone.upload(make_png(1400, 1200), "large")
    order = phone.order(photo, planted.key, prints=1, recipient=planted.recipient)
    attempt = phone.json("POST", f"/v1/orders/{order['order_id']}/payments",
                         {"channel": "wechat", "method": "native"}, planted.key, expect=201)
    sandbox("/sandbox/pay", {"out_trade_no": attempt["out_trade_no"], "openid": planted.openid})
    phone.call("GET", f"/v1/photos/{photo}/file")
    phone.call("DELETE", f"/v1/photos/{big}")
    phone.call("DELETE", "/v1/account?force=true")
    check.same(watched.stop(), 0, "the watched server ends well")
    allowed = (os.path.join(STACK, "keys", "ratchet"), "/dev/null", "/dev/urandom")
    written, seen = set(), 0
    lines = read_trace(trace)
    for line in lines:
        call = OPENED.match(line)
        if not call:
            continue
        seen += 1
        name, arguments = call[1], call[2]
        if name.startswith("open") and not re.search("O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", arguments):
            continue
        # -y appends the path that was reached: <...> after the answer, and after folder descriptors
        if not any(place in line for place in allowed):
            written.add(line.split(" ", 1)[1][:200])
    check.that(seen > 20, f"strace saw the server open files: {seen}")
    check.same(sorted(written), [], "files opened for writing outside of the ratchet's folder")
    check.that(any("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE) = 0" in line for line in lines)
               and not any("SUID_DUMP_USER" in line for line in lines),
               "the process is not dumpable, so its memory is nobody's")


# ---- the backup of day 1

def back_up():
    path = os.path.join(BACKUPS, "day1.dump")
    subprocess.run(["pg_dump", "-Fc", "-d", SUPERUSER_URL, "-f", path], check=True)
    return path


def restore(path):
    """The backup as a database of its own; its URL."""
    psql("DROP DATABASE IF EXISTS restored")
    psql("CREATE DATABASE restored")
    url = re.sub(r"/[a-z0-9_]+\?", "/restored?", SUPERUSER_URL, count=1)
    subprocess.run(["pg_restore", "--exit-on-error", "-d", url, path], check=True)
    return url


def try_open(url):
    """(keys, keys that open, sealed values, values that open) with the key folders as they are."""
    with open(os.path.join("tests", "secrecy", "sealed.sql")) as sql:
        rows = subprocess.run(["psql", "-X", "-q", "-d", url], stdin=sql, check=True, capture_output=True).stdout
    done = subprocess.run([os.environ["TRY_OPEN"], f"{STACK}/keys/master/1.key",
                           f"{STACK}/keys/ratchet/ratchet.state"], input=rows, capture_output=True)
    if not check.same(done.returncode, 0, f"the key folders load: {done.stderr[-300:]!r}"):
        return None
    return tuple(int(word) for word in done.stdout.decode().replace(",", "").split() if word.isdigit())


def check_backup_opens(path):
    """The control: on day 1 the tool opens each and every one. Every sealed column is there."""
    url = restore(path)
    keys, keys_open, sealed, sealed_open = try_open(url)
    check.same((keys_open, sealed_open), (keys, sealed), "on day 1 everything in the backup opens")
    with open(os.path.join("tests", "secrecy", "sealed.sql")) as sql:
        text = sql.read()
    columns = psql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND"
                   " (column_name LIKE '%\\_sealed' OR table_name = 'photo_bytes' AND column_name = 'sealed')", url)
    check.that(len(columns) >= 8, f"sealed columns: {columns}")
    for table, column in columns:
        filled = value(f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL", url)
        check.that(f" {table}" in text and f"'{column}'" in text and filled != "0",
                   f"sealed.sql reads {table}.{column}, and the backup holds some: {filled}")
    psql("DROP DATABASE restored")
    return sealed


def check_backup_is_shut(path):
    keys, keys_open, sealed, sealed_open = try_open(restore(path))
    check.same((keys_open, sealed_open), (0, 0), f"of {keys} keys and {sealed} values of day 1 open")
    psql("DROP DATABASE restored")
    return sealed, sealed_open


def wait_for_ratchet(offset):
    """The server's jobs step to today once nothing alive is older."""
    for _ in range(100):
        status = idphotod("ratchet", "status", offset=offset).stdout.splitlines()[0]
        if status.split()[3].strip(",") == status.split()[-1]:
            return check.that(True, status)
        time.sleep(0.2)
    return check.that(False, f"the ratchet follows: {status}")


def shift_to(offset, told):
    server.shift_to(offset)
    told.phone.moved_to(server)
    told.boss.close()
    told.boss = Caller(server.admin, told.boss.token)


# ---- all of it

def story():
    told = shop()
    phone, photo, order = minor()
    stays = minor()[0]
    operate(told)
    faulty_callbacks(told)
    bad_requests(told)
    raw_rubbish()
    provider_faults(told)
    outage(told)
    stays.caller.close()
    # promote moves keys and bytes within seconds of a payment
    for _ in range(100):
        if value("SELECT count(*) FROM orders WHERE paid_at IS NOT NULL AND promoted_at IS NULL") == "0":
            break
        time.sleep(0.2)
    return told, phone, photo, order


def erase(told, phone, photo, order):
    phone.call("DELETE", f"/v1/orders/{order['order_id']}")
    status = phone.call("DELETE", f"/v1/photos/{photo}")[0]
    check.same(status, 204, "the child's photo is deleted")
    check.same(phone.call("DELETE", "/v1/account")[0], 202, "the child's account is deleted")
    phone.caller.close()


def main():
    try:
        planted.secrets()
        log_everything()
        server.start()
        told, phone, photo, order = story()
        check_process()
        check_search()
        finds = search_all("with everything alive")
        backup = back_up()
        check_backup_opens(backup)
        erase(told, phone, photo, order)
        server.stop()
        check_written_files()
        server.start()
        for offset in ("+8d", "+31d", "+32d"):
            shift_to(offset, told)
        wait_for_ratchet("+32d")
        sealed, still_open = check_backup_is_shut(backup)
        found, _ = markers.in_tree(os.path.join(STACK, "keys", "ratchet"))
        check.same(found, [], "the state of day 1 in the ratchet's folder")
        finds += search_all("after all its days")
        crash()
        print(f"secrecy: {len(markers.forms)} markers, 9 places, {finds} found; "
              f"day-1 backup: {sealed} sealed values, {still_open} open", flush=True)
    finally:
        if server.process:
            server.kill()
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed != 0


sys.exit(main())
