# SPDX-License-Identifier: MIT
"""Reads Prometheus' text format, and the document that describes the metrics."""
import re

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Scrape:
    """Samples by name and labels; types by family."""

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = LINE.match(line).groups()
                key = (name, frozenset(LABEL.findall(labels or "")))
                if key in self.samples:
                    raise AssertionError(f"twice: {line}")
                self.samples[key] = float(value)

    def get(self, name, **labels):
        """The sample, or None."""
        return self.samples.get((name, frozenset(labels.items())))

    def sum(self, name, **labels):
        """Of all samples that have these labels, whatever others they have."""
        wanted = set(labels.items())
        return sum(v for (n, l), v in self.samples.items() if n == name and wanted <= l)

    def family(self, name):
        """A sample's family: buckets, sums and counts belong to their histogram."""
        if name in self.types:
            return name
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        return base if self.types.get(base) == "histogram" else None


class Document:
    """Rows of metrics.md: name to (type, label names)."""

    def __init__(self, path):
        self.rows = {}
        with open(path) as file:
            for name, kind, labels in re.findall(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \| .* \|$", file.read(), re.M):
                plain = re.sub(r" \([^)]*\)", "", labels)
                self.rows[name] = (kind, tuple(l for l in plain.split(", ") if l))

    def complaints(self, expression, ours=re.compile(r"\b((?:idphotod|process)_[a-z_]+)(?:\{([^}]*)\})?")):
        """What an expression uses that does not exist: names, and labels in braces."""
        found = ours.findall(re.sub(r'"[^"]*"', lambda m: m.group() if "{" not in m.group() else '""', expression))
        bad = [] if found else [f"no metric in {expression}"]
        for name, matchers in found:
            base = name if name in self.rows else re.sub(r"_(bucket|sum|count)$", "", name)
            kind, labels = self.rows.get(base, (None, ()))
            if kind is None or (base != name) != (kind == "histogram"):
                bad.append(f"{name} in {expression}")
            for label in re.findall(r"([a-z_]+) *(?:=~|!~|!=|=)", matchers):
                if label not in labels + ("instance", "job"):
                    bad.append(f"{name} has no label {label}")
        return bad
