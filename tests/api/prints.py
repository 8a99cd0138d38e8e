# SPDX-License-Identifier: MIT
"""Print orders: paid, taken into batches, downloaded as a zip, printed, shipped.

The zip, the table and the pictures are read by Python's own modules. Called by prints.sh.
"""
import csv
import http.client
import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib

from sanitized import is_sanitized

API, ADMIN, SANDBOX = (os.environ[n] for n in ("API", "ADMIN", "SANDBOX"))
TOKEN = open(sys.argv[1]).read().strip()
POLICY = "2026-11-01"
HEAD = "order_id sheets files name phone province city district street postcode".split()
MANY, GROWTH_MB = 200, 40


def call(url, method="GET", body=None, token=None, key=None, kind="application/json", purpose=None):
    """Status and the answer: JSON where it is, else bytes."""
    headers = {"Content-Type": kind} if body is not None else {}
    if token:
        headers["Authorization"] = "Bearer " + token
    if key:
        headers["Idempotency-Key"] = key
    if purpose:
        headers["X-Purpose"] = purpose
    data = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            status, text, found = answer.status, answer.read(), answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as refused:
        status, text, found = refused.code, refused.read(), refused.headers.get("Content-Type", "")
    return status, json.loads(text) if "json" in found and text else text


def admin(path, method="GET", body=None, purpose="fulfilment"):
    return call(ADMIN + "/admin/v1" + path, method, body, TOKEN, purpose=purpose)


def must(answer, status):
    assert answer[0] == status, f"{answer[0]}, not {status}: {str(answer[1])[:300]}"
    return answer[1]


def sql(text):
    done = subprocess.run(["psql", "-qXAt", os.environ["IDPHOTOD_TEST_SUPERUSER_URL"], "-c", text],
                          check=True, capture_output=True, text=True)
    return done.stdout.strip()


FAINT = bytes(128 + i % 48 for i in range(256))


def picture(width, height, dpi=300):
    """A PNG of faint noise, so that its sheets are large files."""
    def part(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + os.urandom(width * 3).translate(FAINT) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + part(b"pHYs", struct.pack(">IIB", round(dpi / 0.0254), round(dpi / 0.0254), 1))
            + part(b"IDAT", zlib.compress(rows, 1)) + part(b"IEND", b""))


NOISE = picture(295, 413)


class Person:
    def __init__(self):
        made = must(call(API + "/v1/accounts", "POST", {"policy_version": POLICY}), 201)
        self.token = made["token"]
        must(call(API + "/v1/consents/print-mailing", "PUT", {"policy_version": POLICY}, self.token), 200)
        self.count = 0

    def key(self):
        self.count += 1
        return f"key {self.count}"

    def upload(self, file=NOISE):
        return must(call(API + "/v1/photos?spec=cn-1inch", "POST", file, self.token, self.key(),
                         "image/png"), 201)["photo_id"]

    def order(self, photo, product="print-1inch-sheet", quantity=1, **recipient):
        to = {"name": "王小明", "phone": "13912345678", "province": "浙江", "city": "杭州市",
              "district": "西湖区", "street": "文三路 90 号", **recipient}
        items = [{"product": product, "photo_id": photo, "quantity": quantity}]
        made = must(call(API + "/v1/orders", "POST", {"items": items, "recipient": to}, self.token,
                         self.key()), 201)
        attempt = must(call(API + f"/v1/orders/{made['order_id']}/payments", "POST",
                            {"channel": "wechat", "method": "native"}, self.token, self.key()), 201)
        must(call(SANDBOX + "/sandbox/pay", "POST", {"out_trade_no": attempt["out_trade_no"],
                                                     "openid": "oTestOfPrints000000000000001"}), 200)
        self.wait_until_paid(made["order_id"])
        return made["order_id"]

    def wait_until_paid(self, order):
        """The sandbox's callback may still be on its way."""
        for _ in range(600):
            if self.state(order) == "paid":
                return
            time.sleep(0.05)
        raise AssertionError(f"{order} is {self.state(order)}")

    def state(self, order):
        return must(call(API + "/v1/orders/" + order, token=self.token), 200)["state"]


