"""Verbs on a running cluster, and what tests expect of all of them."""

import os
import pty
import subprocess

import harness


def run_verb(config, *arguments, given=None, text=False):
    """Whatever it ends with; `given` goes to its standard input."""
    return subprocess.run(
        [str(harness.binary()), *map(str, arguments), "--config", str(config)],
        capture_output=True, input=given, timeout=120, check=False, text=text)


class Verbs:
    """For a test case that has a `config` of a client."""

    def try_verb(self, *arguments, given=None, text=False):
        return run_verb(self.config, *arguments, given=given, text=text)

    def on_a_terminal(self, *arguments):
        """What it wrote to standard error while that was a terminal."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [str(harness.binary()), *map(str, arguments), "--config",
             str(self.config)], stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        seen = b""
        try:
            while piece := os.read(master, 4096):
                seen += piece
        except OSError:  # The other end is closed.
            pass
        os.close(master)
        self.assertEqual(process.wait(60), 0, seen)
        return seen

    def verb(self, *arguments, given=None, status=0):
        """What it wrote to standard output."""
        done = self.try_verb(*arguments, given=given)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout

    def refused(self, status, *arguments, given=None):
        """One line on standard error, nothing on standard output."""
        done = self.try_verb(*arguments, given=given)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertEqual(done.stdout, b"")
        return said
