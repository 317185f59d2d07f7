#!/usr/bin/env python3
"""Servers join while files are put: groups move to them, and puts go on.
SPEC V2, V6

DFS_MOVE_MIB says how much is there before [64]; DFS_MOVE_GROUPS in how many
groups [2]. The longest time in which no put of a group was answered is
printed."""

import contextlib
import json
import os
import time
import unittest

from harness import Beside, wait_for
from versions import VersionCluster, settings

MIB = 1 << 20
AMOUNT = int(os.environ.get("DFS_MOVE_MIB", "64"))
GROUPS = int(os.environ.get("DFS_MOVE_GROUPS", "2"))
PIECE = 8  # MiB
GAP = 2.0  # Seconds.
WITHIN = 60 + AMOUNT // 8  # Seconds.


def mix(x):
    """As in core/versions/group_placement."""
    mask = (1 << 64) - 1
    x = (x + 0x9e3779b97f4a7c15) & mask
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & mask
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & mask
    return x ^ (x >> 31)


class MoveCluster(VersionCluster):
    """Six file servers, three of which are started later."""

    def __init__(self):
        super().__init__(
            servers=6, extra=settings(groups=GROUPS, silent_after="1500ms")
            + '[volumes]\nreserve = "1MiB"\n')
        self.newcomers = self.servers[3:]

    def start(self, seconds=15):
        for node in self.nodes.values():
            if node not in self.newcomers:
                node.start()
        wait_for(lambda: self.verb("members", check=False).returncode == 0,
                 seconds, "nobody lists the members")
        return self

    def sets(self):
        return {x["group"]: set(x["servers"]) for x in self.groups()}

    def stores(self):
        """Their ids, and whose they are."""
        told = json.loads(self.verb("status", "--json", check=False).stdout)
        return {int(x["store"], 16): x["server"] for x in told["fileservers"]}

    def all_here(self):
        return len(self.stores()) == len(self.servers)

    def rightful(self):
        """The servers with the best right to each group."""
        stores = self.stores()
        return {group: {stores[x] for x in sorted(
            stores, key=lambda x, g=group: mix(mix(g) ^ x))[-3:]}
            for group in range(GROUPS)}

    def told(self):
        """Where groups are and belong, and what the master did."""
        log = (self["master"].dir / "node.log").read_text(errors="replace")
        return "\n".join([
            self.verb("groups", check=False).stdout, str(self.rightful()),
            *[x for x in log.splitlines() if " version-directory " in x][-40:]])

    def fill(self, piece):
        for i in range(AMOUNT // PIECE):
            self.client.run_bytes("put", "-", f"/docs/large-{i}", input=piece)

    def paths(self):
        """A file of each group."""
        found = {}
        for i in range(200):
            path = f"/docs/small-{i}"
            self.client.put(path, b"the first\n")
            told = json.loads(self.verb("explain", path, "--json").stdout)
            found.setdefault(told["group"], path)
            if len(found) == GROUPS:
                return list(found.values())
        raise AssertionError(f"only {len(found)} groups have files")


class Puts(Beside):
    """Small puts to a file, one after another."""

    def __init__(self, cluster, path):
        super().__init__()
        self.cluster, self.path = cluster, path
        self.answered, self.failures, self.last = [], [], b""

    def work(self):
        while not self.over.is_set():
            words = b"some words, %d\n" % len(self.answered)
            done = self.cluster.client.put(self.path, words, check=False)
            if done.returncode == 0:
                self.answered.append(time.monotonic())
                self.last = words
            else:
                self.failures.append(done.stderr)

    def longest_gap(self):
        return max(y - x for x, y in zip(self.answered, self.answered[1:]))


class Moves(unittest.TestCase):
    def test_three_join_three(self):
        for _ in range(3):  # Once in 400 times nobody has a better right.
            with MoveCluster() as cluster:
                if self.moves(cluster):
                    return
        self.fail("three clusters in which no group had to move")

    def moves(self, cluster):
        piece = os.urandom(PIECE * MIB)
        cluster.fill(piece)
        before = cluster.sets()
        with contextlib.ExitStack() as running:
            puts = [running.enter_context(Puts(cluster, path))
                    for path in cluster.paths()]
            began = time.monotonic()
            for node in cluster.newcomers:
                node.start()
            wait_for(cluster.all_here, 20, "the newcomers do not register")
            if cluster.rightful() == before:
                return False
            wait_for(lambda: cluster.sets() == cluster.rightful(), WITHIN,
                     cluster.told)
            took = time.monotonic() - began
        gaps = [x.longest_gap() for x in puts]
        print(f"{AMOUNT} MiB, {before} became {cluster.sets()} within "
              f"{took:.1f} s; {sum(len(x.answered) for x in puts)} puts, the "
              f"longest gaps {', '.join(f'{x:.2f}' for x in gaps)} s",
              flush=True)
        self.assertEqual([y for x in puts for y in x.failures], [])
        self.assertLess(max(gaps), GAP)
        cluster.wait_until_served(30)
        for i in range(AMOUNT // PIECE):
            self.assertEqual(cluster.client.get(f"/docs/large-{i}"), piece)
        for x in puts:
            self.assertEqual(cluster.client.get(x.path), x.last)
        return True


if __name__ == "__main__":
    unittest.main(verbosity=2)