def wait_until_promoted():
    """A batch leaves out an order that another call has locked, as the job does that promotes it."""
    for _ in range(600):
        if sql("SELECT count(*) FROM orders WHERE state = 'paid' AND promoted_at IS NULL") == "0":
            return
        time.sleep(0.05)
    raise AssertionError("paid orders are not promoted")


def new_batch(limit=50):
    wait_until_promoted()
    return must(admin("/print-batches", "POST", {"limit": limit}), 201)


def download(batch):
    return must(admin("/print-batches/" + batch["batch_id"]), 200)


def opened(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


def labels_of(archive):
    text = archive.read("labels.csv")
    assert text.startswith(b"\xef\xbb\xbf"), "Excel would not know that it is UTF-8"
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    assert rows[0] == HEAD, rows[0]
    return {row[0]: dict(zip(HEAD, row)) for row in rows[1:]}


def told_by(archive):
    return json.loads(archive.read("batch.json"))


def jpeg_facts(data):
    """Width, height and density: ITU T.81 B.2.2, T.871."""
    at, density = 2, None
    assert data[:2] == b"\xff\xd8"
    while True:
        marker, size = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        if marker == 0xE0:
            density = struct.unpack(">BH", data[at + 11:at + 14])
        if 0xC0 <= marker <= 0xC2:
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height, density
        at += 2 + size


def empty_the_queue():
    while admin("/print-batches", "POST", {"limit": 500})[0] == 201:
        pass


def a_paid_print_is_printed_and_shipped():
    who = Person()
    order = who.order(who.upload(), quantity=3)
    batch = new_batch()
    assert [o["order_id"] for o in batch["orders"]] == [order] and batch["made_of"] == 1
    assert who.state(order) == "paid"
    archive = opened(download(batch))
    assert sorted(archive.namelist()) == ["batch.json", "labels.csv", f"sheets/{order}-0-x3.jpg"]
    width, height, density = jpeg_facts(archive.read(f"sheets/{order}-0-x3.jpg"))
    assert sorted((width, height)) == [1205, 1795], (width, height)  # 4R at 300 dpi
    assert density == (1, 300), density
    label = labels_of(archive)[order]
    assert label == {"order_id": order, "sheets": "3", "files": f"{order}-0-x3.jpg", "name": "王小明",
                     "phone": "13912345678", "province": "浙江省", "city": "杭州市",
                     "district": "西湖区", "street": "文三路 90 号", "postcode": ""}, label
    assert download(batch) == download(batch), "the same batch, other bytes"
    for _ in range(2):
        now = must(admin(f"/print-batches/{batch['batch_id']}/printed", "POST", {}), 200)
        assert now["orders"] == [{"order_id": order, "state": "printing"}], now
    assert who.state(order) == "printing"
    assert call(API + f"/v1/orders/{order}/refund", "POST", {}, who.token)[0] == 409
    must(admin(f"/orders/{order}/ship", "POST", {"carrier": "SF", "tracking_no": "SF0001"}), 200)
    assert who.state(order) == "shipped"
    assert admin("/print-batches", "POST", {})[0] == 204, "nothing is left to print"


def what_was_refunded_in_between_is_left_out():
    who = Person()
    photo = who.upload()
    kept, given_up = who.order(photo), who.order(photo)
    batch = new_batch()
    must(call(API + f"/v1/orders/{given_up}/refund", "POST", {}, who.token), 202)
    archive = opened(download(batch))
    assert list(labels_of(archive)) == [kept]
    assert not [n for n in archive.namelist() if given_up in n]
    told = told_by(archive)
    assert told["left_out"] == [{"order_id": given_up, "reason": "refunded"}], told
    assert (told["made_of"], told["orders"], told["gone"]) == (2, 1, 0), told
    must(admin(f"/print-batches/{batch['batch_id']}/printed", "POST", {}), 200)
    assert (who.state(kept), who.state(given_up)) == ("printing", "closed")


def an_erased_order_is_gone_from_the_next_download():
    who, other = Person(), Person()
    photo = who.upload()
    erased, kept, third = who.order(photo), who.order(photo), other.order(other.upload())
    batch = new_batch()
    assert set(labels_of(opened(download(batch)))) == {erased, kept, third}
    must(call(API + f"/v1/orders/{erased}?force=true", "DELETE", token=who.token), 204)
    must(call(API + "/v1/account?force=true", "DELETE", token=other.token), 202)
    archive = opened(download(batch))
    assert list(labels_of(archive)) == [kept]
    told = told_by(archive)
    assert (told["gone"], told["left_out"]) == (2, []), told
    shown = must(admin(f"/print-batches/{batch['batch_id']}?format=json"), 200)
    assert (shown["gone"], [o["order_id"] for o in shown["orders"]]) == (2, [kept]), shown


def two_operators_at_once_get_different_orders():
    who = Person()
    photo = who.upload()
    orders = {who.order(photo) for _ in range(12)}
    taken, start = [], threading.Barrier(4)

    def take():
        start.wait()
        for _ in range(3):
            status, batch = admin("/print-batches", "POST", {"limit": 1})
            if status == 201:
                taken.extend(o["order_id"] for o in batch["orders"])
    threads = [threading.Thread(target=take) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    while (more := admin("/print-batches", "POST", {}))[0] == 201:
        taken.extend(o["order_id"] for o in more[1]["orders"])
    assert len(taken) == len(set(taken)) and set(taken) == orders, (len(taken), len(set(taken)))


def cells_are_no_formulas():
    who = Person()
    photo = who.upload()
    evil = {'=HYPERLINK("http://x.cn";1)': '\'=HYPERLINK("http://x.cn";1)', "+1": "'+1", "-2": "'-2",
            "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1", 'a "quoted", one': 'a "quoted", one'}
    orders = {who.order(photo, name=n, street=n, postcode="010010", phone="+86 13912345678"
                        .replace(" ", "")): n for n in evil}
    batch = new_batch()
    labels = labels_of(opened(download(batch)))
    for order, name in orders.items():
        label = labels[order]
        assert (label["name"], label["street"]) == (evil[name], evil[name]), label
        assert label["phone"] == "'+8613912345678", label
        assert label["postcode"] == "'010010", "Excel would drop the nought"
    # no spreadsheet may take any cell of the table for a formula
    for label in labels.values():
        assert not [c for c in label.values() if c[:1] in "=+-@\t\r" and c], label


def one_that_breaks_off_is_not_whole_and_comes_again():
    who = Person()
    photo = who.upload()
    for _ in range(20):
        who.order(photo)
    batch = new_batch()
    whole = download(batch)
    url = urllib.parse.urlsplit(ADMIN)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request("GET", "/admin/v1/print-batches/" + batch["batch_id"],
                       headers={"Authorization": "Bearer " + TOKEN, "X-Purpose": "fulfilment"})
    part = connection.getresponse().read(len(whole) // 3)
    connection.close()
    try:
        zipfile.ZipFile(io.BytesIO(part))
        raise AssertionError("a part looks whole")
    except zipfile.BadZipFile:
        pass
    assert download(batch) == whole


def an_order_that_is_erased_while_the_zip_is_sent_is_not_in_it():
    who = Person()
    photo = who.upload()
    for _ in range(20):
        last = who.order(photo)
    batch = new_batch()
    url = urllib.parse.urlsplit(ADMIN)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request("GET", "/admin/v1/print-batches/" + batch["batch_id"],
                       headers={"Authorization": "Bearer " + TOKEN, "X-Purpose": "fulfilment"})
    answer = connection.getresponse()
    begin = answer.read(1000)
    must(call(API + f"/v1/orders/{last}?force=true", "DELETE", token=who.token), 204)
    archive = opened(begin + answer.read())
    connection.close()
    assert last not in labels_of(archive) and told_by(archive)["gone"] == 1, told_by(archive)


def a_purpose_is_needed_and_each_read_is_on_record():
    who = Person()
    order = who.order(who.upload())
    batch = new_batch()
    path = "/print-batches/" + batch["batch_id"]
    assert admin(path, purpose=None)[1]["code"] == "purpose-required"
    assert admin(f"/orders/{order}/sheet", purpose=None)[1]["code"] == "purpose-required"
    question = ("SELECT count(*) FROM audit_log WHERE action = 'print-batch.read' AND pseudonym IS NOT NULL"
                " AND purpose = 'fulfilment'")
    before = int(sql(question))
    download(batch)
    assert int(sql(question)) == before + 1
    must(admin(f"/orders/{order}/sheet"), 200)
    assert sql("SELECT count(*) FROM audit_log WHERE action = 'order.sheet' AND pseudonym IS NOT NULL") == "1"


def a_sheet_is_given_as_asked():
    who = Person()
    photo = who.upload()
    order = who.order(photo, "print-mixed-sheet")
    path = f"/orders/{order}/sheet"
    assert sorted(jpeg_facts(must(admin(path), 200))[:2]) == [1205, 1795]
    assert sorted(jpeg_facts(must(admin(path + "?paper=3R&dpi=254"), 200))[:2]) == [890, 1270]
    assert must(admin(path + "?item=0&paper=A4&format=pdf"), 200)[:5] == b"%PDF-"
    for query, pointer in (("item=1", "?item"), ("paper=B5", "?paper"), ("format=png", "?format"),
                           ("gap_mm=99", "?gap_mm"), ("paper=20x20", "?paper")):
        refused = must(admin(path + "?" + query), 422)
        assert refused["errors"][0]["pointer"] == pointer, refused
    must(call(API + f"/v1/orders/{order}/refund", "POST", {}, who.token), 202)
    assert admin(path)[0] == 409, "a refunded order is not printed"
    assert admin("/orders/ord_0000000000000000000001/sheet")[0] == 404


def memory_mb(field):
    with open(f"/proc/{os.environ['SERVER_PID']}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def a_batch_of_200_orders_takes_little_memory():
    people = [Person() for _ in range(4)]
    photos = [p.upload() for p in people]
    for i in range(MANY):
        people[i % 4].order(photos[i % 4])
    batch = new_batch(MANY)
    assert batch["made_of"] == MANY, batch["made_of"]
    try:
        with open(f"/proc/{os.environ['SERVER_PID']}/clear_refs", "w") as refs:
            refs.write("5")  # the high-water mark begins anew
    except PermissionError:
        pass  # root's alone: a service that dumps no core belongs to root there
    before = memory_mb("VmHWM")
    data = download(batch)
    growth = memory_mb("VmHWM") - before
    measured = not is_sanitized(f"/proc/{os.environ['SERVER_PID']}/exe")
    print(f"       {len(data) / 2**20:.0f} MiB of zip, {growth:.0f} MB more memory",
          "" if measured else "(a sanitizer keeps what is freed: no measure)")
    assert len(labels_of(opened(data))) == MANY
    assert len(data) > 3 * GROWTH_MB * 2**20, "too small a zip to tell"
    assert growth < GROWTH_MB or not measured, f"{growth:.0f} MB"


def nothing_of_it_is_logged():
    with open(os.environ["SERVER_LOG"]) as log:
        text = log.read()
    assert text and not [w for w in ("王小明", "13912345678", "文三路", "HYPERLINK") if w in text]


TESTS = [a_paid_print_is_printed_and_shipped, what_was_refunded_in_between_is_left_out,
         an_erased_order_is_gone_from_the_next_download, two_operators_at_once_get_different_orders,
         cells_are_no_formulas, one_that_breaks_off_is_not_whole_and_comes_again,
         an_order_that_is_erased_while_the_zip_is_sent_is_not_in_it,
         a_purpose_is_needed_and_each_read_is_on_record, a_sheet_is_given_as_asked,
         a_batch_of_200_orders_takes_little_memory, nothing_of_it_is_logged]


def main():
    failed = 0
    chosen = [t for t in TESTS if not sys.argv[2:] or any(w in t.__name__ for w in sys.argv[2:])]
    for test in chosen:
        name = test.__name__.replace("_", " ")
        try:
            empty_the_queue()
            test()
            print("ok     " + name, flush=True)
        except Exception as why:  # each test is told of, whatever stops it
            failed += 1
            print(f"FAIL   {name}\n      {type(why).__name__}: {why}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
