#!/usr/bin/env python3
"""Whatever restarts, in whatever order, and one machine missing: every chunk has
all its copies again within 30 s, without a client touching it, and each of them
has every acknowledged byte. SPEC G10, S6"""

import itertools
import json
import random
import sys
import time
import unittest

from chunks import DEEP, SEED, ChunkCluster
from harness import wait_for

REPAIRED_WITHIN = 30
SETS = ("all", "stores", "master", "half")
SIGNALS = ("KILL", "TERM")
# What is tried on each commit: each set, each signal, someone and no one away.
QUICK = [("all", "KILL", True), ("stores", "KILL", True),
         ("all", "TERM", True), ("half", "TERM", False)]


class Restart(unittest.TestCase):
    """One cluster for all cases: each finds what the former ones left."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(ChunkCluster(stores=4))
        cls.content = {}

    def setUp(self):
        self.random = random.Random(SEED)

    # -- what is there ---------------------------------------------------------

    def write_some(self, case):
        """Files of each kind, the last bytes a moment ago."""
        client, here = self.cluster.client, self.content
        client.verb("mkdir", f"/{case}")
        for name in ("whole", "grown", "log", "changed"):
            path = f"/{case}/{name}"
            here[path] = name.encode() * 1000
            client.put(path, here[path])
        for path, times in ((f"/{case}/grown", 1), (f"/{case}/log", 5)):
            for i in range(times):
                record = f"{path} {i}\n".encode()
                client.append(path, record)
                here[path] += record
        path = f"/{case}/changed"
        client.write(path, 100, b"x" * 700)
        here[path] = here[path][:100] + b"x" * 700 + here[path][800:]

    def judge(self):
        """Every copy of every byte, where it is and as a reader gets it."""
        done = self.cluster.verb("fsck", "--deep", "--json", timeout=60)
        told = json.loads(done.stdout)
        bad = [x for x in told["findings"]
               if x["problem"] not in ("STALE", "SURPLUS", "ORPHAN")]
        self.assertEqual(bad, [])
        self.assertGreaterEqual(told["verified"], 3 * len(self.content))
        self.assertGreaterEqual(
            told["verified_bytes"],
            3 * sum(len(x) for x in self.content.values()))
        self.read_all()

    def read_all(self):
        for path, content in self.content.items():
            self.assertEqual(self.cluster.client.get(path), content, path)

    # -- what happens ----------------------------------------------------------

    def down(self, nodes, signal):
        if signal == "KILL":
            for node in nodes:
                node.process.kill()
        else:
            for node in nodes:
                node.process.terminate()
        for node in nodes:
            node.process.wait(20)

    def up(self, nodes):
        nodes = list(nodes)
        self.random.shuffle(nodes)
        for node in nodes:
            node.start()
            time.sleep(self.random.choice((0, 0, 0.3)))

    def chosen(self, which):
        master, stores = self.cluster["master"], self.cluster.stores
        return {"all": [master, *stores], "stores": list(stores),
                "master": [master], "half": [master, *stores[:2]]}[which]

    def restart(self, which, signal, missing):
        """@param missing A store that stays away, or None."""
        nodes = self.chosen(which)
        if missing is not None and missing not in nodes:
            nodes.append(missing)
        self.down(nodes, signal)
        back = [x for x in nodes if x is not missing]
        self.up(back)
        began = time.monotonic()
        wait_for(lambda: self.is_whole(3 if missing else 4), REPAIRED_WITHIN,
                 lambda: self.cluster.verb("status", check=False).stdout, 0.1)
        return time.monotonic() - began

    def is_whole(self, stores):
        told = self.cluster.status()
        return (told is not None
                and sum(x["serving"] for x in told["servers"]) == stores
                and self.cluster.replicated())

    def cases(self):
        if not DEEP:
            return QUICK
        return itertools.product(SETS, SIGNALS, (True, False))

    def test_everything_is_repaired_and_nothing_is_lost(self):
        for n, (which, signal, one_missing) in enumerate(self.cases()):
            with self.subTest(which=which, signal=signal, missing=one_missing):
                self.write_some(f"case-{n}")
                missing = (self.random.choice(self.cluster.stores)
                           if one_missing else None)
                took = self.restart(which, signal, missing)
                print(f"{which} {signal} without "
                      f"{missing.name if missing else 'nobody'}: "
                      f"{took:.1f} s", file=sys.stderr)
                self.judge()
                if missing is not None:
                    missing.start()
                    self.cluster.wait_until_healthy(REPAIRED_WITHIN)

    def test_the_last_holder_gives_what_was_committed(self):
        """Append, restart everything without two of four: of some files one
        holder is left, and no client may have to wait for the others."""
        self.write_some("last")
        away = self.random.sample(self.cluster.stores, 2)
        nodes = self.chosen("all")
        self.down(nodes, "KILL")
        self.up(x for x in nodes if x not in away)
        wait_for(lambda: self.cluster.status() is not None, 20, "no master")
        self.read_all()
        for node in away:
            node.start()
        self.cluster.wait_until_healthy(REPAIRED_WITHIN)
        self.judge()

    def test_one_is_lost_after_the_other(self):
        """Appended, all restarted; then two are lost, each after the chunks of
        the one before were made up for."""
        self.write_some("turns")
        nodes = self.chosen("all")
        self.down(nodes, "TERM")
        self.up(nodes)
        wait_for(lambda: self.is_whole(4), REPAIRED_WITHIN, "not all serve")
        first, second = self.random.sample(self.cluster.stores, 2)
        self.down([first], "TERM")
        wait_for(lambda: self.is_whole(3), REPAIRED_WITHIN,
                 lambda: self.cluster.verb("status", check=False).stdout, 0.1)
        self.down([second], "KILL")
        self.read_all()
        for node in (first, second):
            node.start()
        self.cluster.wait_until_healthy(REPAIRED_WITHIN)
        self.judge()


if __name__ == "__main__":
    unittest.main()
