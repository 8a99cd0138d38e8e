# SPDX-License-Identifier: MIT
"""The server and its surroundings for test drivers written in Python.

To be used below tests/tool/with-postgres.sh and after stack_up of tests/tool/stack.sh, whose
variables STACK, SANDBOX, CONFIG and IDPHOTOD have to be exported. Standard library only.
"""
import base64
import http.client
import json
import os
import random
import signal
import struct
import subprocess
import time
import urllib.parse
import zlib

DATABASE_URL = os.environ["IDPHOTOD_TEST_DATABASE_URL"]
SUPERUSER_URL = os.environ["IDPHOTOD_TEST_SUPERUSER_URL"]
PGDATA = os.environ["IDPHOTOD_TEST_PGDATA"]
PGFOLDER = os.environ["IDPHOTOD_TEST_PGFOLDER"]
STACK = os.environ["STACK"]
CONFIG = os.environ["CONFIG"]
IDPHOTOD = os.environ["IDPHOTOD"]
SANDBOX = os.environ["SANDBOX"]
HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = "2026-11-01"

LOST = (OSError, http.client.HTTPException)


class Checks:
    """Counts what held and says what did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, holds, sentence):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {sentence}", flush=True)
        return holds

    def same(self, found, expected, sentence):
        return self.that(found == expected, f"{sentence}: {found!r} instead of {expected!r}")


class Caller:
    """One kept-alive connection to one address; opens itself again when it was lost."""

    def __init__(self, url, token=None):
        self.address = urllib.parse.urlsplit(url).netloc
        self.token = token
        self.connection = None
        self.used_at = 0.0

    def call(self, method, path, body=None, headers=None):
        """Status, headers and body; raises one of LOST when there was no whole answer."""
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if time.monotonic() - self.used_at > 5:
            self.close()  # the server may be about to close it
        self.used_at = time.monotonic()
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except LOST:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return answer.status, answer.headers, text

    def json(self, method, path, body=None, headers=None, expect=None):
        status, _, text = self.call(method, path, body, headers)
        if expect is not None and status != expect:
            raise AssertionError(f"{method} {path}: {status} instead of {expect}: {text[:300]!r}")
        return json.loads(text) if text else None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def sandbox(path, body=None):
    caller = Caller(SANDBOX)
    try:
        return caller.json("POST" if body is not None else "GET", path, body, expect=200)
    finally:
        caller.close()


class Callback:
    """A signed callback as the provider would send it, ready to be sent."""

    def __init__(self, prepared):
        self.out_trade_no = prepared["out_trade_no"]
        self.path = urllib.parse.urlsplit(prepared["url"]).path
        self.headers = prepared["headers"]
        self.body = base64.b64decode(prepared["body_base64"])

    def send(self, caller):
        """True when the merchant acknowledged it, by the rules of the channel."""
        status, _, text = caller.call("POST", self.path, self.body, self.headers)
        if self.path.endswith("alipay"):
            return status == 200 and text == b"success"
        return status in (200, 204)


def prepare_callbacks(numbers, fault="none", **more):
    """Signed callbacks for these out_trade_nos; good for 300 seconds of the sandbox's clock."""
    whole = sandbox("/sandbox/callbacks/bulk", dict(out_trade_nos=numbers, fault=fault, **more))
    for number, prepared in zip(numbers, whole["callbacks"]):
        if "error" in prepared:
            raise AssertionError(f"sandbox: {prepared}")
        prepared["out_trade_no"] = number
    return [Callback(prepared) for prepared in whole["callbacks"]]


