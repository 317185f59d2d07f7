#!/usr/bin/env python3
"""Chunked files on one machine: a master and three chunkservers, beside other
file systems and the machine's own limits in the same run. Ends with 0 if all
bounds are kept, with 1 if one is missed, with 3 if there is nothing to judge.
docs/benchmarks.md explains the rows."""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import signal
import sys
import time

import bench  # Makes tests/process importable.
from chunks.ours import Ours
from chunks.report import Line, table
from chunks.rows import ROWS, chosen
from chunks.run import Run, say
from chunks.scratch import Scratch
from chunks.workload import QUICK, Workload
from peers.glusterfs import GlusterFS, WithoutFuse
from peers.moosefs import MooseFS

PEERS = {"moosefs": (MooseFS,), "glusterfs": (GlusterFS, WithoutFuse)}


class Interrupted(BaseException):
    """No `Exception`: nobody but `main` reacts to it."""


def interrupt(number, _):
    # Once: cleaning up is not to be interrupted.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def parse():
    parser = argparse.ArgumentParser(
        prog="./dev bench chunks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5,
                        help="median of so many [5]")
    parser.add_argument("--only", default="", metavar="ROW,…",
                        help="rows by name, beginning or pattern (--rows)")
    parser.add_argument("--rows", action="store_true",
                        help="print the names of the rows, and end")
    parser.add_argument("--peers", default="moosefs", metavar="NAME,…",
                        help="of moosefs, glusterfs; none [moosefs]")
    parser.add_argument("--without-ours", action="store_true",
                        help="peers and references only")
    parser.add_argument("--size", type=int, metavar="MIB",
                        help="of the large file [1024]")
    parser.add_argument("--quick", action="store_true",
                        help="one round of little of everything: does it run?")
    parser.add_argument("--dir", help="on the disk to be measured [TMPDIR]")
    parser.add_argument("--json", metavar="FILE",
                        help="write everything there, too")
    parser.add_argument("--dfsnode", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1 or (arguments.size or 1) < 1:
        parser.error("at least one round, at least one MiB")
    names = [x for x in arguments.peers.split(",") if x != "none"]
    for name in names:
        if name not in PEERS:
            parser.error(f"no peer is named {name!r}")
    arguments.peers = [x for name in names for x in PEERS[name]]
    if arguments.quick:
        arguments.rounds = 1
    arguments.only = chosen([x for x in arguments.only.split(",") if x])
    if not arguments.only:
        parser.error("no row has such a name; --rows prints them")
    return arguments


def workload(arguments):
    work = QUICK if arguments.quick else Workload()
    return dataclasses.replace(work, size=arguments.size or work.size)


def able(peers):
    """Those of `peers` that can run here; says of the others why not."""
    found = []
    for peer in peers:
        why = peer.missing()
        if why:
            say(f"without {peer.name}: {why}")
        else:
            found.append(peer)
    return found


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text("utf-8")
    models = {x.split(":", 1)[1].strip() for x in text.splitlines()
              if x.startswith("model name")}
    return {"cores": os.cpu_count(), "processor": ", ".join(sorted(models)),
            "kernel": platform.release(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def write_json(path, lines, run, arguments, work):
    samples = {f"{system} {phase}": [
        {**{k: v for k, v in dataclasses.asdict(x).items() if k != "text"},
         "noisy": x.noisy} for x in found]
        for (system, phase), found in run.results.samples.items() if found}
    pathlib.Path(path).write_text(json.dumps({
        "when": time.strftime("%FT%TZ", time.gmtime()), "machine": machine(),
        "rounds": arguments.rounds, "workload": dataclasses.asdict(work),
        "rows": [x.as_json() for x in lines], "samples": samples,
        "failures": run.results.failures}, indent=1) + "\n", "utf-8")


def report(arguments, run, work):
    """Prints the table; returns the exit status."""
    lines = [Line(x, run.results) for x in arguments.only]
    print(table(lines, run.results.peers))
    for failure in run.results.failures:
        print("failed:", failure)
    if arguments.json:
        write_json(arguments.json, lines, run, arguments, work)
    verdicts = [x.verdict() for x in lines]
    if any(x.startswith("MISSED") for x in verdicts):
        return 1
    return 3 if all(x == "–" for x in verdicts) else 0


def measure(arguments, run):
    """Returns why it could not begin, or None."""
    with Scratch(arguments.dir) as scratch:
        # Copies, those of one server more, references.
        needed = 8 * run.work.size << 20
        if scratch.free() < needed:
            return f"{scratch.dir} has less than {needed >> 20} MiB free"
        if scratch.kind() in ("tmpfs", "ramfs"):
            say(f"{scratch.dir} is in memory, where syncing means nothing; "
                "name a directory on a disk with --dir")
        run.rounds(arguments.rounds)
    return None


def main():
    arguments = parse()
    if arguments.rows:
        print(*(f"{x.key:22} {x.what}" for x in ROWS), sep="\n")
        return 0
    work = workload(arguments)
    programs = pathlib.Path(arguments.dfsnode).resolve().parent
    os.environ["DFSNODE"] = str(programs / "dfsnode")
    why = Ours.missing(programs)
    if why and not arguments.without_ours:
        say(f"without our own: {why}")
    run = Run(arguments.only, work, programs, able(arguments.peers),
              own=not why and not arguments.without_ours)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    try:
        why = measure(arguments, run)
    except Interrupted as signalled:
        say(f"{signalled}; this is what was found until then")
        report(arguments, run, work)
        return 130
    if why:
        print(f"bench chunks: {why}", file=sys.stderr)
        return 2
    return report(arguments, run, work)


if __name__ == "__main__":
    sys.exit(main())
