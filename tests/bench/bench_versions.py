#!/usr/bin/env python3
"""Versioned files on one machine: a master and three servers, N3 W2 R2,
durable; large ones beside a chunked file of the same size in the same run.
Ends with 0 if all bounds are kept, with 1 if one is missed.
docs/benchmarks.md explains the rows."""

import argparse
import json
import pathlib
import statistics
import sys
import time

import bench  # Makes tests/process importable.
import harness
from bounds import report, say
from chunks import repair, stall
from chunks.machine import run_driver

DRIVER = "dfs-chunk_bench"
PLACE = "/bench/versions"
LARGE = "/bench/chunked"

# What, unit, figure, bound, and whether less is better.
ROWS = (
    ("put 64 KiB, 1 client", "/s", "put1", 500, False),
    ("put 64 KiB, 8 clients", "/s", "put8", 1_500, False),
    ("get 64 KiB, 1 client", "/s", "get1", 2_000, False),
    ("get 64 KiB, 8 clients", "/s", "get8", 6_000, False),
    ("put a large file, of a chunked one", "×", "put.large", 0.9, False),
    ("get a large file, of a chunked one", "×", "get.large", 0.9, False),
    ("get-versions of 5 × 1 MiB, p50", "ms", "history", 15, True),
    ("kill -9 of a file server: a writer waits", "s", "kill.writer", 0.5, True),
    ("kill -9 of a file server: a reader waits", "s", "kill.reader", 0.5, True),
    ("kill -9 of a file server: reads fail", "", "kill.failed", 0, True),
    ("SIGSTOP of a file server: a writer waits", "s", "stop.writer", 4, True),
    ("SIGSTOP of a file server: a reader waits", "s", "stop.reader", 4, True),
    ("SIGSTOP of a file server: reads fail", "", "stop.failed", 0, True),
    ("repair begins after proven death", "s", "repair.starts", 0.5, True),
    ("repair of 1,000 × 256 KiB is complete after the crash", "s",
     "repair.all", 10, True),
)


class Servers:
    """A cluster that ends with the block."""

    def __init__(self, arguments, count):
        self.arguments = arguments
        nodes = [("master", "introducer,master")] + [
            (f"server-{i + 1}", "chunkserver,fileserver")
            for i in range(count)]
        ending = ["setpriv", "--pdeathsig", "KILL"]
        self.cluster = harness.Cluster(nodes, prefixes=[ending] * len(nodes))
        for node in self.cluster.nodes.values():
            text = node.config.read_text("utf-8")
            tls = "true" if arguments.tls else "false"
            node.config.write_text(
                text.replace("[stream]\n", f"[stream]\ntls = {tls}\n"),
                "utf-8")

    def __enter__(self):
        try:
            self.cluster.start(30)
            self.master = self.cluster["master"]
            harness.wait_for(self._takes_files, 60, lambda: self.why)
        except BaseException as error:
            self.cluster.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)

    def _takes_files(self):
        made = self.master.verb("mkdir", "-p", "--class", "versioned", PLACE,
                                check=False)
        put = self.master.verb("put", "--timeout", "2s", __file__,
                               f"{PLACE}/first", check=False)
        chunk = self.master.verb("put", "-p", "-f", "--timeout", "2s", __file__,
                                 f"{LARGE}/first", check=False)
        self.why = made.stderr + put.stderr + chunk.stderr
        return put.returncode == 0 and chunk.returncode == 0

    def command(self, verb, *more, place=PLACE):
        driver = harness.binary(DRIVER)
        return [driver, verb, "--config", self.master.client_config(),
                "--dir", place, "--size", self.arguments.size, *more]

    def run(self, verb, *more, place=PLACE):
        pids = [x.pid for x in self.cluster.living()]
        return run_driver(self.command(verb, *more, place=place), pids).values

    def servers(self):
        return [x for x in self.cluster.nodes.values() if x is not self.master]


