#!/usr/bin/env python3
"""Membership of real processes: crashes, pauses, splits, introducers, with and
without loss. SPEC M1, M2, M4, M5, M7"""

import os
import signal
import sys
import time
import unittest

import netns
from harness import Cluster, wait_for

FIVE = [("node-1", "introducer"), ("node-2", "master")] + [
    (f"node-{i}", "chunkserver") for i in (3, 4, 5)]
NO_NETWORK = netns.missing()


def failures(cluster):
    return [(x.name, y.name, y.cause) for x in cluster.nodes.values()
            for y in x.membership_log() if y.change == "fail"]


def detected(cluster, member_id, observers):
    """Times at which each observer logged the failure; None if one has not."""
    seen = [[y.time for y in x.membership_log()
             if y.change == "fail" and y.id == member_id] for x in observers]
    return [x[0] for x in seen] if all(seen) else None


class OnLoopback(unittest.TestCase):
    def test_a_pause_of_two_seconds_is_no_death(self):  # SPEC M5
        with Cluster(FIVE) as cluster:
            cluster.start()
            for name in ("node-2", "node-5", "node-1"):
                node = cluster[name]
                os.kill(node.pid, signal.SIGSTOP)
                # The pause is what is tested.
                time.sleep(2)
                os.kill(node.pid, signal.SIGCONT)
                time.sleep(3)
            self.assertEqual(failures(cluster), [])
            cluster.wait_until_whole(1)

    def test_a_long_pause_is_a_death_and_its_victim_comes_back(self):
        # SPEC M5
        with Cluster(FIVE) as cluster:
            cluster.start()
            node = cluster["node-4"]
            others = [x for x in cluster.nodes.values() if x is not node]
            old = cluster.current(others[0])["node-4"]
            os.kill(node.pid, signal.SIGSTOP)
            wait_for(lambda: detected(cluster, old, others), 7, "no verdict")
            os.kill(node.pid, signal.SIGCONT)
            cluster.wait_until_whole(10)
            new = cluster.current(others[0])["node-4"]
            self.assertNotEqual(new, old)  # SPEC M1
            self.assertIsNone(node.process.poll())

    def test_three_crashes_at_once(self):  # SPEC M4
        with Cluster(FIVE) as cluster:
            cluster.start()
            gone = [cluster[x] for x in ("node-3", "node-4", "node-5")]
            rest = [cluster[x] for x in ("node-1", "node-2")]
            ids = cluster.current(rest[0])
            at = min(x.kill() for x in gone)
            for node in gone:
                times = wait_for(
                    lambda n=node: detected(cluster, ids[n.name], rest), 8,
                    lambda: failures(cluster))
                self.assertLess(min(times) - at, 5)
                self.assertLess(max(times) - at, 6)

    def test_introducers_come_and_go(self):  # SPEC M2
        nodes = [("node-1", "introducer"), ("node-2", "introducer"),
                 ("node-3", "chunkserver")]
        with Cluster(nodes) as cluster:
            cluster.start()  # Two introducers started together are one group.
            cluster["node-1"].kill()
            wait_for(lambda: "node-1" not in cluster.current(
                cluster["node-3"]), 7, "node-1 is still listed")
            cluster["node-3"].stop()
            cluster["node-3"].start()  # By the introducer that is left.
            cluster.wait_until_whole(10)
            cluster["node-1"].start()  # Rejoins the group; founds no other.
            cluster.wait_until_whole(10)

    def test_a_second_master_is_refused(self):
        nodes = [("node-1", "introducer"), ("node-2", "master"),
                 ("node-3", "master")]
        with Cluster(nodes) as cluster:
            cluster["node-1"].start()
            cluster["node-2"].start()
            cluster.wait_until_whole(15)
            second = cluster["node-3"].start()
            self.assertEqual(second.process.wait(15), 2)
            text = (second.dir / "node.log").read_text()
            self.assertIn("node-2", text.splitlines()[-1])
            self.assertEqual(set(cluster.current(cluster["node-1"])),
                             {"node-1", "node-2"})

    def test_the_log_tells_joins_leaves_and_failures(self):  # SPEC M7
        with Cluster(FIVE[:3]) as cluster:
            cluster.start()
            self.assertEqual(cluster["node-3"].stop(), 0)
            wait_for(lambda: "node-3" not in cluster.current(
                cluster["node-1"]), 4, "no leave")
            lines = [x for x in cluster["node-1"].membership_log()
                     if x.name == "node-3"]
            self.assertEqual([x.change for x in lines], ["join", "leave"])
            self.assertEqual(lines[0].id, lines[1].id)
            self.assertTrue(all(x.cause for x in lines))


@unittest.skipIf(NO_NETWORK, f"needs network namespaces: {NO_NETWORK}")
class OnANetwork(unittest.TestCase):
    def cluster_on(self, network, nodes):
        return Cluster(nodes, network.addresses,
                       [network.prefix(i) for i in range(len(nodes))])

    def test_crashes_are_seen_in_time_with_a_tenth_lost(self):  # SPEC M4
        for nodes in (FIVE[:2], FIVE):
            with self.subTest(nodes=len(nodes)), \
                    netns.Network(len(nodes), 10) as network, \
                    self.cluster_on(network, nodes) as cluster:
                cluster.start(30)
                self.assertEqual(failures(cluster), [])
                victim = cluster[nodes[-1][0]]
                others = [x for x in cluster.nodes.values()
                          if x is not victim]
                old = cluster.current(others[0])[victim.name]
                at = victim.kill()
                times = wait_for(
                    lambda: detected(cluster, old, others), 8,
                    lambda: failures(cluster))
                self.assertLess(min(times) - at, 5)
                self.assertLess(max(times) - at, 6)
                victim.start()
                cluster.wait_until_whole(10)

    def test_a_split_group_merges_by_itself(self):  # SPEC M2
        with netns.Network(5) as network, \
                self.cluster_on(network, FIVE) as cluster:
            cluster.start(30)
            small, large = (0, 2), (1, 3, 4)
            network.split(small, large)
            names = [x for x, _ in FIVE]
            sides = [{names[i] for i in x} for x in (small, large)]
            wait_for(lambda: all(
                set(cluster.current(cluster[x])) == side
                for side in sides for x in side), 15,
                lambda: {x.name: list(cluster.current(x))
                         for x in cluster.living()})
            network.heal()
            cluster.wait_until_whole(20)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
