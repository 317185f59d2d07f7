#!/usr/bin/env python3
"""What a command says of its outcome is true: "unknown" is settled by the id
that was printed, and repeating under it has its effect once; of a put it can be
asked for long after others have put the same file (SPEC S7, S11)."""

import contextlib
import json
import re
import subprocess
import tempfile
import threading
import unittest

from chunks import ChunkCluster, settings
from harness import binary, wait_for
from versions import VersionCluster

# A silent secondary is noticed after this time; until then the client waits.
EXTRA = settings(size="64KiB", successor_timeout="2s") + '[volumes]\nreserve = "1MiB"\n'


@contextlib.contextmanager
def standing(nodes, later, seconds):
    """These stand, and that one after so many seconds; at the end all go on."""
    for node in nodes:
        node.pause()
    stop = threading.Timer(seconds, later.pause)
    stop.start()
    try:
        yield
    finally:
        stop.join()
        for node in [*nodes, later]:
            node.resume()


class Outcomes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = ChunkCluster(stores=3, extra=EXTRA)
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.client = cls.cluster.client

    def explain(self, path):
        return json.loads(self.cluster.verb("explain", path, "--json").stdout)

    def stopped_in_the_middle(self, path, words, given):
        """The servers behind the primary stand, and then the master: nobody
        can tell. The id that is printed."""
        primary = self.explain(path)[-1]["primary"]
        still = [x for x in self.cluster.stores if x.name != primary]
        master = self.cluster["master"]
        # Later than it takes to find the master: two of the contacts stand, too,
        # and cost 250 ms each where they come first. Before the primary gives
        # its successors up, after 2 s.
        with standing(still, master, 1.2):
            done = self.client.run_bytes(*words, "--timeout", "3s",
                                         input=given, check=False)
        self.cluster.wait_until_healthy(60)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 4, text)
        self.assertEqual(text.count("Try: "), 1, text)
        return re.search(r"--request-id (\S+?):", text)[1]

    def again(self, words, given, request):
        return self.client.run_bytes(*words, "--request-id", request,
                                     input=given, check=False)

    def test_an_append_is_there_once(self):
        words = ["append", "/log", "-"]
        self.client.append("/log", b"first\n")
        request = self.stopped_in_the_middle("/log", words, b"second\n")
        # The file goes on to another chunk meanwhile.
        for i in range(6):
            self.client.append("/log", b"%d" % i * 16_000)
        self.assertGreater(len(self.explain("/log")), 1)
        for node in self.cluster.stores:
            node.kill()
            node.start()
        self.cluster.wait_until_healthy(60)
        other = self.again(words, b"another\n", request)
        self.assertEqual(other.returncode, 2, other.stderr)
        for _ in range(2):
            done = self.again(words, b"second\n", request)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.client.get("/log").count(b"second\n"), 1)

    def test_a_write_stays_below_what_came_since(self):
        words = ["write", "--offset", "0", "/reg"]
        self.client.put("/reg", b"i" * 4096)
        self.client.write("/reg", 0, b"0" * 4096)
        request = self.stopped_in_the_middle("/reg", words, b"A" * 4096)
        first = self.again(words, b"A" * 4096, request)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(self.client.get("/reg"), b"A" * 4096)
        self.client.write("/reg", 0, b"B" * 4096)
        again = self.again(words, b"A" * 4096, request)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.client.get("/reg"), b"B" * 4096)

    def test_a_write_to_the_end_of_a_chunk_needs_no_other(self):
        self.client.put("/full", b"i" * 65_536)
        process = subprocess.Popen(
            [str(binary()), "write", "--offset", "61440", "/full", "--timeout",
             "4s", "--config", str(self.client.config)],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(b"B" * 4096)
        process.stdin.flush()
        # As soon as it is written; the end of the pipe is not known yet.
        wait_for(lambda: self.explain("/full")[0]["primary"], 20,
                 "it is not written")
        with self.stopped(self.cluster["master"]):
            _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        self.cluster.wait_until_healthy(60)
        self.assertEqual(self.client.get("/full")[61_440:], b"B" * 4096)
        self.assertEqual(len(self.explain("/full")), 1)

    @staticmethod
    def stopped(node):
        class Pause:
            def __enter__(self):
                node.pause()

            def __exit__(self, *_):
                node.resume()
        return Pause()

    def test_ids_of_others_are_refused(self):
        for words in (["append", "/log", "-"], ["write", "/reg", "-",
                                                "--offset", "0"]):
            number = self.again(words, b"x", "42")
            self.assertEqual(number.returncode, 2, number.stderr)
        slip = self.again(["append", "/log", "-"], b"x", "a1.1.1.1.0.1.0-0000")
        self.assertEqual(slip.returncode, 2, slip.stderr)

    def test_a_number_is_of_one_change(self):
        for _ in range(2):
            made = self.again(["mkdir", "/made"], b"", "77")
            self.assertEqual(made.returncode, 0, made.stderr)
        other = self.again(["mkdir", "/other"], b"", "77")
        self.assertEqual(other.returncode, 2, other.stderr)
        number = 78
        for size in (10, 200_000):  # In one request, and in many.
            number += 1
            for name, letter in (("/a", b"1"), ("/b", b"2")):
                path = name + str(size)
                with tempfile.NamedTemporaryFile() as local:
                    local.write(letter * size)
                    local.flush()
                    words = ["put", local.name, path]
                    for _ in range(2):
                        done = self.again(words, b"", str(number))
                        self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.client.get(path), letter * size)

    def test_an_append_is_one_piece_or_none(self):  # SPEC G7
        long = b"x" * (16 * 1024 + 1)
        said = self.client.append("/one", long, check=False)
        self.assertEqual(said.returncode, 2, said.stderr)
        self.assertIn(b"--lines", said.stderr)
        self.assertNotEqual(
            self.cluster.verb("stat", "/one", check=False).returncode, 0)
        self.client.append("/one", long, "--pieces")
        self.assertEqual(self.client.get("/one"), long)


