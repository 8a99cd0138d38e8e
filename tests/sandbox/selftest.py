#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the sandbox is as strict as the providers and signs what they sign.

usage: selftest.py SANDBOX-BINARY

Every signature is made and verified by the openssl command, GCM is opened with
its AES and a GHASH of our own: nothing here comes from the sandbox's code.
"""
import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

passed, failed = 0, []


def check(sentence, holds, detail=""):
    global passed
    if holds:
        passed += 1
    else:
        failed.append(sentence)
        print(f"FAILED: {sentence} {detail}", file=sys.stderr)


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True)


def sign(key_file, text):
    made = openssl("dgst", "-sha256", "-sign", key_file, given=text.encode())
    return base64.b64encode(made.stdout).decode()


def verifies(public_key_file, text, signature):
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    with tempfile.NamedTemporaryFile(dir=folder) as f:
        f.write(raw)
        f.flush()
        return openssl("dgst", "-sha256", "-verify", public_key_file, "-signature", f.name,
                       given=text.encode()).returncode == 0


def ghash(h, aad, ciphertext):
    """NIST SP 800-38D, 6.4."""
    def multiply(x, y):
        z, v = 0, y
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        return z

    def padded(b):
        return b + bytes(-len(b) % 16)
    text = padded(aad) + padded(ciphertext) + (len(aad) * 8).to_bytes(8, "big") + \
        (len(ciphertext) * 8).to_bytes(8, "big")
    y = 0
    for i in range(0, len(text), 16):
        y = multiply(y ^ int.from_bytes(text[i:i + 16], "big"), h)
    return y


def gcm_open(key, nonce, aad, sealed):
    """The plaintext, None when the tag is wrong."""
    def aes(block):
        return openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(), given=block).stdout
    ciphertext, tag = sealed[:-16], sealed[-16:]
    mask = int.from_bytes(aes(nonce + b"\0\0\0\1"), "big")
    h = int.from_bytes(aes(bytes(16)), "big")
    if (ghash(h, aad, ciphertext) ^ mask).to_bytes(16, "big") != tag:
        return None
    return openssl("enc", "-aes-256-ctr", "-nopad", "-K", key.hex(), "-iv",
                   (nonce + b"\0\0\0\2").hex(), given=ciphertext).stdout


class Merchant(http.server.BaseHTTPRequestHandler):
    """Records callbacks and answers them as told."""
    calls, status, text = [], 200, "success"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Merchant.calls.append((self.path, dict(self.headers), body))
        answer = Merchant.text.encode()
        self.send_response(Merchant.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def call(method, target, body=None, headers=None):
    """Status, headers, text; the body is sent as it is."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.putrequest(method, target, skip_accept_encoding=True)
    raw = body.encode() if isinstance(body, str) else body
    for name, value in (headers or {}).items():
        for each in value if isinstance(value, list) else [value]:
            link.putheader(name, each.encode())
    if raw is not None:
        link.putheader("Content-Length", str(len(raw)))
    link.endheaders(raw)
    answer = link.getresponse()
    text = answer.read().decode()
    link.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text


def control(path, **members):
    status, _, text = call("POST", "/sandbox/" + path, json.dumps(members))
    return status, json.loads(text)


def path_of(name):
    return os.path.join(folder, "inst", name)


# ---- WeChat Pay ----

def authorization(method, target, body, **other):
    a = {"mchid": ids["mchid"], "nonce_str": "0123456789abcdefABCDEF0123456789",
         "timestamp": str(int(time.time()) + other.pop("clock", 0)),
         "serial_no": ids["serial"]}
    a.update({k: v for k, v in other.items() if k in a})
    message = f"{method}\n{target}\n{a['timestamp']}\n{a['nonce_str']}\n{body or ''}\n"
    a["signature"] = other.get("signature") or \
        sign(path_of(other.get("key", "wechat_merchant_key.pem")), message)
    fields = ",".join(f'{k}="{v}"' for k, v in a.items())
    return "WECHATPAY2-SHA256-RSA2048 " + fields


def wechat(method, target, body=None, change=None, **other):
    headers = {"Authorization": authorization(method, target, body, **other),
               "Accept": "application/json", "User-Agent": "selftest",
               "Wechatpay-Serial": ids["public_key_id"]}
    if body is not None:
        headers["Content-Type"] = "application/json"
    for name, value in (change or {}).items():
        if value is None:
            headers.pop(name, None)
        else:
            headers[name] = value
    return call(method, target, body, headers)


def order(number, **other):
    at = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600 + 1800))
    o = {"appid": ids["appid_native"], "mchid": ids["mchid"], "description": "证件照",
         "out_trade_no": number, "notify_url": f"http://127.0.0.1:{merchant_port}/wechat",
         "amount": {"total": 990, "currency": "CNY"}, "time_expire": at}
    o.update(other)
    return {k: v for k, v in o.items() if v is not ...}


PREPAY = "/v3/pay/transactions/"


def prepay(number, kind="native", **other):
    return wechat("POST", PREPAY + kind, json.dumps(order(number, **other)))


def signed_well(headers, text):
    message = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n{text}\n"
    return verifies(path_of("wechat_platform_public_key.pem"), message,
                    headers["wechatpay-signature"])


def expect(sentence, answer, status, code, field=None):
    got, _, text = answer
    body = json.loads(text)
    same = got == status and body["code"] == code and "message" in body
    check(sentence, same and (field is None or body["detail"].get("field") == field), (got, text))


