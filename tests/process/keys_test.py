#!/usr/bin/env python3
"""A key of tokens is replaced while clients work: SIGHUP brings it to every
port of every server. SPEC O4"""

import os
import shutil
import signal
import unittest

from chunks import Client, settings as chunk_settings
from harness import Cluster, run, wait_for
from versions import settings as version_settings


class Rotation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster(
            [("entry", "introducer,master")]
            + [(f"both-{i + 1}", "chunkserver,fileserver") for i in range(3)],
            extra=chunk_settings() + version_settings()
            + '[volumes]\nreserve = "1MiB"\n'))
        cls.cluster.start(30)
        cls.client = Client(cls.cluster)
        wait_for(lambda: cls.client.verb("status", check=False).returncode == 0,
                 40, lambda: cls.client.verb("status", check=False).stdout, 0.2)
        cls.client.verb("mkdir", "--class", "versioned", "/docs")

    def roll_out(self, step):
        """As an operator does, by what `cluster rotate-key` says."""
        said = run("cluster", "rotate-key", "--dir", self.cluster.ca, "--which",
                   "token", "--step", step).stdout
        self.assertIn("SIGHUP", said)
        for node in self.cluster.nodes.values():
            shutil.copy(self.cluster.ca / "token.key", node.dir / "bundle")
            log = node.dir / "node.log"
            before = log.read_text().count("logs and keys reloaded")
            os.kill(node.pid, signal.SIGHUP)
            wait_for(lambda: log.read_text().count("logs and keys reloaded")
                     > before, 5, log.read_text)

    def test_a_token_key_is_rotated_without_a_restart(self):
        for step in ("add", "use", "retire"):
            self.roll_out(step)
            with self.subTest(step=step):
                for path in (f"/chunked-{step}", f"/docs/{step}"):
                    self.client.put(path, step.encode() * 1000)
                    self.assertEqual(self.client.get(path),
                                     step.encode() * 1000)
        # Servers speak to servers with it, too: one that was away catches up.
        away = self.cluster["both-3"]
        away.stop()
        self.client.put("/docs/use", b"changed")
        away.start()
        wait_for(lambda: self.client.verb("status", check=False).returncode == 0,
                 40, lambda: self.client.verb("status", check=False).stdout,
                 0.2)
        self.cluster["both-1"].stop()
        self.assertEqual(self.client.get("/docs/use"), b"changed")


if __name__ == "__main__":
    unittest.main()
