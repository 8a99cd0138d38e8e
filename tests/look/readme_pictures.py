# SPDX-License-Identifier: MIT
"""The pictures that README.md shows: a drawn portrait, the photo and the sheet that the service makes of it and
sells, and what its check says of a picture that was taken badly. Nobody's face is in them.

    readme_pictures.py FOLDER
"""
import json
import os
import subprocess
import sys

from installation import Caller, Phone, Server, prepare_callbacks

FOLDER = sys.argv[1]
MAKE = "/v1/photos/make?spec=cn-1inch&subject=self&background=blue"


def draw(name, *options):
    path = os.path.join(FOLDER, name)
    subprocess.run([os.environ["DRAW_PORTRAIT"], "--out", path, *options], check=True)
    with open(path, "rb") as file:
        return file.read()


def keep(name, content):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)
    print(f"{name}: {len(content)} bytes")


def buy(server, phone, photo_id):
    order = phone.order(photo_id, "order")
    attempt = phone.pay(order["order_id"], "wechat", "native", "pay")
    provider = Caller(server.api)
    prepare_callbacks([attempt["out_trade_no"]])[0].send(provider)
    provider.close()


def fetch(phone, address):
    status, _, content = phone.call("GET", address)
    if status != 200:
        raise AssertionError(f"{address}: {status} {content[:200]!r}")
    return content


def shortened(report):
    """What is to be done, and the first of what is well."""
    good = [c for c in report["checks"] if c["verdict"] == "pass"]
    bad = [c for c in report["checks"] if c["verdict"] != "pass"]
    return "".join(json.dumps(c, ensure_ascii=False) + "\n" for c in good[:1] + bad).encode()


def main():
    server = Server({"IDPHOTOD_SERVER_RATE_LIMITS": "off"}).start()
    try:
        phone = Phone(server)
        phone.json("PUT", "/v1/consents/server-face-processing", {"policy_version": "2026-11-01"}, expect=200)
        jpeg = {"Content-Type": "image/jpeg"}
        portrait = draw("portrait.jpg", "--width", "720", "--height", "960", "--quality", "75", "--background", "textured",
                        "--hair", "curly")
        photo = phone.json("POST", MAKE, portrait, "make", expect=201, **jpeg)
        buy(server, phone, photo["photo_id"])
        keep("photo.jpg", fetch(phone, f"/v1/photos/{photo['photo_id']}/file"))
        keep("sheet.jpg", fetch(phone, f"/v1/photos/{photo['photo_id']}/file?layout=4R&dpi=72&cut_lines=true"))
        dark = draw("faulty.jpg", "--width", "480", "--height", "640", "--quality", "90", "--light", "left")
        keep("check.txt", shortened(phone.json("POST", "/v1/photos/check?spec=cn-1inch", dark, expect=200, **jpeg)))
    finally:
        server.stop()


main()
