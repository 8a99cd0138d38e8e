# SPDX-License-Identifier: MIT
"""What the server was shown is in its memory while it works, and nowhere once it has answered.

A portrait carries two marks: the bytes of its file, which are its own, and a block of noise beside the
head, whose rows are looked for as pixels. After a photo was made, after a picture without a face, and
after a connection that broke off in the midst of an upload, the whole memory of the process (gcore)
is searched for them, and for the bytes of the finished photo. Each search is first shown to find what
is there: in the memory of a server that is still reading, and of one that is at work. Meanwhile
strace sees no file opened for writing.

The face is a drawn one. Without the right to trace, all of it is left out.
"""
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import zlib

from installation import STACK, Caller, Checks, Phone, Server, prepare_callbacks

BLOCK = 40  # pixels a side of the noise
SLICE = 24  # bytes that are looked for at a time
CORE_MOST = 8 << 30  # bytes of a core file, against a full disk
DRAW_PORTRAIT = os.environ["DRAW_PORTRAIT"]

check = Checks()
chance = random.SystemRandom()


# ---- pictures

def draw_portrait(width=600, height=800):
    """Rows of RGB of somebody whom the detectors find."""
    path = os.path.join(STACK, "portrait.ppm")
    subprocess.run([DRAW_PORTRAIT, "--out", path, "--width", str(width), "--height", str(height)], check=True)
    with open(path, "rb") as file:
        pixels = file.read()[-width * height * 3:]
    os.unlink(path)
    return [pixels[at:at + width * 3] for at in range(0, len(pixels), width * 3)]


def write_png(rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b""))


class Marked:
    """A picture with a block of noise in its corner."""

    def __init__(self, rows):
        rows = [bytearray(row) for row in rows]
        self.pixels = []
        for y in range(BLOCK):
            noise = chance.randbytes(BLOCK * 3)
            rows[y][:BLOCK * 3] = noise
            if y % 10 == 0:
                self.pixels += pixel_forms(noise[30:30 + SLICE])
        self.file = write_png(rows)
        step = len(self.file) // 6
        self.slices = [self.file[at:at + SLICE] for at in range(step, len(self.file) - SLICE, step)]


def pixel_forms(rgb):
    """As libraries may hold it: in either order, and with a fourth channel."""
    points = [rgb[i:i + 3] for i in range(0, len(rgb), 3)]
    return [rgb, b"".join(p[::-1] for p in points), b"".join(p + b"\xff" for p in points),
            b"".join(p[::-1] + b"\xff" for p in points)]


def plain(width=400, height=500):
    return Marked([bytes([200, 190, 180]) * width] * height)


# ---- the process's memory

def memory_of(server):
    """The path of a core of the running server; it goes on afterwards."""
    path = os.path.join(STACK, "core")
    done = subprocess.run(["gcore", "-a", "-o", path, str(server.process.pid)], capture_output=True, text=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (CORE_MOST, CORE_MOST)))
    whole = f"{path}.{server.process.pid}"
    if "ptrace" in done.stderr:
        raise PermissionError(done.stderr[-300:])
    if done.returncode or not os.path.exists(whole):
        raise RuntimeError(f"no core: {done.stderr[-300:]}")
    return whole


def found_in(path, values):
    """How many of the values are in the file. Most of it is memory that was never used."""
    found, piece, unused = set(), b"", bytes(1 << 20)
    with open(path, "rb") as core:
        while more := core.read(len(unused)):
            piece = piece[-2 * SLICE:] + more
            if more != unused:
                found.update(value for value in values if value in piece)
    return len(found)


def search(server, **what):
    """Counts of what is found, by name; leaves no core behind."""
    path = memory_of(server)
    counts = {name: found_in(path, values) for name, values in what.items()}
    os.unlink(path)
    return counts


def nothing_is_left(server, marked, when):
    time.sleep(0.3)
    for name, count in search(server, file=marked.slices, pixels=marked.pixels).items():
        check.same(count, 0, f"parts of the portrait's {name} in memory {when}")


# ---- calls

