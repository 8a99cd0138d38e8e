#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Photos: processor seconds and memory of a make and a check, beside libvips alone. Adds to build/bench.json.

Portraits are drawn (build/VARIANT/draw-portrait); the photo is two-inch, 413 x 579. Slowness never
fails it.
"""
import json
import os
import statistics
import subprocess
import tempfile

BUILD = os.path.join("build", os.environ.get("VARIANT", "release"))
RESULTS = os.path.join("build", "bench.json")
PORTRAITS = [("512", 512, 715), ("764", 764, 1146), ("12mp", 3000, 4000)]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def bench(portrait, *threads):
    return json.loads(run(f"{BUILD}/bench-images", "config", portrait, *threads))


def p95(values):
    return sorted(values)[int(0.95 * len(values))]


def entry(name, value, unit, baseline=None):
    row = {"name": name, "value": round(value, 4), "unit": unit, "baseline": None, "ratio": None}
    if baseline:
        row.update(baseline=round(baseline, 4), ratio=round(value / baseline, 2))
    return row


def measure(folder):
    entries, growth = [], {}
    for name, width, height in PORTRAITS:
        portrait = f"{folder}/{name}.jpg"
        run(f"{BUILD}/draw-portrait", "--out", portrait, "--width", str(width), "--height", str(height))
        r = bench(portrait)
        vips, made = statistics.median(r["vips_s"]), statistics.median(r["make_s"])
        growth[name] = r["growth_kb"] / 1024
        entries.append(entry(f"make_{name}_s", made, "s", vips))
        print(f"photos: {width} x {height}: make {made:.3f} s (p95 {p95(r['make_s']):.3f}), libvips alone "
              f"{vips:.3f}; check {statistics.median(r['check_s']):.3f} s; grew by {growth[name]:.0f} MB")
        if name == "512":
            entries.append(entry("check_512_s", statistics.median(r["check_s"]), "s", vips))
            one, two = bench(portrait, "1")["each_s"], bench(portrait, "2")["each_s"]
            entries.append(entry("make_cpu_two_workers", two, "s", one))
            print(f"photos: two workers at once: {two:.3f} s each, one: {one:.3f}: {two / one:.2f} times")
    entries.append(entry("make_growth_mb", growth["512"], "MB"))
    return entries


def main():
    known = json.load(open(RESULTS)) if os.path.exists(RESULTS) else []
    with tempfile.TemporaryDirectory(prefix="idphotod-bench-") as folder:
        new = measure(folder)
    names = {e["name"] for e in new}
    entries = [e for e in known if e["name"] not in names] + new
    with open(RESULTS, "w") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(e) for e in entries) + "\n]\n")


if __name__ == "__main__":
    main()
