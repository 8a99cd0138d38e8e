# SPDX-License-Identifier: MIT
"""More portraits at once than the server may hold, and clients that go away.

Uploads take room in server.upload_budget when their headers are read. Two hundred ask for it together, and
wait for the server's 100 Continue before they send anything: so many as fit are let in, the others are refused
at once. Those that were let in send all but their last byte, so that all of them lie in memory together, and
are then made and checked, or refused by the bounded queue. The server may grow by the budget, and by
ALLOWANCE for all else. Then clients close their connections in the midst of an upload, and while the server
is at work for them: their room comes back, nothing of them is kept, and the next one is served.
"""
import collections
import http.client
import json
import os
import socket
import struct
import subprocess
import time
import urllib.parse

from exposition import Scrape
from installation import IDPHOTOD, STACK, Caller, Checks, Phone, Server, value
from sanitized import is_sanitized

CLIENTS = 200
BUDGET = 20 << 20  # the least that the configuration takes
SIZE = 1 << 20  # of a portrait's file
FIT = BUDGET // SIZE
QUEUE = 6
# One worker's pixels and its mattes (README: 19 to 29 MB a photo), and 64 KiB for each connection.
ALLOWANCE = (32 << 20) + CLIENTS * (64 << 10)
MAKE = "/v1/photos/make?spec=cn-1inch"
CHECK = "/v1/photos/check?spec=cn-1inch"

check = Checks()


# ---- pictures

def draw(size=None, width=600, height=800):
    """A drawn portrait; what follows the end of a JPEG is no part of the picture, and makes it as large as wished."""
    path = os.path.join(STACK, "portrait.jpg")
    subprocess.run([os.environ["DRAW_PORTRAIT"], "--out", path, "--width", str(width), "--height", str(height)],
                   check=True)
    with open(path, "rb") as file:
        picture = file.read()
    return picture + bytes((size or len(picture)) - len(picture))


# ---- one upload on a connection of its own

class Answer:
    def __init__(self, file):
        self.status = int(file.readline().split()[1])
        self.headers = http.client.parse_headers(file)
        self.body = json.loads(file.read(int(self.headers.get("Content-Length", 0))) or "null")

    def is_overload(self):
        """As documented: 503 overloaded, with a word about when to come again."""
        return (self.status, self.body["code"]) == (503, "overloaded") and int(self.headers["Retry-After"]) > 0


