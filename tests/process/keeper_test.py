#!/usr/bin/env python3
"""What leases promise, on real processes: a master that dies, a chunkserver
that says goodbye, one that sleeps, one with the wrong disk, and a replica that
a reader found to be bad (SPEC G3, G4, G6, G9, S6)."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

import harness
from harness import wait_for

MIB = 1 << 20
STORES = [f"store-{i}" for i in (1, 2, 3, 4)]


class Files(harness.Cluster):
    """One master, four chunkservers, and somebody who uses them."""

    def __init__(self, **chunks):
        chunks = {"size": "4MiB", **chunks}
        lines = [f"{key} = {json.dumps(x)}" for key, x in chunks.items()]
        super().__init__(
            [("master", "introducer,master")]
            + [(name, "chunkserver") for name in STORES],
            extra="\n".join(["[chunks]", *lines, ""]))
        self.config = None

    def __enter__(self):
        super().__enter__()
        try:
            self.start(30)
            # Whoever is asked here must be there while the master is not.
            self.config = self["master"].client_config()
            wait_for(lambda: self.serving() == set(STORES), 30, self.status)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def command(self, *arguments):
        return [str(harness.binary()), *map(str, arguments), "--config",
                str(self.config)]

    def try_verb(self, *arguments, given=b"", timeout=60):
        return subprocess.run(self.command(*arguments), input=given,
                              capture_output=True, check=False,
                              timeout=timeout)

    def verb(self, *arguments, given=b""):
        done = self.try_verb(*arguments, given=given)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stderr.decode()}")
        return done.stdout

    def open(self, *arguments):
        return subprocess.Popen(self.command(*arguments),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def status(self):
        """None while nobody answers."""
        told = self.try_verb("status", "--json").stdout
        return json.loads(told) if told else None

    def healthy(self):
        return self.try_verb("status").returncode == 0

    def serving(self):
        status = self.status()
        return {x["server"] for x in status["servers"] if x["serving"]} \
            if status else set()

    def explain(self, path):
        return json.loads(self.verb("explain", path, "--json"))

    @staticmethod
    def let_pass(seconds):
        """The time is what is tested."""
        end = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > end, seconds + 5, "no time", 0.1)

    def log(self, name):
        return (self[name].dir / "node.log").read_text(errors="replace")


def some_bytes(size, seed):
    return random.Random(seed).randbytes(size)


class Master(unittest.TestCase):
    def test_readers_and_writers_go_on_without_it(self):  # SPEC G4, G6
        # Leases long enough for a slow machine to get everything.
        with Files(node_lease="30s") as cluster:
            data = some_bytes(160 * MIB, 1)
            cluster.verb("put", "-", "/large", given=data)
            cluster.verb("append", "/log", given=b"one\n")
            writer = cluster.open("append", "--lines", "/log")
            with cluster.open("cat", "/large") as reader, writer:
                got = hashlib.sha256(reader.stdout.read(MIB))
                writer.stdin.write(b"two\n")
                writer.stdin.flush()
                wait_for(lambda: cluster.verb("cat", "/log") == b"one\ntwo\n",
                         10, "nothing was appended")
                cluster["master"].kill()
                writer.stdin.write(b"three\n")
                writer.stdin.close()
                self.assertEqual(writer.wait(15), 0)
                while piece := reader.stdout.read(MIB):
                    got.update(piece)
                self.assertEqual(reader.wait(15), 0)
            self.assertEqual(got.digest(), hashlib.sha256(data).digest())
            cluster["master"].start()
            wait_for(lambda: cluster.try_verb("cat", "/log").stdout
                     == b"one\ntwo\nthree\n", 60,
                     lambda: cluster.try_verb("cat", "/log"))

    def test_writers_go_on_when_it_is_back(self):
        with Files() as cluster:
            cluster.verb("append", "/log", given=b"begin\n")
            expected = [b"begin\n"]
            for life in range(3):
                cluster["master"].kill()
                began = time.monotonic()
                cluster["master"].start()
                line = b"life %d\n" % life
                # A line that was not answered may be there all the same.
                wait_for(lambda: cluster.try_verb(
                    "append", "/log", given=line).returncode == 0, 20,
                    cluster.status)
                took = time.monotonic() - began
                # And new files, on all servers.
                cluster.verb("put", "-", f"/new-{life}", given=b"new")
                self.assertLess(took, 8, "six seconds, on a quiet machine")
                text = cluster.verb("cat", "/log")
                self.assertTrue(text.startswith(b"".join(expected)))
                self.assertIn(line, text)
                expected = [text]
            wait_for(cluster.healthy, 30, cluster.status)


class Goodbye(unittest.TestCase):
    def test_gives_leases_back_at_once(self):  # SPEC S6, G6
        # Nobody could go on for so long, were it not for the goodbye: a refusing
        # data port proves nothing here.
        lease = 15
        with Files(node_lease=f"{lease}s", death_proof="never") as cluster:
            cluster.let_pass(lease)  # A new master waits so long himself.
            for round_ in range(2):
                path = f"/log-{round_}"
                cluster.verb("append", path, given=b"one\n")
                primary = cluster.explain(path)[0]["primary"]
                self.assertIn(primary, STORES)
                began = time.monotonic()
                self.assertEqual(cluster[primary].stop(), 0)
                cluster.verb("append", path, given=b"two\n")
                self.assertLess(time.monotonic() - began, lease / 2)
                self.assertEqual(cluster.verb("cat", path), b"one\ntwo\n")
                self.assertIn("left the master", cluster.log(primary))
                wait_for(lambda: primary not in cluster.serving(), 5,
                         cluster.status)
                cluster[primary].start()
                wait_for(lambda: cluster.serving() == set(STORES), 30,
                         cluster.status)


class Asleep(unittest.TestCase):
    def test_a_server_that_wakes_serves_nothing_old(self):  # SPEC G4, G6
        lease, chunk, chunks = 3, 4 * MIB, 48
        with Files() as cluster:
            old = some_bytes(chunk, 2)
            cluster.verb("put", "-", "/f", given=old * chunks)
            # A reader that knows where everything is, and has read a little:
            # its own memory holds less than a third of the file.
            for victim in STORES[:2]:
                with cluster.open("cat", "/f") as reader:
                    reader.stdout.read(MIB)
                    sleeper = cluster[victim].process
                    sleeper.send_signal(signal.SIGSTOP)
                    marks = self.overwrite(cluster, victim, chunk, chunks)
                    cluster.let_pass(2 * lease)
                    sleeper.send_signal(signal.SIGCONT)
                    self.read_on(reader, marks, chunk)
                wait_for(lambda: cluster.serving() == set(STORES), 20,
                         cluster.status)
                wait_for(cluster.healthy, 60, cluster.status)

    def overwrite(self, cluster, victim, chunk, chunks):
        """New first bytes for some chunks of the last third that `victim` has:
        acknowledged. Returns chunk -> bytes."""
        listed = cluster.explain("/f")
        held = [i for i in range(chunks * 2 // 3, chunks)
                if any(x["server"] == victim for x in listed[i]["replicas"])]
        self.assertTrue(held, listed)
        marks = {}
        for i in held[::3]:
            mark = f"{victim} {i} ".encode() * 8
            cluster.verb("write", "--offset", i * chunk, "/f", given=mark)
            marks[i] = mark
        return marks

    def read_on(self, reader, marks, chunk):
        at = MIB
        while piece := reader.stdout.read(min(MIB, chunk - at % chunk)):
            if at % chunk == 0 and at // chunk in marks:
                mark = marks[at // chunk]
                self.assertEqual(piece[:len(mark)], mark)
            at += len(piece)
        self.assertEqual(reader.wait(30), 0)


class Disks(unittest.TestCase):
    def test_a_spoilt_identity_is_refused_and_others_go_on(self):  # SPEC G3
        with Files() as cluster:
            cluster.verb("put", "-", "/f", given=b"kept")
            victim = cluster["store-1"]
            identity = victim.dir / "data/chunks/identity"
            good = identity.read_text()
            foreign = cluster["store-2"].dir / "data/chunks/identity"
            for bad in (good.replace("volume = ", "volume = 1"), "",
                        foreign.read_text()):
                self.assertEqual(victim.stop(), 0)
                identity.write_text(bad)
                victim.start()
                self.assertNotEqual(victim.process.wait(20), 0)
                said = cluster.log("store-1").splitlines()[-1]
                self.assertIn(str(identity.parent), said)
                cluster.verb("put", "-", "--force", "/g", given=b"others")
                self.assertEqual(cluster.verb("cat", "/f"), b"kept")
                identity.write_text(good)
                victim.start()
                wait_for(lambda: cluster.serving() == set(STORES), 30,
                         cluster.status)

    def test_an_emptied_disk_is_refused(self):
        with Files() as cluster:
            cluster.verb("put", "-", "/f", given=some_bytes(MIB, 3))
            victim = cluster["store-1"]
            self.assertEqual(victim.stop(), 0)
            disk = victim.dir / "data/chunks"
            disk.rename(victim.dir / "away")
            disk.mkdir()
            victim.start()
            self.assertNotEqual(victim.process.wait(20), 0)
            self.assertIn(str(disk), cluster.log("store-1").splitlines()[-1])
            self.assertEqual(len(cluster.verb("cat", "/f")), MIB)

    def test_what_a_reader_found_bad_is_looked_at(self):  # SPEC G9
        # The server does not look itself: it sends pages as they are. And the
        # scrubber is too slow to be the one who finds it.
        with Files(scrub_rate="1KiB") as cluster:
            data = some_bytes(4 * MIB, 4)
            cluster.verb("put", "-", "/f", given=data)
            wait_for(cluster.healthy, 30, cluster.status)
            holders = [x["server"]
                       for x in cluster.explain("/f")[0]["replicas"]]
            for name in holders[:2]:
                self.spoil(cluster[name])
            wait_for(lambda: self.readers_find(cluster, data, holders[:2]), 60,
                     lambda: [cluster.log(x)[-2000:] for x in holders[:2]],
                     0.2)
            wait_for(cluster.healthy, 60, cluster.status)
            self.assertEqual(cluster.verb("cat", "/f"), data)

    def spoil(self, node):
        """Some bytes in the middle of the largest file of a chunk."""
        files = [x for x in (node.dir / "data/chunks/chunks").rglob("*")
                 if x.is_file()]
        largest = max(files, key=lambda x: x.stat().st_size)
        self.assertGreater(largest.stat().st_size, 2 * MIB)
        with open(largest, "r+b") as file:
            file.seek(MIB + 17)
            file.write(b"spoilt")
            file.flush()
            os.fsync(file.fileno())

    def readers_find(self, cluster, data, names):
        self.assertEqual(cluster.verb("cat", "/f"), data)
        return all("is bad and quarantined" in cluster.log(x) for x in names)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
