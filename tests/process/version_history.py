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


@dataclasses.dataclass(frozen=True)
class Zone:
    """One value, and all who wrote or read it: `first` is where the first of
    them has ended, `last` where the last of them has begun. If `first` is the
    earlier one the value was there all the time between (Gibbons and Korach:
    two such times never overlap, and nothing else happens within one)."""
    what: str
    first: float
    last: float

    @property
    def stays(self):
        return self.first < self.last

    def hides(self, other):
        """The value is there, and the other was within that time."""
        if other.stays:
            return max(self.first, other.first) < min(self.last, other.last)
        return self.first < other.last and other.first < self.last


def zone_of(what, operations):
    return Zone(what, min(ended(x) for x in operations),
                max(x.begin for x in operations))


def ended(x):
    return math.inf if x.outcome == "unknown" else x.end


def zones_of(history):
    """Of each text that was put or got. One that was put, nobody knows whether,
    counts from when it was got."""
    values = {}
    for x in history:
        if x.text is not None and x.outcome != "refused":
            values.setdefault(x.text, []).append(x)
    return [zone_of(f"'{text}'", all_of) for text, all_of in values.items()
            if any(x.outcome == "done" for x in all_of)]


def faults_in_time(history):
    """What the values that were seen say, whatever places they have."""
    zones = zones_of(history)
    alone = [zone_of(str(x), [x]) for x in history
             if x.text is None and x.outcome == "done"]
    return [f"{x.what} was there from {x.first:.3f} to {x.last:.3f}, and "
            f"between {y.what}"
            for i, x in enumerate(zones) if x.stays
            for y in zones[:i] + [z for z in zones[i + 1:] if not z.stays]
            + alone if x.hides(y)]


def faults_of_absences(absences, history):
    """Times at which nothing was read and which only deletions explain of which
    nobody knows whether they were done: each was done once at most."""
    zones = zones_of(history)
    runs = []
    for x in sorted(absences, key=lambda x: x.end):
        longer = zone_of("nothing", runs[-1] + [x]) if runs else None
        if longer and not (longer.stays
                           and any(longer.hides(y) for y in zones)):
            runs[-1].append(x)
        else:
            runs.append([x])
    begun = sorted(x.begin for x in history
                   if x.kind == "delete" and x.outcome == "unknown")
    found = []
    for needed, run in enumerate(runs, 1):
        by_then = sum(1 for begin in begun if begin < run[0].end)
        if by_then < needed:
            found.append(f"nothing was read for the {needed}. time, with "
                         f"{by_then} deletions that may have been: {run[0]}")
    return found


def faults(history):
    """What cannot be, a line each."""
    puts = {x.text: x for x in history if x.kind == "put"}
    absences = []
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
            place, fault = place_of_get(x, puts, history, newest, absences)
            if fault:
                found.append(fault)
            if not place:
                continue
            places[id(x)] = place
        place = places[id(x)]
        if place < newest or (x.kind != "get" and place == newest):
            found.append(f"{x}, place {place}, began after place {newest} was "
                         f"there ({newest_was})")
    return (found + faults_in_time(history)
            + faults_of_absences(absences, history))


def place_of_get(x, puts, history, newest, absences):
    """What it has seen, if that can be told, and what was wrong with it. Of
    several possible places the least, which binds later ones least."""
    if x.text is None:
        return place_of_absence(x, history, newest, absences)
    put = puts.get(x.text)
    if not put:
        return None, f"never put: {x}"
    if put.outcome == "refused":
        return None, f"refused, and read: {x}"
    if put.begin > x.end:
        return None, f"read before it was put: {x}"
    return put.place, None


def place_of_absence(x, history, newest, absences):
    if newest == NOTHING:
        return NOTHING, None
    deletes = [y for y in history if y.kind == "delete" and y.begin < x.end]
    possible = [y.place for y in deletes if y.place and y.place >= newest]
    # One whose outcome nobody knows may be what it has seen.
    if any(y.outcome == "unknown" for y in deletes):
        if not possible:
            absences.append(x)
        return None, None
    if not possible:
        return None, (f"nothing was read after place {newest} was there: {x}; "
                      f"deletions: {[str(y) for y in deletes]}")
    return min(possible), None


def settled(x, place):
    """An unknown write of which it is known later: done, or None: never."""
    return dataclasses.replace(x, outcome="done" if place else "refused",
                               place=place, end=math.inf)
