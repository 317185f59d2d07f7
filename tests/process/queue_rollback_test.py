#!/usr/bin/env python3
"""The disk of a queue server goes back to an older state, its mark with it:
what was acknowledged since comes out, once and in order, and no primary is
formed with the vote of the server that has forgotten it. SPEC Q4, Q5, Q10"""

import shutil
import tempfile
import time
import unittest

from harness import wait_for
from metrics_test import fetch
from queue_history_test import SOME
from queues import Clients, QueueCluster

WENT_BACK = "the log went back to an older state"


class Rollback(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(QueueCluster())
        self.place = self.enterContext(
            tempfile.TemporaryDirectory(prefix="dfsnode-test-"))
        self.clients = self.enterContext(Clients(self.cluster, timeout=60))
        self.clients.wait_for_some(SOME)
        self.other, self.neighbour, self.victim = self.cluster.servers
        self.assertEqual(self.victim.stop(), 0)
        shutil.copytree(self.victim.dir / "data", f"{self.place}/older")
        self.victim.start()
        self.cluster.wait_until_primary(30, 3)
        self.clients.wait_for_some(SOME)

    def roll_back(self):
        shutil.rmtree(self.victim.dir / "data")
        shutil.copytree(f"{self.place}/older", self.victim.dir / "data")
        self.victim.start()

    def log(self):
        return (self.victim.dir / "node.log").read_text(errors="replace")

    def comes_back(self):
        self.cluster.wait_until_primary(60, 3)
        self.clients.wait_for_some(SOME)
        self.assertEqual(self.clients.finish(), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)
        self.assertEqual(self.log().count(WENT_BACK), 1)

    def test_while_the_others_go_on(self):
        self.victim.kill()
        self.clients.wait_for_some(SOME)
        self.roll_back()
        # The others have formed a configuration without it: it has no vote
        # there, and joins like a server that was away for long.
        self.cluster.wait_until_primary(60, 3)
        self.clients.wait_for_some(SOME)
        self.assertEqual(self.clients.finish(), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)

    def test_with_one_who_may_lack_something(self):
        # Both at once: the neighbour has no time to form a configuration with
        # one of them.
        last = self.cluster.group(self.neighbour)["configuration"]
        self.other.kill()
        self.victim.kill()
        self.roll_back()
        wait_for(lambda: WENT_BACK in self.log(), 30,
                 lambda: self.log()[-2000:], 0.1)
        # The neighbour hears only after 0.8 s that the other one is dead.
        wait_for(lambda: self.cluster.primary() == [], 5, self.cluster.primary)
        for _ in range(5):
            self.assertEqual(self.cluster.primary(), [])
            self.assertEqual(
                self.cluster.group(self.neighbour)["configuration"], last)
            time.sleep(1)
        for _, why in [(0, self.cluster.group(self.victim)["why_not"]),
                       fetch(self.victim, "/readyz?verbose")]:
            self.assertIn("went back to an older state", why)
            self.assertIn(f"not here: server 1 ({self.other.name})", why)
        self.other.start()
        self.comes_back()


if __name__ == "__main__":
    unittest.main(verbosity=2)
