#!/usr/bin/env python3
"""Queues on one machine: rates, latencies, faults; beside etcd and Redis from
Debian in the same run. Ends with 0 if all bounds are kept, with 1 if one is
missed. docs/benchmarks.md explains the rows."""

import argparse
import json
import subprocess
import sys
import time

import bench  # Makes tests/process importable.
import netns
from bounds import report, say
from chunks.machine import figures_of
from harness import binary, quantile, wait_for
from queue_peers import multicast, references
from queues import QueueCluster

# What, unit, figure, bound (None: for comparison), and whether less is better.
ROWS = (
    ("memory, n = 3, 50 sessions", "/s", "memory3", 20_000, False),
    ("memory, n = 5, 50 sessions", "/s", "memory5", 10_000, False),
    ("durable, n = 3, 1 client", "/s", "durable1", None, False),
    ("durable, n = 3, 8 clients", "/s", "durable8", None, False),
    ("durable, n = 3, 64 clients", "/s", "durable64", None, False),
    ("etcd, n = 3, 1 client", "/s", "etcd1", None, False),
    ("etcd, n = 3, 8 clients", "/s", "etcd8", None, False),
    ("etcd, n = 3, 64 clients", "/s", "etcd64", None, False),
    ("durable, 1 client, of etcd", "×", "of.etcd1", 1.6, False),
    ("durable, 8 clients, of etcd", "×", "of.etcd8", 2.5, False),
    ("durable, 64 clients, of etcd", "×", "of.etcd64", 2, False),
    ("Redis alone, LPUSH synced, 64 clients", "/s", "redis.push", None, False),
    ("Redis alone, RPOP synced, 64 clients", "/s", "redis.pop", None, False),
    ("one client, memory, p50", "ms", "one.p50", 0.5, True),
    ("one client, memory, p99", "ms", "one.p99", 3, True),
    ("first operation after 2 s of silence, p99", "ms", "silence.p99", 5,
     True),
    ("20 % loss both ways, of the lossless rate", "%", "loss.rate", 20, False),
    ("20 % loss both ways, p99", "ms", "loss.p99", 250, True),
    ("20 % loss: lost, doubled, misordered", "", "loss.wrong", 0, True),
    ("server killed under load: longest gap, p99", "s", "kill.gap", 1.5, True),
    ("server killed: lost, doubled, misordered", "", "kill.wrong", 0, True),
    ("rejoin with 100,000 items", "s", "rejoin", 5, True),
    ("rejoin: longest pause of the group", "ms", "rejoin.pause", 200, True),
    ("multicast alone, 1,300 bytes, n = 3", "/s", "raw", None, False),
    ("Corosync's process groups, the same", "/s", "corosync", None, False),
    ("multicast alone, of Corosync", "×", "of.corosync", 1, False),
)


def driver(cluster, *arguments):
    return [*cluster.where, str(binary("dfs-queue_bench")), "--config",
            str(cluster.user), *map(str, arguments)]


def measure(cluster, *arguments, timeout=900):
    """Figures of one run; `violations` among them."""
    done = subprocess.run(driver(cluster, *arguments), capture_output=True,
                          text=True, timeout=timeout, check=False)
    found = figures_of(done.stdout)
    if "violations" not in found:
        raise RuntimeError(f"dfs-queue_bench: {done.stdout}{done.stderr}")
    if done.stderr:
        say(done.stderr.strip())
    return found


