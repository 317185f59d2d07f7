#!/usr/bin/env python3
"""The disk of a file server goes back to an older state, as by a snapshot of
its volume: what was acknowledged since is neither lost nor hidden, and the
server is filled again from the others. SPEC V3, V7, G12"""

import shutil
import sys
import tempfile
import time
import unittest

from harness import wait_for
from versions import VersionCluster, settings

SECONDS = 3


class Rollback(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(VersionCluster(
            extra=settings(groups=2) + '[volumes]\nreserve = "1MiB"\n'))
        self.client = self.cluster.client
        self.place = self.enterContext(
            tempfile.TemporaryDirectory(prefix="dfsnode-test-"))

    def put(self, text):
        self.client.put("/docs/a", text.encode())
        return text

    def cat(self, *options):
        return self.client.run_bytes("cat", "/docs/a", *options, check=False)

    def log(self, node):
        return (node.dir / "node.log").read_text(errors="replace")

    def roll_back(self, node):
        shutil.rmtree(node.dir / "data")
        shutil.copytree(f"{self.place}/older", node.dir / "data")

    def test_after_a_restart_of_all(self):
        old, other, away = self.cluster.servers
        self.put("first")
        self.assertEqual(old.stop(), 0)
        shutil.copytree(old.dir / "data", f"{self.place}/older")
        old.start()
        self.cluster.wait_until_served(30)
        # From here on with the one that goes back, and one other.
        away.kill()
        # The master writes down once a second how far a server is.
        begin = time.monotonic()
        while time.monotonic() < begin + SECONDS:
            newest = self.put(f"at {time.monotonic()}")
        for node in (old, other, self.cluster["master"]):
            node.kill()
        self.roll_back(old)
        for node in (self.cluster["master"], old, away):
            node.start()
        wait_for(lambda: "went back to an older state" in self.log(old), 30,
                 lambda: self.log(old)[-2000:], 0.1)
        said = self.cat("--timeout", "5s")
        self.assertEqual((said.returncode, said.stdout), (3, b""), said.stderr)
        other.start()
        self.cluster.wait_until_served(60)
        self.assertEqual(self.cat().stdout, newest.encode())
        # It has all again: each of the others may go.
        for node in (other, away):
            node.kill()
            wait_for(lambda: self.cat("--timeout", "5s").stdout
                     == newest.encode(), 30,
                     lambda: str(self.cat("--timeout", "1s")), 0.2)
            node.start()
            self.cluster.wait_until_served(60)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
