#!/usr/bin/env python3
"""Producers and consumers while servers and clients are killed, stopped, cut
off and restarted: everything acknowledged comes out exactly once and in order.
SPEC Q2, Q4, Q5, Q6, Q7, Q8, Q10

Some faults are tried here, others with another DFS_SEED; DFS_DEEP=1 tries
more."""

import random
import unittest

import netns
from harness import Node, wait_for
from queues import DEEP, SEED, Clients, QueueCluster

NO_NETWORK = netns.missing()
ROUNDS = 20 if DEEP else 3
SOME = 60


class Faults(unittest.TestCase):
    def judge(self, cluster, clients):
        cluster.wait_until_primary(60)
        self.assertEqual(clients.finish(), [])
        wait_for(lambda: len(set(cluster.states().values())) == 1, 20,
                 cluster.states)

    def one_at_a_time(self, seed, strike, mend):
        chance = random.Random(seed)
        with QueueCluster() as cluster, Clients(cluster) as clients:
            clients.wait_for_some(SOME)
            for _ in range(ROUNDS):
                victim = chance.choice(cluster.servers)
                strike(victim)
                clients.wait_for_some(SOME)
                mend(victim)
                cluster.wait_until_primary(60)
                clients.wait_for_some(SOME)
            self.judge(cluster, clients)

    def test_servers_are_killed(self):
        self.one_at_a_time(SEED, Node.kill, Node.start)

    def test_servers_are_stopped(self):
        self.one_at_a_time(SEED + 1, Node.pause, Node.resume)

    def test_clients_are_killed(self):
        with QueueCluster() as cluster, Clients(cluster) as clients:
            for _ in range(ROUNDS):
                clients.wait_for_some(SOME)
                clients.processes[-1].kill()
                clients.processes[-1].wait()
                clients.start_one()
            clients.wait_for_some(SOME)
            self.judge(cluster, clients)

    def test_power_cut_of_all(self):
        with QueueCluster() as cluster, Clients(cluster, timeout=60) as clients:
            for _ in range(ROUNDS):
                clients.wait_for_some(SOME)
                for x in cluster.servers:
                    x.kill()
                for x in cluster.servers:
                    x.start()
                cluster.wait_until_primary(60)
            clients.wait_for_some(SOME)
            self.judge(cluster, clients)


class Hosts(unittest.TestCase):
    """Each server is a host of its own, clients are on another."""

    servers = 3
    settings = ""

    def setUp(self):
        if NO_NETWORK:
            self.skipTest(f"needs network namespaces: {NO_NETWORK}")
        count = self.servers + 2
        self.network = self.enterContext(netns.Network(count))
        self.cluster = QueueCluster(
            servers=self.servers, settings=self.settings,
            addresses=self.network.addresses,
            prefixes=[self.network.prefix(i) for i in range(count)])
        self.cluster.where = self.network.prefix(count - 1)
        self.enterContext(self.cluster)

    def serving(self, *servers):
        """These are the primary, and nobody else is."""
        names = [f"files-{x}" for x in servers]
        wait_for(lambda: self.cluster.primary() == names, 30,
                 self.cluster.primary)

    def judge(self, clients):
        self.cluster.wait_until_primary(60)
        self.assertEqual(clients.finish(), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)


class Majority(Hosts):
    def test_cuts(self):
        with Clients(self.cluster) as clients:
            clients.wait_for_some(SOME)
            sides = [([1], [2, 3]), ([2], [1, 3]), ([3], [1, 2])]
            for small, large in (sides if DEEP else sides[:2]):
                self.network.split(small, large)
                self.serving(*large)
                clients.wait_for_some(SOME)
                self.network.heal()
                self.cluster.wait_until_primary(60)
            self.network.split([1], [2], [3])
            self.serving()
            self.network.heal()
            self.judge(clients)

    def test_loss(self):
        with Clients(self.cluster) as clients:
            for i in range(1, 4):
                self.network.lose(i, 20)
            clients.wait_for_some(SOME * 5, 120)
            for i in range(1, 4):
                self.network.nft(i, "delete table inet lose\n")
            self.judge(clients)


class HighestId(Hosts):
    settings = 'primary = "highest-id"\n'

    def test_cuts(self):
        with Clients(self.cluster) as clients:
            clients.wait_for_some(SOME)
            self.network.split([1, 2], [3])
            self.serving(3)
            clients.wait_for_some(SOME)
            self.network.heal()
            self.cluster.wait_until_primary(60)
            self.network.split([1], [2, 3])
            self.serving(2, 3)
            clients.wait_for_some(SOME)
            self.network.heal()
            self.judge(clients)


class HighestIdLiteral(Hosts):
    settings = 'primary = "highest-id-literal"\n'

    def test_both_sides_serve_and_one_is_discarded(self):
        queue = self.cluster.value("qcreate", "jobs")
        self.cluster.verb("qpush", queue, 1)
        self.network.split([1], [2, 3])
        self.serving(1, 2, 3)
        low, high = self.cluster.servers[0], self.cluster.servers[2]
        wait_for(lambda: len(self.cluster.group(low)["members"]) == 1, 20,
                 "it does not go on alone")
        self.cluster.at(low, "qpush", queue, 100)
        self.cluster.at(high, "qpush", queue, 200)
        self.network.heal()
        self.cluster.wait_until_primary(60)
        told = self.cluster.verb("qpop", queue, "--count", 9).stdout.split()
        self.assertEqual(told, ["1", "200"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
