#!/usr/bin/env python3
"""One user against the others at the front door. SPEC S10"""

import contextlib
import re
import threading
import unittest

import frames
from harness import Cluster, page_of, run

PAGE = 400_000


def user(cluster, name, rights="reader"):
    run("cluster", "user", name, "--rights", rights, "--dir", cluster.ca,
        "--out", cluster.dir / name)
    return cluster.dir / name


class Shares(unittest.TestCase):
    def test_a_reader_that_takes_nothing(self):
        with Cluster([("node-1", "introducer,master")]) as cluster, \
                contextlib.ExitStack() as stack:
            cluster.start()
            node = cluster["node-1"]
            mallory, alice = user(cluster, "mallory"), user(cluster, "alice")
            honest = stack.enter_context(
                frames.Peer(node.ports["stream"], alice))
            text = frames.text(b"y" * PAGE)
            asked = frames.request(frames.ECHO, 7, text, honest.log_in())

            def attack():
                for peer in frames.ask_and_never_read(node, mallory, 60):
                    stack.enter_context(peer)

            attacker = threading.Thread(target=attack)
            attacker.start()
            rounds = 0
            while attacker.is_alive() or rounds < 20:
                honest.send(asked)
                self.assertEqual(honest.read(), (frames.ANSWER, 0, 7, text))
                rounds += 1
            attacker.join()
            self.assertEqual(set(node.members()), {"node-1"})
            self.assertGreater(self.closed_slow(node, "mallory"), 0)
            self.assertEqual(self.closed_slow(node, "alice"), 0)

    def closed_slow(self, node, principal):
        found = re.search(
            r"^dfs_stream_principal_refused_total\{principal=\"" + principal
            + r"\",why=\"slow\"\} (\d+)$", page_of(node, "/metrics"), re.M)
        return int(found[1]) if found else 0


if __name__ == "__main__":
    unittest.main()
