#!/usr/bin/env python3
"""What operators do, on real processes: backups of the metadata, fsck, servers
that never return, what status says, directories with a number of copies (SPEC
G2, G9, G10, V9, O3, S7)."""

import json
import os
import pathlib
import random
import shutil
import tempfile
import unittest

import harness
from verbs import Verbs

MIB = 1 << 20
SERVERS = [f"chunkserver-{i}" for i in (1, 2, 3)]


class Operating(Verbs, unittest.TestCase):
    """Each test has a cluster of its own: what it does cannot be undone."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="dfsnode-test-")
        self.addCleanup(scratch.cleanup)
        self.here = pathlib.Path(scratch.name)

    def start(self, change=lambda text: text):
        self.cluster = self.enterContext(harness.Cluster(
            [("master", "introducer,master")]
            + [(name, "chunkserver") for name in SERVERS],
            extra='[chunks]\nsize = "4MiB"\n'))
        for node in self.cluster.nodes.values():
            node.config.write_text(change(node.config.read_text()))
        self.cluster.start(30)
        self.config = self.cluster["master"].client_config()
        self.wait_for_health()

    def status(self):
        """(summary, servers by name, codes)"""
        done = self.try_verb("status", "--json")
        if not done.stdout:
            return {}, {}, set()
        told = json.loads(done.stdout)
        return (told, {x["server"]: x for x in told["servers"]},
                {x["code"] for x in told["findings"]})

    def wait_for_health(self, seconds=40):
        harness.wait_for(
            lambda: self.status()[0].get("health") == "healthy", seconds,
            lambda: str(self.status()))

    def confirm_restore(self, codes):
        """When all is told, and `status` says what it has to."""
        harness.wait_for(lambda: self.status()[2] == codes, 40,
                         lambda: str(self.status()))
        self.verb("admin", "confirm-restore")
        self.wait_for_health()

    def fsck(self, *arguments):
        """(status, summary, {(path, problem)})"""
        done = self.try_verb("fsck", "--json", *arguments)
        told = json.loads(done.stdout)
        return (done.returncode, told,
                {(x["path"], x["problem"]) for x in told["findings"]})

    def put_files(self):
        tree = self.here / "tree"
        tree.mkdir()
        for i in range(20):
            (tree / f"f{i}").write_bytes(random.Random(i).randbytes(i * 1000))
        (tree / "large").write_bytes(random.Random(99).randbytes(9 * MIB))
        self.verb("put", "-r", tree, "/tree")
        return tree

    def expect_files(self, tree):
        back = self.here / "back"
        shutil.rmtree(back, ignore_errors=True)
        self.verb("get", "-r", "/tree", back)
        for file in tree.iterdir():
            self.assertEqual((back / file.name).read_bytes(),
                             file.read_bytes(), file.name)

    def replica_files(self, server):
        """The files of chunks above 64 KiB."""
        root = self.cluster[server].dir / "data/chunks/chunks"
        return {x.name.split(".")[0]: x
                for x in root.glob("*/*") if x.stat().st_size > 0}

    def spoil(self, server, chunk):
        with open(self.replica_files(server)[chunk], "r+b") as file:
            file.seek(MIB)
            file.write(b"spoilt")

    # -- backups --------------------------------------------------------------

    def test_metadata_comes_back_from_a_backup(self):  # SPEC G2
        self.start()
        tree = self.put_files()
        master = self.cluster["master"]
        metadata = master.dir / "data/metadata"
        first, second = self.here / "first", self.here / "second"
        self.verb("admin", "metadata", "backup", first)
        second.write_bytes(self.verb("admin", "metadata", "backup", "-"))
        self.assertIn("holds metadata", self.refused(
            1, "admin", "metadata", "restore", first, "--to", metadata))
        self.assertIn("is used by a master", self.refused(
            2, "admin", "metadata", "restore", first, "--to", metadata,
            "--force"))
        self.verb("put", tree / "large", "/later")
        self.verb("rm", "-r", "/tree")
        term = self.status()[0]["term"]

        # The disk of the master is gone.
        self.assertEqual(master.stop(), 0)
        old = self.here / "old"
        shutil.move(metadata, old)
        self.assertNotEqual(master.start().process.wait(15), 0)
        bad = self.here / "bad"
        bad.write_bytes(first.read_bytes()[:-1])
        self.refused(5, "admin", "metadata", "restore", bad, "--to", metadata)
        self.assertFalse(metadata.exists())
        told = self.verb("admin", "metadata", "restore", "-", "--to", metadata,
                         "--json", given=second.read_bytes())
        self.assertGreater(json.loads(told)["rows"], 20)
        master.start()
        harness.wait_for(lambda: self.status()[2] == {
            "METADATA_RESTORED", "NEWER_THAN_BACKUP"}, 40,
            lambda: str(self.status()))
        self.assertGreater(self.status()[0]["term"], term + 1000)
        # What is newer than the backup is counted, and comes back.
        done, _, found = self.fsck("--deep")
        self.assertEqual(done, 1)
        self.assertIn((None, "NEWER_THAN_BACKUP"), found)
        self.assertNotIn("LOST", {x[1] for x in found})
        self.expect_files(tree)
        self.refused(1, "stat", "/later")
        made = json.loads(self.verb("admin", "adopt-orphans", "--to",
                                    "/lost+found", "--json"))
        self.assertEqual(b"".join(self.verb("cat", x["file"]) for x in made),
                         (tree / "large").read_bytes())
        self.confirm_restore({"METADATA_RESTORED"})
        self.assertEqual(self.fsck("--deep")[0], 0)
        self.verb("put", tree / "large", "/new")

        # The lost master's metadata turns up again: nobody obeys it.
        master.stop()
        shutil.move(metadata, self.here / "restored")
        shutil.move(old, metadata)
        master.start()
        harness.wait_for(lambda: "TOO_FEW_SERVERS" in self.status()[2], 15,
                         lambda: str(self.status()))
        self.assertFalse(any(x["serving"] for x in self.status()[1].values()))
        master.stop()
        shutil.rmtree(metadata)
        shutil.move(self.here / "restored", metadata)
        master.start()
        self.wait_for_health()
        self.expect_files(tree)
        self.assertEqual(self.verb("cat", "/new"),
                         (tree / "large").read_bytes())

    def test_backups_on_the_masters_host(self):  # SPEC G2
        self.start()
        self.verb("touch", "/one")
        backups = self.here / "backups"
        for name in ("/two", "/three"):
            self.verb("admin", "metadata", "backup", "--at-master", backups)
            self.verb("touch", name)
        self.refused(2, "admin", "metadata", "backup", "--at-master", "here")
        master = self.cluster["master"]
        metadata = master.dir / "data/metadata"
        master.stop()
        self.refused(1, "admin", "metadata", "restore", backups, "--number", 9,
                     "--to", metadata, "--force")
        told = json.loads(self.verb(
            "admin", "metadata", "restore", backups, "--number", 1, "--to",
            metadata, "--force", "--json"))
        self.assertEqual(told["replaced"], f"{metadata}.replaced-1")
        master.start()
        self.confirm_restore({"METADATA_RESTORED"})
        self.assertEqual(self.verb("ls", "/"), b"one\n")

    def test_backups_need_the_right_and_a_place(self):  # SPEC S7 O4
        self.start()
        self.refused(1, "admin", "metadata", "backup", self.here / "no/such")
        self.refused(1, "admin", "metadata", "backup", self.here)
        self.refused(2, "admin", "metadata", "backup")
        self.refused(2, "admin", "metadata")
        self.refused(2, "admin", "metadata", "restore", "x")
        self.refused(1, "admin", "metadata", "restore", self.here / "none",
                     "--to", self.here / "x")
        self.refused(1, "admin", "metadata", "restore", self.config, "--to",
                     self.here / "no/such/x")
        self.refused(5, "admin", "metadata", "restore", self.config, "--to",
                     self.here / "x")
        self.assertEqual(list(self.here.iterdir()), [])
        harness.run("cluster", "user", "eve", "--rights", "writer", "--dir",
                    self.cluster.ca, "--out", self.cluster.dir / "eve")
        self.config.write_text(self.config.read_text().replace(
            "/admin", "/eve"))
        self.refused(1, "admin", "metadata", "backup", self.here / "x")
        self.refused(1, "admin", "forget", "chunkserver-1")
        self.assertEqual(list(self.here.iterdir()), [])
        self.assertEqual(self.fsck()[0], 0)  # Whoever reads may check.

    # -- fsck -----------------------------------------------------------------

    def test_fsck_finds_what_is_wrong(self):  # SPEC G9 S7
        self.start()
        tree = self.put_files()
        status, told, found = self.fsck("--deep")
        self.assertEqual((status, found), (0, set()))
        self.assertEqual(told["files"], 21)
        self.assertEqual(told["verified"], told["replicas"])
        self.assertEqual(told["replicas"], 3 * told["chunks"])
        self.assertEqual(self.fsck("/tree/large")[1]["chunks"], 3)
        self.assertIn("/none", self.refused(1, "fsck", "/none"))
        self.refused(2, "fsck", "no-slash")
        self.refused(2, "fsck", "/", "/")

        # One bad copy: found by --deep only, named, and replaced, although
        # there are no more servers than copies.
        chunk = sorted(self.replica_files(SERVERS[0]))[0]
        self.spoil(SERVERS[0], chunk)
        self.assertEqual(self.fsck()[0], 0)
        status, told, found = self.fsck("--deep")
        self.assertEqual((status, told["verdict"], found),
                         (1, "damaged", {("/tree/large", "CORRUPT")}))
        # The master hears of it a moment later: it is not `status` that tells.
        harness.wait_for(lambda: self.fsck("--deep")[0] == 0, 40,
                         lambda: str(self.fsck("--deep")), 0.2)
        self.wait_for_health()
        self.expect_files(tree)

        # A server that is away.
        self.cluster[SERVERS[1]].kill()
        harness.wait_for(lambda: "SERVER_LOST" in self.status()[2], 15,
                         "the server is missed")
        harness.wait_for(lambda: self.fsck("/tree/large")[2]
                         == {("/tree/large", "UNDER_REPLICATED")}, 5,
                         lambda: str(self.fsck("/tree/large")))
        self.assertEqual(self.fsck("/tree/large")[0], 1)
        self.cluster[SERVERS[1]].start()
        self.wait_for_health()

        # All copies bad.
        for server in SERVERS:
            self.spoil(server, chunk)
        status, told, found = self.fsck("--deep", "/tree")
        self.assertEqual((status, told["verdict"]), (5, "lost"))
        self.assertEqual(found, {("/tree/large", "CORRUPT"),
                                 ("/tree/large", "LOST")})
        harness.wait_for(lambda: "CHUNKS_LOST" in self.status()[2], 15,
                         lambda: str(self.status()))
        self.assertEqual(self.fsck()[0], 5)
        self.refused(5, "cat", "/tree/large")

    def test_fsck_shows_how_far_it_is(self):  # SPEC S7
        self.start()
        for i in range(8):
            (self.here / "f").write_bytes(os.urandom(32 * MIB))
            self.verb("put", self.here / "f", f"/f{i}")
        self.assertIn(b"replicas verified",
                      self.on_a_terminal("fsck", "--deep"))
        self.assertEqual(self.try_verb("fsck", "--deep").stderr, b"")

    # -- servers --------------------------------------------------------------

    def test_a_server_that_never_returns_is_forgotten(self):  # SPEC G3
        self.start()
        tree = self.put_files()
        self.assertIn("lives", self.refused(1, "admin", "forget", SERVERS[2]))
        self.assertIn("no chunkserver", self.refused(
            1, "admin", "forget", "chunkserver-9"))
        self.cluster[SERVERS[2]].kill()
        harness.wait_for(lambda: "SERVER_LOST" in self.status()[2], 15,
                         "the server is missed")
        harness.wait_for(
            lambda: self.try_verb("admin", "forget",
                                  SERVERS[2]).returncode == 0, 10,
            "it is forgotten when its lease is over")
        # What it had is counted at the master's next tick.
        harness.wait_for(
            lambda: self.status()[2] == {"FEW_SERVERS",
                                         "CHUNKS_UNDER_REPLICATED"},
            5, lambda: str(self.status()))
        self.assertEqual(set(self.status()[1]), set(SERVERS[:2]))
        self.refused(1, "admin", "forget", SERVERS[2])

        # A master that is restarted misses who is away, until it is forgotten;
        # who was forgotten before it does not.
        self.cluster[SERVERS[1]].kill()
        self.cluster["master"].kill()
        self.cluster["master"].start()
        harness.wait_for(lambda: "SERVER_LOST" in self.status()[2], 15,
                         lambda: str(self.status()))
        self.assertEqual(set(self.status()[1]), set(SERVERS[:2]))
        self.cluster[SERVERS[1]].start()
        harness.wait_for(lambda: "SERVER_LOST" not in self.status()[2], 30,
                         lambda: str(self.status()))

        # What is nowhere else is given up with --force only.
        for server in SERVERS[:2]:
            self.cluster[server].kill()
        harness.wait_for(lambda: "CHUNKS_UNAVAILABLE" in self.status()[2], 15,
                         lambda: str(self.status()))
        # Who waits in vain for them is told why.
        for verb in (["cat", "/tree/large"],
                     ["append", "/tree/f3", self.here / "tree/f3"]):
            said = self.refused(3, "--timeout", "2s", *verb)
            self.assertIn(verb[1], said)
            self.assertIn("servers that do not serve now", said)
            self.assertIn("nothing can be written. Try: status", said)
        self.verb("admin", "forget", SERVERS[0])
        said = self.refused(1, "admin", "forget", SERVERS[1])
        self.assertIn("--force", said)
        self.assertIn(SERVERS[1], self.status()[1])
        told = json.loads(self.verb("admin", "forget", SERVERS[1], "--force",
                                    "--json"))
        self.assertEqual(told["lost"], self.status()[0]["chunks"])
        harness.wait_for(lambda: "CHUNKS_LOST" in self.status()[2], 15,
                         lambda: str(self.status()))

        # They come back all the same, with all they have.
        for server in SERVERS:
            self.cluster[server].start()
        self.wait_for_health()
        self.assertEqual(self.fsck("--deep")[0], 0, self.fsck())
        self.expect_files(tree)

    def test_status_says_when_bytes_are_not_encrypted(self):  # SPEC O3
        self.start(lambda text: text.replace("[stream]\n",
                                             "[stream]\ntls = false\n"))
        summary, _, codes = self.status()
        self.assertEqual(codes, {"DATA_NOT_ENCRYPTED"})
        self.assertEqual(summary["health"], "healthy")
        self.verb("status")  # It ends with 0: somebody chose that.

    # -- directories ----------------------------------------------------------

    def test_a_directory_says_how_many_copies(self):  # SPEC V9
        self.start()
        self.verb("mkdir", "--class", "chunked", "--replicas", 2, "/two")
        self.verb("mkdir", "-p", "/two/deep/er")
        told = json.loads(self.verb("stat", "--json", "/two"))
        self.assertEqual((told["class"], told["replication"]), ("chunked", 2))
        told = json.loads(self.verb("stat", "--json", "/two/deep"))
        self.assertIsNone(told["replication"])
        (self.here / "f").write_bytes(os.urandom(9 * MIB))
        self.verb("put", self.here / "f", "/two/deep/er/f")
        self.verb("put", self.here / "f", "/f")
        self.verb("append", "/two/log", given=b"line\n")
        for path, copies in (("/two/deep/er/f", 2), ("/f", 3), ("/two/log", 2)):
            told = json.loads(self.verb("stat", "--json", path))
            self.assertEqual(told["replication"], copies, path)
            # From the first: none is made by a repair, none is deleted.
            for chunk in json.loads(self.verb("explain", "--json", path)):
                self.assertEqual(len(chunk["replicas"]), copies, chunk)
        self.wait_for_health()
        for word in ("content", "shared"):
            self.assertIn(f"class {word}", self.refused(
                1, "mkdir", "--class", word, "/x"))
        self.refused(2, "mkdir", "--class", "fast", "/x")
        self.refused(2, "mkdir", "--replicas", 0, "/x")
        self.refused(2, "mkdir", "--replicas", 9, "/x")
        self.refused(2, "mkdir", "--replicas", "two", "/x")
        self.verb("mkdir", "-p", "--replicas", 2, "/two")
        self.refused(1, "mkdir", "-p", "--replicas", 3, "/two")
        self.assertEqual(self.verb("ls", "/"), b"f\ntwo\n")

    def test_find_takes_the_patterns_of_ls(self):
        self.start()
        for name in ("/über.txt", "/a*b", "/acb"):
            self.verb("touch", name)
        self.assertEqual(self.verb("find", "/", "--name", "?ber.*"),
                         "/über.txt\n".encode())
        self.assertEqual(self.verb("find", "/", "--name", r"a\*b"), b"/a*b\n")
        self.assertEqual(self.verb("find", "/", "--name", "[!b]?b"),
                         b"/a*b\n/acb\n")
        self.assertIn("--name", self.refused(2, "find", "/", "--name", "[a"))


if __name__ == "__main__":
    unittest.main()
