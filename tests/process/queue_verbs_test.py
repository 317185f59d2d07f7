#!/usr/bin/env python3
"""Queues as a person uses them: every verb, what it prints and ends with, and
what it says to wrong input. SPEC Q1, Q6, Q8, Q10, S7"""

import json
import os
import re
import subprocess
import threading
import time
import unittest

from harness import binary, wait_for
from metrics_test import fetch
from queues import QueueCluster


class Verbs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(QueueCluster())

    def says(self, *arguments, status=0, given=None):
        """Standard output of a verb that ends with `status`."""
        done = subprocess.run(
            [str(binary()), "--config", str(self.cluster.user),
             *map(str, arguments)],
            input=given, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, (arguments, done.stderr))
        self.err = done.stderr.decode(errors="replace")
        return done.stdout

    def value(self, *arguments, **options):
        return int(self.says(*arguments, **options))

    def queue(self):
        return self.value("qcreate", self.id())

    def test_life_of_a_queue(self):
        queue = self.queue()
        self.assertGreater(queue, 0)
        self.assertEqual(self.queue(), queue)
        self.assertEqual(self.value("qid", self.id()), queue)
        self.assertEqual(self.value("qpush", queue, 5), 1)
        self.assertEqual(self.says("qpush", queue, 6, "--", -7), b"2\n3\n")
        self.assertEqual(self.value("qsize", queue), 3)
        self.assertEqual(self.value("qtop", queue), 5)
        self.assertEqual(self.value("qpop", queue), 5)
        self.assertEqual(self.says("qpop", queue, "--count", 9), b"6\n-7\n")
        self.assertEqual(self.value("qpop", queue, status=1), -1)
        self.assertIn("empty", self.err)
        self.assertEqual(self.value("qtop", queue, status=1), -1)
        self.says("qpush", queue, 1, 2)
        self.assertEqual(self.value("qdestroy", queue), 2)
        for verb in ("qpop", "qtop", "qsize", "qdestroy"):
            self.assertEqual(self.value(verb, queue, status=1), -1)
            self.assertIn("no_queue", self.err)
        self.assertEqual(self.value("qpush", queue, 1, status=1), -1)
        self.assertEqual(self.value("qid", self.id(), status=1), -1)
        self.assertGreater(self.queue(), queue)  # Never the same id again.

    def test_bytes_from_everywhere(self):
        queue = self.queue()
        path = self.cluster.dir / "large"
        large = os.urandom(1 << 20)
        path.write_bytes(large)
        self.says("qpush", queue, "--file", path)
        self.says("qpush", queue, "--file", "-", given=b"\0\1\2")
        self.says("qpush", queue, "--bytes", "hello", "-1")
        self.assertEqual(self.says("qpush", queue, "-", given=b"7\n8\n"),
                         b"5\n6\n")
        self.assertEqual(self.says("qtop", queue, "--raw"), large)
        self.assertEqual(self.says("qpop", queue, "--raw"), large)
        self.assertEqual(self.says("qpop", queue, "--raw"), b"\0\1\2")
        self.assertEqual(self.says("qpop", queue, "--count", 4),
                         b"hello\n-1\n7\n8\n")

    def test_json(self):
        queue = self.queue()
        self.says("qpush", queue, "--bytes", "a")
        told = json.loads(self.says("qpop", queue, "--json"))
        self.assertEqual((told["status"], told["value"], told["item"],
                          told["hex"]), ("done", 0, "a", "61"))
        told = json.loads(self.says("qpop", queue, "--json", status=1))
        self.assertEqual((told["status"], told["value"]), ("empty", -1))
        listed = json.loads(self.says("queues", "--json"))
        self.assertIn(self.id(), [x["label"] for x in listed])
        group = json.loads(self.says("group", "--json"))
        self.assertEqual(len(group["members"]), 3)

    def test_wrong_input(self):
        queue = self.queue()
        path = self.cluster.dir / "larger"
        path.write_bytes(bytes((1 << 20) + 1))
        for line in (["qpush", queue, "--file", path],
                     ["qpush", queue, "5x"],
                     ["qpush", queue, 2**63],
                     ["qpush", 0, 5],
                     ["qpop", "jobs"],
                     ["qpop", queue, "--wait=now"],
                     ["qcreate", ""],
                     ["qcreate", "x" * 256],
                     ["qcreate", "a\nb"],
                     ["qcreate", "007"],
                     ["qcreate", str(2**63)],
                     ["admin", "force-primary"]):
            self.says(*line, status=2)
            self.assertEqual(len(self.err.splitlines()), 1, self.err)
        self.assertEqual(self.value("qsize", queue), 0)
        # The largest and smallest of what is right.
        for label in ("x" * 255, str(2**63 - 1), str(-2**63)):
            self.assertGreater(self.value("qcreate", "--", label), 0)
        for item in (2**63 - 1, -2**63):
            self.says("qpush", queue, "--", item)
            self.assertEqual(self.value("qpop", queue), item)

    def test_waiting_pops(self):
        queue = self.queue()
        began = time.monotonic()
        self.assertEqual(self.value("qpop", queue, "--wait=500ms", status=1),
                         -1)
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        got = []
        waiting = threading.Thread(
            target=lambda: got.append(self.value("qpop", queue, "--wait")))
        waiting.start()
        self.says("qpush", queue, 42)
        waiting.join(30)
        self.assertEqual(got, [42])
        self.assertEqual(self.value("qsize", queue), 0)

    def test_interrupted_wait_loses_nothing(self):
        queue = self.queue()
        waiting = subprocess.Popen(
            [str(binary()), "qpop", str(queue), "--wait", "--config",
             str(self.cluster.user)], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        time_limit = time.monotonic() + 0.5
        wait_for(lambda: time.monotonic() > time_limit, 5, "time stands")
        waiting.terminate()
        out, _ = waiting.communicate(timeout=20)
        self.assertEqual((waiting.returncode, out), (130, b""))
        self.says("qpush", queue, 1)
        self.assertEqual(self.value("qsize", queue), 1)

    def test_interactive(self):
        out = self.says("queue", given=b"qcreate shell\nqid shell\nqpush 1\n",
                        status=2)
        ids = out.split()
        self.assertEqual(ids[0], ids[1])
        out = self.says("queue", given=b"qpush %s 3 4\nqpop %s\nhelp\n"
                        % (ids[0], ids[0]))
        self.assertTrue(out.startswith(b"1\n2\n3\n"), out)
        self.assertIn(b"qdestroy ID", out)

    def test_sessions_end_with_their_commands(self):  # SPEC Q8
        def sessions():
            return max(
                int(re.search(r"^dfs_queue_sessions (\d+)$",
                              fetch(x, "/metrics")[1], re.M)[1])
                for x in self.cluster.servers)

        def leave_nothing():
            before = sessions()
            self.says("qpush", queue, *range(5))
            for _ in range(5):
                self.says("qpop", queue)
            self.value("qpop", queue, "--wait=200ms", status=1)
            end = time.monotonic() + 3
            while sessions() > before and time.monotonic() < end:
                time.sleep(0.1)
            return sessions() <= before

        queue = self.queue()
        # A server asks each second what all others read.
        wait_for(leave_nothing, 30, "commands leave sessions")

    def test_console(self):
        for command in ("group", "queues"):
            self.says("console", "--node", "files-1", "-c", command)


class Unknown(unittest.TestCase):
    """SPEC S7, S11: nobody has answered, and what was printed settles it."""

    def test_outcomes(self):
        with QueueCluster() as cluster:
            queue = cluster.value("qcreate", "jobs")
            cluster.verb("qpush", queue, 1)
            first, *others = cluster.servers
            for x in others:
                x.pause()
            lost = cluster.at(first, "qpush", queue, 2, 3, "--timeout", "2s",
                              check=False)
            for x in others:
                x.resume()
            self.assertEqual(lost.returncode, 4, lost.stderr)
            name = re.search(r"--request-id (q[0-9a-f.]+-[0-9a-f]{4}):",
                             lost.stderr)[1]
            cluster.wait_until_primary(40)
            other = cluster.verb("qpush", queue, 4, 5, "--request-id", name,
                                 check=False)
            self.assertEqual(other.returncode, 2, other.stderr)
            again = cluster.verb("qpush", queue, 2, 3, "--request-id", name,
                                 check=False)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(cluster.verb("request", name).returncode, 0)
            popped = cluster.verb("qpop", queue, "--count", 9).stdout
            self.assertEqual(popped, "1\n2\n3\n")
            # One that nobody has begun never will be.
            never = "q1.1.0.1.4.0.0"
            never += f"-{crc32c(never.encode()) & 0xffff:04x}"
            self.assertEqual(cluster.verb("request", never, check=False)
                             .returncode, 1)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class NotPrimary(unittest.TestCase):
    """SPEC Q6, Q10: one of three is left."""

    def test_one_of_three(self):
        with QueueCluster() as cluster:
            queue = cluster.value("qcreate", "jobs")
            cluster.verb("qpush", queue, 1, 2, 3)
            last, *others = cluster.servers
            for x in others:
                x.kill()
            wait_for(lambda: cluster.primary() == [], 20, cluster.primary)
            refused = cluster.at(last, "qpush", queue, 4, "--timeout", "3s",
                                 check=False)
            self.assertEqual(refused.returncode, 1, refused.stderr)
            self.assertIn("primary", refused.stderr)
            size = cluster.at(last, "qsize", queue)
            self.assertEqual(size.stdout, "3\n")
            self.assertIn("stale", size.stderr)
            cluster.at(last, "admin", "force-primary", "--node", last.name,
                       "--yes")
            wait_for(lambda: cluster.primary() == [last.name], 20,
                     cluster.primary)
            popped = cluster.at(last, "qpop", queue)
            self.assertEqual(popped.stdout, "1\n")
            for x in others:
                x.start()
            cluster.wait_until_primary(40, 3)
            self.assertEqual(cluster.value("qsize", queue), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
