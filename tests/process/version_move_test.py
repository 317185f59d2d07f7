#!/usr/bin/env python3
"""Servers join while files are put: groups move to them, and puts go on.
SPEC V2, V6

DFS_MOVE_MIB says how much is there before [64]; DFS_MOVE_GROUPS in how many
groups [1]. The longest time in which no put was answered is printed."""

import os
import threading
import time
import unittest

from harness import wait_for
from versions import VersionCluster, settings

MIB = 1 << 20
AMOUNT = int(os.environ.get("DFS_MOVE_MIB", "64"))
GROUPS = int(os.environ.get("DFS_MOVE_GROUPS", "1"))
PIECE = 8  # MiB
GAP = 2.0  # Seconds.


class MoveCluster(VersionCluster):
    """Six file servers, three of which are started later."""

    def __init__(self):
        super().__init__(servers=6, extra=settings(groups=GROUPS)
                         + '[volumes]\nreserve = "1MiB"\n')
        self.newcomers = self.servers[3:]

    def start(self, seconds=15):
        for node in self.nodes.values():
            if node not in self.newcomers:
                node.start()
        wait_for(lambda: len(self.verb(
            "members", "--json", check=False).stdout or "") > 2, seconds,
                 "nobody lists the members")
        return self

    def sets(self):
        return [sorted(x["servers"]) for x in self.groups()]


class Puts:
    """Small puts, one after another, on files of their own."""

    def __init__(self, cluster, count=2):
        self.cluster, self.over = cluster, threading.Event()
        self.answered, self.failures = [], []
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(count)]

    def __enter__(self):
        for x in self.threads:
            x.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for x in self.threads:
            x.join()

    def run(self, number):
        while not self.over.is_set():
            done = self.cluster.client.run_bytes(
                "put", "-", f"/docs/small-{number}", input=b"some words\n",
                check=False)
            if done.returncode == 0:
                self.answered.append(time.monotonic())
            else:
                self.failures.append(done.stderr)

    def longest_gap(self):
        times = sorted(self.answered)
        return max(y - x for x, y in zip(times, times[1:]))


class Moves(unittest.TestCase):
    def test_three_join_three(self):
        with MoveCluster() as cluster:
            piece = os.urandom(PIECE * MIB)
            for i in range(AMOUNT // PIECE):
                cluster.client.run_bytes("put", "-", f"/docs/large-{i}",
                                         input=piece)
            before = cluster.sets()
            with Puts(cluster) as puts:
                for x in cluster.newcomers:
                    x.start()
                began = time.monotonic()
                wait_for(lambda: cluster.sets() != before
                         and cluster.served(), 120 + AMOUNT, cluster.groups)
                # Until nothing has moved for a while.
                last, since = cluster.sets(), time.monotonic()
                while time.monotonic() - since < 12:
                    time.sleep(0.5)
                    now = cluster.sets()
                    if now != last or not cluster.served():
                        last, since = now, time.monotonic()
                    self.assertLess(time.monotonic() - began, 200 + AMOUNT)
            print(f"{AMOUNT} MiB, {before} became {last}: {len(puts.answered)} "
                  f"puts, the longest gap {puts.longest_gap():.2f} s",
                  flush=True)
            self.assertEqual(puts.failures, [])
            self.assertLess(puts.longest_gap(), GAP)
            for i in range(AMOUNT // PIECE):
                self.assertEqual(cluster.client.run_bytes(
                    "cat", f"/docs/large-{i}").stdout, piece)


if __name__ == "__main__":
    unittest.main(verbosity=2)
