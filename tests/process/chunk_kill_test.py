#!/usr/bin/env python3
"""Nothing acknowledged is lost, and nobody reads what is stale, while nodes are
killed and paused under concurrent clients. SPEC S6, G4, G5, G7, G14"""

import filecmp
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from chunks import (DEEP, LEASE, ChunkCluster, History, Supervisor, bytes_read)
from harness import binary, wait_for

ROUNDS = 5 if DEEP else 1
LOAD = {"writers": 4, "readers": 3, "appenders": 5, "putters": 3, "movers": 1,
        "pause_ms": 10}


class Faults(unittest.TestCase):
    """One cluster for all tests, and clients of its own for each."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(ChunkCluster())

    def history(self, case, seed):
        return History(self.cluster, case, seed, **LOAD)

    def recovered(self):
        """All are there. Of chunks that are written all the time it may take
        some ten seconds until all have their copies again."""
        self.cluster.wait_until_whole(30)
        if DEEP:
            self.cluster.wait_until_healthy(60)

    def end(self, history):
        """Of a history; and what was lost is made up for."""
        told = history.finish()
        self.assertGreater(told["acknowledged"], 100)
        self.cluster.wait_until_healthy(30)


class Kill(Faults):
    def test_each_chunkserver_in_turn(self):
        # Each is the primary of some chunks and a secondary of others.
        with self.history("kill-stores", 1) as history:
            for node in self.cluster.stores * ROUNDS:
                history.let_run(0.5)
                node.kill()
                history.injected(f"kill {node.name}")
                history.let_run(1)
                node.start()
                self.recovered()
            self.end(history)

    def test_two_chunkservers_at_once(self):
        with self.history("kill-two", 2) as history:
            for _ in range(ROUNDS):
                history.let_run(0.5)
                for node in self.cluster.stores[:2]:
                    node.kill()
                    history.injected(f"kill {node.name}")
                history.let_run(1)
                for node in self.cluster.stores[:2]:
                    node.start()
                self.recovered()
            self.end(history)

    def test_the_master_and_the_introducer(self):
        nodes = [self.cluster["master"], self.cluster["entry"]]
        with Supervisor(nodes) as supervisor, \
                self.history("kill-master", 3) as history:
            for _ in range(2 * ROUNDS):
                history.let_run(1)
                self.cluster["master"].process.kill()
                history.injected("kill master")
                history.let_run(2.5)
            self.cluster["entry"].process.kill()
            history.injected("kill entry")
            history.let_run(1)
            self.end(history)
            self.assertEqual(supervisor.deaths["master"], 2 * ROUNDS)

    def test_all_at_once(self):  # SPEC S6
        nodes = self.cluster.nodes.values()
        with self.history("kill-all", 4) as history:
            for _ in range(2 * ROUNDS):
                history.let_run(1)
                for node in nodes:
                    node.process.kill()
                history.injected("kill all")
                for node in nodes:
                    node.process.wait()
                    node.start()
                self.recovered()
            self.end(history)


class Large(Faults):
    """Files of many chunks, by the verbs that people use."""

    def start(self, *arguments):
        process = subprocess.Popen(
            [str(binary()), *map(str, arguments), "--config",
             str(self.cluster.client.config)], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def ends_well(self, process):
        self.assertEqual(process.wait(90), 0, process.stderr.read())

    def test_puts_and_gets_go_on(self):  # SPEC G14
        scratch = tempfile.TemporaryDirectory(prefix="dfsnode-test-")
        self.addCleanup(scratch.cleanup)
        here = pathlib.Path(scratch.name)
        local = here / "local"
        local.write_bytes(random.Random(6).randbytes(48 << 20))
        nodes = self.cluster.nodes
        with Supervisor(nodes.values()) as supervisor:
            for name, other in (("master", "store-1"), ("store-2", "master"),
                                ("store-3", "store-4")):
                path, back = f"/large-{name}", here / f"back-{name}"
                put = self.start("put", local, path)
                wait_for(lambda: bytes_read(put.pid) > 16 << 20, 60,
                         "nothing is read", 0.002)
                nodes[name].process.kill()
                self.ends_well(put)
                get = self.start("get", path, back)
                wait_for(lambda: any(x.stat().st_size > 8 << 20
                                     for x in here.glob(".dfsnode-*"))
                         or get.poll() is not None, 60, "nothing is written",
                         0.002)
                nodes[other].process.kill()
                self.ends_well(get)
                self.assertTrue(filecmp.cmp(local, back, False))
                back.unlink()
                wait_for(lambda: all(x.runs() for x in nodes.values()), 10,
                         "they are not started again")
                self.cluster.wait_until_whole(30)
            self.assertEqual(sum(supervisor.deaths.values()), 6)
        self.cluster.wait_until_healthy(60)


class Pause(Faults):
    def test_each_role_for_two_leases(self):  # SPEC G6
        stopped = [*self.cluster.stores[:2], self.cluster["master"]]
        with self.history("pause", 5) as history:
            for node in stopped * ROUNDS:
                history.let_run(0.5)
                node.pause()
                history.injected(f"stop {node.name}")
                history.let_run(2 * LEASE)
                node.resume()
                self.recovered()
            self.end(history)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
