"""What was found: samples by system and phase, and the table of them."""

import collections
import statistics

from chunks.machine import NOISY
from chunks.rows import TLS

TLS_SHARE = 0.5  # Of the figure without encryption.


def show(value):
    """Three digits, without exponents; large numbers whole."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


class Figures:
    """What one cell stands for: `values`, and how many were noisy."""

    def __init__(self, samples, figure):
        samples = [x for x in samples if x.values.get(figure) is not None]
        self.values = [x.values[figure] for x in samples]
        self.noisy = sum(x.noisy for x in samples)

    @property
    def median(self):
        return statistics.median(self.values) if self.values else None

    def text(self):
        if not self.values:
            return "–"
        spread = (f" [{show(min(self.values))}–{show(max(self.values))}]"
                  if len(self.values) > 1 else "")
        return (f"{show(self.median)}{spread} n{len(self.values)}"
                + (f" ~{self.noisy}" if self.noisy else ""))

    def as_json(self):
        return {"median": self.median, "values": self.values,
                "noisy": self.noisy} if self.values else None


class Results:
    def __init__(self, peers):
        self.peers = list(peers)
        self.samples = collections.defaultdict(list)
        self.failures = []

    def add(self, system, phase, sample):
        self.samples[system, phase].append(sample)

    def fail(self, system, phase, error):
        self.failures.append((system, phase, str(error)))

    def figures(self, system, phase, figure):
        return Figures(self.samples[system, phase], figure)


class Line:
    """One row with what was found for it."""

    def __init__(self, row, results):
        self.row = row
        self.ours = results.figures(row.mode, row.phase, row.figure)
        self.tls = results.figures(TLS if row.tls else "", row.phase,
                                   row.figure)
        self.peers = {
            x: results.figures(x if row.peer else "",
                               row.peer_phase or row.phase, row.peer_figure)
            for x in results.peers}
        self.reference = results.figures("reference", row.reference_part,
                                         row.reference)
        self.found = {"reference": self.reference.median,
                      **{k: x.median for k, x in self.peers.items()}}
        self.limits = [x.limit(self.found) for x in row.bounds]

    def ratio(self):
        """Ours to the reference, or else to the first peer."""
        if self.ours.median is None:
            return "–"
        for name, other in self.found.items():
            if other:
                return f"{self.ours.median / other:.2f} × {name}"
        return "–"

    def bound(self):
        texts = [x.text(limit, show)
                 for x, limit in zip(self.row.bounds, self.limits)]
        return "; ".join(texts)

    def verdict(self):
        """"ok", "MISSED", with "TLS" if only that is; "–": nothing to judge;
        "ok so far": what a bound names was not measured."""
        if self.ours.median is None:
            return "–"
        known = [(x, limit) for x, limit in zip(self.row.bounds, self.limits)
                 if limit is not None]
        if any(not x.kept(self.ours.median, limit) for x, limit in known):
            return "MISSED"
        if self.tls.values and (
                self.tls.median < TLS_SHARE * self.ours.median):
            return "MISSED with TLS"
        if not known:
            return "–"
        return "ok" if len(known) == len(self.limits) else "ok so far"

    def cells(self):
        return [f"{self.row.what}, {self.row.unit}".rstrip(", "),
                self.ours.text(), self.tls.text(),
                *(x.text() for x in self.peers.values()),
                self.reference.text(), self.ratio(), self.bound(),
                self.verdict()]

    def as_json(self):
        return {
            "key": self.row.key, "what": self.row.what, "unit": self.row.unit,
            "ours": self.ours.as_json(), "tls": self.tls.as_json(),
            "peers": {k: x.as_json() for k, x in self.peers.items()},
            "reference": self.reference.as_json(), "bound": self.bound(),
            "verdict": self.verdict()}


def table(lines, peers):
    """Rows of Markdown, padded for people."""
    rows = [["what", "ours", "ours, TLS", *peers, "reference", "ratio",
             "bound", ""]]
    rows += [x.cells() for x in lines]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * x for x in widths])
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |"
            for row in rows]
    text.append("")
    text.append("median [min–max] n rounds; ~k: k of them while other work "
                f"took more than {NOISY} cores, also in a second try")
    return "\n".join(text)
