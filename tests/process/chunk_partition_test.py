#!/usr/bin/env python3
"""Nodes that cannot hear each other, both ways or one way: no two primaries, no
stale read, nothing lost, and it heals by itself. SPEC G4, G6

Some cuts are tried here, others with another DFS_SEED; DFS_DEEP=1 tries all."""

import random
import sys
import unittest

import netns
from chunks import DEEP, LEASE, SEED, ChunkCluster, Client, History

NO_NETWORK = netns.missing()
# entry, master, store-1 .. store-4, and one host for clients.
MASTER, STORES, CLIENT = 1, (2, 3, 4, 5), 6
LOAD = {"writers": 4, "readers": 4, "appenders": 4, "putters": 2, "movers": 1,
        "timeout_ms": 20_000}


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class Partition(unittest.TestCase):
    def run_cuts(self, case, seed, cuts):
        """`cuts` are (what, {host: hosts it no longer hears})."""
        with netns.Network(7) as network, \
                ChunkCluster(addresses=network.addresses,
                             prefixes=[network.prefix(i) for i in range(6)]) \
                as cluster:
            client = Client(cluster, network.prefix(CLIENT))
            with History(cluster, case, seed, client, **LOAD) as history:
                chosen = cuts * 5 if DEEP else random.Random(SEED).sample(
                    cuts, 3)
                for what, deaf in chosen:
                    history.let_run(0.5)
                    network.cut(deaf)
                    history.injected(f"cut {what}")
                    history.let_run(2 * LEASE)
                    network.heal()
                    cluster.wait_until_whole(30)
                    if DEEP:
                        cluster.wait_until_healthy(60)
                history.finish()
            cluster.wait_until_healthy(60)

    def test_both_ways(self):
        store, rest = STORES[0], [x for x in range(7) if x != STORES[0]]
        self.run_cuts("cut-both", 11, [
            ("a store from all",
             {store: rest, **{x: [store] for x in rest}}),
            ("a store from the master",
             {store: [MASTER], MASTER: [store]}),
            ("the master from all stores",
             {MASTER: STORES, **{x: [MASTER] for x in STORES}}),
            ("two stores from each other",
             {STORES[1]: [STORES[2]], STORES[2]: [STORES[1]]}),
            ("clients from a store",
             {CLIENT: [STORES[3]], STORES[3]: [CLIENT]}),
            ("half of the stores from the others",
             {**{x: STORES[2:] for x in STORES[:2]},
              **{x: STORES[:2] for x in STORES[2:]}})])

    def test_one_way(self):
        self.run_cuts("cut-one-way", 12, [
            ("a store is deaf for the master", {STORES[0]: [MASTER]}),
            ("the master is deaf for a store", {MASTER: [STORES[1]]}),
            ("a store is deaf for stores",
             {STORES[2]: [x for x in STORES if x != STORES[2]]}),
            ("a store is deaf for clients", {STORES[3]: [CLIENT]}),
            ("clients are deaf for a store", {CLIENT: [STORES[0]]}),
            ("stores are deaf for a store",
             {x: [STORES[1]] for x in STORES if x != STORES[1]})])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
