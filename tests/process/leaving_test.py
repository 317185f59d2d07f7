#!/usr/bin/env python3
"""A node has descriptors for all that may come (SPEC O7), and ends in time
whatever is held then (SPEC S6)."""

import contextlib
import json
import pathlib
import re
import signal
import time
import unittest

import frames
from harness import Cluster, page_of, wait_for
from held_thread import HeldThread


class Descriptors(unittest.TestCase):
    def limits(self, node):
        found = re.search(r"^Max open files +(\d+) +(\d+)",
                          pathlib.Path(f"/proc/{node.pid}/limits").read_text(),
                          re.M)
        return int(found[1]), int(found[2])

    def serving(self, soft, hard):
        """A node that was started with these limits: its own, and what it says
        of itself."""
        with Cluster([("node-1", "introducer")], prefixes=[
                ("prlimit", f"--nofile={soft}:{hard}")]) as cluster:
            cluster.start()
            node = cluster["node-1"]
            checks = json.loads(page_of(node, "/readyz?verbose"))
            self.assertTrue(checks["ready"])
            return self.limits(node), next(
                x for x in checks["checks"] if x["name"] == "descriptors")

    def test_the_soft_limit_is_raised(self):
        limits, check = self.serving(300, 15_000)
        self.assertEqual(limits, (15_000, 15_000))
        self.assertEqual(check.get("reason", ""), "")

    def test_too_few_are_told_of(self):
        limits, check = self.serving(300, 2_000)
        self.assertEqual(limits, (2_000, 2_000))
        self.assertTrue(check["passed"])
        self.assertIn("2000 descriptors may be open", check["reason"])


class Leaving(unittest.TestCase):
    @contextlib.contextmanager
    def going(self, drain_timeout):
        """A cluster, and a node in it that has much to send to somebody who
        takes nothing."""
        with Cluster([("node-1", "introducer"),
                      ("node-2", "master")]) as cluster:
            node = cluster["node-2"]
            config = node.config.read_text()
            config = config.replace(
                "[node]\n", f'[node]\ndrain_timeout = "{drain_timeout}"\n')
            # Who takes nothing is kept for longer than any of these tests.
            node.config.write_text(config.replace(
                "[stream]\n", '[stream]\nwrite_timeout = "5m"\n'))
            cluster.start()
            with contextlib.ExitStack() as stack:
                for peer in frames.ask_and_never_read(
                        node, cluster.dir / "admin", 4):
                    stack.enter_context(peer)
                yield cluster, node

    def expect_goodbye(self, cluster):
        wait_for(lambda: [x.change for x in cluster["node-1"].membership_log()
                          if x.name == "node-2"][-1:] == ["leave"], 5,
                 "it said no goodbye")

    def terminate(self, node):
        node.process.send_signal(signal.SIGTERM)
        return time.monotonic()

    def test_a_client_that_takes_nothing(self):
        with self.going("4s") as (cluster, node):
            begin = self.terminate(node)
            node.process.wait(10)
            self.assertLess(time.monotonic() - begin, 5.5)
            self.expect_goodbye(cluster)

    def test_a_second_signal(self):
        with self.going("60s") as (cluster, node):
            begin = self.terminate(node)
            wait_for(lambda: "this node is going" in page_of(
                node, "/readyz?verbose"), 5, "it does not drain")
            # Sooner it would be the same word, in two signals.
            wait_for(lambda: time.monotonic() > begin + 0.2, 5, "no time")
            self.assertTrue(node.runs())
            begin = self.terminate(node)
            self.assertEqual(node.process.wait(10), 1)
            self.assertLess(time.monotonic() - begin, 4)
            self.expect_goodbye(cluster)

    def test_one_word_in_two_signals(self):
        """As `timeout` sends them: to the process, and to its group."""
        with self.going("4s") as (cluster, node):
            begin = self.terminate(node)
            wait_for(lambda: not self.waits(node, signal.SIGTERM), 5,
                     "it does not take the signal")
            self.terminate(node)
            node.process.wait(10)
            # It drains for most of its time; after a second word it would not.
            self.assertGreater(time.monotonic() - begin, 1.5)
            self.expect_goodbye(cluster)

    def waits(self, node, which):
        """Whether that signal was sent, and nobody has taken it."""
        found = re.search(r"^ShdPnd:\s*(\w+)",
                          pathlib.Path(f"/proc/{node.pid}/status").read_text(),
                          re.M)
        return int(found[1], 16) >> (which - 1) & 1

    def test_a_thread_that_is_held(self):
        with self.going("4s") as (cluster, node), \
                HeldThread(node.pid, "dfs-stream") as held:
            node.process.send_signal(signal.SIGHUP)  # Waits for nothing.
            begin = self.terminate(node)
            wait_for(held.reap, 10, "it does not end")
            self.assertEqual(node.process.wait(5), 1)
            self.assertLess(time.monotonic() - begin, 5.5)
            self.expect_goodbye(cluster)

    def test_a_thread_that_is_held_and_a_second_signal(self):
        with self.going("60s") as (cluster, node), \
                HeldThread(node.pid, "dfs-stream") as held:
            self.terminate(node)
            # Two of a kind that wait would be one.
            node.process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            wait_for(held.reap, 10, "it does not end")
            self.assertEqual(node.process.wait(5), 1)
            self.assertLess(time.monotonic() - begin, 4)
            self.expect_goodbye(cluster)


if __name__ == "__main__":
    unittest.main()
