#!/usr/bin/env python3
"""Disks that are full, that fail, that are emptied, swapped or old. SPEC G9,
G16, S6"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from chunks import DEEP, ChunkCluster, History, settings
from harness import wait_for

MIB = 1 << 20
LOAD = {"writers": 2, "readers": 3, "appenders": 3, "putters": 2, "movers": 1,
        "timeout_ms": 20_000}


class Disk:
    """A small file system of its own, for one store's volume."""

    def __init__(self, path, size):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs",
                        str(self.path)], check=True)

    def resize(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}",
                        str(self.path)], check=True)

    def free_bytes(self):
        return shutil.disk_usage(self.path).free

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)


class DiskCluster(ChunkCluster):
    """Stores whose volumes are directories `NODE/disk/volume`; with `size` on
    file systems of their own."""

    def __init__(self, size=None, **options):
        self.disks = []

        def extra(node):
            if node.roles == "chunkserver":
                if size:
                    self.disks.append(Disk(node.dir / "disk", size))
                else:
                    (node.dir / "disk").mkdir()
            return (settings()
                    + f'[volumes]\npaths = ["{self.volume(node)}"]\n'
                    + 'reserve = "4MiB"\n')
        try:
            super().__init__(extra=extra, **options)
        except BaseException:
            self.unmount()
            raise

    @staticmethod
    def volume(node):
        return node.dir / "disk/volume"

    def __exit__(self, *reason):
        for node in self.living():
            node.kill()
        self.unmount()
        super().__exit__(*reason)

    def unmount(self):
        for disk in self.disks:
            disk.close()
        self.disks = []