def wechat_prepay():
    status, headers, text = prepay("NATIVE0001")
    check("a right prepay gets a code_url",
          status == 200 and json.loads(text)["code_url"].startswith("weixin://wxpay/"), text)
    check("the answer names the key asked for", headers["wechatpay-serial"] == ids["public_key_id"])
    check("the answer's signature verifies", signed_well(headers, text))
    check("the signature covers the body", not signed_well(headers, text + " "))
    for kind, appid, more in [("app", "appid_app", {}), ("jsapi", "appid_jsapi", {
            "payer": {"openid": "oJsapi"}}), ("h5", "appid_h5", {"scene_info": {
                "payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}})]:
        status, _, text = prepay("KIND_" + kind, kind, appid=ids[appid], **more)
        member = "h5_url" if kind == "h5" else "prepay_id"
        check(f"{kind} gets a {member}", status == 200 and member in json.loads(text), text)
    status, headers, text = wechat("POST", PREPAY + "native", json.dumps(order("NATIVE0002")),
                                   {"Wechatpay-Serial": ids["certificate_serial"]})
    with open(path_of("cert_public.pem"), "wb") as f:
        f.write(openssl("x509", "-in", path_of("wechat_platform_cert.pem"), "-noout",
                        "-pubkey").stdout)
    message = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n{text}\n"
    check("who names the certificate is answered with its key",
          headers["wechatpay-serial"] == ids["certificate_serial"] and
          verifies(path_of("cert_public.pem"), message, headers["wechatpay-signature"]))


def wechat_repeats():
    body = json.dumps(order("REPEAT01"))
    first, second = [wechat("POST", PREPAY + "native", body) for _ in range(2)]
    check("the same order again gets a new code", second[0] == 200 and first[2] != second[2])
    expect("another amount under the number is refused",
           prepay("REPEAT01", amount={"total": 991, "currency": "CNY"}), 400, "INVALID_REQUEST")
    expect("another kind under the number is refused",
           prepay("REPEAT01", "app", appid=ids["appid_app"]), 400, "INVALID_REQUEST")
    check("it is number 201", "201 商户订单号重复" in
          prepay("REPEAT01", amount={"total": 991, "currency": "CNY"})[2])


def wechat_wrong_authorization():
    body = json.dumps(order("WRONG001"))
    for sentence, other in [
            ("another merchant's number", {"mchid": "1900000001"}),
            ("an unknown serial", {"serial_no": "00" * 20}),
            ("a lower-case serial", {"serial_no": ids["serial"].lower()}),
            ("a nonce of 33", {"nonce_str": "a" * 33}),
            ("an empty nonce", {"nonce_str": ""}),
            ("a timestamp of 301 s ago", {"clock": -302}),
            ("a timestamp 301 s ahead", {"clock": 302}),
            ("a timestamp with letters", {"timestamp": "17e8"}),
            ("a signature by another key", {"key": "alipay_app_key.pem"}),
            ("a signature that is not base64", {"signature": "@@@@"}),
            ("an empty signature", {"signature": " "})]:
        expect(sentence + " is SIGN_ERROR", wechat("POST", PREPAY + "native", body, **other),
               401, "SIGN_ERROR")
    good = authorization("POST", PREPAY + "native", body)
    for sentence, value in [
            ("no authorization", None), ("another scheme", good.replace("RSA2048", "SM3")),
            ("a space between the fields", good.replace(",", ", ")),
            ("a field twice", good + ',mchid="' + ids["mchid"] + '"'),
            ("an unknown field", good + ',more="1"'),
            ("a missing field", re.sub(r',serial_no="\w+"', "", good)),
            ("two authorizations", [good, good])]:
        expect(sentence + " is SIGN_ERROR",
               wechat("POST", PREPAY + "native", body, {"Authorization": value}), 401,
               "SIGN_ERROR")
    headers = {"Authorization": good, "Accept": "application/json", "User-Agent": "selftest",
               "Content-Type": "application/json", "Wechatpay-Serial": ids["public_key_id"]}
    got = call("POST", PREPAY + "native", body + "\n", headers)
    expect("a body with one more line feed is SIGN_ERROR", got, 401, "SIGN_ERROR")
    detail = json.loads(got[2])["detail"]["sign_information"]
    check("SIGN_ERROR tells the string that should have been signed",
          detail["truncated_sign_message"].startswith("POST\n" + PREPAY + "native\n"))
    check("the length of that string is told", detail["sign_message_length"] > 300)
    expect("another target than the signed one is SIGN_ERROR",
           call("POST", PREPAY + "native?a=1", body, headers), 401, "SIGN_ERROR")
    for name, value in [("Wechatpay-Serial", None), ("Wechatpay-Serial", "PUB_KEY_ID_1"),
                        ("Accept", None), ("Accept", "text/html"), ("User-Agent", None),
                        ("Content-Type", None), ("Content-Type", "text/plain")]:
        expect(f"{name}: {value} is refused",
               wechat("POST", PREPAY + "native", body, {name: value}), 400, "PARAM_ERROR", name)


def wechat_wrong_orders():
    past = "2020-01-01T00:00:00+08:00"
    wrong = [
        ({"appid": ...}, "/appid"), ({"mchid": ...}, "/mchid"),
        ({"description": ...}, "/description"), ({"description": ""}, "/description"),
        ({"description": "照" * 128}, "/description"), ({"description": "x\U0001F600"}, "/description"),
        ({"out_trade_no": "short"}, "/out_trade_no"), ({"out_trade_no": "a" * 33}, "/out_trade_no"),
        ({"out_trade_no": "with space"}, "/out_trade_no"), ({"out_trade_no": 12345678}, "/out_trade_no"),
        ({"notify_url": ...}, "/notify_url"), ({"notify_url": "http://id.example.cn/x"}, "/notify_url"),
        ({"notify_url": "http://127.0.0.1.example.cn/x"}, "/notify_url"),
        ({"notify_url": "https://id.example.cn/x?a=1"}, "/notify_url"),
        ({"notify_url": "https://id.example.cn/" + "x" * 240}, "/notify_url"),
        ({"amount": ...}, "/amount"), ({"amount": {"total": "990"}}, "/amount/total"),
        ({"amount": {"total": 9.9}}, "/amount/total"), ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": 990, "currency": "USD"}}, "/amount/currency"),
        ({"amount": {"total": 990, "discount": 1}}, "/amount/discount"),
        ({"time_expire": past}, "/time_expire"), ({"time_expire": "2099-01-01 00:00:00"}, "/time_expire"),
        ({"time_expire": "2099-02-30T00:00:00+08:00"}, "/time_expire"),
        ({"attach": None}, "/attach"), ({"attach": "a" * 129}, "/attach"),
        ({"detail": {"cost_price": None}}, "/detail/cost_price"),
        ({"surprise": 1}, "/surprise"), ({"payer": {"openid": "o1"}}, "/payer"),
        ({"mchid": "1900000001"}, "/mchid"),
        ({"scene_info": {"payer_client_ip": "300.0.0.1"}}, "/scene_info/payer_client_ip"),
    ]
    for other, field in wrong:
        expect(f"an order with {json.dumps(other, default=str)[:70]} is refused",
               prepay("WRONG002", **other), 400, "PARAM_ERROR", field)
    expect("an appid that is not the merchant's is refused", prepay("WRONG002", appid="wx1"), 400,
           "APPID_MCHID_NOT_MATCH")
    expect("the app's appid does not do for native",
           prepay("WRONG002", appid=ids["appid_app"]), 400, "APPID_MCHID_NOT_MATCH")
    expect("JSAPI without payer is refused",
           prepay("WRONG002", "jsapi", appid=ids["appid_jsapi"]), 400, "PARAM_ERROR", "/payer")
    expect("H5 without scene is refused",
           prepay("WRONG002", "h5", appid=ids["appid_h5"]), 400, "PARAM_ERROR", "/scene_info")
    twice = json.dumps(order("WRONG002"))[:-1] + ',"mchid":"' + ids["mchid"] + '"}'
    for sentence, body in [("a member twice", twice), ("no JSON", "{"), ("an array", "[]"),
                           ("a NUL", json.dumps(order("WRONG002", attach="a\0b"))),
                           ("an empty body", "")]:
        expect(sentence + " is refused", wechat("POST", PREPAY + "native", body), 400,
               "PARAM_ERROR", "")
    expect("an unknown kind is not found", prepay("WRONG002", "scan"), 404, "RESOURCE_NOT_EXISTS")
    check("refused orders leave no trade",
          call("GET", "/sandbox/trades/WRONG002")[0] == 404)


def query(number, **other):
    return wechat("GET", f"{PREPAY}out-trade-no/{number}?mchid={other.get('mchid', ids['mchid'])}")


def close(number):
    return wechat("POST", f"{PREPAY}out-trade-no/{number}/close", json.dumps({"mchid": ids["mchid"]}))


def wechat_query_and_close():
    prepay("QUERY001")
    status, headers, text = query("QUERY001")
    trade = json.loads(text)
    check("an open order is NOTPAY", status == 200 and trade["trade_state"] == "NOTPAY", text)
    check("it has no transaction_id and no payer", not {"transaction_id", "payer"} & trade.keys())
    check("the answer to a query is signed", signed_well(headers, text))
    expect("an unknown order does not exist", query("QUERY999"), 404, "ORDER_NOT_EXIST")
    expect("another merchant's query is refused", query("QUERY001", mchid="1"), 400, "PARAM_ERROR")
    expect("a query without mchid is refused",
           wechat("GET", PREPAY + "out-trade-no/QUERY001"), 400, "PARAM_ERROR")
    prepay("STAR|*01")
    check("a percent-encoded number is found", query("STAR%7C%2A01")[0] == 200)
    status, headers, text = close("QUERY001")
    check("closing answers 204 without a body", (status, text) == (204, ""))
    check("the empty answer is signed", signed_well(headers, text))
    check("closing again is the same", close("QUERY001")[0] == 204)
    check("it is CLOSED then", json.loads(query("QUERY001")[2])["trade_state"] == "CLOSED")
    expect("a closed order takes no prepay", prepay("QUERY001"), 400, "ORDER_CLOSED")
    check("a closed order is not paid", control("pay", out_trade_no="QUERY001")[0] == 409)
    expect("closing what is unknown is refused", close("QUERY999"), 404, "ORDER_NOT_EXIST")
    prepay("QUERY002")
    control("pay", out_trade_no="QUERY002", notify=False)
    expect("closing what is paid is refused", close("QUERY002"), 400, "ORDERPAID")
    expect("prepaying what is paid is refused", prepay("QUERY002"), 400, "ORDERPAID")
    trade = json.loads(query("QUERY002")[2])
    check("a query of a paid order tells all", trade["trade_state"] == "SUCCESS" and
          trade["amount"]["total"] == 990 and trade["payer"]["openid"])
    by_id = wechat("GET", f"{PREPAY}id/{trade['transaction_id']}?mchid={ids['mchid']}")
    check("it is found by transaction_id", json.loads(by_id[2]) == trade)


def open_callback(headers, body):
    """The decrypted resource; None where a step fails."""
    h = {k.lower(): v for k, v in headers.items()}
    if h["wechatpay-serial"] != ids["public_key_id"] or not signed_well(h, body):
        return None
    r = json.loads(body)["resource"]
    with open(path_of("api_v3_key"), "rb") as f:
        plain = gcm_open(f.read(), r["nonce"].encode(), r["associated_data"].encode(),
                         base64.b64decode(r["ciphertext"]))
    return plain and json.loads(plain)


def wechat_callbacks():
    prepay("NOTIFY01", attach="两寸")
    Merchant.status, Merchant.text, Merchant.calls[:] = 500, "no", []
    _, paid = control("pay", out_trade_no="NOTIFY01", openid="oSelftest_Payer-1")
    check("paying tells what the merchant answered",
          (paid["status"], paid["body"], paid["acknowledged"]) == (500, "no", False) and
          paid["notified"], paid)
    path, headers, body = Merchant.calls[0]
    trade, envelope = open_callback(headers, body), json.loads(body)
    check("the callback goes to notify_url", path == "/wechat")
    check("the callback verifies and opens", trade is not None)
    check("it is the same document as a query's", trade == json.loads(query("NOTIFY01")[2]))
    check("it tells the payer", trade["payer"]["openid"] == "oSelftest_Payer-1")
    check("the envelope is the documented one",
          envelope["event_type"] == "TRANSACTION.SUCCESS" and
          envelope["resource_type"] == "encrypt-resource" and
          envelope["resource"]["original_type"] == "transaction")
    Merchant.status, Merchant.text = 204, ""
    _, retried = control("retry")
    check("a retry sends what was not acknowledged, once",
          [c["out_trade_no"] for c in retried["callbacks"]] == ["NOTIFY01"] and
          retried["callbacks"][0]["acknowledged"], retried)
    check("a retry has the same id", json.loads(Merchant.calls[1][2])["id"] == envelope["id"])
    check("nothing is left to retry", control("retry")[1]["callbacks"] == [])
    check("paying twice is refused", control("pay", out_trade_no="NOTIFY01")[0] == 409)
    check("the journal has both", [c["status"] for c in json.loads(
        call("GET", "/sandbox/callbacks")[2])["callbacks"]][-2:] == [500, 204])


def wechat_faulty_callbacks():
    prepay("FAULT001")
    control("pay", out_trade_no="FAULT001", notify=False)

    def make(fault, **other):
        status, c = control("callback", out_trade_no="FAULT001", fault=fault, **other)
        assert status == 200, c
        return c["headers"], c["body"]
    trade = open_callback(*make("none"))
    check("a prepared callback verifies and opens", trade["trade_state"] == "SUCCESS")
    check("the body in base64 is the body", base64.b64decode(control(
        "callback", out_trade_no="FAULT001")[1]["body_base64"]).startswith(b'{"id":'))
    for fault, member, value in [("wrong-appid", "appid", "wx0000000000000000"),
                                 ("wrong-mchid", "mchid", "1900000000"),
                                 ("closed", "trade_state", "CLOSED")]:
        other = open_callback(*make(fault))
        check(f"{fault}: truly signed, {member} differs", other[member] == value and
              other[member] != trade[member])
    check("wrong-amount: a fen more", open_callback(*make("wrong-amount"))["amount"]["total"] == 991)
    check("wrong-amount: as told",
          open_callback(*make("wrong-amount", amount_fen=1))["amount"]["total"] == 1)
    check("wrong-currency", open_callback(*make("wrong-currency"))["amount"]["currency"] == "USD")
    check("another transaction_id as told",
          open_callback(*make("none", transaction_id="42" * 14))["transaction_id"] == "42" * 14)
    refund = open_callback(*make("refund-notice", amount_fen=90))
    check("refund-notice", refund["refund_status"] == "SUCCESS" and
          refund["amount"]["refund"] == 90 and "trade_state" not in refund)
    check("unknown-event", json.loads(make("unknown-event")[1])["event_type"] == "PAYSCORE.USER_CONFIRM")
    headers, body = make("wrong-signature")
    check("wrong-signature does not verify", open_callback(headers, body) is None)
    headers, body = make("probe")
    check("probe", headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/"))
    for fault, distance in [("old-timestamp", -600), ("future-timestamp", 600)]:
        headers, body = make(fault)
        check(fault + " is ten minutes away and truly signed", open_callback(headers, body) and
              abs(int(headers["Wechatpay-Timestamp"]) - time.time() - distance) < 5)
    headers, body = make("unknown-serial")
    check("unknown-serial", headers["Wechatpay-Serial"] != ids["public_key_id"])
    check("wrong-api-key does not open", open_callback(*make("wrong-api-key")) is None)
    for fault in "garbage-body", "duplicate-key":
        headers, body = make(fault)
        h = {k.lower(): v for k, v in headers.items()}
        check(fault + " is truly signed", signed_well(h, body))
    check("duplicate-key has one member twice", make("duplicate-key")[1].count('"event_type"') == 2)
    headers, body = make("none", key="certificate")
    message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n{body}\n"
    check("a callback can be signed by the certificate's key",
          headers["Wechatpay-Serial"] == ids["certificate_serial"] and
          verifies(path_of("cert_public.pem"), message, headers["Wechatpay-Signature"]))
    check("an unknown fault is refused",
          control("callback", out_trade_no="FAULT001", fault="x")[0] == 400)
    numbers = [f"BULK{i:04}" for i in range(20)]
    for number in numbers:
        prepay(number)
    _, bulk = control("callbacks/bulk", out_trade_nos=numbers + ["BULK9999"])
    check("bulk prepares many, and says which it cannot", len(bulk["callbacks"]) == 21 and
          "error" in bulk["callbacks"][20] and all(
              open_callback(c["headers"], c["body"])["out_trade_no"] == n
              for c, n in list(zip(bulk["callbacks"], numbers))[:3]))
    check("their trades are paid then", json.loads(query("BULK0019")[2])["trade_state"] == "SUCCESS")


def wechat_certificates():
    expect("a new merchant has no platform certificates", wechat("GET", "/v3/certificates"), 404,
           "RESOURCE_NOT_EXISTS")
    control("certificates", available=True)
    listed = json.loads(wechat("GET", "/v3/certificates")[2])["data"][0]
    e = listed["encrypt_certificate"]
    with open(path_of("api_v3_key"), "rb") as f:
        pem = gcm_open(f.read(), e["nonce"].encode(), e["associated_data"].encode(),
                       base64.b64decode(e["ciphertext"]))
    serial = openssl("x509", "-noout", "-serial", given=pem).stdout.decode().strip()
    check("where there is one it opens and has its serial",
          serial == "serial=" + listed["serial_no"] == "serial=" + ids["certificate_serial"])


def certificate_of(entry):
    e = entry["encrypt_certificate"]
    with open(path_of("api_v3_key"), "rb") as f:
        return gcm_open(f.read(), e["nonce"].encode(), e["associated_data"].encode(),
                        base64.b64decode(e["ciphertext"]))


def public_half(file):
    name = path_of("public_half.pem")
    with open(name, "wb") as f:
        f.write(openssl("x509", "-in", path_of(file), "-noout", "-pubkey").stdout)
    return name


def serial_of(file):
    shown = openssl("x509", "-in", path_of(file), "-noout", "-serial").stdout.decode()
    return shown.strip().removeprefix("serial=")


def signed_by(file, headers, text):
    h = {k.lower(): v for k, v in headers.items()}
    message = f"{h['wechatpay-timestamp']}\n{h['wechatpay-nonce']}\n{text}\n"
    return h["wechatpay-serial"] == serial_of(file) and \
        verifies(public_half(file), message, h["wechatpay-signature"])


def wechat_rotation():
    control("certificates", available=True, listed=["certificate", "second", "expired"])
    listed = json.loads(wechat("GET", "/v3/certificates")[2])["data"]
    files = "wechat_platform_cert.pem", "wechat_second_cert.pem", "wechat_expired_cert.pem"
    check("several certificates may be listed, each opens", [
        openssl("x509", "-noout", "-serial", given=certificate_of(e)).stdout.decode().strip()
        for e in listed] == ["serial=" + serial_of(f) for f in files])
    now = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600))
    check("one of them is over", [e["expire_time"] > now for e in listed] == [True, True, False] and
          openssl("x509", "-noout", "-checkend", "0", given=certificate_of(listed[2])).returncode == 1)
    control("signing", channel="wechat", answers="second")
    check("answers may be signed by the second whatever was asked for",
          signed_by(files[1], *prepay("ROTATE01")[1:]))
    control("signing", channel="wechat", answers="asked", callbacks="second")
    check("or as asked", signed_well(*prepay("ROTATE01")[1:]))
    made = control("callback", out_trade_no="ROTATE01")[1]
    check("callbacks too", signed_by(files[1], made["headers"], made["body"]))
    made = control("callback", out_trade_no="ROTATE01", key="expired")[1]
    check("one may be signed by another", signed_by(files[2], made["headers"], made["body"]))
    control("signing", channel="wechat", callbacks="public-key")
    check("an unknown signer is refused",
          control("signing", channel="wechat", answers="first")[0] == 400 and
          control("certificates", available=True, listed=["public-key"])[0] == 400)
    control("certificates", available=False)
    expect("there may be none again", wechat("GET", "/v3/certificates"), 404, "RESOURCE_NOT_EXISTS")


def wrong_answers():
    for fault in "wrong-signature", "probe":
        control("answers", channel="wechat", fault=fault)
        _, headers, text = prepay("ANSWER01")
        check(f"an answer with {fault} does not verify", not signed_well(headers, text))
    control("answers", channel="wechat", fault="unsigned")
    check("an answer may be unsigned", "wechatpay-signature" not in prepay("ANSWER01")[1])
    control("answers", channel="wechat", fault="server-error", times=2)
    for _ in range(2):
        expect("an answer may be a server error", prepay("ANSWER02"), 500, "SYSTEM_ERROR")
    check("it is right again after that", signed_well(*prepay("ANSWER02")[1:]))


def broken_answers():
    for fault, status in ("bad-gateway", 502), ("unavailable", 503):
        control("answers", channel="wechat", fault=fault)
        check(f"an answer may be {fault}", prepay("BROKEN01")[0] == status)
    control("answers", channel="wechat", fault="slow", delay_ms=300)
    begin = time.monotonic()
    check("or slow and right", signed_well(*prepay("BROKEN01")[1:]) and time.monotonic() - begin >= 0.3)
    control("answers", channel="wechat", fault="cut")
    try:
        prepay("BROKEN01")
        check("or cut within its body", False)
    except http.client.IncompleteRead as e:
        check("or cut within its body", 0 < len(e.partial))
    check("though the order is there", json.loads(query("BROKEN01")[2])["trade_state"] == "NOTPAY")
    control("answers", channel="wechat", fault="silent")
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET /v3/certificates HTTP/1.1\r\nHost: x\r\n\r\n")
        link.settimeout(0.3)
        try:
            check("or never come", link.recv(1) != b"")
        except TimeoutError:
            check("or never come", True)
    Merchant.status, Merchant.text, Merchant.calls[:] = 204, "", []
    control("answers", channel="wechat", fault="after-callback")
    check("an order may be paid, and its callback answered, before its prepay is",
          prepay("BROKEN02")[0] == 200 and
          open_callback(*Merchant.calls[0][1:])["out_trade_no"] == "BROKEN02" and
          json.loads(query("BROKEN02")[2])["trade_state"] == "SUCCESS")
    check("what only Alipay does wrong is refused",
          control("answers", channel="wechat", fault="gbk")[0] == 400)


def odd_alipay_answers():
    def odd(fault, method=QR, biz=None):
        control("answers", channel="alipay", fault=fault)
        p = parameters(method, biz or bill("ODDQR001", "FACE_TO_FACE_PAYMENT"), notify_url=notify_url())
        body = urllib.parse.urlencode({"biz_content": p.pop("biz_content")})
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        link.request("POST", "/gateway.do?" + urllib.parse.urlencode(p), body,
                     {"Content-Type": "application/x-www-form-urlencoded"})
        raw = link.getresponse().read()
        link.close()
        return raw

    def parts(raw):
        return re.match(rb'^\{"\w+":(\{.*\}),"sign":"([^"]*)"\}$', raw).groups()

    def fits(node, signature):
        with open(path_of("odd.bin"), "wb") as f:
            f.write(base64.b64decode(signature))
        return openssl("dgst", "-sha256", "-verify", path_of("alipay_public_key.pem"), "-signature",
                       path_of("odd.bin"), given=node).returncode == 0
    node, signature = parts(odd("slashes"))
    check("slashes are escaped, and signed so", b"https:\\/\\/" in node and fits(node, signature))
    node, signature = parts(odd("slashes-after-signing"))
    check("or after signing", b"https:\\/\\/" in node and not fits(node, signature) and
          fits(node.replace(b"\\/", b"/"), signature))
    node, signature = parts(odd("gbk", QUERY, {"out_trade_no": "NONE0001"}))
    check("an error may come in GBK", "交易不存在".encode("gbk") in node and fits(node, signature))
    check("the signature may stand first", odd("sign-first").startswith(b'{"sign":"'))
    body = control("callback", out_trade_no="APPL0001", fault="gbk")[1]["body"]
    pairs = [p.split("=") for p in body.split("&")]
    p = {k: urllib.parse.unquote_to_bytes(v.replace("+", " ")) for k, v in pairs}
    text = b"&".join(k.encode() + b"=" + p[k] for k in sorted(p) if k not in ("sign", "sign_type"))
    check("a notify may be in GBK", p["charset"] == b"GBK" and
          p["subject"].decode("gbk") == "证件照 一寸" and fits(text, p["sign"].decode()))


# ---- Alipay ----

def parameters(method, biz, /, **other):
    p = {"app_id": ids["app_id"], "method": method, "format": "JSON", "charset": "utf-8",
         "sign_type": "RSA2", "version": "1.0", "biz_content": json.dumps(biz, ensure_ascii=False),
         "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))}
    p.update(other)
    p = {k: v for k, v in p.items() if v is not ...}
    if "sign" not in p:
        text = "&".join(f"{k}={p[k]}" for k in sorted(p) if p[k])
        p["sign"] = sign(path_of("alipay_app_key.pem"), text)
    return p


def bill(number, product, **other):
    b = {"out_trade_no": number, "total_amount": "9.90", "subject": "证件照 一寸",
         "product_code": product, "timeout_express": "30m"}
    b.update(other)
    return {k: v for k, v in b.items() if v is not ...}


def gateway(p):
    """Public parameters in the URL, biz_content in the body."""
    p = dict(p)
    body = urllib.parse.urlencode({"biz_content": p.pop("biz_content", "")})
    return call("POST", "/gateway.do?" + urllib.parse.urlencode(p), body,
                {"Content-Type": "application/x-www-form-urlencoded"})


def node_of(answer, method):
    """The node, and whether the signature over its exact text verifies."""
    name = method.replace(".", "_") + "_response"
    found = re.match(r'^\{"' + name + r'":(\{.*\})(?:,"sign":"([^"]*)")?\}$', answer[2])
    if not found:
        return json.loads(answer[2])["error_response"], None
    node, signature = found.groups()
    return json.loads(node), bool(signature) and \
        verifies(path_of("alipay_public_key.pem"), node, signature)


def ask(method, biz, **other):
    return node_of(gateway(parameters(method, biz, **other)), method)


QUERY, CLOSE = "alipay.trade.query", "alipay.trade.close"
PAGE, APP, QR = "alipay.trade.page.pay", "alipay.trade.app.pay", "alipay.trade.precreate"


def notify_url():
    return f"http://127.0.0.1:{merchant_port}/alipay"


def page(number, other=None, **changes):
    p = parameters(PAGE, bill(number, "FAST_INSTANT_TRADE_PAY", **(other or {})),
                   notify_url=notify_url(), return_url="https://id.example.cn/back", **changes)
    return call("GET", "/gateway.do?" + urllib.parse.urlencode(p))


def order_string(number, other=None, **changes):
    biz = bill(number, "QUICK_MSECURITY_PAY", **(other or {}))
    changes.setdefault("notify_url", notify_url())
    return urllib.parse.urlencode(parameters(APP, biz, **changes))


def alipay_cashiers():
    node, signed = ask(QUERY, {"out_trade_no": "PAGE0001"})
    check("before the cashier there is no trade, and that is signed",
          node["sub_code"] == "ACQ.TRADE_NOT_EXIST" and node["code"] == "40004" and signed, node)
    status, headers, text = page("PAGE0001")
    check("the page opens the cashier", status == 200 and "证件照 一寸" in text and
          headers["content-type"].startswith("text/html"), text)
    node, signed = ask(QUERY, {"out_trade_no": "PAGE0001"})
    check("then the trade waits", node["trade_status"] == "WAIT_BUYER_PAY" and signed and
          node["total_amount"] == "9.90", node)
    status, node = control("alipay/app", order_string=order_string("APPL0001"))
    check("a right order string opens the cashier", status == 200, node)
    node, signed = ask(QR, bill("QRQR0001", "FACE_TO_FACE_PAYMENT"), notify_url=notify_url())
    check("precreate gives a code", node["qr_code"].startswith("https://qr.alipay.com/") and signed)
    check("before the scan there is no trade",
          ask(QUERY, {"out_trade_no": "QRQR0001"})[0]["sub_code"] == "ACQ.TRADE_NOT_EXIST")
    control("alipay/scan", out_trade_no="QRQR0001")
    check("after it there is",
          ask(QUERY, {"out_trade_no": "QRQR0001"})[0]["trade_status"] == "WAIT_BUYER_PAY")
    for amount, fen in ("1.5", 150), ("20", 2000), ("0.01", 1):
        page("AMOUNT" + str(fen), {"total_amount": amount})
        check(f"{amount} yuan are {fen} fen", json.loads(
            call("GET", f"/sandbox/trades/AMOUNT{fen}")[2]).get("amount_fen") == fen)
    check("the same page again is the same trade", page("PAGE0001")[0] == 200)
    check("another amount is refused", page("PAGE0001", {"total_amount": "9.91"})[1]
          .get("x-sandbox-sub-code") == "ACQ.CONTEXT_INCONSISTENT")


def alipay_wrong_requests():
    good = parameters(QUERY, {"out_trade_no": "PAGE0001"})
    wrong = [
        ({"app_id": ...}, "isv.missing-app-id"), ({"app_id": "2021"}, "isv.invalid-app-id"),
        ({"method": ...}, "isv.missing-method"), ({"method": "alipay.x"}, "isv.invalid-method"),
        ({"method": APP}, "isv.invalid-method"), ({"sign_type": ...}, "isv.missing-signature-type"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"), ({"sign": ""}, "isv.missing-signature"),
        ({"sign": "AAAA"}, "isv.invalid-signature"), ({"sign": good["sign"][:-4] + "*AA="}, "isv.invalid-signature"),
        ({"version": ...}, "isv.missing-version"), ({"version": "2.0"}, "isv.unsupported-version"),
        ({"format": "XML"}, "isv.invalid-format"), ({"charset": ...}, "isv.invalid-signature"),
        ({"charset": "GBK"}, "isv.invalid-signature"), ({"timestamp": ...}, "isv.missing-timestamp"),
        ({"timestamp": "2026-01-01T00:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600 - 86500))},
         "isv.invalid-timestamp"),
        ({"surprise": "1"}, "isv.invalid-parameter"), ({"biz_content": ...}, "isv.missing-parameter"),
        ({"biz_content": "{"}, "isv.invalid-parameter"),
        ({"biz_content": '{"out_trade_no":"A","out_trade_no":"B"}'}, "isv.invalid-parameter"),
        ({"biz_content": '{"out_trade_no":null}'}, "isv.invalid-parameter"),
        ({"biz_content": '{"surprise":"B"}'}, "isv.invalid-parameter"),
        ({"biz_content": "{}"}, "isv.missing-parameter"),
        ({"notify_url": "http://id.example.cn/"}, "isv.invalid-parameter"),
    ]
    for other, code in wrong:
        method = other.get("method", QUERY)
        node, _ = node_of(gateway(parameters(QUERY, {"out_trade_no": "PAGE0001"}, **other)),
                          method if isinstance(method, str) else QUERY)
        check(f"a request with {json.dumps(other, default=str)[:60]} is {code}",
              node.get("sub_code") == code, node)
    form = urllib.parse.urlencode(good)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    check("charset in the body alone is invalid-signature",
          "isv.invalid-signature" in call("POST", "/gateway.do", form, kind)[2])
    check("a parameter in the URL and in the body is refused", "isv.invalid-parameter" in
          call("POST", "/gateway.do?" + form, "method=" + QUERY, kind)[2])
    check("a malformed escape is refused", "isv.invalid-parameter" in
          call("GET", "/gateway.do?" + form + "&a=%2")[2])
    check("an empty value is not part of what is signed",
          ask(QUERY, {"out_trade_no": "PAGE0001"}, return_url="")[0]["code"] == "10000")
    check("all in the URL is taken", '"10000"' in call("GET", "/gateway.do?" + form)[2])
    tampered = form.replace("PAGE0001", "PAGE0002")
    check("a changed parameter is invalid-signature",
          "isv.invalid-signature" in call("GET", "/gateway.do?" + tampered)[2])


def alipay_wrong_bills():
    for other in [{"out_trade_no": ...}, {"out_trade_no": "a" * 65}, {"out_trade_no": "a-b"},
                  {"total_amount": ...}, {"total_amount": 9.9}, {"total_amount": "0.00"},
                  {"total_amount": "9.900"}, {"total_amount": "-1"}, {"total_amount": "1e2"},
                  {"total_amount": "09.90"}, {"total_amount": "100000000.01"}, {"total_amount": ".5"},
                  {"total_amount": "9."}, {"subject": ...}, {"subject": "照" * 257},
                  {"subject": "a&b"}, {"product_code": ...}, {"product_code": "QUICK_WAP_WAY"},
                  {"timeout_express": "30"}, {"timeout_express": "16d"}, {"timeout_express": "0m"},
                  {"timeout_express": ..., "time_expire": "2020-01-01 00:00:00"},
                  {"time_expire": "2099-01-01 00:00:00"}, {"surprise": "1"},
                  {"subject": "x\U0001F600"}]:
        status, headers, _ = page("PAGEBAD1", other)
        check(f"a page with {json.dumps(other, default=str)[:60]} is refused",
              status == 400 and headers["x-sandbox-sub-code"])
        status, node = control("alipay/app", order_string=order_string("APPBAD01", other))
        check(f"an order string with {json.dumps(other, default=str)[:60]} is refused",
              status == 400, node)
    check("a broken order string is refused", control(
        "alipay/app", order_string=order_string("APPBAD01") + "&app_id=1")[0] == 400)
    check("an unsigned order string is refused", control(
        "alipay/app", order_string=order_string("APPBAD01", sign=""))[0] == 400)
    check("a page's parameters are no order string", control("alipay/app", order_string=(
        urllib.parse.urlencode(parameters(PAGE, bill("APPBAD01", "FAST_INSTANT_TRADE_PAY")))
    ))[0] == 400)
    for number in "PAGEBAD1", "APPBAD01":
        check("refused pages and strings leave no trade",
              call("GET", "/sandbox/trades/" + number)[0] == 404)


def notify_verifies(body):
    pairs = urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)
    p = dict(pairs)
    assert len(p) == len(pairs)
    text = "&".join(f"{k}={p[k]}" for k in sorted(p) if k not in ("sign", "sign_type"))
    return p if verifies(path_of("alipay_public_key.pem"), text, p["sign"]) else None


def alipay_callbacks():
    Merchant.status, Merchant.text, Merchant.calls[:] = 200, "success\n", []
    _, paid = control("pay", out_trade_no="PAGE0001", buyer_open_id="074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5")
    check("success with a line feed is no acknowledgement", not paid["acknowledged"], paid)
    path, headers, body = Merchant.calls[0]
    p = notify_verifies(body)
    check("the notify goes to notify_url as a form", path == "/alipay" and
          headers["Content-Type"].startswith("application/x-www-form-urlencoded"))
    check("the notify verifies", p is not None)
    check("it tells what the documents say", p["trade_status"] == "TRADE_SUCCESS" and
          p["total_amount"] == "9.90" and p["seller_id"] == ids["seller_id"] and
          p["app_id"] == ids["app_id"] and p["subject"] == "证件照 一寸" and
          p["buyer_open_id"].startswith("074a1") and "buyer_id" not in p)
    Merchant.text = "success"
    _, retried = control("retry")
    check("a retry has the same notify_id and is taken",
          [c["acknowledged"] for c in retried["callbacks"]] == [True] and
          notify_verifies(Merchant.calls[1][2])["notify_id"] == p["notify_id"], retried)
    node, signed = ask(QUERY, {"out_trade_no": "PAGE0001"})
    check("a query tells the same", signed and node["trade_status"] == "TRADE_SUCCESS" and
          node["trade_no"] == p["trade_no"] and node["buyer_open_id"] == p["buyer_open_id"])
    check("a paid trade is not closed",
          ask(CLOSE, {"out_trade_no": "PAGE0001"})[0]["sub_code"] == "ACQ.TRADE_STATUS_ERROR")
    check("a paid trade's page is refused",
          page("PAGE0001")[1].get("x-sandbox-sub-code") == "ACQ.TRADE_HAS_SUCCESS")
    _, paid = control("pay", out_trade_no="APPL0001", buyer_id="2088102146225135", at="-1h")
    p = notify_verifies(Merchant.calls[2][2])
    then = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + 7 * 3600))
    check("it may be paid in the past, by a buyer_id",
          p["buyer_id"] == "2088102146225135" and p["gmt_payment"].startswith(then[:13]), p)
    node, signed = ask(CLOSE, {"out_trade_no": "QRQR0001"})
    check("an open trade is closed", node["code"] == "10000" and signed)
    check("closing what is not there is refused",
          ask(CLOSE, {"out_trade_no": "NONE0001"})[0]["sub_code"] == "ACQ.TRADE_NOT_EXIST")


def alipay_faulty_callbacks():
    def make(fault, **other):
        return control("callback", out_trade_no="APPL0001", fault=fault, **other)[1]["body"]
    for fault, name, value in [("wrong-amount", "total_amount", "9.91"),
                               ("wrong-appid", "app_id", "2021000000000000"),
                               ("wrong-mchid", "seller_id", "2088000000000009"),
                               ("closed", "trade_status", "TRADE_CLOSED"),
                               ("unknown-event", "trade_status", "TRADE_SOMETHING_NEW"),
                               ("refund-notice", "trade_status", "TRADE_CLOSED"),
                               ("again", "trade_status", "TRADE_SUCCESS")]:
        check(f"{fault}: truly signed, {name} is {value}", notify_verifies(make(fault))[name] == value)
    part = notify_verifies(make("refund-notice", amount_fen=90))
    check("a partial refund's notice", part["trade_status"] == "TRADE_SUCCESS" and
          part["refund_fee"] == "0.90" and part["gmt_refund"])
    check("wrong-signature does not verify", notify_verifies(make("wrong-signature")) is None)
    check("duplicate-key", make("duplicate-key").count("total_amount=") == 2)
    check("garbage-body", "%zz" in make("garbage-body"))
    for fault in "probe", "old-timestamp", "unknown-serial", "wrong-currency":
        check(f"Alipay has no {fault}",
              control("callback", out_trade_no="APPL0001", fault=fault)[0] == 400)


def alipay_sn(file):
    """As the openssl command sees it."""
    shown = openssl("x509", "-in", path_of(file), "-noout", "-issuer", "-nameopt", "RFC2253")
    issuer = shown.stdout.decode().strip().removeprefix("issuer=")
    return hashlib.md5(f"{issuer}{int(serial_of(file), 16)}".encode()).hexdigest()


def with_certificates(**other):
    return {"app_cert_sn": alipay_sn("alipay_app_cert.crt"),
            "alipay_root_cert_sn": alipay_sn("alipay_root_cert.crt"), **other}


def ask_certified(method, biz, **other):
    """The node, the name of the certificate, and by whose key the node is signed."""
    name = method.replace(".", "_") + "_response"
    text = gateway(parameters(method, biz, **with_certificates(**other)))[2]
    node, sn, signature = re.match(
        r'^\{"' + name + r'":(\{.*\}),"alipay_cert_sn":"(\w+)","sign":"([^"]*)"\}$', text).groups()
    by = [f for f in ("alipay_cert.crt", "alipay_second_cert.crt", "alipay_foreign_cert.crt")
          if verifies(public_half(f), node, signature) and alipay_sn(f) == sn]
    return json.loads(node), sn, by


def alipay_certificates():
    node, sn, by = ask_certified(QUERY, {"out_trade_no": "PAGE0001"})
    check("in certificate mode an answer names its certificate", by == ["alipay_cert.crt"] and
          node["code"] == "10000", (sn, by))
    for wrong, code in [({"app_cert_sn": "0" * 32}, "isv.invalid-app-cert-sn"),
                        ({"app_cert_sn": ...}, "isv.invalid-app-cert-sn"),
                        ({"alipay_root_cert_sn": "0" * 32}, "isv.invalid-root-cert-sn"),
                        ({"alipay_root_cert_sn": ...}, "isv.invalid-root-cert-sn")]:
        text = gateway(parameters(QUERY, {"out_trade_no": "PAGE0001"}, **with_certificates(**wrong)))[2]
        check(f"certificates with {json.dumps(wrong, default=str)} are refused", code in text, text)
    control("signing", channel="alipay", answers="second", callbacks="second")
    node, sn, by = ask_certified("alipay.open.app.alipaycert.download",
                                 {"alipay_cert_sn": alipay_sn("alipay_second_cert.crt")})
    check("the second signs then", by == ["alipay_second_cert.crt"])
    pem = base64.b64decode(node["alipay_cert_content"])
    with open(path_of("alipay_second_cert.crt"), "rb") as f:
        check("its certificate can be fetched", f.read() == pem)
    with open(path_of("chain.pem"), "wb") as f:
        f.write(pem)
    chain = ["-untrusted", path_of("alipay_ca_cert.crt"), path_of("chain.pem")]
    check("it stands below the root", openssl(
        "verify", "-CAfile", path_of("alipay_root_certs.crt"), *chain).returncode == 0)
    check("the foreign one does not", openssl(
        "verify", "-CAfile", path_of("alipay_root_certs.crt"),
        path_of("alipay_foreign_cert.crt")).returncode != 0)
    check("an unknown name is refused", ask_certified(
        "alipay.open.app.alipaycert.download", {"alipay_cert_sn": "0" * 32})[0]["code"] == "40004")
    page("CERT0001", **with_certificates())
    body = control("callback", out_trade_no="CERT0001")[1]["body"]
    p = dict(urllib.parse.parse_qsl(body))
    text = "&".join(f"{k}={p[k]}" for k in sorted(p) if k not in ("sign", "sign_type"))
    check("who ordered so is told so", p["alipay_cert_sn"] == alipay_sn("alipay_second_cert.crt") and
          verifies(public_half("alipay_second_cert.crt"), text, p["sign"]))
    control("signing", channel="alipay", answers="first", callbacks="first")
    with open(path_of("alipay_root_certs.crt")) as f:
        check("the roots are two, of two kinds", f.read().count("BEGIN CERTIFICATE") == 2)


# ---- refunds ----

REFUNDS = "/v3/refund/domestic/refunds"


def refund_body(trade, number, fen, **other):
    b = {"out_trade_no": trade, "out_refund_no": number, "reason": "退款",
         "notify_url": f"http://127.0.0.1:{merchant_port}/refund",
         "amount": {"refund": fen, "total": 990, "currency": "CNY"}}
    b.update(other)
    return json.dumps({k: v for k, v in b.items() if v is not ...})


def refund(trade, number, fen, **other):
    return wechat("POST", REFUNDS, refund_body(trade, number, fen, **other))


def refunds_of(trade):
    listed = json.loads(call("GET", "/sandbox/refunds")[2])["refunds"]
    return [r for r in listed if r["out_trade_no"] == trade]


def paid_by_wechat(number):
    prepay(number)
    control("pay", out_trade_no=number, notify=False)


def wechat_refunds():
    paid_by_wechat("REFUND01")
    status, headers, text = refund("REFUND01", "R1|@", 300)
    first = json.loads(text)
    check("a refund succeeds, and that is signed", status == 200 and signed_well(headers, text) and
          first["status"] == "SUCCESS" and first["amount"]["refund"] == 300 and
          first["success_time"] and first["refund_id"], text)
    check("the same request again is the same refund",
          json.loads(refund("REFUND01", "R1|@", 300)[2]) == first)
    one = refunds_of("REFUND01")[0]
    check("its money moved once, though it was asked for twice", (one["asked"], one["moved"]) == (2, 1))
    check("a query by its number tells the same",
          json.loads(wechat("GET", REFUNDS + "/R1%7C%40")[2]) == first)
    check("the order is REFUND then", json.loads(query("REFUND01")[2])["trade_state"] == "REFUND")
    expect("an unknown refund does not exist", wechat("GET", REFUNDS + "/R99"), 404,
           "RESOURCE_NOT_EXISTS")
    expect("another amount under the number is refused", refund("REFUND01", "R1|@", 301), 400,
           "INVALID_REQUEST")
    expect("another reason under the number is refused",
           refund("REFUND01", "R1|@", 300, reason="x"), 400, "INVALID_REQUEST")
    expect("more than is left is refused", refund("REFUND01", "R2", 691), 400, "INVALID_REQUEST")
    check("what is left is not", refund("REFUND01", "R3", 690)[0] == 200)
    trade = json.loads(call("GET", "/sandbox/trades/REFUND01")[2])
    check("all is back", (trade["refunding_fen"], trade["refunded_fen"]) == (990, 990))
    expect("another total is refused", refund("REFUND01", "R4", 1, amount={
        "refund": 1, "total": 991, "currency": "CNY"}), 400, "INVALID_REQUEST")
    prepay("REFUND02")
    expect("an unpaid order has nothing to go back", refund("REFUND02", "R5", 1), 400,
           "INVALID_REQUEST")
    expect("an unknown order too", refund("REFUND99", "R5", 1), 404, "RESOURCE_NOT_EXISTS")
    for other, field in [({"out_refund_no": "a" * 65}, "/out_refund_no"),
                         ({"out_refund_no": "R/"}, "/out_refund_no"),
                         ({"reason": "退" * 81}, "/reason"), ({"surprise": 1}, "/surprise"),
                         ({"amount": {"refund": 1, "total": 990}}, "/amount/currency"),
                         ({"amount": {"refund": "1", "total": 990, "currency": "CNY"}}, "/amount/refund"),
                         ({"amount": {"refund": 0, "total": 990, "currency": "CNY"}}, "/amount/refund"),
                         ({"transaction_id": "42"}, "/out_trade_no"), ({"out_trade_no": ...}, "/out_trade_no"),
                         ({"notify_url": "http://id.example.cn/"}, "/notify_url")]:
        expect(f"a refund with {json.dumps(other, default=str)[:60]} is refused",
               refund("REFUND01", "R6", 1, **other), 400, "PARAM_ERROR", field)
    by_id = refund("REFUND01", "R7", 1, out_trade_no=..., transaction_id=trade["transaction_id"])
    expect("a transaction_id names the order as well", by_id, 400, "INVALID_REQUEST")


def wechat_refund_modes():
    paid_by_wechat("MODES001")
    control("refunds", mode="not-enough", times=1)
    expect("the seller may have too little", refund("MODES001", "M1", 100), 403, "NOT_ENOUGH")
    control("refunds", mode="frequency", times=1)
    expect("it may be too often", refund("MODES001", "M1", 100), 429, "FREQUENCY_LIMITED")
    control("refunds", mode="system-error", times=1)
    expect("the provider may fail", refund("MODES001", "M1", 100), 500, "SYSTEM_ERROR")
    check("nothing moved by that", refunds_of("MODES001") == [])
    control("refunds", mode="lost", times=1)
    expect("or fail after it did it", refund("MODES001", "M1", 100), 500, "SYSTEM_ERROR")
    check("the same number then tells that it is done, once",
          json.loads(refund("MODES001", "M1", 100)[2])["status"] == "SUCCESS" and
          [r["moved"] for r in refunds_of("MODES001")] == [1])
    control("refunds", mode="held", times=4)
    Merchant.status, Merchant.text, Merchant.calls[:] = 204, "", []
    for number, outcome in ("M2", "success"), ("M3", "closed"), ("M4", "abnormal"):
        check("a held refund is PROCESSING",
              json.loads(refund("MODES001", number, 100)[2])["status"] == "PROCESSING")
        check("of which nobody is told",
              "sent_at" not in control("refund", out_refund_no=number)[1])
        _, told = control("refund", out_refund_no=number, outcome=outcome)
        path, headers, body = Merchant.calls[-1]
        plain = open_callback(headers, body)
        check(f"it becomes {outcome}, and the request's notify_url is told", path == "/refund" and
              told["state"] == outcome and told["acknowledged"] and
              json.loads(body)["event_type"] == "REFUND." + outcome.upper() and
              plain["refund_status"] == outcome.upper() and plain["out_refund_no"] == number and
              plain["amount"]["refund"] == 100 and "status" not in plain, plain)
        check("a query tells it too", json.loads(
            wechat("GET", f"{REFUNDS}/{number}")[2])["status"] == outcome.upper())
    check("money moved for the one that succeeded",
          [r["moved"] for r in refunds_of("MODES001")] == [1, 1, 0, 0])
    trade = json.loads(call("GET", "/sandbox/trades/MODES001")[2])
    check("what was closed may go back under another number",
          (trade["refunding_fen"], trade["refunded_fen"]) == (300, 200))
    check("what succeeded stays so",
          control("refund", out_refund_no="M2", outcome="closed")[0] == 409)
    check("what is abnormal may still succeed", control(
        "refund", out_refund_no="M4", outcome="success", notify=False)[1]["moved"] == 1)
    Merchant.status = 500
    control("refund", out_refund_no="M4")
    Merchant.status = 204
    check("a callback that was refused comes again", [
        (c["out_refund_no"], c["acknowledged"]) for c in control("retry")[1]["callbacks"]
        if "out_refund_no" in c] == [("M4", True)])
    wrong = Merchant.calls
    control("refund", out_refund_no="M4", fault="wrong-signature")
    check("a refund's callback may be wrong", open_callback(*wrong[-1][1:]) is None)
    control("refunds", mode="immediate", minute=True)
    expect("two refunds of an order within a minute may be refused", refund("MODES001", "M5", 1),
           429, "FREQUENCY_LIMITED")
    control("refunds", mode="immediate")
    check("or not", refund("MODES001", "M5", 1)[0] == 200)
    check("an unknown mode is refused", control("refunds", mode="x")[0] == 400)
    check("an unknown refund is not found", control("refund", out_refund_no="M99")[0] == 404)


REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"


def alipay_refunds():
    page("BACK0001")
    refused, _ = ask(REFUND, {"out_trade_no": "BACK0001", "refund_amount": "9.90"})
    check("an unpaid trade is not refunded", refused["sub_code"] == "ACQ.TRADE_STATUS_ERROR", refused)
    control("pay", out_trade_no="BACK0001", notify=False)
    one = {"out_trade_no": "BACK0001", "refund_amount": "3.00", "out_request_no": "RQ1",
           "refund_reason": "退款"}
    node, signed = ask(REFUND, one)
    check("a partial refund moves money", signed and node["code"] == "10000" and
          node["fund_change"] == "Y" and node["refund_fee"] == "3.00", node)
    check("the same again does not", ask(REFUND, one)[0]["fund_change"] == "N" and
          [(r["asked"], r["moved"]) for r in refunds_of("BACK0001")] == [(2, 1)])
    check("another amount under the number is refused", ask(REFUND, dict(one, refund_amount="3.01"))[0]
          ["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST")
    check("a part needs a number", ask(REFUND, {"out_trade_no": "BACK0001", "refund_amount": "1"})[0]
          ["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    check("more than is left is refused", ask(REFUND, dict(one, out_request_no="RQ2", refund_amount="6.91"))[0]
          ["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR")
    name = {"out_trade_no": "BACK0001", "out_request_no": "RQ1"}
    node, signed = ask(REFUND_QUERY, name)
    check("a query tells that it is done", signed and node["refund_status"] == "REFUND_SUCCESS" and
          node["refund_amount"] == "3.00" and node["total_amount"] == "9.90", node)
    check("of an unknown one it tells nothing", ask(REFUND_QUERY, dict(name, out_request_no="RQ9"))[0]
          == {"code": "10000", "msg": "Success"})
    check("a trade that went back in part is a success",
          ask(QUERY, {"out_trade_no": "BACK0001"})[0]["trade_status"] == "TRADE_SUCCESS")
    Merchant.status, Merchant.text, Merchant.calls[:] = 200, "success", []
    control("refund", out_refund_no="RQ1")
    p = notify_verifies(Merchant.calls[0][2])
    check("its notify goes to the trade's notify_url", Merchant.calls[0][0] == "/alipay" and
          p["trade_status"] == "TRADE_SUCCESS" and p["refund_fee"] == "3.00" and
          p["out_biz_no"] == "RQ1" and p["gmt_refund"], p)
    control("refunds", mode="held", times=1)
    rest = {"out_trade_no": "BACK0001", "refund_amount": "6.90", "out_request_no": "RQ3"}
    check("a held refund moves nothing", ask(REFUND, rest)[0]["fund_change"] == "N")
    node, _ = ask(REFUND_QUERY, dict(name, out_request_no="RQ3"))
    check("a query does not say that it is done", "refund_status" not in node, node)
    control("refund", out_refund_no="RQ3", outcome="success")
    p = notify_verifies(Merchant.calls[1][2])
    check("then all is back and the trade closed", p["trade_status"] == "TRADE_CLOSED" and
          p["refund_fee"] == "9.90" and p["gmt_payment"] and
          ask(QUERY, {"out_trade_no": "BACK0001"})[0]["trade_status"] == "TRADE_CLOSED", p)
    page("BACK0002")
    control("pay", out_trade_no="BACK0002", notify=False)
    all_of = {"out_trade_no": "BACK0002", "refund_amount": "9.90", "out_request_no": "RQ1"}
    for mode, code in [("not-enough", "ACQ.SELLER_BALANCE_NOT_ENOUGH"),
                       ("frequency", "isv.app-call-limited"), ("system-error", "ACQ.SYSTEM_ERROR"),
                       ("lost", "ACQ.SYSTEM_ERROR")]:
        control("refunds", mode=mode, times=1)
        check(f"{mode} is {code}", ask(REFUND, all_of)[0]["sub_code"] == code)
    check("another trade's refund may have the same number, and what was lost moved once",
          [r["moved"] for r in refunds_of("BACK0002")] == [1] and
          ask(REFUND, all_of)[0]["fund_change"] == "N")


# ---- bills ----

def day(offset_s=0):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 + offset_s))


def fetch(url, signed=True):
    """As it came: status, headers, bytes."""
    target = url.removeprefix(f"http://127.0.0.1:{port}")
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", target, headers={
        "Authorization": authorization("GET", target, None), "Accept": "application/json",
        "User-Agent": "selftest", "Wechatpay-Serial": ids["public_key_id"]} if signed else {})
    answer = link.getresponse()
    body = answer.read()
    link.close()
    return answer.status, dict(answer.getheaders()), body


def wechat_bill(query, date=None):
    return wechat("GET", f"/v3/bill/tradebill?bill_date={date or day()}{query}")


def wechat_rows(query=""):
    told = json.loads(wechat_bill(query)[2])
    status, headers, body = fetch(told["download_url"])
    plain = gzip.decompress(body) if "GZIP" in query else body
    same = hashlib.sha1(plain).hexdigest() == told["hash_value"]
    lines = plain.decode("utf-8-sig").split("\r\n")
    names = lines[0].split(",")
    rows = [dict(zip(names, line[1:].split(",`"), strict=True)) for line in lines[1:-3]]
    total = dict(zip(lines[-3].split(","), lines[-2][1:].split(",`"), strict=True))
    return rows, total, (status, headers, body, same and plain.startswith(b"\xef\xbb\xbf"))


def yuan(text):
    return round(float(text) * 100)


def wechat_bills():
    expect("today's bill is not made yet", wechat_bill(""), 400, "STATEMENT_CREATING")
    control("bills", channel="wechat", ready=True)
    expect("a day without trades has none", wechat_bill("", "2020-01-01"), 400, "NO_STATEMENT_EXIST")
    for query, date in [("&bill_type=X", None), ("&tar_type=ZIP", None), ("&more=1", None),
                        ("", "2026-02-30"), ("", "20260101")]:
        expect(f"{query} {date} is refused", wechat_bill(query, date), 400, "PARAM_ERROR")
    rows, total, (status, headers, body, good) = wechat_rows()
    check("the file has a byte order mark and the digest that was told", status == 200 and good)
    check("it is not signed", not [h for h in headers if h.lower().startswith("wechatpay")])
    known = [t for t in json.loads(call("GET", "/sandbox/trades")[2])["trades"]
             if t["channel"] == "wechat" and t["state"] == "paid" and t["paid_at"].startswith(day())]
    check("all payments of the day stand there", known and sorted(
        (t["out_trade_no"], t["transaction_id"], t["amount_fen"]) for t in known) == sorted(
        (r["商户订单号"], r["微信订单号"], yuan(r["订单金额"])) for r in rows if r["交易状态"] == "SUCCESS"))
    moved = [r for r in json.loads(call("GET", "/sandbox/refunds")[2])["refunds"]
             if r["channel"] == "wechat" and r["moved"]]
    check("and all refunds", moved and sorted((r["out_refund_no"], r["amount_fen"]) for r in moved) ==
          sorted((r["商户退款单号"], yuan(r["退款金额"])) for r in rows if r["交易状态"] == "REFUND"))
    check("the summary is theirs", int(total["总交易单数"]) == len(rows) and
          yuan(total["订单总金额"]) == sum(t["amount_fen"] for t in known) and
          yuan(total["退款总金额"]) == sum(r["amount_fen"] for r in moved))
    for kind, some in ("SUCCESS", len(known)), ("REFUND", len(moved)):
        check(f"a bill of {kind} alone", len(wechat_rows("&bill_type=" + kind)[0]) == some)
    packed = wechat_rows("&tar_type=GZIP")
    check("packed it is the same", packed[0] == rows and packed[2][3])
    n = len(rows)
    for fault, sentence, holds in [
            ("missing-line", "one line less", lambda r: len(r) == n - 1),
            ("extra-line", "one more", lambda r: len(r) == n + 1),
            ("wrong-amount", "a fen more", lambda r: len(r) == n and sum(
                yuan(x["订单金额"]) for x in r) == yuan(total["订单总金额"]) + 1)]:
        control("bills", channel="wechat", fault=fault, times=1, ready=True)
        got = wechat_rows()
        check(f"{fault}: {sentence}, and that has a right digest", holds(got[0]) and got[2][3])
    for fault, code in ("no-bill", "NO_STATEMENT_EXIST"), ("creating", "STATEMENT_CREATING"):
        control("bills", channel="wechat", fault=fault, times=1, ready=True)
        expect(f"{fault}", wechat_bill(""), 400, code)

    def told(fault, query=""):
        control("bills", channel="wechat", fault=fault, times=1, ready=True)
        return json.loads(wechat_bill(query)[2])
    t = told("wrong-hash")
    check("wrong-hash", hashlib.sha1(fetch(t["download_url"])[2]).hexdigest() != t["hash_value"])
    check("cut-file", len(fetch(told("cut-file")["download_url"])[2]) == len(body) // 2)
    check("redirect", fetch(told("redirect")["download_url"])[0] == 302)
    check("foreign-host", told("foreign-host")["download_url"].startswith("https://bills.example.com/"))
    bomb = fetch(told("bomb", "&tar_type=GZIP")["download_url"])[2]
    check("bomb: 600 MiB in a few", len(bomb) < 4 << 20 and
          int.from_bytes(bomb[-4:], "little") == 600 << 20)
    url = told("right")["download_url"]
    check("the file needs an authorization", fetch(url, False)[0] == 401)
    expect("another token is not found", wechat("GET", "/v3/billdownload/file?token=x"), 404,
           "RESOURCE_NOT_EXISTS")
    control("clock", offset="+310s")
    target = url.removeprefix(f"http://127.0.0.1:{port}")
    check("after five minutes neither is the file", wechat("GET", target, clock=310)[0] == 404)
    control("clock", offset="0s")


def alipay_bill(date=None):
    return ask("alipay.data.dataservice.bill.downloadurl.query",
               {"bill_type": "trade", "bill_date": date or day()})


def alipay_rows():
    node, signed = alipay_bill()
    body = fetch(node["bill_download_url"], False)[2]
    with zipfile.ZipFile(io.BytesIO(body)) as z:
        names = [i.orig_filename.encode("cp437").decode("gbk") for i in z.infolist()]
        text = z.read(z.infolist()[0]).decode("gbk")
    lines = [line for line in text.split("\r\n") if line and not line.startswith("#")]
    rows = [dict(zip(lines[0].split(","), (c.strip() for c in line.split(",")), strict=True))
            for line in lines[1:]]
    return rows, names, text, signed


def alipay_bills():
    check("Alipay's bill of today is not made yet", alipay_bill()[0]["sub_code"] == "isp.bill_not_exist")
    check("a day that is none is refused", alipay_bill("2026-02-30")[0]["code"] == "40002")
    control("bills", channel="alipay", ready=True)
    rows, names, text, signed = alipay_rows()
    stem = f"{ids['seller_id']}0156_{day().replace('-', '')}_业务明细"
    check("the archive has two files with names in GBK", signed and
          names == [stem + ".csv", stem + "(汇总).csv"], names)
    check("comments stand around", text.startswith("#") and "#交易合计：" in text and "\t," in text)
    known = [t for t in json.loads(call("GET", "/sandbox/trades")[2])["trades"]
             if t["channel"] == "alipay" and t["state"] == "paid" and t["paid_at"].startswith(day())]
    check("all payments are there", known and sorted(
        (t["out_trade_no"], t["transaction_id"], t["amount_fen"]) for t in known) == sorted(
        (r["商户订单号"], r["支付宝交易号"], yuan(r["订单金额（元）"])) for r in rows if r["业务类型"] == "交易"))
    moved = [r for r in json.loads(call("GET", "/sandbox/refunds")[2])["refunds"]
             if r["channel"] == "alipay" and r["moved"]]
    check("and all refunds, below nothing", moved and sorted(
        (r["out_refund_no"], -r["amount_fen"]) for r in moved) == sorted(
        (r["退款批次号/请求号"], yuan(r["订单金额（元）"])) for r in rows if r["业务类型"] == "退款"))
    control("bills", channel="alipay", fault="missing-line", times=1, ready=True)
    check("missing-line there too", len(alipay_rows()[0]) == len(rows) - 1)
    control("bills", channel="alipay", fault="cut-file", times=1, ready=True)
    body = fetch(alipay_bill()[0]["bill_download_url"], False)[2]
    check("a cut archive does not open", not zipfile.is_zipfile(io.BytesIO(body)))
    control("bills", channel="alipay", fault="bomb", times=1, ready=True)
    with zipfile.ZipFile(io.BytesIO(fetch(alipay_bill()[0]["bill_download_url"], False)[2])) as z:
        check("a bomb", z.infolist()[0].file_size == 600 << 20)
    control("bills", channel="alipay", fault="right", ready=True)
    url = alipay_bill()[0]["bill_download_url"]
    control("clock", offset="+31s")
    check("after 30 seconds the file is gone", fetch(url, False)[0] == 404)
    control("clock", offset="+2d")
    control("bills")
    node = node_of(gateway(parameters(
        "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": day()},
        timestamp=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 56 * 3600)))),
        "alipay.data.dataservice.bill.downloadurl.query")[0]
    check("two days later it is made by itself", node["code"] == "10000", node)
    control("clock", offset="0s")
    check("an unknown fault of a bill is refused", control("bills", fault="x")[0] == 400)


