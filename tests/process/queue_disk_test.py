#!/usr/bin/env python3
"""Disks of the queues' log: all servers lose their power at once, with what was
not synced; a disk fails, hangs, or is full: its server is out of the group and
says so, the others go on. SPEC Q4, Q5, Q6, Q10, S6

Each server has a file system of its own. A power cut is the shutdown of all of
them, which loses what was not synced, names, too; then all are killed."""

import contextlib
import math
import os
import subprocess
import time
import unittest

from disks import MIB, OnDisks, missing
from harness import wait_for
from metrics_test import fetch
from queue_history_test import SOME
from queues import DEEP, Clients, Growth, QueueCluster

ROUNDS = 10 if DEEP else 3


class DiskCluster(OnDisks, QueueCluster):
    pass


def gaps(clients, began, end=math.inf):
    """Seconds between one answer to any client and the next, from `began` to
    `end` (monotonic, ns)."""
    times = sorted([began] + [x["ret_ns"] for x in clients.lines()
                              if x["result"] != "unknown"
                              and began < x["ret_ns"] <= end])
    return [(y - x) / 1e9 for x, y in zip(times, times[1:])]


@unittest.skipIf(missing(), f"needs file systems of its own: {missing()}")
class PowerCut(unittest.TestCase):
    def judge(self, cluster, clients):
        self.assertEqual(clients.finish(), [])
        wait_for(lambda: len(set(cluster.states().values())) == 1, 20,
                 cluster.states)

    # SPEC Q10
    def test_of_all(self):
        with DiskCluster() as cluster, Clients(cluster, timeout=60) as clients:
            for _ in range(ROUNDS):
                clients.wait_for_some(SOME)
                cluster.cut_power()
                cluster.wait_until_primary(60)
            clients.wait_for_some(SOME)
            self.judge(cluster, clients)

    # SPEC Q10
    def test_of_all_while_they_grow(self):
        """Segments are begun, states are written and old ones removed."""
        with DiskCluster() as cluster, Clients(cluster, timeout=60) as clients:
            with Growth(cluster):
                for _ in range(ROUNDS):
                    clients.wait_for_some(SOME * 5)
                    cluster.cut_power()
                    cluster.wait_until_primary(60)
            clients.wait_for_some(SOME)
            self.judge(cluster, clients)

    def test_at_the_first_start(self):
        with DiskCluster() as cluster:
            for moment in ("identity", "queues", "queues.made",
                           "queues/spare*", "queues/log-*"):
                self.begin_anew(cluster)
                first = cluster.servers[0].dir / "data"
                wait_for(lambda: any(first.glob(moment)), 20, moment, 0.0005)
                cluster.cut_power()
                cluster.wait_until_primary(60, 3)
                queue = cluster.value("qcreate", moment)
                cluster.verb("qpush", queue, 1)

    def begin_anew(self, cluster):
        for x in cluster.servers:
            x.kill()
        for x in cluster.servers:
            cluster.disks[x.name].close()
            cluster.disks[x.name].make()
        for x in cluster.servers:
            x.start()


