#!/usr/bin/env python3
"""`dfsnode queue` at a terminal: what is typed, what is shown. SPEC Q1, O1"""

import contextlib
import os
import pty
import select
import subprocess
import termios
import unittest

from harness import binary, wait_for
from queues import QueueCluster

PROMPT = "queue> "
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


class Shell:
    """The program on a terminal of its own."""

    def __init__(self, cluster):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [str(binary()), "queue", "--config", str(cluster.user)],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
            env={**os.environ, "TERM": "xterm",
                 "XDG_STATE_HOME": str(cluster.dir / "state")})
        os.close(slave)
        self.seen = ""

    def __enter__(self):
        self.shows(PROMPT)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, keys):
        """To the editor; before it listens the terminal itself would echo."""
        wait_for(lambda: not self.is_cooked(), 20, "it does not read a line")
        os.write(self.master, keys.encode())

    def interrupt(self):
        """What is not an editor."""
        wait_for(self.is_cooked, 20, "it reads a line")
        os.write(self.master, CTRL_C.encode())

    def is_cooked(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ICANON)

    def read(self):
        with contextlib.suppress(OSError):  # The other end is closed.
            while select.select([self.master], [], [], 0)[0]:
                piece = os.read(self.master, 4096)
                if not piece:
                    break
                self.seen += piece.decode()

    def shows(self, text):
        """Waits for it, and forgets what was shown up to there."""
        def found():
            self.read()
            return text in self.seen
        wait_for(found, 20, lambda: f"{text!r} is not in {self.seen!r}")
        before, _, self.seen = self.seen.partition(text)
        return before

    def says(self, line):
        """What it prints for a line, without the echo."""
        self.type(line + "\r")
        self.shows("\r\n")
        return self.shows(PROMPT).replace("\r", "")

    def ends(self):
        self.process.wait(20)
        self.read()
        return self.process.returncode


class Terminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(QueueCluster())

    def setUp(self):
        self.shell = self.enterContext(Shell(self.cluster))

    def queue(self):
        return int(self.shell.says(f"qcreate {self.id()}"))

    def test_lines(self):
        queue = self.queue()
        self.assertEqual(self.shell.says(f"qpush {queue} 7 8"), "1\n2\n")
        self.assertEqual(self.shell.says(f"qpop {queue}"), "7\n")
        self.assertEqual(self.shell.says(""), "")
        self.assertIn("qdestroy ID", self.shell.says("help"))

    def test_mistakes_do_not_end_it(self):
        self.assertIn("unknown command 'qpusj' (did you mean 'qpush'?)",
                      self.shell.says("qpusj 1 5"))
        self.assertIn("'help' lists them", self.shell.says("sing"))
        self.assertIn("usage: qpush ID ITEM", self.shell.says("qpush 1"))
        self.assertIn("no_queue", self.shell.says("qpop 999999"))
        self.assertGreater(self.queue(), 0)

    def test_arrow_up(self):
        queue = self.queue()
        self.assertEqual(self.shell.says(f"qpush {queue} 5"), "1\n")
        self.assertEqual(self.shell.says(UP), "2\n")
        self.assertEqual(self.shell.says(UP + "6"), "3\n")
        self.assertEqual(self.shell.says(f"qpop {queue} --count 9"),
                         "5\n5\n56\n")

    def test_lines_of_the_last_time(self):
        queue = self.queue()
        self.assertEqual(self.shell.says(f"qpush {queue} 5"), "1\n")
        self.shell.type(CTRL_D)
        self.assertEqual(self.shell.ends(), 0)
        with Shell(self.cluster) as again:
            self.assertEqual(again.says(UP), "2\n")

    def test_tab(self):
        queue = int(self.shell.says(f"qcr\t{self.id()}"))
        self.assertEqual(self.shell.says(f"qpush\t{queue} --b\tten"), "1\n")
        self.shell.type("qp\t")  # Two begin so.
        self.shell.shows("qpop  qpush")
        self.shell.shows(PROMPT)
        self.assertEqual(self.shell.says(f"op {queue} --c\t2"), "ten\n")

    def test_ctrl_c_drops_a_line(self):
        queue = self.queue()
        self.shell.type(f"qpush {queue} 666" + CTRL_C)
        self.shell.shows("^C")
        self.shell.shows(PROMPT)
        self.assertEqual(self.shell.says(f"qsize {queue}"), "0\n")

    def test_ctrl_c_ends_a_pop_that_waits(self):
        queue = self.queue()
        self.shell.type(f"qpop {queue} --wait\r")
        self.shell.shows("\r\n")
        self.waits(queue)
        self.shell.interrupt()
        self.shell.shows(PROMPT)
        self.assertIsNone(self.shell.process.poll())
        self.assertEqual(self.shell.says(f"qpush {queue} 1"), "1\n")
        self.assertEqual(self.shell.says(f"qpop {queue}"), "1\n")

    def test_a_pop_that_waits_is_served(self):
        queue = self.queue()
        self.shell.type(f"qpop {queue} --wait\r")
        self.shell.shows("\r\n")
        self.waits(queue)
        self.cluster.verb("qpush", queue, 9)
        self.assertEqual(self.shell.shows(PROMPT).replace("\r", ""), "9\n")

    def waits(self, queue):
        """It has no answer, though others get theirs."""
        for _ in range(3):
            self.assertEqual(self.cluster.value("qsize", queue), 0)
        self.shell.read()
        self.assertEqual(self.shell.seen, "")

    def test_ends(self):
        self.shell.says("qpop 999999")  # What went wrong before is told.
        self.shell.type(CTRL_D)
        self.assertEqual(self.shell.ends(), 0)
        with Shell(self.cluster) as other:
            other.type("quit\r")
            self.assertEqual(other.ends(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
