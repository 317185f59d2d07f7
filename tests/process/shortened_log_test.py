#!/usr/bin/env python3
"""Logs that are shorter than they were, files of them that are missing, and
directories that went back: refused at the start, with what to do, and with an
exit status that scripts can use. SPEC S6, S7, V7, Q10"""

import pathlib
import shutil
import subprocess
import unittest

from harness import wait_for
from queues import QueueCluster
from versions import VersionCluster, content_of

DAMAGED, NOT_THERE = 5, 2


def newest(directory, pattern):
    """Of the files that hold anything."""
    found = [x for x in directory.glob(pattern) if x.stat().st_size > 0]
    return max(found, key=lambda x: x.name)


def cut(path, share):
    with open(path, "r+b") as file:
        file.truncate(int(path.stat().st_size * share))


class Refusals(unittest.TestCase):
    def start_in_vain(self, node, status, *words):
        self.assertEqual(self.ends_with(node), status)
        said = (node.dir / "node.log").read_text().splitlines()[-1]
        for word in (*words, "Try: "):
            self.assertIn(str(word), said)

    def ends_with(self, node):
        """Its status; "runs" for one that has started after all."""
        node.start()
        try:
            return node.process.wait(20)
        except subprocess.TimeoutExpired:
            node.kill()
            return "runs"

    def try_changes(self, node, directory, changes):
        """Each is refused, and undone it is as if nothing had been."""
        copy = node.dir / "copy"
        shutil.copytree(directory, copy)
        for change in changes:
            with self.subTest(change=change.__name__):
                named = change(directory)
                for _ in range(2):
                    self.start_in_vain(node, DAMAGED, named)
                shutil.rmtree(directory)
                shutil.copytree(copy, directory)
        shutil.rmtree(directory)
        self.start_in_vain(node, NOT_THERE, directory)
        shutil.move(copy, directory)


def log_emptied(directory):
    path = newest(directory, "*.log")
    cut(path, 0)
    return path


def log_halved(directory):
    path = newest(directory, "*.log")
    cut(path, 0.5)
    return path


def log_removed(directory):
    newest(directory, "*.log").unlink()
    return directory


def manifest_removed(directory):
    path = newest(directory, "MANIFEST-*")
    path.unlink()
    return path.name


def current_removed(directory):
    (directory / "CURRENT").unlink()
    return directory / "CURRENT"


ROWS = (log_emptied, log_halved, log_removed, manifest_removed,
        current_removed)


class Rows(Refusals):
    def setUp(self):
        self.cluster = self.enterContext(VersionCluster())
        self.files = {}
        self.put("before")

    def put(self, name):
        for i in range(8):
            path = f"/docs/{name}-{i}"
            self.files[path] = content_of(path, 100 << i)
            self.cluster.client.put(path, self.files[path])

    def check(self):
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        for path, text in self.files.items():
            self.assertEqual(self.cluster.client.get(path), text, path)

    # SPEC S6, S7
    def test_of_the_master(self):
        master = self.cluster["master"]
        master.kill()
        self.try_changes(master, master.dir / "data/metadata", ROWS)
        older = master.dir / "older"
        shutil.copytree(master.dir / "data/metadata", older)
        master.start()
        self.check()
        self.put("after")
        master.kill()
        kept = master.dir / "kept"
        shutil.move(master.dir / "data/metadata", kept)
        shutil.move(older, master.dir / "data/metadata")
        self.start_in_vain(master, DAMAGED, "older copy")
        shutil.rmtree(master.dir / "data/metadata")
        shutil.move(kept, master.dir / "data/metadata")
        master.start()
        self.check()

    # SPEC S6, S7, V7
    def test_of_a_file_server(self):
        victim = self.cluster.servers[0]
        victim.kill()
        self.try_changes(victim, victim.dir / "data/version-rows", ROWS)
        victim.start()
        self.check()
        victim.kill()
        shutil.move(victim.dir / "data/versions", victim.dir / "volume")
        self.start_volume_less(victim)
        shutil.move(victim.dir / "volume", victim.dir / "data/versions")
        victim.start()
        self.check()
        victim.kill()
        # What the refusal says: it comes as a new store, and is filled.
        log_emptied(victim.dir / "data/version-rows")
        self.start_in_vain(victim, DAMAGED, "empty data directory")
        shutil.move(victim.dir / "data", victim.dir / "aside")
        victim.start()
        self.put("after")
        self.check()
        other = self.cluster.servers[1]
        wait_for(self.cluster.served, 60, "not filled")
        other.kill()
        for path, text in self.files.items():
            self.assertEqual(self.cluster.client.get(path), text, path)

    def start_volume_less(self, node):
        self.assertEqual(self.ends_with(node), NOT_THERE)
        said = (node.dir / "node.log").read_text().splitlines()[-1]
        self.assertIn("mount its disk", said)


class Queues(Refusals):
    # SPEC Q10, S7
    def test_of_a_server(self):
        with QueueCluster() as cluster:
            queue = cluster.value("qcreate", "q")
            for i in range(20):
                cluster.verb("qpush", queue, i)
            victim = cluster.servers[0]
            victim.kill()
            directory = victim.dir / "data/queues"

            def log_of(name):
                return lambda: newest(directory, name)

            def block_damaged(_):
                path = log_of("log-*")()
                text = bytearray(path.read_bytes())
                end = len(text.rstrip(b"\0"))
                text[end - 2] ^= 1
                path.write_bytes(text)
                return path.name

            def segment_emptied(_):
                path = log_of("log-*")()
                cut(path, 0)
                return path.name

            def segment_cut(_):
                path = log_of("log-*")()
                text = path.read_bytes()
                used = len(text.rstrip(b"\0"))
                path.write_bytes(text[:used // 2].ljust(len(text), b"\0"))
                return path.name

            def segment_removed(_):
                log_of("log-*")().unlink()
                return directory

            self.try_changes(victim, directory,
                             (block_damaged, segment_emptied, segment_cut,
                              segment_removed))
            victim.start()
            cluster.wait_until_primary(30, 3)
            self.assertEqual(cluster.value("qpop", queue), 0)
            # What the refusal says: a new store, which takes the state of the
            # others before it counts.
            victim.kill()
            cut(pathlib.Path(log_of("log-*")()), 0)
            self.start_in_vain(victim, DAMAGED, "empty data directory")
            shutil.move(victim.dir / "data", victim.dir / "aside")
            victim.start()
            cluster.wait_until_primary(60, 3)
            self.assertEqual(cluster.value("qpop", queue), 1)
            wait_for(lambda: len(set(cluster.states().values())) == 1, 20,
                     cluster.states)


if __name__ == "__main__":
    unittest.main(verbosity=2)