class Upload:
    def __init__(self, server, phone, path, picture, key):
        url = urllib.parse.urlsplit(server.api)
        self.path, self.picture, self.key, self.sent = path, picture, key, 0
        self.socket = socket.create_connection((url.hostname, url.port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.socket.sendall((f"POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {phone.caller.token}\r\n"
                             f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
                             f"Idempotency-Key: {key}\r\nExpect: 100-continue\r\n\r\n").encode())

    def send(self, up_to):
        self.socket.sendall(self.picture[self.sent:up_to])
        self.sent = up_to

    def is_let_in(self):
        """100 Continue; otherwise self.answer is the refusal."""
        self.answer = self.read()
        return self.answer.status == 100

    def read(self):
        return Answer(self.file)

    def close(self, reset=False):
        if reset:  # RST instead of FIN: no linger
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.file.close()
        self.socket.close()


# ---- what the server tells

class Watched:
    """The server, its figures and its memory."""

    def __init__(self, server):
        self.server = server
        self.operator = Caller(server.admin)

    def figure(self, name, **labels):
        return Scrape(self.operator.call("GET", "/metrics")[2].decode()).get("idphotod_" + name, **labels) or 0

    def until(self, wanted, sentence, name, **labels):
        for _ in range(600):
            found = self.figure(name, **labels)
            if found == wanted:
                break
            time.sleep(0.02)
        return check.same(found, wanted, sentence)

    def memory(self, line):
        with open(f"/proc/{self.server.process.pid}/status") as status:
            return next(int(l.split()[1]) << 10 for l in status if l.startswith(line + ":"))

    def forget_peak(self):
        with open(f"/proc/{self.server.process.pid}/clear_refs", "w") as file:
            file.write("5")


def count(table):
    return int(value(f"SELECT count(*) FROM {table}"))


# ---- two hundred at once

def wait_for_memory(watched, least):
    """Bytes on their way are in nobody's memory yet."""
    for _ in range(500):
        if watched.memory("VmRSS") >= least:
            return True
        time.sleep(0.02)
    return False


def let_in(watched, uploads):
    inside = [u for u in uploads if u.is_let_in()]
    refused = [u for u in uploads if u not in inside]
    check.same(len(inside), FIT, "uploads that were let in")
    check.that(all(u.answer.is_overload() for u in refused),
               f"refused as documented: {collections.Counter(u.answer.status for u in refused)}")
    check.same(watched.figure("http_uploads_bytes"), len(inside) * SIZE, "room that was taken")
    check.same(watched.figure("http_uploads_limit_bytes"), BUDGET, "room that there is")
    return inside


def answer_all(watched, inside):
    """The last bytes; what came of them, by status."""
    full = watched.figure("http_refused_total", lane="image", reason="full")
    late = watched.figure("http_refused_total", lane="image", reason="expired")
    for u in inside:
        u.send(SIZE)
    answers = [(u, u.read()) for u in inside]
    good = [(u, a) for u, a in answers if a.status in (200, 201)]
    check.that(len(good) >= QUEUE, f"the queue is served: {len(good)} of {QUEUE}")
    for u, a in good:
        check.same(a.status, 201 if u.path == MAKE else 200, f"status of {u.path}")
        check.same((a.body if u.path == CHECK else a.body["report"])["faces"], 1, "faces on the portrait")
    refused = [a for _, a in answers if a.status not in (200, 201)]
    check.that(all(a.status == 503 and a.body["code"] in ("overloaded", "deadline-exceeded") for a in refused),
               f"the others are refused as documented: {[(a.status, a.body) for a in refused]}")
    check.same(watched.figure("http_refused_total", lane="image", reason="full") - full
               + watched.figure("http_refused_total", lane="image", reason="expired") - late, len(refused),
               "refusals that were counted")
    return sum(a.status == 201 for _, a in good)


def flood(watched, phone, picture):
    measured = not is_sanitized(IDPHOTOD)
    kept = count("photo")
    watched.forget_peak()
    before = watched.memory("VmRSS")
    uploads = [Upload(watched.server, phone, (MAKE, CHECK)[i % 2], picture, f"flood {i}") for i in range(CLIENTS)]
    inside = let_in(watched, uploads)
    for u in inside:
        u.send(SIZE - 1)
    if measured:
        check.that(wait_for_memory(watched, before + len(inside) * SIZE * 3 // 4), "uploads lie in memory together")
    check.same(Caller(watched.server.api).call("GET", "/v1/products")[0], 200, "meanwhile another call")
    made = answer_all(watched, inside)
    grown = watched.memory("VmHWM") - before
    for u in uploads:
        u.close()
    watched.until(0, "room that is taken when all is over", "http_uploads_bytes")
    check.same(count("photo") - kept, made, "photos that were kept")
    if not measured:
        print("the server's memory is not measured: it runs under a sanitizer")
        return
    print(f"| {CLIENTS} uploads of {SIZE >> 20} MiB at once, budget {BUDGET >> 20} MiB: {len(inside)} let in, "
          f"grown by {grown >> 20} MiB |")
    check.that(grown <= BUDGET + ALLOWANCE,
               f"grown by {grown >> 20} MiB, over {BUDGET + ALLOWANCE >> 20} MiB of budget and allowance")


# ---- clients that go away

def is_made(phone, picture, key):
    """A photo, and not the answer of an earlier call."""
    status, headers, text = phone.call("POST", MAKE, picture, key, **{"Content-Type": "image/jpeg"})
    return check.same((status, headers["Idempotency-Replayed"]), (201, None), f"a photo is made afterwards: {text[:200]!r}")


def gone_in_upload(watched, phone, picture):
    kept, answers = count("photo"), count("idempotency")
    uploads = [Upload(watched.server, phone, MAKE, picture, f"half {i}") for i in range(8)]
    check.that(all(u.is_let_in() for u in uploads), "eight uploads are let in")
    for u in uploads:
        u.send(SIZE // 2)
    check.same(watched.figure("http_uploads_bytes"), len(uploads) * SIZE, "room of half uploads")
    for i, u in enumerate(uploads):
        u.close(reset=i % 2 == 1)
    watched.until(0, "room of uploads that were broken off", "http_uploads_bytes")
    check.same((count("photo"), count("idempotency")), (kept, answers), "what is kept of half uploads")
    is_made(phone, picture, "half 0")


def gone_at_work(watched, phone, picture, large, reset):
    """The client of the one that is worked on goes, and so does one that waits; a third waits for its answer."""
    key = f"work {reset}"
    kept, answers = count("photo"), count("idempotency")
    encoded = watched.figure("image_stage_duration_seconds_count", stage="encode")
    working = Upload(watched.server, phone, "/v1/photos/make?spec=cn-5inch", large, key)
    waiting = Upload(watched.server, phone, MAKE, picture, key + " waiting")
    staying = Upload(watched.server, phone, MAKE, picture, key + " staying")
    check.that(all(u.is_let_in() for u in (working, waiting, staying)), "three uploads are let in")
    for i, u in enumerate((working, waiting, staying)):
        u.send(len(u.picture))
        if i == 0:
            watched.until(1, "a worker is at it", "http_running", lane="image")
        else:
            watched.until(i, "others wait", "http_queue_length", lane="image")
    working.close(reset)
    waiting.close(reset)
    answer = staying.read()
    staying.close()
    check.same(answer.status, 201, f"who stayed has a photo: {answer.body}")
    watched.until(0, "room of those who went", "http_uploads_bytes")
    watched.until(0, "workers at work", "http_running", lane="image")
    check.same((count("photo") - kept, count("idempotency") - answers), (1, 1), "photos and answers, for the one who stayed")
    check.same(watched.figure("image_stage_duration_seconds_count", stage="encode") - encoded, 1,
               "photos that were worked on to the end")
    is_made(phone, picture, key + " waiting")


def main():
    server = Server({"IDPHOTOD_SERVER_UPLOAD_BUDGET": str(BUDGET), "IDPHOTOD_SERVER_IMAGE_WORKERS": "1",
                     "IDPHOTOD_SERVER_IMAGE_QUEUE": str(QUEUE), "IDPHOTOD_SCHEDULER_ENABLED": "false"}).start()
    try:
        watched, phone, picture = Watched(server), Phone(server), draw(SIZE)
        phone.json("PUT", "/v1/consents/server-face-processing", {"policy_version": "2026-11-01"}, expect=200)
        is_made(phone, picture, "the first")
        flood(watched, phone, picture)
        is_made(phone, picture, "after the flood")
        gone_in_upload(watched, phone, picture)
        large = draw(None, 3000, 4000)
        for reset in (False, True):
            gone_at_work(watched, phone, picture, large, reset)
        watched.operator.close()
        phone.caller.close()
    finally:
        check.same(server.stop(), 0, "how the server ended")


main()
print(f"{check.passed} passed, {check.failed} failed")
raise SystemExit(check.failed > 0)
