#!/usr/bin/env python3
"""Chunkservers that reach the master and the clients, and not each other: one
server or one pair that is cut off stops writes for less than 4 s, nothing is
lost, `explain` says why a chunk has fewer copies, and it heals. SPEC G7"""

import json
import sys
import time
import unittest

import netns
from chunks import DEEP, ChunkCluster, Client, settings
from harness import wait_for

NO_NETWORK = netns.missing()
# entry, master, store-1 .. store-4, and one host for clients.
STORES, CLIENT = (2, 3, 4, 5), 6
CUT = 9.0  # Longer than a write may wait, with all that follows it.
GAP = 4.0
# The promise is about these times, not about those of the other tests.
TIMES = settings(heartbeat="500ms", node_lease="3s", chunk_lease="60s",
                 successor_timeout="1s")
SMALL, LARGE = 4096, 256 * 1024  # Sent to all at once, and down the chain.


def both_ways(one, others):
    return {one: list(others), **{x: [one] for x in others}}


class Writes(unittest.TestCase):
    """What the cases have in common."""

    def setUp(self):
        self.network = self.enterContext(netns.Network(7))
        self.cluster = self.enterContext(ChunkCluster(
            addresses=self.network.addresses,
            prefixes=[self.network.prefix(i) for i in range(6)],
            extra=TIMES + '[volumes]\nreserve = "1MiB"\n'))
        self.client = Client(self.cluster, self.network.prefix(CLIENT))

    def row(self, path):
        told = self.client.verb("explain", path, "--json").stdout
        return json.loads(told)[0]

    def host(self, name):
        return STORES[int(name.removeprefix("store-")) - 1]

    def replicas(self, path):
        """Hosts: the primary, then the others."""
        row = self.row(path)
        names = [x if isinstance(x, str) else x["server"]
                 for x in row["replicas"]]
        others = [x for x in names if x != row["primary"]]
        return [self.host(x) for x in (row["primary"], *others)]

    def write_through(self, deaf, path, size):
        """Writes while that cut lasts; the longest one, and what was written
        last."""
        self.network.cut(deaf)
        end, longest, turn = time.monotonic() + CUT, 0.0, 0
        while time.monotonic() < end:
            turn += 1
            block = bytes([turn % 256]) * size
            began = time.monotonic()
            self.client.write(path, 0, block)
            longest = max(longest, time.monotonic() - began)
        return longest, block

    def try_cut(self, what, choose, size=SMALL):
        """`choose` makes a cut of the hosts that have the chunk."""
        path = f"/{what.replace(' ', '-')}"
        self.client.put(path, b"i" * size)
        self.client.write(path, 0, b"0" * size)
        hosts = self.replicas(path)
        longest, block = self.write_through(choose(*hosts), path, size)
        print(f"{what}: {longest:.1f} s", flush=True)
        self.assertLess(longest, GAP, what)
        self.network.heal()
        self.cluster.wait_until_healthy(60)
        self.assertEqual(self.client.get(path), block)


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class OneServer(Writes):
    def test_the_others_go_on(self):
        self.try_cut("a secondary", lambda first, second, third: both_ways(
            third, [x for x in STORES if x != third]))
        self.try_cut("the primary", lambda first, second, third: both_ways(
            first, [x for x in STORES if x != first]))
        self.try_cut("a deaf secondary", lambda first, second, third: {
            second: [x for x in STORES if x != second]})


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class OnePair(Writes):
    def test_the_others_go_on(self):
        self.try_cut("primary and secondary", lambda first, second, third:
                     both_ways(first, [third]))
        self.try_cut("two secondaries", lambda first, second, third:
                     both_ways(second, [third]), LARGE)


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class Datagrams(Writes):
    def test_their_loss_costs_no_lease(self):
        """Between the master and everybody else, for longer than it takes to
        declare it dead: gossip hints, leases decide."""
        self.client.put("/file", b"i" * SMALL)
        master = 1
        self.network.cut(both_ways(master, (0, *STORES)), "udp")
        known = self.cluster.current(self.cluster["store-1"])
        self.assertIn("master", known)
        end, longest, turn = time.monotonic() + 2 * CUT, 0.0, 0
        while time.monotonic() < end:
            began = time.monotonic()
            turn += 1
            self.client.put(f"/file-{turn}", b"%d" % turn * SMALL)
            longest = max(longest, time.monotonic() - began)
        self.assertNotIn("master",
                         self.cluster.current(self.cluster["store-1"]))
        self.assertLess(longest, 1)
        self.network.heal()
        self.cluster.wait_until_whole(15)
        for i in (1, turn):
            self.assertEqual(self.client.get(f"/file-{i}"), b"%d" % i * SMALL)


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class OneWay(Writes):
    """The datagrams of a server pass and its connections do not, or the
    reverse: `status` tells which. SPEC S9"""

    def findings(self, code):
        return [x["what"] for x in self.cluster.status()["findings"]
                if x["code"] == code]

    def wait_until_told(self, code, name, there):
        wait_for(lambda: any(name in x for x in self.findings(code)) == there,
                 40, lambda: self.cluster.verb("status", check=False).stdout)

    def test_is_told(self):
        for protocol, code in (("udp", "DATAGRAMS_LOST"),
                               ("tcp", "CONNECTION_LOST")):
            with self.subTest(protocol):
                others = [x for x in range(6) if x != STORES[0]]
                self.network.cut(both_ways(STORES[0], others), protocol)
                self.wait_until_told(code, "store-1", True)
                self.network.heal()
                self.wait_until_told(code, "store-1", False)
                self.cluster.wait_until_whole(15)


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class Deaf(unittest.TestCase):
    """One of five hears nobody, by datagrams or connections, for 20 s, or for
    ten minutes with DFS_DEEP=1. SPEC M2, M5, S9"""

    def test_costs_the_others_nothing(self):
        with netns.Network(6) as network, ChunkCluster(
                3, addresses=network.addresses[:5],
                prefixes=[network.prefix(i) for i in range(5)],
                extra=TIMES + '[volumes]\nreserve = "1MiB"\n') as cluster:
            client = Client(cluster, network.prefix(5))
            before = cluster.current(cluster["master"])
            network.cut({4: [x for x in range(6) if x != 4]})
            refused, longest, turn = [], 0.0, 0
            end = time.monotonic() + (600 if DEEP else 20)
            while time.monotonic() < end:
                began = time.monotonic()
                turn += 1
                done = client.put(f"/file-{turn}", b"%d" % turn * SMALL,
                                  check=False)
                longest = max(longest, time.monotonic() - began)
                if done.returncode != 0:
                    refused.append((turn, done.stderr))
            network.heal()
            healed = time.monotonic()
            cluster.wait_until_whole(6)
            took = time.monotonic() - healed
            after = cluster.current(cluster["master"])
            print(f"deaf: {turn} puts, {len(refused)} refused, the longest "
                  f"took {longest:.1f} s; whole {took:.1f} s after",
                  flush=True)
            self.assertEqual(refused, [])
            self.assertLess(longest, 2 * GAP)
            del before["store-3"], after["store-3"]
            self.assertEqual(before, after, "somebody else rejoined")
            cluster.wait_until_healthy(60)
            for i in (1, turn):
                self.assertEqual(client.get(f"/file-{i}"), b"%d" % i * SMALL)


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class Reason(Writes):
    def test_is_told(self):
        """With three servers no other one can take a copy."""
        self.cluster["store-4"].kill()
        self.cluster.wait_until_replicated(30)
        path = "/reason"
        self.client.put(path, b"i" * SMALL)
        self.client.write(path, 0, b"0" * SMALL)
        first, second, third = self.replicas(path)
        self.network.cut(both_ways(third, [first, second]))
        self.client.write(path, 0, b"1" * SMALL)
        wait_for(lambda: "did not reach" in self.client.verb(
            "explain", path).stdout, 10,
            lambda: self.client.verb("explain", path).stdout)
        self.network.heal()
        self.cluster.wait_until_replicated(60)
        self.assertNotIn("did not reach",
                         self.client.verb("explain", path).stdout)
        self.assertEqual(self.client.get(path), b"1" * SMALL)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
