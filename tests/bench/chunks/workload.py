"""How much of everything, and the phases of one run in their order."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    size: int = 1024          # MiB of the large file.
    reads: int = 5_000        # Random ones of 4 KiB.
    files: int = 5_000        # Of 1 KiB, for each of 1 and 8 clients.
    empty: int = 10_000       # Empty files.
    stats: int = 50_000       # Requests of our own driver, over those files.
    listed: int = 100_000     # Entries of the directory that is listed.
    appends: int = 2_000      # Records, for each of 1 and 8 writers.
    many: int = 1_000_000     # Files a master is restarted with.
    many_from: int = 100_000  # Where the slope of its memory begins.


# Everything once through, in little time: the figures are worth nothing.
QUICK = Workload(size=64, reads=500, files=200, empty=500, stats=2_000,
                 listed=2_000, appends=100, many=20_000, many_from=10_000)


@dataclasses.dataclass(frozen=True)
class Phase:
    name: str
    verb: str              # Of the drivers.
    clients: int = 1
    in_flight: int = 1     # Requests of each, where a client can do that.
    makes: str = ""        # Files that a later phase
    uses: str = ""         # uses.
    cold: bool = False     # Clients have nothing cached.


PHASES = {x.name: x for x in (
    Phase("write", "write", makes="large"),
    Phase("read", "read", uses="large", cold=True),
    Phase("rand4k", "rand4k", uses="large", cold=True),
    Phase("create1", "create", makes="small1"),
    Phase("read-small1", "read-small", uses="small1", cold=True),
    Phase("create8", "create", 8, makes="small8"),
    Phase("read-small8", "read-small", 8, uses="small8", cold=True),
    Phase("stat8x1", "stat", 8, uses="small8", cold=True),
    Phase("stat8x32", "stat", 8, 32, uses="small8", cold=True),
    Phase("touch8", "touch", 8),
    Phase("list", "list", cold=True),
    Phase("append1", "append"),
    Phase("append8", "append", 8),
)}


def with_needs(names):
    """The phases `names` and those whose files they use, in order."""
    used = {PHASES[x].uses for x in names if x in PHASES} - {""}
    return [x.name for x in PHASES.values()
            if x.name in names or x.makes and x.makes in used]


FAULTS = ("kill.replica", "kill.primary", "stop.replica", "stop.primary",
          "kill.master")
