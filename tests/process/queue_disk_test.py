#!/usr/bin/env python3
"""Disks of the queues' log: all servers lose their power at once, with what was
not synced; a disk fails, or is full: its server is out of the group and says
so, the others go on. SPEC Q4, Q5, Q6, Q10, S6

Each server has a file system of its own. A power cut is the shutdown of all of
them, which loses what was not synced, names, too; then all are killed."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import time
import unittest

from harness import wait_for
from metrics_test import fetch
from queue_history_test import SOME
from queues import DEEP, Clients, Growth, QueueCluster

MIB = 1 << 20
SHUTDOWN, WITHOUT_THE_JOURNAL = 0x8004587D, 2  # EXT4_IOC_SHUTDOWN, its flag.
ROUNDS = 10 if DEEP else 3


def missing():
    """Why there can be no file systems of our own here, or None."""
    if os.geteuid() != 0:
        return "not root"
    if not pathlib.Path("/dev/loop-control").exists():
        return "no loop devices"
    return next((f"no {x}" for x in ("mkfs.ext4", "mount", "strace")
                 if not shutil.which(x)), None)


class Disk:
    """An ext4 of a server's own, below its data directory. Nothing is written
    to it before it has to be."""

    def __init__(self, node, size):
        self.image = node.dir / "disk.image"
        self.path = node.dir / "data"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(size)
        self.make()

    def make(self):
        run_tool("mkfs.ext4", "-q", "-F", self.image)
        self.mount()
        (self.path / "lost+found").rmdir()
        run_tool("sync", "-f", self.path)

    def mount(self):
        run_tool("mount", "-o", "loop,commit=300,noauto_da_alloc", self.image,
                 self.path)

    def lose_power(self):
        at = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(at, SHUTDOWN, struct.pack("I", WITHOUT_THE_JOURNAL))
        os.close(at)

    def close(self):
        run_tool("umount", self.path)


def run_tool(*words):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stderr}")


class DiskCluster(QueueCluster):
    def __init__(self, size=256 * MIB, **options):
        super().__init__(**options)
        self.disks = {}
        self.size = size

    def __enter__(self):
        # `ip netns exec` of a test beside this one takes copies of all mounts:
        # of those below a shared one they go with ours.
        run_tool("mount", "--bind", "--make-shared", self.dir, self.dir)
        try:
            for x in self.servers:
                self.disks[x.name] = Disk(x, self.size)
            return super().__enter__()
        except BaseException:
            self.unmount()
            raise

    def __exit__(self, *reason):
        for x in self.living():
            x.kill()
        self.unmount()
        super().__exit__(*reason)

    def unmount(self):
        for name in list(self.disks):
            self.disks.pop(name).close()
        run_tool("umount", self.dir)

    def cut_power(self):
        """Of all at once; then it is back."""
        proofs = [x.path / "unsynced" for x in self.disks.values()]
        for x in proofs:
            x.write_bytes(b"x" * 4096)
        for x in self.disks.values():
            x.lose_power()
        for x in self.servers:
            x.process.kill()
        for x in self.servers:
            x.process.wait()
        for x in self.disks.values():
            x.close()
            x.mount()
        for x in proofs:
            if x.exists() and x.stat().st_size > 0:
                raise AssertionError("the power cut lost nothing")
            x.unlink(missing_ok=True)
        for x in self.servers:
            x.start()


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
        times = sorted([began] + [x["ret_ns"] for x in self.clients.lines()
                                  if x["result"] != "unknown"
                                  and x["ret_ns"] > began])
        gap = max(y - x for x, y in zip(times, times[1:])) / 1e9
        print(f"nobody was answered for {gap:.2f} s", flush=True)
        return gap

    def fails(self, victim, what):
        """Each call that names, or has open, a file of the log."""
        folder = victim.dir / "data/queues"
        paths = [folder / f"log-{i:016x}" for i in range(1, 20)]
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null",
             "-e", f"trace={what.partition(':')[0]}", "-e", f"inject={what}",
             *[word for x in paths for word in ("-P", str(x))],
             "-p", str(victim.pid)], stderr=subprocess.DEVNULL)
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

    @unittest.skipUnless(DEEP, "the log has to grow for more than a minute")
    def test_no_room_for_a_segment(self):
        victim = self.cluster.servers[2]
        with open(victim.dir / "data/filler", "wb") as file, \
                contextlib.suppress(OSError):
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), MIB // 4)
                file.seek(MIB // 4, os.SEEK_CUR)
        began = time.monotonic_ns()
        with Growth(self.cluster):
            self.leaves(victim, began, 120)
        self.returns(victim)


if __name__ == "__main__":
    unittest.main(verbosity=2)