class Load:
    """A driver that goes on until told to end; asked for gaps meanwhile."""

    def __init__(self, cluster, *arguments):
        self.process = subprocess.Popen(
            driver(cluster, "--commands", *arguments), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(2)
        self.gap()

    def gap(self):
        """Longest time without an answer since the last call, in ms."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return figures_of(self.process.stdout.readline())["gap"]

    def end(self):
        told, _ = self.process.communicate(timeout=120)
        return figures_of(told)


def memory(found, arguments):
    for count in (3, 5):
        with QueueCluster(count, 'durability = "memory"\n') as cluster:
            rates = [measure(cluster, "--sessions", 50, "--lanes",
                             arguments.lanes, "--seconds",
                             arguments.seconds)["rate"] for _ in range(3)]
            say(f"memory, n = {count}: {rates}")
            found[f"memory{count}"] = sorted(rates)[1]
            if count == 3:
                one = measure(cluster, "--sessions", 1, "--seconds",
                              arguments.seconds)
                found["one.p50"] = one["p50"] / 1e3
                found["one.p99"] = one["p99"] / 1e3


def durable(found, arguments):
    why = references.install()
    if why:
        say(f"no etcd, no Redis: {why}")
    for clients in (1, 8, 64):
        with QueueCluster(3) as cluster:
            ours = measure(cluster, "--sessions", clients, "--seconds",
                           arguments.seconds)
        found[f"durable{clients}"] = ours["rate"]
        if why:
            continue
        with references.Etcd() as etcd:
            etcd.puts(clients, 100)
            theirs = etcd.puts(clients, 500 * min(clients, 20))
        found[f"etcd{clients}"] = theirs["rate"]
        found[f"of.etcd{clients}"] = ours["rate"] / theirs["rate"]
    if not why:
        with references.Redis() as redis:
            count = 20_000
            found["redis.push"] = redis.rate(64, count, "LPUSH", "q",
                                             "x" * 16)
            found["redis.pop"] = redis.rate(64, count, "RPOP", "q")


def silence(found, arguments):
    with QueueCluster(3, 'durability = "memory"\n') as cluster:
        told = measure(cluster, "--sessions", 1, "--pause", 2_000,
                       "--operations", arguments.silences)
        found["silence.p50"] = told["p50"] / 1e3
        found["silence.p99"] = told["p99"] / 1e3


def loss(found, arguments):
    why = netns.missing()
    if why:
        say(f"no loss: {why}")
        return
    with netns.Network(5) as network:
        cluster = QueueCluster(
            3, 'durability = "memory"\n', addresses=network.addresses,
            prefixes=[network.prefix(i) for i in range(5)])
        cluster.where = network.prefix(4)
        with cluster:
            load = ("--sessions", 50, "--lanes", arguments.lanes)
            whole = measure(cluster, *load, "--seconds", arguments.seconds)
            for i in range(1, 4):
                network.nft(i, "add table inet lose\nadd chain inet lose in "
                               "{ type filter hook input priority 0; }\n"
                               "add rule inet lose in meta l4proto udp "
                               "numgen random mod 100 < 20 drop\n")
            lossy = measure(cluster, *load, "--operations",
                            arguments.operations)
    found["loss.rate"] = 100 * lossy["rate"] / whole["rate"]
    found["loss.p99"] = lossy["p99"] / 1e3
    found["loss.wrong"] = lossy["violations"]


def kills(found, arguments):
    gaps = []
    with QueueCluster(3) as cluster:
        load = Load(cluster, "--sessions", 16)
        for i in range(arguments.kills):
            victim = cluster.servers[i % 3]
            load.gap()
            victim.kill()
            time.sleep(2.5)
            gaps.append(load.gap() / 1e3)
            victim.start()
            cluster.wait_until_primary(60, 3)
        told = load.end()
    say(f"gaps: {[round(x, 3) for x in gaps]}")
    found["kill.gap.p50"] = quantile(gaps, 0.5)
    found["kill.gap"] = quantile(gaps, 0.99)
    found["kill.wrong"] = told["violations"]
    found["kill.unknown"] = told["unknown"]


def rejoin(found, arguments):
    with QueueCluster(3) as cluster:
        load = Load(cluster, "--sessions", 50, "--depth", 2_000)

        def items():
            told = cluster.verb("queues", "--json", check=False)
            return (told.returncode == 0
                    and sum(x["items"] for x in json.loads(told.stdout)))

        wait_for(lambda: items() >= 99_000, 300, items, 1)
        victim = cluster.servers[-1]
        victim.kill()
        time.sleep(5)
        load.gap()
        began = time.monotonic()
        victim.start()
        wait_for(lambda: (x := cluster.group(victim)) and x["primary"], 60,
                 lambda: cluster.group(victim), 0.02)
        found["rejoin"] = time.monotonic() - began
        found["rejoin.pause"] = load.gap()
        load.process.kill()
        load.process.communicate()


def raw(found, arguments):
    why = netns.missing() or multicast.install()
    if why:
        say(f"no Corosync: {why}")
        return
    ours, theirs = [], []
    with netns.Network(multicast.MEMBERS) as network:
        for _ in range(3):  # In turn: what disturbs one disturbs the other.
            ours.append(multicast.ours(network, arguments.seconds))
            with multicast.Corosync(network) as corosync:
                theirs.append(corosync.rate(arguments.seconds))
    say(f"multicast {ours}, Corosync {theirs}")
    found["raw"], found["corosync"] = sorted(ours)[1], sorted(theirs)[1]
    found["of.corosync"] = found["raw"] / found["corosync"]


PHASES = {"memory": memory, "durable": durable, "silence": silence,
          "loss": loss, "kills": kills, "rejoin": rejoin, "raw": raw}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PHASES, action="append",
                        help="this part; may be repeated")
    parser.add_argument("--seconds", type=float, default=10,
                        help="of each rate [10]")
    parser.add_argument("--lanes", type=int, default=4,
                        help="requests at once of each session, in memory [4]")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--silences", type=int, default=200)
    parser.add_argument("--operations", type=int, default=100_000,
                        help="under loss [100000]")
    arguments = bench.parse(parser)
    found = {}
    for name, phase in PHASES.items():
        if not arguments.only or name in arguments.only:
            say(name)
            phase(found, arguments)
    return report(ROWS, found, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