# ---- login ----

def session(code, **other):
    q = {"appid": ids["appid_jsapi"], "js_code": code, "grant_type": "authorization_code"}
    with open(path_of("login_secret")) as f:
        q["secret"] = f.read()
    q.update(other)
    q = {k: v for k, v in q.items() if v is not ...}
    status, _, text = call("GET", "/sns/jscode2session?" + urllib.parse.urlencode(q))
    check("a login is answered with 200 whatever happens", status == 200)
    return json.loads(text)


def login():
    code = control("login", openid="oLogin_1")[1]["js_code"]
    for other, error in [({"appid": ids["appid_app"]}, 40013), ({"appid": ...}, 40013),
                         ({"secret": "x"}, 40125), ({"secret": ...}, 40125),
                         ({"grant_type": "x"}, 40002), ({"more": "1"}, 40002),
                         ({"js_code": ...}, 41008), ({"js_code": "0none"}, 40029)]:
        check(f"a login with {json.dumps(other, default=str)[:50]} is {error}",
              session(code, **other)["errcode"] == error)
    s = session(code)
    check("a code is an openid and a key of 16 bytes", s["openid"] == "oLogin_1" and
          "errcode" not in s and len(base64.b64decode(s["session_key"])) == 16, s)
    check("once", session(code)["errcode"] == 40163)
    busy = control("login", openid="oLogin_2", error=-1, times=2)[1]["js_code"]
    check("it may be busy and then not",
          [session(busy).get("errcode") for _ in range(3)] == [-1, -1, None])
    check("it may be refused for good", session(control(
        "login", openid="oLogin_3", error=40226)[1]["js_code"])["errcode"] == 40226)
    old = control("login", openid="oLogin_4")[1]["js_code"]
    control("clock", offset="+301s")
    check("after five minutes it is no code", session(old)["errcode"] == 40029)
    control("clock", offset="0s")


