"""What benches say: how far they are, and figures held against their bounds,
as a table for people or as JSON."""

import json
import sys
import time


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _shown(value, unit):
    number = f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}"
    return f"{number} {unit}".strip()


def report(rows, found, as_json):
    """`rows`: what, unit, figure, bound (None: for comparison), and whether
    less is better. Returns the exit status: 1 if a bound is missed, or if
    nothing was measured at all."""
    missed = False
    lines = [["what", "measured", "bound", ""]]
    for what, unit, key, bound, less in rows:
        value = found.get(key)
        if value is None:
            continue
        line = [what, _shown(value, unit), "", ""]
        if bound is not None:
            kept = value <= bound if less else value >= bound
            missed = missed or not kept
            line[2] = f"{'≤' if less else '≥'} {bound:,g} {unit}".strip()
            line[3] = "ok" if kept else "MISSED"
        lines.append(line)
    widths = [max(map(len, x)) for x in zip(*lines)]
    nothing = len(lines) == 1
    lines.insert(1, ["-" * x for x in widths])
    if as_json:
        print(json.dumps(found))
    else:
        for line in lines:
            cells = " | ".join(x.ljust(w) for x, w in zip(line, widths))
            print(f"| {cells} |")
    return 1 if missed or nothing else 0