@unittest.skipIf(missing(), f"needs file systems of its own: {missing()}")
class Failing(unittest.TestCase):
    """One of three cannot write its log; with a good disk it is back."""

    def setUp(self):
        self.cluster = self.enterContext(DiskCluster())
        self.clients = self.enterContext(Clients(self.cluster, timeout=60))
        self.clients.wait_for_some(SOME)

    def leaves(self, victim, began, seconds=20):
        others = [x.name for x in self.cluster.servers if x is not victim]
        wait_for(lambda: self.cluster.primary() == others, seconds,
                 self.cluster.primary)
        self.clients.wait_for_some(SOME)
        self.assertLess(self.longest_gap(began), 3)
        said = (victim.dir / "node.log").read_text()
        self.assertIn("the log cannot be written: out of the group", said)
        told = self.cluster.group(victim)
        self.assertFalse(told["primary"])
        self.assertIn("log cannot be written", told["why_not"])
        status, why = fetch(victim, "/readyz?verbose")
        self.assertEqual(status, 503, why)
        self.assertIn("the log cannot be written", why)
        self.assertTrue(victim.runs())

    def returns(self, victim):
        victim.kill()
        (victim.dir / "data/filler").unlink(missing_ok=True)
        victim.start()
        self.cluster.wait_until_primary(60, 3)
        self.clients.wait_for_some(SOME)
        self.assertEqual(self.clients.finish(), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)

    def longest_gap(self, began):
        """Seconds in which nobody was answered, since then."""
        gap = max(gaps(self.clients, began))
        print(f"nobody was answered for {gap:.2f} s", flush=True)
        return gap

    def trace(self, victim, what):
        """Each call that names, or has open, a file of the log."""
        folder = victim.dir / "data/queues"
        paths = [folder / f"log-{i:016x}" for i in range(1, 20)]
        return subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null",
             "-e", f"trace={what.partition(':')[0]}", "-e", f"inject={what}",
             *[word for x in paths for word in ("-P", str(x))],
             "-p", str(victim.pid)], stderr=subprocess.DEVNULL)

    def fails(self, victim, what):
        tracer = self.trace(victim, what)
        try:
            began = time.monotonic_ns()
            self.leaves(victim, began)
        finally:
            tracer.terminate()
            tracer.wait()
        self.returns(victim)

    def test_syncs(self):
        self.fails(self.cluster.servers[2], "fdatasync:error=EIO")

    def test_writes(self):
        self.fails(self.cluster.servers[0], "pwritev:error=EIO")

    def test_room(self):
        self.fails(self.cluster.servers[1], "pwritev:error=ENOSPC")

    @contextlib.contextmanager
    def without_room(self, victims):
        """No segment can be made, and no record written."""
        for x in victims:
            self.fill(x)
        tracers = [self.trace(x, "pwritev:error=ENOSPC") for x in victims]
        try:
            yield
        finally:
            for x in tracers:
                x.terminate()
                x.wait()

    def comes_back(self):
        """All of them, without a restart, with all that was acknowledged."""
        pids = [x.pid for x in self.cluster.servers]
        for x in self.cluster.servers:
            (x.dir / "data/filler").unlink(missing_ok=True)
        self.cluster.wait_until_primary(30, 3)
        self.clients.wait_for_some(SOME)
        self.assertEqual(self.clients.finish(), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)
        self.assertEqual(pids, [x.pid for x in self.cluster.servers])
        self.assertTrue(all(x.runs() for x in self.cluster.servers))

    def test_room_that_is_made_again(self):
        victim = self.cluster.servers[1]
        with self.without_room([victim]):
            self.leaves(victim, time.monotonic_ns())
        # The disk would take a record, but it is full.
        time.sleep(3)
        self.assertFalse(self.cluster.group(victim)["primary"])
        self.comes_back()

    def test_room_that_is_made_again_everywhere(self):
        def say_so():
            told = [self.cluster.group(x) for x in self.cluster.servers]
            return [x["why_not"] or "" for x in told if x]

        def stopped():
            # The last one without a majority has nothing to write any more, so
            # it may never meet its full disk.
            said = say_so()
            return (len(said) == 3 and all(said)
                    and sum("log cannot be written" in x for x in said) >= 2)

        with self.without_room(self.cluster.servers):
            wait_for(stopped, 20, say_so)
        self.comes_back()

    @unittest.skipUnless(DEEP, "the log has to grow for more than a minute")
    def test_no_room_for_a_segment(self):
        victim = self.cluster.servers[2]
        self.fill(victim)
        began = time.monotonic_ns()
        with Growth(self.cluster):
            self.leaves(victim, began, 120)
        self.comes_back()

    def fill(self, server):
        with open(server.dir / "data/filler", "wb") as file, \
                contextlib.suppress(OSError):
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), MIB // 4)
                file.seek(MIB // 4, os.SEEK_CUR)


STOPPED_AT_MOST = 3  # docs/protocols/multicast.md, M9.
USUAL = 0.5


@unittest.skipIf(missing(), f"needs file systems of its own: {missing()}")
class Frozen(unittest.TestCase):
    """The disk of one of three hangs: no call fails, none ends."""

    def hangs(self, number):
        with DiskCluster() as cluster, Clients(cluster, timeout=60) as clients:
            calm = time.monotonic_ns()
            clients.wait_for_some(5 * SOME)
            victim = cluster.servers[number]
            began = time.monotonic_ns()
            with cluster.disks[victim.name].frozen():
                self.is_left_out(cluster, victim)
                # The others hear it all the time: each attempt to take it in
                # would hold them up again.
                for _ in range(6):
                    clients.wait_for_some(SOME, 10)
                    time.sleep(4)
                self.assertEqual(len(cluster.primary()), 2)
            cluster.wait_until_primary(60, 3)
            clients.wait_for_some(SOME)
            self.assertEqual(clients.finish(), [])
            wait_for(lambda: len(set(cluster.states().values())) == 1, 20,
                     cluster.states)
            # Shorter gaps are those of a busy machine.
            usual = max(USUAL, *gaps(clients, calm, began))
            stopped = [x for x in gaps(clients, began) if x > usual]
            print(f"no client was answered for {stopped} s; before, there were "
                  f"{usual:.2f} s at most between two answers", flush=True)
            self.assertLess(sum(x - usual for x in stopped),
                            STOPPED_AT_MOST)
            self.assertLess(max(stopped, default=0), STOPPED_AT_MOST)

    def is_left_out(self, cluster, victim):
        others = [x.name for x in cluster.servers if x is not victim]
        wait_for(lambda: cluster.primary() == others, 20, cluster.primary)
        self.assertIn("the disk of its log hangs",
                      cluster.group(victim)["why_not"])
        status, why = fetch(victim, "/readyz?verbose")
        self.assertEqual(status, 503, why)
        self.assertIn("the disk of its log hangs", why)

    def test_of_the_leader(self):  # SPEC Q4, Q6
        self.hangs(2)

    def test_of_another(self):  # SPEC Q4, Q6
        self.hangs(0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