# ---- clock ----

def clock():
    prepay("CLOCK001")
    page("CLOCKPAGE")
    check("the clock moves", control("clock", offset="+8d")[1]["offset_s"] == 8 * 86400)
    expect("our old clock is refused then", prepay("CLOCK002"), 401, "SIGN_ERROR")
    late = wechat("GET", f"{PREPAY}out-trade-no/CLOCK001?mchid={ids['mchid']}", clock=8 * 86400)
    check("a moved one is taken", late[0] == 200)
    check("answers follow the clock",
          abs(int(late[1]["wechatpay-timestamp"]) - time.time() - 8 * 86400) < 5)
    check("after time_expire nobody pays", control("pay", out_trade_no="CLOCK001")[0] == 409)
    check("but a late success can be played",
          control("pay", out_trade_no="CLOCK001", late=True)[1]["state"] == "paid")
    check("an Alipay trade closes by itself",
          json.loads(call("GET", "/sandbox/trades/CLOCKPAGE")[2])["state"] == "closed")
    for offset, seconds in [("+30s", 30), ("-1h", -3600), ("0s", 0)]:
        check(f"{offset} is an offset", control("clock", offset=offset)[1]["offset_s"] == seconds)
    for wrong in "8", "d", "+1w", "":
        check(f"'{wrong}' is none", control("clock", offset=wrong)[0] == 400)


