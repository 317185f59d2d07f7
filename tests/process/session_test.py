#!/usr/bin/env python3
"""How commands find a master that is stopped, and contacts that are not what
they were, on real processes (SPEC S7, S11, M2)."""

import json
import socket
import subprocess
import time
import unittest

import harness
from harness import wait_for


def contacts(cluster, *addresses):
    """A client's configuration with those contacts."""
    config = cluster["store-1"].client_config()
    text = config.read_text()
    lines = [f"contacts = {json.dumps(list(addresses))}"
             if line.startswith("contacts") else line
             for line in text.splitlines()]
    made = config.with_name("contacts.toml")
    made.write_text("\n".join(lines) + "\n")
    return made


def stream(node):
    return f"{node.address}:{node.ports['stream']}"


def verb(config, *arguments):
    return subprocess.run([str(harness.binary()), *arguments, "--config",
                           str(config)], capture_output=True, text=True,
                          check=False, timeout=60)


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(
            [("master", "introducer,master"), ("store-1", "chunkserver"),
             ("store-2", "chunkserver")])
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.start(30)
        cls.config = contacts(cls.cluster, stream(cls.cluster["store-1"]))
        wait_for(lambda: verb(cls.config, "ls", "/").returncode == 0, 30,
                 lambda: verb(cls.config, "ls", "/").stderr)

    def test_a_stopped_master_is_waited_for(self):  # SPEC S7
        master = self.cluster["master"]
        master.pause()
        try:
            asked = subprocess.Popen(
                [str(harness.binary()), "mkdir", "/waited", "--config",
                 str(self.config)], stderr=subprocess.PIPE, text=True)
            began = time.monotonic()
            wait_for(lambda: time.monotonic() > began + 2, 10, "two seconds")
            self.assertIsNone(asked.poll())
        finally:
            master.resume()
        _, told = asked.communicate(timeout=30)
        self.assertEqual(asked.returncode, 0, told)

    def test_a_stopped_master_has_done_nothing(self):  # SPEC S11
        master = self.cluster["master"]
        master.pause()
        try:
            done = verb(self.config, "mkdir", "/never")
        finally:
            master.resume()
        # It was never told: that is certain, and the words say who was asked.
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("master", done.stderr)
        wait_for(lambda: verb(self.config, "ls", "/").returncode == 0, 30,
                 lambda: verb(self.config, "ls", "/").stderr)
        self.assertNotIn("never", verb(self.config, "ls", "/").stdout)

    def test_one_good_contact_is_enough(self):  # SPEC M2
        holes = []
        for _ in range(6):  # They take connections and say nothing.
            hole = socket.socket()
            self.addCleanup(hole.close)
            hole.bind(("127.0.0.1", 0))
            hole.listen(64)
            holes.append("127.0.0.1:%d" % hole.getsockname()[1])
        dead = harness.free_ports(1)[0]
        config = contacts(self.cluster, *holes, f"127.0.0.1:{dead}",
                          stream(self.cluster["store-2"]))
        done = verb(config, "ls", "/")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