class Puts(unittest.TestCase):
    OTHERS = 100  # Three times as many as a file itself remembers.

    def leader(self, path):
        def found():
            shown = self.cluster.verb("stat", path, "--json", check=False)
            if shown.returncode != 0:
                return None
            group = json.loads(shown.stdout)["group"]
            return next((x["primary"] for x in self.cluster.groups()
                         if x["group"] == group), None)
        return self.cluster[wait_for(found, 30, "nobody leads")]

    def half_done(self, path, die):
        """The primary has accepted the put, and no other server; then it goes
        on, or dies and is away. Its id, and who is away."""
        primary = self.leader(path)
        still = [x for x in self.cluster.servers if x is not primary]
        master = self.cluster["master"]
        # When the put has looked its file up, and before they are declared
        # failed.
        with standing(still, master, 1.5):
            done = self.cluster.client.run_bytes(
                "put", "-", path, "--timeout", "4s", input=b"half",
                check=False)
            if die:
                primary.kill()
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 4, said)
        return (re.search(r"dfsnode request ([0-9][^\s\"]*)", said)[1],
                primary if die else None)

    def asked(self, request):
        done = self.cluster.client.run_bytes("request", request, "--json",
                                             check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, json.loads(done.stdout)["version"]

    def told_after_many(self, path, die):
        put = self.cluster.client.put
        put(path, b"first")
        request, away = self.half_done(path, die)
        wait_for(lambda: all(x["phase"] in ("healthy", "degraded")
                             for x in self.cluster.groups() or [{"phase": ""}]),
                 60, lambda: str(self.cluster.groups()), 0.2)
        for i in range(self.OTHERS):
            put(path, b"%d" % i)
        if away:
            away.start()
            self.cluster.wait_until_served(60)
        status, version = self.asked(request)
        newest = self.cluster.versions(path)[0]["version"]
        self.assertEqual(newest, 1 + self.OTHERS + (status == 0))
        self.assertIn(version, (2, 3) if status == 0 else (None,))
        primary = self.leader(path)
        primary.kill()
        self.assertEqual(self.asked(request), (status, version))
        primary.start()
        self.cluster.wait_until_served(60)
        self.assertEqual(self.asked(request), (status, version))
        print(path, "done" if status == 0 else "never", flush=True)

    def test_what_became_of_one_is_told_after_a_hundred_others(self):
        with VersionCluster() as self.cluster:
            self.told_after_many("/docs/went-on", False)
            self.told_after_many("/docs/died", True)


if __name__ == "__main__":
    unittest.main()