def control_is_strict():
    check("an unknown member is refused", control("pay", out_trade_no="A", surprise=1)[0] == 400)
    check("an unknown trade is not found", control("pay", out_trade_no="NONE0001")[0] == 404)
    check("an unknown route is not found", control("nothing")[0] == 404)
    prepay("AWAY0001", notify_url="https://id.example.cn/callback")
    check("nothing but loopback is called",
          control("pay", out_trade_no="AWAY0001")[1]["error"].startswith("not sent"))
    check("a body of megabytes too much is refused", call("POST", "/sandbox/pay", "x" * 9000000)[0] == 413)
    threads = [threading.Thread(target=prepay, args=(f"THREAD{i:02}",)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    listed = json.loads(call("GET", "/sandbox/trades")[2])["trades"]
    check("orders that come together are all taken",
          sum(t["out_trade_no"].startswith("THREAD") for t in listed) == 16)


def files():
    check("key files are for their owner alone", all(
        os.stat(path_of(name)).st_mode & 0o777 == 0o600 for name in os.listdir(path_of(""))
        if name not in ("cert_public.pem", "public_half.pem", "chain.pem", "odd.bin")))
    with open(path_of("idphotod-merchants.conf")) as f:
        text = f.read()
    check("the snippet points here", f"base_url = http://127.0.0.1:{port}\n" in text and
          f"gateway_url = http://127.0.0.1:{port}/gateway.do" in text)
    check("the snippet has the serial that openssl sees",
          f"merchant_serial = {ids['serial']}\n" in text)


def start(binary, name):
    path = os.path.join(folder, name)
    process = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--dir", path_of(""),
                                "--port-file", path], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    with open(path) as f:
        number = int(f.read())
    check("it says when it is ready", line == f"sandbox ready on 127.0.0.1:{number}\n", line)
    return process, number


def stop(process):
    process.send_signal(signal.SIGTERM)
    check("SIGTERM ends it with 0", process.wait(20) == 0)
    process.stdout.close()


def read_identifiers():
    with open(path_of("identifiers.json")) as f:
        found = json.load(f)
    for name, file in [("serial", "wechat_merchant_cert.pem"),
                       ("certificate_serial", "wechat_platform_cert.pem")]:
        shown = openssl("x509", "-in", path_of(file), "-noout", "-serial").stdout.decode()
        found[name] = shown.strip().removeprefix("serial=")
    return found


STEPS = [wechat_prepay, wechat_repeats, wechat_wrong_authorization, wechat_wrong_orders,
         wechat_query_and_close, wechat_callbacks, wechat_faulty_callbacks, wechat_certificates, wechat_rotation,
         wrong_answers, broken_answers, alipay_cashiers, alipay_wrong_requests, alipay_wrong_bills,
         alipay_callbacks, alipay_faulty_callbacks, alipay_certificates, odd_alipay_answers,
         wechat_refunds, wechat_refund_modes, alipay_refunds, wechat_bills,
         alipay_bills, login, clock, control_is_strict, files]

if len(sys.argv) != 2:
    sys.exit(__doc__)
build = os.path.dirname(os.path.abspath(sys.argv[1]))
with tempfile.TemporaryDirectory(dir=build, prefix="sandbox-selftest.") as folder:
    merchant = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Merchant)
    merchant_port = merchant.server_address[1]
    threading.Thread(target=merchant.serve_forever, daemon=True).start()
    running, port = start(sys.argv[1], "port")
    try:
        ids = read_identifiers()
        for step in STEPS:
            step()
        stop(running)
        running, port = start(sys.argv[1], "port")
        check("another start finds the same installation", read_identifiers() == ids)
        check("and serves it", prepay("SECOND01")[0] == 200)
        stop(running)
    finally:
        running.kill()
        merchant.shutdown()
print(f"sandbox: {passed} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
