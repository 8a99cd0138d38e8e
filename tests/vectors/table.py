#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the vectors of every kind and holds what was run against a count of the files.

    tests/vectors/table.py COMMAND...

Each command is a program of tests/unit/vectors.h, with its arguments in one text. The table says
per kind: how many the files hold, how many were run, how many passed, and how many of those run
have an outcome that the vectors leave open (run, not scored). The last line counts vectors; one
that nobody ran, or that was run twice, has failed.
"""

import collections
import glob
import json
import os
import shlex
import subprocess
import sys
import tempfile


def folder():
    """As tests/unit/vectors.h says."""
    named = os.environ.get("IDPHOTOD_VECTORS")
    if named:
        return named
    return "../shared/vectors" if os.access("../shared/vectors/keys.json", os.R_OK) else "tests/vectors"


def vectors_there():
    there, left_open = collections.Counter(), collections.Counter()
    for path in glob.glob(os.path.join(folder(), "*.json")):
        with open(path, encoding="utf-8") as file:
            for vector in json.load(file).get("vectors", []):
                there[vector["kind"]] += 1
                left_open[vector["kind"]] += bool(vector.get("implementation_defined")
                                                  or vector["expected"].get("implementation_defined"))
    return there, left_open


def run(commands):
    """Sums of the tally, and whether each program was content."""
    counts = collections.defaultdict(lambda: [0, 0, 0])
    good = True
    for command in commands:
        with tempfile.NamedTemporaryFile("r") as tally:
            environment = dict(os.environ, IDPHOTOD_VECTORS_TALLY=tally.name)
            good &= subprocess.run(shlex.split(command), env=environment, check=False).returncode == 0
            for line in tally:
                kind, *numbers = line.split()
                counts[kind] = [a + int(b) for a, b in zip(counts[kind], numbers)]
    return counts, good


def main(commands):
    there, left_open = vectors_there()
    counts, good = run(commands)
    passed = failed = 0
    line = "| {:<28} | {:>5} | {:>5} | {:>6} | {:>9} |".format
    print(line("kind of vector", "there", "run", "passed", "left open"))
    for kind in sorted(there):
        ran, ok, free = counts[kind]
        exact = ran == there[kind] and free == left_open[kind]
        passed += ok
        failed += there[kind] - left_open[kind] - ok if exact else max(1, abs(there[kind] - ran))
        print(line(kind, there[kind], ran, ok, free or "") + ("" if exact else "  NOT ALL RUN ONCE"))
    print(line("all", sum(there.values()), *(sum(c[i] for c in counts.values()) for i in range(3))))
    print(f"{passed} passed, {failed} failed")
    return 0 if good and not failed and passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
