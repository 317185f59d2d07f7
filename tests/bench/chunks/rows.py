"""The table: what is measured, beside what, and what it must be."""

import dataclasses
import fnmatch

# Ours, by the settings it runs with.
DURABLE, MEMORY, TLS = "durable", "memory", "tls"


@dataclasses.dataclass(frozen=True)
class Bound:
    """At least, or at most, `factor`: of the figure `of` (the "reference", or
    a peer), or as it is."""
    least: bool
    factor: float
    of: str = ""

    def limit(self, found):
        """The number to keep, or None where `of` was not measured; `found`
        gives the medians beside ours by name."""
        if not self.of:
            return self.factor
        other = found.get(self.of)
        return None if other is None else other * self.factor

    def kept(self, value, limit):
        return value >= limit if self.least else value <= limit

    def text(self, limit, show):
        """What is promised; `show` prints a number."""
        sign = "≥" if self.least else "≤"
        if not self.of:
            return f"{sign} {show(limit)}"
        return (f"{sign} {self.factor:g} × {self.of} "
                + ("(not measured)" if limit is None else f"= {show(limit)}"))


def least(factor, of=""):
    return Bound(True, factor, of)


def most(factor, of=""):
    return Bound(False, factor, of)


@dataclasses.dataclass(frozen=True)
class Row:
    key: str              # For --only.
    what: str
    unit: str
    phase: str
    figure: str           # Among those of the phase.
    bounds: tuple
    mode: str = DURABLE
    reference: str = ""   # A figure of references.py.
    peer: bool = True     # Peers have the same figure; none has another word.
    peer_phase: str = ""  # Theirs, where it is not the same.
    tls: bool = False     # Measured with stream.tls on, too: half must remain.

    @property
    def peer_figure(self):
        return (self.figure.replace(self.phase, self.peer_phase, 1)
                if self.peer_phase else self.figure)

    @property
    def reference_part(self):
        return self.reference.split(".")[0]


def _data(key, what, unit, *bounds, figure=None, **more):
    """A row of the phase that the key begins with."""
    phase = key.split(".")[0]
    return Row(key, what, unit, phase, figure or phase, bounds, **more)


def _fault(key, what, writer, reader, **more):
    """Both stalls; and what failed, for which a stall is no excuse."""
    return tuple(
        Row(f"{key}.{figure}", text, unit, key, figure, (most(limit),), **more)
        for figure, text, unit, limit in (
            ("writer", f"{what}: a writer waits", "s", writer),
            ("reader", f"{what}: a reader waits", "s", reader),
            ("failed", f"{what}: operations fail", "", 0)))


# 0.8 of the relay is above what CephFS (0.53 of it) and RADOS (0.78) reached,
# where all were measured together.
ROWS = (
    _data("write.durable", "write a large file, durable", "MiB/s",
          least(0.8, "reference"), reference="relay_durable", tls=True),
    _data("write.memory", "write a large file, memory", "MiB/s",
          least(0.65, "reference"), least(3, "moosefs"), mode=MEMORY,
          reference="relay"),
    _data("write.durable.cpu", "CPU per GiB written, durable", "s", most(4),
          figure="write.cpu", reference="relay_durable.cpu"),
    _data("write.memory.cpu", "CPU per GiB written, memory", "s", most(4),
          figure="write.cpu", mode=MEMORY, reference="relay.cpu"),
    _data("read", "read a large file, verified", "MiB/s",
          least(0.6, "reference"), least(1, "gfapi"), reference="sendfile",
          tls=True),
    _data("read.cpu", "CPU per GiB read", "s", most(1.2), figure="read.cpu",
          reference="sendfile.cpu"),
    _data("rand4k", "random 4 KiB reads, 1 client", "/s", least(8_000),
          reference="round_trip", tls=True),
    _data("rand4k.p50", "random 4 KiB reads, p50", "µs", most(110),
          figure="rand4k.p50"),
    _data("create1.durable", "1 KiB files created, 1 at once, durable", "/s",
          least(1_200), tls=True),
    _data("create8.durable", "1 KiB files created, 8 at once, durable", "/s",
          least(3_000), tls=True),
    _data("create1.memory", "1 KiB files created, 1 at once, memory", "/s",
          least(2_000), mode=MEMORY),
    _data("create8.memory", "1 KiB files created, 8 at once, memory", "/s",
          least(5_000), mode=MEMORY),
    _data("read-small1", "1 KiB files read, 1 at once", "/s", least(4_000),
          tls=True),
    _data("read-small8", "1 KiB files read, 8 at once", "/s", least(12_000),
          tls=True),
    _data("touch8", "empty files created, 8 at once, durable", "/s",
          least(12_000)),
    _data("stat8x1", "stat, 8 connections, one in flight each", "/s",
          least(20_000)),
    _data("stat8x32", "stat, 8 connections, 32 in flight each", "/s",
          least(50_000), peer_phase="stat8x1"),
    _data("list", "list a large directory", "entries/s", least(2e6)),
    _data("append1", "100-byte appends, durable, 1 writer", "/s",
          least(1_200), reference="sync.rate", tls=True),
    _data("append8", "100-byte appends to one file, 8 writers", "/s",
          least(5_000), tls=True),
    _data("append8.bad", "100-byte appends lost, doubled or torn", "", most(0),
          figure="append8.bad"),
    *_fault("kill.replica", "kill -9 of a replica", 0.25, 0.05),
    *_fault("kill.primary", "kill -9 of the primary", 0.25, 0.05,
            peer_phase="kill.replica"),
    *_fault("stop.replica", "SIGSTOP of a replica", 4, 0.3),
    *_fault("stop.primary", "SIGSTOP of the primary", 4, 0.3,
            peer_phase="stop.replica"),
    # A reader waits for "none": for no longer than when a replica is killed.
    *_fault("kill.master", "kill -9 of the master, restarted", 6, 0.05,
            peer=False),
    Row("repair.starts", "kill -9 of 1 of 4: first copy begins after", "s",
        "repair", "starts", (most(0.5),)),
    Row("repair.rate", "kill -9 of 1 of 4: lost copies made again at", "MiB/s",
        "repair", "rate", (least(1, "moosefs"),)),
    Row("restart", "stat after a restart of the master with many files", "s",
        "many", "restart", (most(5),), peer=False),
    Row("rss.master", "memory of the master, per file", "B", "many", "slope",
        (most(300),), peer=False),
    Row("rss.chunkserver", "memory of a chunkserver under load", "MiB",
        "memory", "chunkserver", (most(300),), peer=False),
    Row("rss.client", "memory of a client, per transfer", "MiB", "memory",
        "client", (most(64),), peer=False),
)


def chosen(patterns):
    """The rows whose keys match, or begin with, one of the patterns."""
    return [x for x in ROWS if not patterns or any(
        fnmatch.fnmatchcase(x.key, p) or x.key.startswith(p + ".")
        for p in patterns)]
