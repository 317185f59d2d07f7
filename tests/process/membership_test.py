#!/usr/bin/env python3
"""Membership of real processes: crashes, pauses, splits, introducers, with and
without loss. SPEC M1, M2, M4, M5, M7"""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

import disks
import netns
from harness import Cluster, wait_for

FIVE = [("node-1", "introducer"), ("node-2", "master")] + [
    (f"node-{i}", "chunkserver") for i in (3, 4, 5)]
NO_NETWORK = netns.missing()


def failures(cluster):
    return [(x.name, y.name, y.cause) for x in cluster.nodes.values()
            for y in x.membership_log() if y.change == "fail"]


FETCH = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=5)
except urllib.error.HTTPError as not_ready:
    answer = not_ready
print(answer.read().decode())
"""


def checks(node):
    """What /readyz says of the node, asked on its own host: by the name of the
    check."""
    url = f"http://127.0.0.1:{node.ports['http']}/readyz?verbose"
    done = subprocess.run([*node.where, sys.executable, "-c", FETCH, url],
                          capture_output=True, text=True, check=True)
    return {x["name"]: x for x in json.loads(done.stdout)["checks"]}


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

    def test_a_restarted_node_needs_no_introducer(self):  # SPEC M2
        with Cluster(FIVE) as cluster:
            cluster.start()
            node = cluster["node-4"]
            known = node.dir / "data/members"
            # A format, four addresses, a checksum.
            wait_for(lambda: known.exists() and len(
                known.read_text().splitlines()) == 6, 5, "no addresses")
            cluster["node-1"].kill()
            cluster.wait_until_whole(10)
            node.kill()
            node.start()
            cluster.wait_until_whole(10)
            node.kill()  # A damaged file is a help less, and no more.
            known.write_text("x" + known.read_text()[1:])
            cluster["node-1"].start()
            node.start()
            cluster.wait_until_whole(15)
            self.assertIn("what former members are known is lost",
                          (node.dir / "node.log").read_text())

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
            for name in ("node-2", "node-3"):
                self.assertIn(name, text.splitlines()[-1])
            self.assertEqual(set(cluster.current(cluster["node-1"])),
                             {"node-1", "node-2"})

    def test_a_master_with_newer_metadata_waits_for_the_death_of_the_other(
            self):  # SPEC S7
        nodes = [("node-1", "introducer"), ("node-2", "master"),
                 ("node-3", "master")]
        with Cluster(nodes) as cluster:
            entry, first, second = (cluster[x[0]] for x in nodes)
            second.env["DFSNODE_GROUP_JOIN_TIMEOUT"] = "4s"
            entry.start()

            def wait_for_members(*names):
                wait_for(lambda: set(cluster.current(entry)) == set(names), 15,
                         lambda: cluster.current(entry))

            for _ in range(2):  # Each start is a term.
                second.start()
                wait_for_members("node-1", "node-3")
                self.assertEqual(second.stop(), 0)
                wait_for_members("node-1")
            first.start()
            wait_for_members("node-1", "node-2")
            second.start()
            self.assertEqual(second.process.wait(15), 3)
            text = (second.dir / "node.log").read_text()
            self.assertIn("node-2", text.splitlines()[-1])
            wait_for_members("node-1", "node-2")
            first.kill()
            second.start()
            wait_for_members("node-1", "node-3")
            listed = json.loads(entry.verb("members", "--json").stdout)
            self.assertEqual({x["name"]: x["term"] for x in listed},
                             {"node-1": None, "node-3": 4})

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
class DiskCluster(disks.OnDisks, Cluster):
    """node-4 has a disk of its own."""

    def __init__(self):
        super().__init__(64 * disks.MIB, nodes=FIVE)

    @property
    def servers(self):
        return [self["node-4"]]


@unittest.skipIf(disks.missing(), disks.missing())
class OnADisk(unittest.TestCase):
    def test_that_hangs_acks_go_on_and_health_tells_of_it(self):
        # SPEC M4, M5, O3
        with DiskCluster() as cluster:
            cluster.start()
            node, victim = cluster["node-4"], cluster["node-5"]
            others = [cluster[f"node-{i}"] for i in (1, 2, 3)]
            old = cluster.current(node)[victim.name]
            with cluster.disks["node-4"].frozen():
                victim.kill()
                wait_for(lambda: detected(cluster, old, others), 6, "no verdict")
                # Its own line waits for the disk, and nothing waits for that.
                wait_for(lambda: victim.name not in node.members(), 6,
                         "node-4 does not hear of it")
                wait_for(lambda: "membership-log has waited" in
                         checks(node)["disks"]["reason"], 4,
                         lambda: checks(node))
                # Longer than it takes to declare a silent member dead.
                time.sleep(5)
                self.assertEqual({x[1] for x in failures(cluster)},
                                 {victim.name})
                self.assertTrue(checks(node)["gossip"]["passed"])
            wait_for(lambda: detected(cluster, old, [node]), 5, "no line")
            wait_for(lambda: not checks(node)["disks"]["reason"], 5,
                     lambda: checks(node))


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

    def test_who_hears_nobody_costs_nobody_a_life(self):  # SPEC M2, M5, O3
        with netns.Network(5) as network, \
                self.cluster_on(network, FIVE) as cluster:
            cluster.start(30)
            deaf = cluster["node-5"]
            others = [x for x in cluster.nodes.values() if x is not deaf]
            before = cluster.current(others[0])
            network.cut({4: range(4)})
            wait_for(lambda: not checks(deaf)["gossip"]["passed"], 5,
                     lambda: checks(deaf))
            time.sleep(35)  # It counts itself alone after 30 s.
            self.assertFalse(checks(deaf)["gossip"]["passed"])
            network.heal()
            cluster.wait_until_whole(10)
            after = cluster.current(others[0])
            del before[deaf.name], after[deaf.name]
            self.assertEqual(before, after)
            wait_for(lambda: checks(deaf)["gossip"]["passed"], 5,
                     lambda: checks(deaf))

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
