#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Photos: processor seconds and memory of a make and a check, by stage, beside libvips alone. Adds to build/bench.json.

Portraits are drawn (build/VARIANT/draw-portrait), in three sizes; PORTRAITS, a folder, adds real ones
(those of which a photo comes), and MODELS, a folder, the networks that the configuration may name. The
photo is two-inch, 413 x 579. Slowness never fails it.
"""
import glob
import json
import os
import statistics
import subprocess
import tempfile

BUILD = os.path.join("build", os.environ.get("VARIANT", "release"))
RESULTS = os.path.join("build", "bench.json")
PORTRAITS = [("512", 512, 715), ("764", 764, 1146), ("12mp", 3000, 4000)]
MODELS = ["yunet*.onnx", "*landmark*.onnx", "*segmentation*.onnx"]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def bench(portrait, *more):
    return json.loads(run(f"{BUILD}/bench-images", "config", portrait, *more))


def p95(values):
    return sorted(values)[int(0.95 * len(values))]


def entry(name, value, unit, baseline=None):
    row = {"name": name, "value": round(value, 4), "unit": unit, "baseline": None, "ratio": None}
    if baseline:
        row.update(baseline=round(baseline, 4), ratio=round(value / baseline, 2))
    return row


def pictures(folder):
    """Name and file of each picture in a folder."""
    for name in sorted(os.listdir(folder)) if folder else []:
        stem, kind = os.path.splitext(name)
        if kind in (".jpg", ".png", ".webp"):
            yield stem, os.path.join(folder, name)


def models(folder):
    """The networks of a folder for faces, landmarks and matting: all three, or none."""
    found = [sorted(glob.glob(os.path.join(folder, pattern))) if folder else [] for pattern in MODELS]
    return [files[-1] for files in found] if all(found) else []


def show(what, r):
    made, vips = statistics.median(r["make_s"]), statistics.median(r["vips_s"])
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in r["stages_ms"].items())
    print(f"photos: {what}: make {made:.3f} s (p95 {p95(r['make_s']):.3f}: {stages} ms), libvips alone {vips:.3f}; "
          f"check {statistics.median(r['check_s']):.3f} s; grew by {r['growth_kb'] / 1024:.0f} MB", flush=True)
    return made, vips


def measure_drawn(portraits):
    entries = []
    for name, width, height in PORTRAITS:
        run(f"{BUILD}/draw-portrait", "--out", portraits[name], "--width", str(width), "--height", str(height))
        r = bench(portraits[name])
        made, vips = show(f"drawn, {width} x {height}", r)
        entries += [entry(f"make_{name}_s", made, "s", vips), entry(f"make_{name}_p95_s", p95(r["make_s"]), "s", vips)]
        entries += [entry(f"make_{name}_{stage}_ms", ms, "ms") for stage, ms in r["stages_ms"].items()]
        if name == "512":
            entries += [entry("check_512_s", statistics.median(r["check_s"]), "s", vips),
                        entry("make_growth_mb", r["growth_kb"] / 1024, "MB")]
    return entries


def measure_real(folder, networks):
    entries = []
    for stem, file in pictures(folder):
        for suffix, with_models in [("", []), ("_models", networks)][:2 if networks else 1]:
            r = bench(file, *with_models)
            if r:
                made, vips = show(stem + (", with networks" if with_models else ""), r)
                entries.append(entry(f"make_real_{stem}{suffix}_s", made, "s", vips))
    return entries


def measure_beside(portrait):
    """Two cores may share more than memory: what libvips alone loses beside itself is the machine's."""
    r = bench(portrait, "beside")
    entries, said = [], []
    for name, turns in (("make", r["make_s"]), ("vips", r["vips_s"])):
        one, two = (statistics.median(turn[k] for turn in turns) for k in (0, 1))
        ratio = statistics.median(turn[1] / turn[0] for turn in turns)
        entries.append(dict(entry(f"{name}_cpu_two_workers", two, "s", one), ratio=round(ratio, 2)))
        said.append(f"{ratio:.2f} times")
    print(f"photos: two workers at once: a photo costs {said[0]} the processor time, libvips alone {said[1]}")
    return entries


def measure(folder):
    portraits = {name: f"{folder}/{name}.jpg" for name, _, _ in PORTRAITS}
    return (measure_drawn(portraits) + measure_beside(portraits["512"]) +
            measure_real(os.environ.get("PORTRAITS"), models(os.environ.get("MODELS"))))


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