class Server:
    """`idphotod serve`, to be started, stopped and killed."""

    def __init__(self, environment=None, log=None, before=()):
        self.environment = dict(environment or {})
        self.log = log or os.path.join(STACK, "server.log")
        self.before = list(before)  # a command that runs it, such as strace
        self.folder = None  # to run in
        self.process = None
        self.offset = "0s"

    def start(self, offset=None):
        """Starts it at a shifted clock and waits until it listens."""
        self.offset = offset or self.offset
        environment = dict(os.environ, IDPHOTOD_TESTING_CLOCK_OFFSET=self.offset, **self.environment)
        with open(self.log, "ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                self.before + [IDPHOTOD, "serve", "--config", CONFIG],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.folder)
        for _ in range(1200):
            with open(self.log, "rb") as log:
                log.seek(begin)
                lines = log.read().splitlines()
            for line in lines:
                if b'"serve.listening"' in line and line.endswith(b"}"):
                    self.read_ports(json.loads(line))
                    return self
            if self.process.poll() is not None:
                raise AssertionError(f"the server did not start: {lines[-3:]}")
            time.sleep(0.05)
        raise AssertionError("the server does not listen")

    def read_ports(self, event):
        fields = {**event, **event.get("fields", {})}
        self.api = f"http://127.0.0.1:{fields['public_port']}"
        self.admin = f"http://127.0.0.1:{fields['operator_port']}"

    def kill(self):
        """As the kernel's memory killer would: no goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(60)
        self.process = None
        return code

    def shift_to(self, offset):
        self.stop()
        sandbox("/sandbox/clock", {"offset": offset})
        self.start(offset)


def idphotod(*arguments, offset="0s", check=True):
    environment = dict(os.environ, IDPHOTOD_TESTING_CLOCK_OFFSET=offset)
    return subprocess.run([IDPHOTOD, *arguments, "--config", CONFIG], env=environment, check=check,
                          capture_output=True, text=True)


# ---- database

def psql(sql, url=SUPERUSER_URL):
    """Rows of texts."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=sql, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def value(sql, url=SUPERUSER_URL):
    return psql(sql, url)[0][0]


def children_of(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    if int(stat.read().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(name))
            except (OSError, IndexError):
                pass
    return found


def kill_postgres():
    """Postmaster and backends at once, as a machine that loses its power."""
    with open(os.path.join(PGDATA, "postmaster.pid")) as lock:
        postmaster = int(lock.readline())
    os.kill(postmaster, signal.SIGSTOP)  # so that it makes no new ones meanwhile
    for pid in [postmaster] + children_of(postmaster):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def restart_postgres():
    subprocess.run([os.path.join(HERE, "postgres.sh"), "restart", PGFOLDER], check=True,
                   stdout=subprocess.DEVNULL)


def wait_ready(server):
    """Until the service has its database again."""
    caller = Caller(server.api)
    for _ in range(600):
        try:
            if caller.call("GET", "/readyz")[0] == 200:
                return caller.close()
        except LOST:
            pass
        time.sleep(0.05)
    raise AssertionError("the service did not resume")


# ---- what is uploaded and ordered

def make_png(width=150, height=200, seed=None):
    """A picture of noise: its compressed bytes are its own, and nothing shorter says the same."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


RECIPIENT = {"name": "张三丰", "phone": "13812345678", "province": "广东", "city": "深圳市",
             "district": "南山区", "street": "科技路1号"}


class Phone:
    """A person's app: an account and what it does."""

    def __init__(self, server, account=None, headers=None):
        self.caller = Caller(server.api)
        self.headers = headers or {}
        made = self.caller.json("POST", "/v1/accounts", account or {"policy_version": POLICY},
                                self.headers, expect=201)
        self.account_id = made["account_id"]
        self.caller.token = made["token"]

    def moved_to(self, server):
        """After a restart."""
        self.caller.close()
        self.caller.address = urllib.parse.urlsplit(server.api).netloc

    def call(self, method, path, body=None, key=None, **more):
        headers = dict(self.headers, **more)
        if key:
            headers["Idempotency-Key"] = key
        return self.caller.call(method, path, body, headers)

    def json(self, method, path, body=None, key=None, expect=None, **more):
        headers = dict(self.headers, **more)
        if key:
            headers["Idempotency-Key"] = key
        return self.caller.json(method, path, body, headers, expect)

    def upload(self, picture, key, **more):
        more.setdefault("Content-Type", "image/png")
        return self.json("POST", "/v1/photos?subject=self", picture, key, expect=201, **more)["photo_id"]

    def consent_to_print(self):
        self.json("PUT", "/v1/consents/print-mailing", {"policy_version": POLICY}, expect=200)

    @staticmethod
    def order_body(photo, electronic=1, prints=0, recipient=None):
        items = []
        if electronic:
            items.append({"product": "electronic-standard", "photo_id": photo, "quantity": electronic})
        if prints:
            items.append({"product": "print-1inch-sheet", "photo_id": photo, "quantity": prints})
        body = {"items": items, "accepts_no_refund": True}
        if prints:
            body["recipient"] = recipient or RECIPIENT
        return body

    def order(self, photo, key, **more):
        return self.json("POST", "/v1/orders", self.order_body(photo, **more), key, expect=201)

    def pay(self, order_id, channel, method, key):
        """A pending attempt that the sandbox knows too."""
        attempt = self.json("POST", f"/v1/orders/{order_id}/payments",
                            {"channel": channel, "method": method}, key, expect=201)
        open_cashier(attempt)
        return attempt


def open_cashier(attempt):
    """What the client does with the answer: Alipay learns of a trade only there."""
    client = attempt["client"]
    if "order_string" in client:
        sandbox("/sandbox/alipay/app", {"order_string": client["order_string"]})
    elif "url" in client:
        whole = urllib.parse.urlsplit(client["url"])
        status, _, text = Caller(client["url"]).call("GET", f"{whole.path}?{whole.query}")
        if status != 200:
            raise AssertionError(f"the cashier refuses: {status} {text[:200]!r}")
