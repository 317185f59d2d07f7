"""Histories of one versioned file, and their judge. A write that is done says
its place in the one order, so a history is linearizable if that order agrees
with time. Standard library only; no processes."""

import dataclasses
import math
from typing import Optional

NOTHING = (0, 0)


@dataclasses.dataclass(frozen=True)
class Operation:
    """`kind` is put, delete or get; times in seconds of one clock."""
    kind: str
    begin: float
    end: float
    # Of a write: done, refused (never to be seen), or unknown. A get is done.
    outcome: str = "done"
    # (inode, version) of a write that is done: names that are used again have
    # higher inodes.
    place: Optional[tuple] = None
    # What was put or got; None where there is no file.
    text: Optional[str] = None
    said: str = ""  # In words, if it was not done.

    def __str__(self):
        what = "nothing" if self.text is None else f"'{self.text}'"
        where = f" at {self.place}" if self.place else ""
        return (f"{self.kind} of {what}{where}, {self.outcome}, "
                f"{self.begin:.3f} to {self.end:.3f}"
                + (f" ({self.said})" if self.said else ""))


def faults(history):
    """What cannot be, a line each."""
    puts = {x.text: x for x in history if x.kind == "put"}
    writes = [x for x in history if x.kind != "get" and x.place]
    found = [f"two writes have one place: {x}"
             for x in writes if any(y is not x and y.place == x.place
                                    for y in writes)]
    ended = sorted((x for x in history if x.kind == "get"
                    or (x.outcome == "done" and x.place)),
                   key=lambda x: x.end)
    newest, newest_was, at = NOTHING, None, 0
    places = {id(x): x.place for x in writes}
    for x in sorted(ended, key=lambda x: x.begin):
        while at < len(ended) and ended[at].end < x.begin:
            place = places.get(id(ended[at]))
            if place and place > newest:
                newest, newest_was = place, ended[at]
            at += 1
        if x.kind == "get":
            place, fault = place_of_get(x, puts, history, newest)
            if fault:
                found.append(fault)
            if not place:
                continue
            places[id(x)] = place
        place = places[id(x)]
        if place < newest or (x.kind != "get" and place == newest):
            found.append(f"{x}, place {place}, began after place {newest} was "
                         f"there ({newest_was})")
    return found


def place_of_get(x, puts, history, newest):
    """What it has seen, if that can be told, and what was wrong with it. Of
    several possible places the least, which binds later ones least."""
    if x.text is None:
        return place_of_absence(x, history, newest)
    put = puts.get(x.text)
    if not put:
        return None, f"never put: {x}"
    if put.outcome == "refused":
        return None, f"refused, and read: {x}"
    if put.begin > x.end:
        return None, f"read before it was put: {x}"
    return put.place, None


def place_of_absence(x, history, newest):
    if newest == NOTHING:
        return NOTHING, None
    deletes = [y for y in history if y.kind == "delete" and y.begin < x.end]
    possible = [y.place for y in deletes if y.place and y.place >= newest]
    # One whose outcome nobody knows may be what it has seen.
    if any(y.outcome == "unknown" for y in deletes):
        return None, None
    if not possible:
        return None, (f"nothing was read after place {newest} was there: {x}; "
                      f"deletions: {[str(y) for y in deletes]}")
    return min(possible), None


def settled(x, place):
    """An unknown write of which it is known later: done, or None: never."""
    return dataclasses.replace(x, outcome="done" if place else "refused",
                               place=place, end=math.inf)