class Person:
    def __init__(self, server):
        self.phone = Phone(server)
        self.phone.json("PUT", "/v1/consents/server-face-processing", {"policy_version": "2026-11-01"}, expect=200)

    def make(self, marked, key):
        status, _, text = self.phone.call("POST", "/v1/photos/make?spec=cn-1inch", marked.file, key,
                                          **{"Content-Type": "image/png"})
        return status, text

    def half(self, server, marked):
        """A connection on which half of a portrait was sent."""
        url = urllib.parse.urlsplit(server.api)
        s = socket.create_connection((url.hostname, url.port))
        s.sendall((f"POST /v1/photos/check HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {self.phone.caller.token}\r\n"
                   f"Content-Type: image/png\r\nContent-Length: {len(marked.file)}\r\n\r\n").encode()
                  + marked.file[:len(marked.file) // 2])
        return s


# ---- what is shown

def broken_off(server, person):
    marked = plain()
    half = [value for value in marked.slices if value in marked.file[:len(marked.file) // 2]]
    connection = person.half(server, marked)
    time.sleep(0.3)
    check.that(search(server, file=half)["file"] > 0, "the search finds an upload that is being read")
    connection.close()
    time.sleep(1)
    nothing_is_left(server, marked, "after a broken connection")


def without_face(server, person):
    marked = plain()
    status, _ = person.make(marked, "no face")
    check.same(status, 422, "a picture without a face")
    nothing_is_left(server, marked, "after a refusal")


def at_work(server, rows):
    for i in range(64):  # whenever a loaded machine gets to it; gdb takes its time to begin, too
        marked = Marked(rows)
        late_s = 0.03 * (i // 2 % 16)
        thread = threading.Timer(late_s if i % 2 else 0, Person(server).make, (marked, f"work {i}"))
        thread.start()
        time.sleep(0 if i % 2 else 0.02 + late_s)
        count = search(server, pixels=marked.pixels)["pixels"]
        thread.join()
        if count:
            return check.that(True, "")
    return check.that(False, "the search finds the pixels of a portrait that is being worked on")


def made(server, person, rows):
    marked = Marked(rows)
    status, text = person.make(marked, "face")
    if not check.same(status, 201, f"a photo is made: {text[:200]!r}"):
        return
    time.sleep(0.3)
    core = memory_of(server)
    check.same(found_in(core, marked.slices), 0, "parts of the portrait's file in memory after its photo")
    check.same(found_in(core, marked.pixels), 0, "parts of the portrait's pixels in memory after its photo")
    photo = bought(server, person, re.search(rb'"photo_id":"(\w+)"', text)[1].decode())
    step = len(photo) // 6
    slices = [photo[at:at + SLICE] for at in range(step, len(photo) - SLICE, step)]
    check.same(found_in(core, slices), 0, "parts of the finished photo in memory")
    os.unlink(core)


def bought(server, person, photo_id):
    order = person.phone.order(photo_id, "order")
    attempt = person.phone.pay(order["order_id"], "wechat", "native", "pay")
    provider = Caller(server.api)
    prepare_callbacks([attempt["out_trade_no"]])[0].send(provider)
    provider.close()
    status, _, whole = person.phone.call("GET", f"/v1/photos/{photo_id}/file")
    check.same(status, 200, "the photo that was bought")
    return whole


def opens_nothing(server, person, pictures):
    """strace of every thread while pictures are made: files opened for writing."""
    log = os.path.join(STACK, "strace")
    tracer = subprocess.Popen(["strace", "-f", "-q", "-e", "trace=open,openat,creat,memfd_create,rename,renameat2",
                               "-o", log, "-p", str(server.process.pid)], stderr=subprocess.DEVNULL)
    time.sleep(1)
    Caller(server.admin).call("GET", "/metrics")
    for i, marked in enumerate(pictures):
        person.make(marked, f"traced {i}")
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    with open(log) as file:
        lines = file.read().splitlines()
    check.that(any("/proc/self/stat" in line for line in lines), "strace sees what the server opens")
    for line in lines:
        if re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(|memfd_create\(|rename", line):
            check.that("ratchet" in line, f"opened for writing: {line}")
    check.that(True, "")


def main():
    server = Server({"IDPHOTOD_SERVER_RATE_LIMITS": "off", "IDPHOTOD_SCHEDULER_ENABLED": "false"}).start()
    try:
        person = Person(server)
        try:
            os.unlink(memory_of(server))
        except PermissionError as why:
            print(f"SKIPPED: this process may not be traced: {why}")
            return
        rows = draw_portrait()
        opens_nothing(server, person, [plain(), Marked(rows)])
        broken_off(server, person)
        without_face(server, person)
        at_work(server, rows)
        made(server, person, rows)
    finally:
        server.stop()


main()
print(f"{check.passed} passed, {check.failed} failed")
raise SystemExit(check.failed > 0)