def rates(found, arguments):
    with Servers(arguments, 3) as all_of_them:
        for clients in (1, 8):
            more = ("--files", arguments.files, "--file-size", 65536,
                    "--clients", clients)
            found[f"put{clients}"] = all_of_them.run(
                "put-versions", *more)["put-versions"]
            found[f"get{clients}"] = all_of_them.run(
                "get-versions", *more)["get-versions"]
        found["history"] = all_of_them.run("history", "--files",
                                           50)["history.p50"]
        for _ in range(3):  # In turn: what disturbs one disturbs the other.
            for verb, chunked in (("put", "write"), ("get", "read")):
                ours = all_of_them.run(f"{chunked}-version")
                theirs = all_of_them.run(chunked, place=LARGE)
                found.setdefault(f"{verb}.versioned", []).append(
                    ours[f"{chunked}-version"])
                found.setdefault(f"{verb}.chunked", []).append(theirs[chunked])
        for verb in ("put", "get"):
            found[f"{verb}.large"] = (
                statistics.median(found[f"{verb}.versioned"])
                / statistics.median(found[f"{verb}.chunked"]))


def faults(found, arguments):
    for how in ("kill", "stop"):
        with Servers(arguments, 3) as all_of_them:
            commands = {
                "writer": all_of_them.command("stall-putter"),
                "reader": all_of_them.command("stall-getter", "--files", 64,
                                              "--file-size", 65536)}
            victim = all_of_them.servers()[0]  # Leads a third of the groups.
            stalls = stall.watch(
                commands, victim.kill if how == "kill" else victim.pause, 10.0)
            if how == "stop":
                victim.resume()
            for name, value in stalls.items():
                found[f"{how}.{name}"] = value


def proven(master, name):
    """When the failure of a member came into the master's list, or None."""
    lines = [x for x in master.membership_log()
             if x.change == "fail" and x.name == name]
    return lines[-1].time if lines else None


def repairs(found, arguments):
    count, size = arguments.repaired, 256 * 1024
    with Servers(arguments, 4) as all_of_them:
        all_of_them.run("put-versions", "--once", "--files", count,
                        "--file-size", size, "--clients", 8)
        servers = all_of_them.servers()
        victim, others = servers[0], servers[1:]
        places = [x.dir / "data/versions" for x in others]

        def held():
            return sum(map(repair.bytes_under, places))

        def healed():
            told = json.loads(
                all_of_them.master.verb("store", "--json").stdout)
            up = [x for x in told if x["state"] == "up"]
            return (sum(x["files"] for x in up) >= 3 * (count + 1)
                    and all(x["missing"] == 0 for x in up))

        before = held()
        killed = victim.kill()
        first = None
        end = time.time() + 60
        while time.time() < end:
            if first is None and held() - before > size:
                first = time.time()
            if first is not None and healed():
                break
            time.sleep(0.02)
        found["repair.all"] = time.time() - killed
        known = proven(all_of_them.master, victim.name)
        if first is not None and known is not None:
            found["repair.starts"] = max(0.0, first - known)


def show_large(found, size):
    for verb in ("put", "get"):
        if f"{verb}.versioned" in found:
            print(f"{verb} of {size} MiB, MiB/s: versioned",
                  *(f"{x:.0f}" for x in found[f"{verb}.versioned"]),
                  "chunked",
                  *(f"{x:.0f}" for x in found[f"{verb}.chunked"]))


def main():
    parser = argparse.ArgumentParser(
        prog="./dev bench versions", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("rates", "faults", "repair"),
                        help="a part of it")
    parser.add_argument("--files", type=int, default=2_000,
                        help="small ones, for each of 1 and 8 clients [2000]")
    parser.add_argument("--size", type=int, default=256, metavar="MIB",
                        help="of the large file [256]")
    parser.add_argument("--repaired", type=int, default=1_000,
                        help="files that are repaired [1000]")
    parser.add_argument("--tls", action="store_true",
                        help="file bytes with TLS, too")
    arguments = bench.parse(parser)
    if not harness.binary(DRIVER).exists():
        parser.error(f"no {DRIVER} beside {pathlib.Path(harness.binary())}")
    found = {}
    for name, part in (("rates", rates), ("faults", faults),
                       ("repair", repairs)):
        if arguments.only in (None, name):
            say(name)
            part(found, arguments)
    status = report(ROWS, found, arguments.json)
    if not arguments.json:
        show_large(found, arguments.size)
    return status


if __name__ == "__main__":
    sys.exit(main())