def pattern(size, seed):
    return bytes((seed + i // 7) % 251 for i in range(1021)) * (size // 1021) \
        + b"." * (size % 1021)


@unittest.skipIf(os.geteuid() != 0, "needs root, to mount")
class Full(unittest.TestCase):
    def fill(self, cluster, first=0):
        """Puts until it is refused; what stands, and the refusal."""
        stands = {}
        for i in range(first, first + 200):
            path, data = f"/file-{i}", pattern(2 * MIB, i)
            done = cluster.client.put(path, data, check=False)
            if done.returncode != 0:
                return stands, path, done
            stands[path] = data
        raise AssertionError("the disks do not fill up")

    def check(self, cluster, stands):
        for path, data in stands.items():
            self.assertEqual(cluster.client.get(path), data, path)

    def test_refused_with_the_reason_and_back_without_a_restart(self):
        # SPEC G16
        with DiskCluster(size="40m") as cluster:
            stands, path, done = self.fill(cluster)
            self.assertGreater(len(stands), 5)
            text = done.stderr.decode()
            self.assertEqual(done.returncode, 1, text)
            self.assertEqual(len(text.splitlines()), 1, text)
            self.assertIn(path, text)
            self.assertIn("room", text)
            gone = cluster.verb("stat", path, check=False)
            self.assertEqual(gone.returncode, 1, gone.stdout)  # Not half there.
            self.check(cluster, stands)
            small = cluster.client.put("/tiny", b"x" * 100, check=False)
            self.assertIn(small.returncode, (0, 1))
            # Deletes still work.
            for victim in list(stands)[:3]:
                cluster.verb("rm", victim)
                del stands[victim]
            cluster.verb("trash", "purge", "--all")
            # And service comes back with the space.
            pids = [x.pid for x in cluster.nodes.values()]
            for disk in cluster.disks:
                disk.resize("120m")
            wait_for(lambda: cluster.client.put(
                "/again", pattern(MIB, 1), check=False).returncode == 0, 10,
                lambda: cluster.verb("status", check=False).stdout, 0.2)
            more, _, _ = self.fill(cluster, first=500)
            self.assertGreater(len(more), 5)
            self.check(cluster, {**stands, **more})
            self.assertEqual(pids, [x.pid for x in cluster.living()])

    @unittest.skipUnless(DEEP, "takes more than a minute")
    def test_deleting_makes_room(self):  # SPEC G12, G16
        with DiskCluster(size="40m") as cluster:
            stands, _, _ = self.fill(cluster)
            for path in stands:
                cluster.verb("rm", path)
            cluster.verb("trash", "purge", "--all")
            # Nothing is deleted in the first minute of a master's life.
            wait_for(lambda: cluster.client.put(
                "/again", pattern(4 * MIB, 1), check=False).returncode == 0,
                100, lambda: cluster.verb("status", check=False).stdout, 1)
            self.assertEqual(cluster.client.get("/again"), pattern(4 * MIB, 1))

    def test_disks_fill_up_under_load(self):  # SPEC G16
        with DiskCluster(size="64m") as cluster:
            with History(cluster, "full", 21, **LOAD) as history:
                history.let_run(1)
                for _ in range(3):
                    for disk in cluster.disks:
                        filler = disk.path / "filler"
                        # Full already, or full then.
                        with contextlib.suppress(OSError), \
                                open(filler, "wb") as out:
                            while True:
                                out.write(bytes(MIB))
                    history.injected("full")
                    history.let_run(2)
                    for disk in cluster.disks:
                        (disk.path / "filler").unlink(missing_ok=True)
                    history.let_run(1)
                history.finish()
            cluster.wait_until_healthy(30)


@unittest.skipIf(os.geteuid() != 0 or not shutil.which("strace"),
                 "needs root and strace")
class Failing(unittest.TestCase):
    def inject(self, node, what):
        """`what` from now on, in all threads; returns the tracer."""
        calls = what.split(":")[0]
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
             "-e", f"inject={what}", "-p", str(node.pid)],
            stderr=subprocess.PIPE)
        wait_for(lambda: self.traced(node), 5, "strace does not attach")
        return tracer

    @staticmethod
    def traced(node):
        tasks = pathlib.Path(f"/proc/{node.pid}/task").glob("*/status")
        return all("TracerPid:\t0\n" not in x.read_text() for x in tasks)

    def failing(self, case, seed, what):
        with DiskCluster() as cluster:
            victim = cluster.stores[1]
            with History(cluster, case, seed, **LOAD) as history:
                history.let_run(1)
                tracer = self.inject(victim, what)
                try:
                    history.injected(what)
                    history.let_run(3)
                    self.assert_repaired_elsewhere(cluster, victim)
                finally:
                    tracer.terminate()
                    tracer.communicate()
                history.let_run(1)
                history.finish()

    def assert_repaired_elsewhere(self, cluster, victim):
        """Its only volume is out: it serves no more, others have its chunks."""
        def text():
            return cluster.verb("status", check=False).stdout
        wait_for(lambda: re.search(
            f"SERVER_LOST .*{victim.name} ", text()), 20, text, 0.1)
        wait_for(lambda: text() and "CHUNKS_UNDER_REPLICATED" not in text(),
                 60, text, 0.1)
        self.assertTrue(victim.runs())

    def test_syncs_that_fail(self):  # SPEC S6: an fsync is never repeated
        self.failing("eio-sync", 22, "fdatasync,fsync:error=EIO")

    def test_writes_that_fail(self):
        self.failing("eio-write", 23, "pwrite64,pwritev,pwritev2:error=EIO")


