#!/usr/bin/env python3
"""The namespace of a master whose wall clock jumps by ten years: nothing that
is deleted by its age goes, and a request that is repeated has its effect once.
SPEC S7, G12"""

import json
import unittest

from chunks import ChunkCluster, settings
from clocks import LIBRARY, YEAR, Clock
from harness import wait_for
from metrics_test import fetch

DECADE = 10 * YEAR
EXTRA = settings(trash_life="30m") + '[volumes]\nreserve = "1MiB"\n'


class JumpingCluster(ChunkCluster):
    def start(self, seconds=30):
        self.clock = Clock(self["master"])
        return super().start(seconds)


@unittest.skipUnless(LIBRARY, "needs libfaketime")
class NamespaceClock(unittest.TestCase):
    def setUp(self):
        self.cluster = JumpingCluster(stores=3, extra=EXTRA)
        self.cluster.__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.client = self.cluster.client

    def jumped(self):
        """As the master sees it: seconds. Monitoring needs no certificate."""
        _, page = fetch(self.cluster["master"], "/metrics")
        for line in page.splitlines():
            if line.startswith("dfs_clock_jump_seconds "):
                return float(line.split()[1])
        return 0.0

    def trash(self):
        listed = self.cluster.verb("trash", "ls", "--json").stdout
        return [x["path"] for x in json.loads(listed)]

    def codes(self):
        """While the clock is wrong: is the jump told?"""
        told = self.cluster.status()
        return [x["code"] for x in told["findings"]] if told else []

    def there_and_back(self, seconds):
        """Until garbage has been collected in the wrong time: the figure is
        written by the tick after that. A client finds no master meanwhile,
        since no certificate holds for ten years."""
        self.cluster.clock.jump(seconds)
        wait_for(lambda: abs(self.jumped()) > DECADE / 2, 20, self.jumped)
        self.cluster.clock.jump(0)
        wait_for(lambda: self.jumped() == 0, 20, self.jumped)
        self.cluster.wait_until_healthy(60)

    def move(self, check=True):
        return self.cluster.verb("mv", "--request-id", "4711", "/from", "/to",
                                 check=check)

    def test_a_jump_deletes_nothing(self):
        self.client.put("/kept", b"what is in the trash")
        self.cluster.verb("rm", "/kept")
        self.client.put("/from", b"the first")
        self.move()
        # A move that acted twice would take this one, too.
        self.client.put("/from", b"the second")
        for seconds in (DECADE, -DECADE, DECADE):
            self.there_and_back(seconds)
            self.move()
            self.assertEqual(self.client.get("/to"), b"the first")
            self.assertEqual(self.client.get("/from"), b"the second")
            self.assertEqual(self.trash(), ["/kept"])
            self.cluster["master"].kill()
            self.cluster["master"].start()
            self.cluster.wait_until_healthy(60)
        self.move()
        self.assertEqual(self.client.get("/from"), b"the second")
        self.cluster.verb("trash", "restore", "/kept")
        self.assertEqual(self.client.get("/kept"), b"what is in the trash")

    def test_status_tells(self):
        # Not so far that certificates and tokens are refused for good.
        self.cluster.clock.jump(2 * 3600)
        wait_for(lambda: self.jumped() > 3600, 20, self.jumped)
        wait_for(lambda: "CLOCK_JUMPED" in self.codes(), 20, self.codes)
        self.cluster.clock.jump(0)
        wait_for(lambda: self.jumped() == 0, 20, self.jumped)
        self.cluster.wait_until_healthy(60)


if __name__ == "__main__":
    unittest.main()
