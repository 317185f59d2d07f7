#!/usr/bin/env python3
"""Metadata of the master that go back in time, on real processes: put back as
files, and restored by a person (SPEC G2, G12, S9, O3)."""

import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness
from verbs import Verbs

KIB = 1 << 10
STORES = [f"store-{i}" for i in (1, 2, 3)]
CHUNKS = {"size": "1MiB", "heartbeat": "100ms", "node_lease": "1s",
          "chunk_lease": "5s"}


def content(seed, size=200 * KIB):
    return random.Random(seed).randbytes(size)


class Restores(Verbs, unittest.TestCase):
    """Each test has a cluster of its own: what it does cannot be undone."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="dfsnode-test-")
        self.addCleanup(scratch.cleanup)
        self.here = pathlib.Path(scratch.name)
        lines = [f"{key} = {json.dumps(x)}" for key, x in CHUNKS.items()]
        self.cluster = self.enterContext(harness.Cluster(
            [("entry", "introducer"), ("master", "master")]
            + [(name, "chunkserver,fileserver") for name in STORES],
            extra="\n".join(["[chunks]", *lines, "[volumes]",
                             'reserve = "1MiB"', "[versions]", "groups = 4",
                             ""])))
        self.master = self.cluster["master"]
        self.metadata = self.master.dir / "data/metadata"
        self.cluster.start(30)
        contacts = ", ".join(f'"{x.at("stream")}"'
                             for x in self.cluster.nodes.values())
        self.config = self.here / "client.toml"
        self.config.write_text(f'[client]\ncontacts = [{contacts}]\n'
                               f'bundle = "{self.cluster.dir}/admin"\n')
        self.files = {}
        self.wait_for(self.is_whole)
        self.verb("mkdir", "--class", "versioned", "/docs")

    def wait_for(self, condition, seconds=40):
        harness.wait_for(condition, seconds, lambda: str(self.status()), 0.1)

    def status(self):
        """None while nobody answers."""
        told = self.try_verb("status", "--json").stdout
        return json.loads(told) if told else None

    def is_whole(self):
        told = self.status()
        return (told and not told["findings"]
                and told.get("groups", {}).get("healthy") == 4)

    def codes(self):
        told = self.status()
        return told and {x["code"] for x in told["findings"]}

    def put(self, path, seed, size=200 * KIB):
        self.files[path] = content(seed, size)
        self.verb("put", "-", path, given=self.files[path])

    def expect(self, *paths):
        for path in paths or self.files:
            self.assertEqual(self.verb("cat", path), self.files[path], path)

    def log(self, name):
        return (self.cluster[name].dir / "node.log").read_text(errors="replace")

    def copy(self, to):
        """As a snapshot of the disk: with what is beside them."""
        to.mkdir()
        for x in self.metadata.parent.glob("metadata*"):
            subprocess.run(["cp", "-a", str(x), str(to)], check=True)

    def bring(self, directory, aside):
        """Puts that one in the place of the metadata, which go aside."""
        self.assertEqual(self.master.stop(), 0)
        aside.mkdir(exist_ok=True)
        for x in self.metadata.parent.glob("metadata*"):
            shutil.move(x, aside / x.name)
        for x in directory.iterdir():
            shutil.move(x, self.metadata.parent / x.name)
        directory.rmdir()
        self.master.start()

    def obeyed(self):
        return [(self.cluster[name].dir / "data/master_term").read_text()
                for name in STORES]

    def replicas(self):
        return {(name, x.name) for name in STORES for x in
                (self.cluster[name].dir / "data/chunks/chunks").glob("*/*")}


class Older(Restores):
    """A copy of the metadata is put back as files."""

    def expect_refusal(self):
        self.wait_for(lambda: "METADATA_OLDER" in (self.codes() or set()))
        told = next(x["what"] for x in self.status()["findings"]
                    if x["code"] == "METADATA_OLDER")
        self.assertIn("admin metadata restore", told)
        self.assertIn("--above-term", told)
        self.assertIn("the metadata are not the newest", self.log("master"))
        self.assertTrue(any("admin metadata restore" in self.log(name)
                            for name in STORES))
        for verb in (["ls", "/"], ["stat", "/a"], ["mkdir", "/x"],
                     ["cat", "/a"], ["rm", "/a"]):
            said = self.refused(3, *verb, "--timeout", "1s")
            self.assertIn("not the newest", said)
        return told

    def test_of_a_master_that_was_stopped(self):  # SPEC G12
        self.put("/a", 1)
        self.put("/docs/a", 2)
        self.assertEqual(self.master.stop(), 0)
        older = self.here / "older"
        self.copy(older)
        self.master.start()
        self.wait_for(lambda: self.codes() == set())
        self.put("/later", 3)
        self.put("/docs/later", 4)
        there = self.replicas()
        # The next life has the very term of the one that was lost.
        self.bring(older, self.here / "newest")
        self.expect_refusal()
        self.assertEqual(self.replicas(), there)
        # The newest are found: all is as it was.
        self.bring(self.here / "newest", self.here / "older")
        self.wait_for(lambda: self.codes() == set())
        self.expect()

    def test_of_a_master_that_ran_and_the_way_out(self):  # SPEC G2, G12
        self.put("/a", 1)
        self.put("/docs/a", 2)
        self.master.pause()  # As a snapshot of its disk sees it.
        older = self.here / "older"
        self.copy(older)
        self.master.resume()
        # Servers remember once a second how far the master has come: by the
        # second time certainly up to what came before the first.
        for path, seed in (("/later", 3), ("/latest", 4)):
            obeyed = self.obeyed()
            self.put(path, seed)
            self.wait_for(lambda: self.obeyed() != obeyed)
        self.bring(older, self.here / "newest")
        told = self.expect_refusal()
        term = told.split("--above-term ")[1].split("`")[0]
        self.assertEqual(self.master.stop(), 0)
        self.verb("admin", "metadata", "restore", self.metadata, "--to",
                  self.metadata, "--force", "--above-term", term)
        self.assertTrue(pathlib.Path(f"{self.metadata}.replaced-1").is_dir())
        self.master.start()
        self.wait_for(lambda: (self.status() or {}).get("term", 0) > 65_536)
        self.wait_for(lambda: "METADATA_OLDER" not in self.codes())
        self.wait_for(lambda: "CHUNKS_UNAVAILABLE" not in self.codes())
        self.expect("/a", "/docs/a")
        self.refused(1, "stat", "/later")
        # Those that were lost turn up: servers have obeyed others since.
        self.bring(self.here / "newest", self.here / "restored")
        self.expect_refusal()


class Restored(Restores):
    """The metadata are restored from a backup, while servers went on."""

    def restore(self, backup):
        self.assertEqual(self.master.stop(), 0)
        self.verb("admin", "metadata", "restore", backup, "--to",
                  self.metadata, "--force")
        self.master.start()

    def test_what_is_newer_is_counted_kept_and_brought_back(self):  # SPEC G2
        self.put("/a", 1)
        self.put("/docs/a", 2)
        self.put("/removed", 3)
        backup = self.here / "backup"
        self.verb("admin", "metadata", "backup", backup)
        # The lost branch: new files, one that grew, one that went.
        self.put("/later", 4)
        self.put("/large", 5, 2_500 * KIB)
        more = content(6, 50 * KIB)
        self.verb("append", "/a", "-", given=more)
        self.files["/a"] += more
        self.verb("rm", "/removed")
        there = self.replicas()
        self.restore(backup)
        self.wait_for(lambda: self.codes() == {"METADATA_RESTORED",
                                               "NEWER_THAN_BACKUP"})
        self.expect("/a", "/docs/a", "/removed")
        # 1 chunk of /later, 3 of /large.
        told = next(x["what"] for x in self.status()["findings"]
                    if x["code"] == "NEWER_THAN_BACKUP")
        self.assertIn("4 chunks", told)
        done = self.try_verb("fsck", "--json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("NEWER_THAN_BACKUP", done.stdout.decode())
        made = json.loads(self.verb("admin", "adopt-orphans", "--to",
                                    "/lost+found", "--json"))
        whole = b"".join(self.verb("cat", x["file"]) for x in made)
        self.assertEqual(whole, self.files["/later"] + self.files["/large"])
        self.assertEqual(sum(x["bytes"] for x in made), len(whole))
        self.assertEqual(self.verb("admin", "adopt-orphans", "--to",
                                   "/lost+found", "--json").strip(), b"[]")
        again = self.try_verb("admin", "adopt-orphans", "--to", "/lost+found")
        self.assertIn(b"nothing to adopt", again.stderr)
        self.verb("append", "/a", "-", given=more)
        self.files["/a"] += more
        self.verb("admin", "confirm-restore")
        self.wait_for(lambda: self.codes() == set())
        self.expect("/a", "/docs/a", "/removed")
        self.assertLessEqual({x[1] for x in there},
                             {x[1] for x in self.replicas()})
        self.assertEqual(self.try_verb("fsck", "--deep").returncode, 0)

    def newer(self):
        """What `status` says is newer than the backup."""
        told = self.status() or {"findings": []}
        return [x["what"] for x in told["findings"]
                if x["code"] == "NEWER_THAN_BACKUP"]

    def stat(self, path):
        """None while it is not shown."""
        told = self.try_verb("stat", path, "--json")
        return json.loads(told.stdout) if told.returncode == 0 else None

    def test_versioned_files_that_are_newer_come_back(self):  # SPEC G2, S9
        self.put("/docs/a", 1)
        backup = self.here / "backup"
        self.verb("admin", "metadata", "backup", backup)
        # The lost branch: new files, versions of an old one, a deletion.
        lost = ["/docs/later", "/docs/large", "/docs/deep/er/twice"]
        self.put(lost[0], 2)
        self.put(lost[1], 3, 2_500 * KIB)
        self.verb("mkdir", "-p", "/docs/deep/er")
        self.put(lost[2], 4)
        first = self.files[lost[2]]
        self.put(lost[2], 5, 50 * KIB)
        self.put("/docs/gone", 6)
        self.verb("rm", "/docs/gone")
        self.put("/docs/a", 7)
        # Acknowledged, and told: receipts of the lost master count nothing.
        self.wait_for(lambda: all(self.stat(x) for x in lost) and self.stat(
            lost[2])["bytes"] == 50 * KIB and not self.stat("/docs/gone"))
        inodes = [self.stat(x)["inode"] for x in lost]
        self.restore(backup)
        said = ["3 versioned files are newer than the backup"]
        self.wait_for(lambda: [x.split(",")[0] for x in self.newer()] == said)
        self.expect("/docs/a")
        for path in [*lost, "/docs/gone"]:
            self.refused(1, "stat", path)
        done = self.try_verb("fsck", "--json")
        self.assertEqual(done.returncode, 1)
        found = [x["what"] for x in json.loads(done.stdout)["findings"]
                 if x["problem"] == "NEWER_THAN_BACKUP"]
        self.assertEqual(len(found), 1, found)
        self.assertIn("3 versioned files are on file servers", found[0])
        self.assertIn("3 versioned files are on file servers",
                      self.try_verb("fsck", text=True).stdout)
        # Counted by rows: it needs no file server to tell it again.
        self.assertEqual(self.master.stop(), 0)
        self.master.start()
        self.wait_for(lambda: [x.split(",")[0] for x in self.newer()] == said)
        # A name that is made again is another file.
        self.put(lost[0], 8)
        adopt = ["admin", "adopt-orphans", "--to", "/lost+found"]
        made = json.loads(self.verb(*adopt, "--json"))
        paths = [f"/lost+found/versioned/file-{x:016x}" for x in inodes]
        self.assertEqual({x["file"] for x in made}, set(paths))
        listed = {x["name"]: x for x in json.loads(self.verb(
            "ls", "-l", "/lost+found/versioned", "--json"))}
        contents = [content(2), *(self.files[x] for x in lost[1:])]
        for path, inode, expected in zip(paths, inodes, contents):
            self.assertEqual(self.verb("cat", path), expected, path)
            self.assertEqual(listed[path.split("/")[-1]]["bytes"],
                             len(expected))
            self.assertEqual(self.stat(path)["inode"], inode)
        self.assertEqual(self.verb("cat", "--version", 1, paths[2]), first)
        self.assertEqual(self.verb(*adopt, "--json").strip(), b"[]")
        self.assertEqual(self.newer(), [])
        # As any other file: named, put, found again by the next master.
        self.verb("mv", paths[1], lost[1])
        self.put(lost[1], 9)
        self.verb("rm", paths[0])
        self.verb("admin", "confirm-restore")
        self.wait_for(lambda: self.codes() == set())
        self.assertEqual(self.master.stop(), 0)
        self.master.start()
        self.wait_for(lambda: self.codes() == set())
        self.expect("/docs/a", lost[0], lost[1])
        self.wait_for(
            lambda: self.try_verb("fsck", "--deep").returncode == 0)

    def test_a_server_that_is_away_is_waited_for(self):  # SPEC G2, G5
        self.put("/a", 1)
        backup = self.here / "backup"
        self.verb("admin", "metadata", "backup", backup)
        self.cluster["store-3"].kill()
        self.restore(backup)
        self.wait_for(lambda: "SERVER_LOST" in (self.codes() or set()))
        for verb in (["cat", "/a"], ["admin", "confirm-restore"],
                     ["admin", "adopt-orphans", "--to", "/lost+found"]):
            said = self.refused(3, *verb, "--timeout", "2s")
            self.assertIn("store-3", said)
        self.cluster["store-3"].start()
        self.wait_for(lambda: self.codes() == {"METADATA_RESTORED"})
        self.expect()
        self.verb("admin", "confirm-restore")
        self.wait_for(lambda: self.codes() == set())
        # Confirmed for later lives, too.
        self.assertEqual(self.master.stop(), 0)
        self.cluster["store-3"].kill()
        self.master.start()
        self.wait_for(lambda: "SERVER_LOST" in (self.codes() or set()))
        self.expect()


if __name__ == "__main__":
    sys.exit(unittest.main())