class Directories(unittest.TestCase):
    def setUp(self):
        self.cluster = DiskCluster()
        self.cluster.__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.files = {f"/file-{i}": pattern(1_500_000 + i, i)
                      for i in range(4)}
        for path, data in self.files.items():
            self.cluster.client.put(path, data)

    def check(self):
        for path, data in self.files.items():
            self.assertEqual(self.cluster.client.get(path), data, path)

    def refused(self, node, *mentions):
        """It does not start, and says why in one line."""
        log = node.dir / "node.log"
        before = log.stat().st_size
        node.start()
        self.assertEqual(node.process.wait(20), 2)
        lines = log.read_bytes()[before:].decode().splitlines()
        last = lines[-1] if lines else ""
        for word in mentions:
            self.assertIn(str(word), last)

    def test_an_emptied_disk_is_noticed(self):
        node = self.cluster.stores[0]
        volume = self.cluster.volume(node)
        node.stop()
        shutil.move(volume, volume.with_name("kept"))
        self.refused(node, volume)
        volume.mkdir()
        self.refused(node, volume)
        self.assertEqual(list(volume.iterdir()), [])
        volume.rmdir()
        shutil.move(volume.with_name("kept"), volume)
        node.start()
        self.cluster.wait_until_whole(15)
        self.cluster.wait_until_healthy(30)
        self.check()

    def test_swapped_disks_are_noticed(self):
        a, b = self.cluster.stores[:2]
        for node in (a, b):
            node.stop()
        first, second = self.cluster.volume(a), self.cluster.volume(b)
        kept = first.with_name("kept")
        for source, target in ((first, kept), (second, first),
                               (kept, second)):
            shutil.move(source, target)
        self.refused(a, first)
        self.refused(b, second)
        for source, target in ((first, kept), (second, first),
                               (kept, second)):
            shutil.move(source, target)
        for node in (a, b):
            node.start()
        self.cluster.wait_until_whole(15)
        self.cluster.wait_until_healthy(30)
        self.check()

    def test_an_old_copy_of_a_disk_is_stale(self):  # SPEC G6
        node = self.cluster.stores[0]
        volume = self.cluster.volume(node)
        node.stop()
        old = volume.with_name("old")
        shutil.copytree(volume, old)
        node.start()
        self.cluster.wait_until_healthy(30)
        client = self.cluster.client
        for path, data in list(self.files.items()):
            changed = pattern(300_000, 77)
            client.write(path, 5_000, changed)
            self.files[path] = data[:5_000] + changed + data[305_000:]
        new = "/new"
        client.put(new, pattern(2 * MIB, 9))
        self.files[new] = pattern(2 * MIB, 9)
        node.stop()
        shutil.rmtree(volume)
        shutil.move(old, volume)
        node.start()
        self.cluster.wait_until_whole(15)
        self.check()
        self.cluster.wait_until_healthy(60)
        self.check()

    def test_a_lost_data_directory_is_a_new_server(self):
        node = self.cluster.stores[0]
        node.kill()
        shutil.rmtree(node.dir / "data")
        shutil.rmtree(self.cluster.volume(node))
        node.start()
        self.cluster.wait_until_whole(15)
        self.check()
        # The old one stays missed: nobody knows that it will not come back.
        wait_for(lambda: self.lacking() == ["SERVER_LOST"], 60,
                 lambda: self.cluster.verb("status", check=False).stdout)

    def lacking(self):
        """Codes of what `status` finds; all chunks count."""
        told = self.cluster.verb("status", check=False).stdout
        return re.findall(r"^([A-Z]+_[A-Z_]+) ", told, re.MULTILINE)

    def test_flipped_bits_are_never_served(self):  # SPEC G9
        flipped = 0
        for node in self.cluster.stores:
            node.kill()
        node = self.cluster.stores[0]
        for path in sorted(self.cluster.volume(node).rglob("*")):
            if path.is_file() and "chunks" in path.parts:
                with open(path, "r+b") as file:
                    size = path.stat().st_size
                    for at in range(1000, size, size // 5 + 1):
                        file.seek(at)
                        byte = file.read(1)[0]
                        file.seek(at)
                        file.write(bytes([byte ^ 1 << at % 8]))
                        flipped += 1
        self.assertGreater(flipped, 0)
        for node in self.cluster.stores:
            node.start()
        self.cluster.wait_until_whole(20)
        for _ in range(3):
            self.check()
        self.cluster.wait_until_healthy(60)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
