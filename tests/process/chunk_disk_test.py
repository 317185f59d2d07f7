#!/usr/bin/env python3
"""Disks that are full, that fail, that are emptied, swapped or old. SPEC G9,
G16, S6"""

import contextlib
import json
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
    """Stores whose volumes are directories `NODE/disk/volume`, or have other
    names there; with `size` on file systems of their own. `chunks` are settings
    of that section."""

    def __init__(self, size=None, names=("volume",), chunks=None, **options):
        self.disks = []

        def extra(node):
            if node.roles == "chunkserver":
                if size:
                    self.disks.append(Disk(node.dir / "disk", size))
                else:
                    (node.dir / "disk").mkdir()
            paths = ", ".join(f'"{self.volume(node, x)}"' for x in names)
            return (settings(**chunks or {}) + f'[volumes]\npaths = [{paths}]\n'
                    + 'reserve = "4MiB"\n')
        try:
            super().__init__(extra=extra, **options)
        except BaseException:
            self.unmount()
            raise

    @staticmethod
    def volume(node, name="volume"):
        return node.dir / "disk" / name

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
                # The fault is over. Of what was full before it the master still
                # counts this copy; in the end all that count are read.
                victim.kill()
                victim.start()
                cluster.wait_until_whole(20)
                history.finish()

    def assert_repaired_elsewhere(self, cluster, victim):
        """Its only volume is out: it serves no more, others have its chunks."""
        def text():
            return cluster.verb("status", check=False).stdout
        wait_for(lambda: re.search(
            f"SERVER_LOST .*{victim.name} ", text()), 20, text, 0.1)
        cluster.wait_until_replicated(60)
        self.assertTrue(victim.runs())

    def test_syncs_that_fail(self):  # SPEC S6: an fsync is never repeated
        self.failing("eio-sync", 22, "fdatasync,fsync:error=EIO")

    def test_writes_that_fail(self):
        self.failing("eio-write", 23, "pwrite64,pwritev,pwritev2:error=EIO")


def expect_refusal(test, node, *mentions, lines=1):
    """It does not start, and says why in as many lines."""
    log = node.dir / "node.log"
    before = log.stat().st_size
    node.start()
    test.assertEqual(node.process.wait(20), 2)
    said = log.read_bytes()[before:].decode().splitlines()[-lines:]
    for word in mentions:
        test.assertIn(str(word), "\n".join(said))


class Several(unittest.TestCase):
    """Two volumes a server. SPEC G16, DESIGN 7"""

    def setUp(self):
        self.cluster = DiskCluster(names=("a", "b"))
        self.cluster.__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.files = {f"/file-{i}": pattern(700_000 + i, i)
                      for i in range(12)}
        for path, data in self.files.items():
            self.cluster.client.put(path, data)
        self.node = self.cluster.stores[0]
        self.a, self.b = (self.cluster.volume(self.node, x) for x in "ab")

    def check(self):
        for path, data in self.files.items():
            self.assertEqual(self.cluster.client.get(path), data, path)

    def codes(self):
        told = self.cluster.status()
        return told and [x["code"] for x in told["findings"]]

    def without_a(self):
        """It serves with `b`, is told of, and what was lost is made again."""
        self.node.start()
        self.cluster.wait_until_whole(15)
        wait_for(lambda: self.codes() == ["VOLUME_FAILED"], 60,
                 self.cluster.status)
        self.assertEqual(
            {x["volume"]: x["failed"] for x in json.loads(
                self.cluster.verb("df", "--json").stdout)
             if x["server"] == self.node.name},
            {str(self.a): True, str(self.b): False})
        self.check()

    def with_a(self):
        self.node.start()
        self.cluster.wait_until_whole(15)
        self.cluster.wait_until_healthy(30)
        self.check()
        chunks = [x.name.split(".")[0] for x in (
            *self.a.glob("chunks/*/*"), *self.b.glob("chunks/*/*"))]
        self.assertEqual(len(chunks), len(set(chunks)), "a chunk is there twice")
        self.assertEqual(self.cluster.verb("fsck", "--deep", check=False)
                         .returncode, 0)

    def test_one_that_is_missing_is_left_out(self):
        kept = self.a.with_name("kept")
        self.node.stop()
        shutil.move(self.a, kept)
        self.without_a()
        for path in list(self.files)[:4]:
            self.cluster.client.write(path, 5, b"changed meanwhile")
            self.files[path] = (self.files[path][:5] + b"changed meanwhile"
                                + self.files[path][22:])
        # Also an empty mount point: nothing is begun anew in it.
        self.node.stop()
        self.a.mkdir()
        self.without_a()
        self.assertEqual(list(self.a.iterdir()), [])
        # It comes back with what is old by now.
        self.node.stop()
        self.a.rmdir()
        shutil.move(kept, self.a)
        self.with_a()

    def test_one_that_cannot_be_read_is_left_out(self):
        identity = self.a / "identity"
        good = identity.read_text()
        self.node.stop()
        identity.write_text("spoilt")
        self.without_a()
        self.node.stop()
        identity.write_text(good)
        self.with_a()

    def test_none_that_can_be_opened_is_a_refusal(self):
        self.node.stop()
        for path in (self.a, self.b):
            shutil.move(path, path.with_name(path.name + "-kept"))
        expect_refusal(self, self.node, self.a, self.b, lines=2)
        for path in (self.a, self.b):
            self.assertFalse(path.exists())
            shutil.move(path.with_name(path.name + "-kept"), path)
        self.with_a()

    def test_a_foreign_one_is_a_refusal(self):
        other = self.cluster.stores[1]
        kept = self.a.with_name("kept")
        for node in (self.node, other):
            node.stop()
        shutil.move(self.a, kept)
        shutil.copytree(self.cluster.volume(other, "a"), self.a)
        expect_refusal(self, self.node, self.a, "belongs to the node")
        shutil.rmtree(self.a)
        shutil.move(kept, self.a)
        other.start()
        self.with_a()

    def test_a_new_one_that_cannot_be_made_is_a_refusal(self):
        self.node.stop()
        settings_file = self.node.config
        text = settings_file.read_text()
        settings_file.write_text(text.replace(
            f'"{self.b}"', f'"{self.b}", "/proc/nobody/disk"'))
        node_log = self.node.dir / "node.log"
        self.node.start()
        self.assertNotEqual(self.node.process.wait(20), 0)
        self.assertIn("/proc/nobody/disk",
                      node_log.read_text().splitlines()[-1])
        settings_file.write_text(text)
        self.with_a()


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
        expect_refusal(self, node, *mentions)

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
