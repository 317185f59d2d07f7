#!/usr/bin/env python3
"""Versioned files on servers whose wall clocks jump, by an hour and by ten
years, both ways: times of files may be wrong, their order is not, nothing is
lost, and no lease depends on it. SPEC V2, V4"""

import random
import sys
import time
import unittest

from chunks import DEEP, SEED
from clocks import HOUR, LIBRARY, YEAR, Clock
from versions import History, VersionCluster, content_of

# Ten years away no certificate holds: a server is as good as gone then. An hour
# back a master gives out tokens that are over: nothing goes until it is right.
JUMPS = [("server", HOUR), ("server", -HOUR), ("server", 10 * YEAR),
         ("server", -10 * YEAR), ("master", HOUR), ("master", -HOUR)]
STOPS = ("master", -HOUR)
TRIED = JUMPS * 3 if DEEP else random.Random(SEED).sample(JUMPS, 4)


class JumpingCluster(VersionCluster):
    def start(self, seconds=30):
        self.clocks = {x.name: Clock(x) for x in self.nodes.values()
                       if x.roles in ("fileserver", "master")}
        return super().start(seconds)


@unittest.skipUnless(LIBRARY, "needs libfaketime")
class Jumps(unittest.TestCase):
    def test_one_clock_at_a_time(self):
        chosen = random.Random(SEED + 1)
        with JumpingCluster() as cluster:
            kept = {f"/docs/kept-{i}": content_of(f"kept {i}", 900 << i)
                    for i in range(10)}
            for path, text in kept.items():
                cluster.client.put(path, text)
            with History(cluster, "/docs/jumps", deleters=1, pause=0.02,
                         timeout="10s") as history:
                for role, seconds in TRIED:
                    name = (role if role == "master"
                            else chosen.choice(cluster.servers).name)
                    history.wait_for_some("put", 30, "clocks are right")
                    cluster.clocks[name].jump(seconds)
                    history.inject(f"{name} jumps by {seconds} s")
                    if (role, seconds) == STOPS:
                        time.sleep(2)
                    else:
                        history.wait_for_some("put", 30, f"{name} is wrong")
                        history.wait_for_some("get", 30, f"{name} is wrong")
                    self.live_on(cluster)
                    cluster.clocks[name].jump(0)
                    history.inject(f"{name} is right again")
                    cluster.wait_until_served(60)
            print(history.path, history.summary(), flush=True)
            self.assertEqual(history.faults(), [])
            for path, text in kept.items():
                self.assertEqual(cluster.client.get(path), text, path)

    def live_on(self, cluster):
        """Nobody is declared failed for a clock."""
        for node in cluster.nodes.values():
            self.assertTrue(node.runs(), node.name)
        failed = [x for x in cluster.groups() if x["phase"] == "lost"]
        self.assertEqual(failed, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
