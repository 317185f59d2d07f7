#!/usr/bin/env python3
"""What lists show of versioned files is what is there: after kills of the
master and of primaries between a put and its note, at once and for good, ls,
find, stat, du and get -r equal what get returns. `fsck` says the same. A file
server that is gone for ever can be forgotten. SPEC S9"""

import json
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

from chunks import SEED
from crash_points import CrashPoints, wait_for_death
from harness import wait_for
from versions import VersionCluster, settings

# Between a put and the receipt of its note: at the primary, and at the master
# before it has the note, before its row, and before the receipt.
AT_PRIMARY = ("versions.put_settled", "versions.version_noted")
AT_MASTER = ("versions.notes_came", "namespace.notes_durable")
TRUE_WITHIN = 5


def small_cluster():
    return VersionCluster(extra=settings(groups=2)
                          + '[volumes]\nreserve = "1MiB"\n')


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(small_cluster())
        cls.client = cls.cluster.client
        cls.master = cls.cluster["master"]
        cls.points = CrashPoints([cls.master, *cls.cluster.servers])
        for node in cls.points.nodes:
            node.kill()
        for node in cls.points.nodes:
            node.start()
        cls.cluster.wait_until_whole(30)
        cls.cluster.wait_until_served(60)
        cls.random = random.Random(SEED)
        print(f"seed {SEED}", flush=True)

    def setUp(self):
        self.there = {}  # What was acknowledged: name -> bytes, None: deleted.
        self.dir = f"/docs/{self._testMethodName}"
        self.client.verb("mkdir", self.dir)

    def put(self, name, length):
        content = bytes(self.random.randrange(256) for _ in range(length))
        done = self.client.put(f"{self.dir}/{name}", content, "--timeout", "3s",
                               check=False)
        self.note(name, content, done.returncode)

    def rm(self, name):
        done = self.client.run_bytes("rm", f"{self.dir}/{name}", "--timeout",
                                     "3s", check=False)
        # 1: there is none. So it may be, if the put before was not told done.
        if done.returncode == 1 and self.there.get(name, ...) is ...:
            self.there[name] = None
            return
        self.note(name, None, done.returncode)

    def note(self, name, content, status):
        """Of what is not acknowledged `cat` decides."""
        self.assertIn(status, (0, 3, 4))
        self.there[name] = content if status == 0 else ...

    def settle(self):
        for name, content in self.there.items():
            if content is ...:
                done = self.client.run_bytes("cat", f"{self.dir}/{name}",
                                             check=False)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.there[name] = done.stdout if done.returncode == 0 else None

    def listed(self):
        """The lists of all verbs, one beside the other."""
        def said(*arguments):
            done = self.client.verb(*arguments, check=False)
            return json.loads(done.stdout) if done.stdout else []

        ls = {x["name"]: x["bytes"] for x in said("ls", self.dir, "--json")}
        found = sorted(pathlib.PurePath(x["path"]).name for x in
                       said("find", self.dir, "--type", "f", "--json"))
        stat = {name: said("stat", f"{self.dir}/{name}", "--json")["bytes"]
                for name in ls}
        with tempfile.TemporaryDirectory() as place:
            copied = pathlib.Path(place) / "copy"
            self.client.verb("get", "-r", self.dir, copied, check=False)
            got = {x.name: x.read_bytes() for x in copied.glob("*")}
        usage = said("du", self.dir, "--json")
        return ls, found, stat, got, usage

    def expect_true_lists(self):
        """Within 5 s of when all is served again."""
        self.settle()
        there = {name: content for name, content in self.there.items()
                 if content is not None}
        lengths = {name: len(content) for name, content in there.items()}

        def is_true():
            ls, found, stat, got, _ = self.listed()
            return (ls == lengths and found == sorted(there)
                    and stat == lengths and got == there)

        wait_for(is_true, TRUE_WITHIN,
                 lambda: f"{self.listed()}, acknowledged {lengths}", 0.3)
        usage = self.listed()[4]
        rows = usage if isinstance(usage, list) else [usage]
        self.assertEqual(max(x["bytes"] for x in rows), sum(lengths.values()))
        for name, content in there.items():
            self.assertEqual(self.client.get(f"{self.dir}/{name}"), content)

    def work(self):
        """A new file, a longer one, a deletion, a deleted file again."""
        self.put("new", self.random.randrange(1, 3000))
        self.put("old", self.random.randrange(1000, 3000))
        self.rm("gone")
        self.put("again", 17)

    def prepare(self):
        for name in ("old", "gone", "again"):
            self.put(name, 1)
        self.rm("again")
        wait_for(lambda: set(self.listed()[0]) == {"old", "gone"}, 10,
                 lambda: self.listed())

    def put_unnoted(self):
        """The name of a file that is acknowledged, and in no list yet: the
        master has just been started, and has heard of nobody."""
        for i in range(5):
            name = f"new-{i}"
            self.points.order([self.master], AT_MASTER[0], 1)
            self.put(name, 100)
            self.assertIsNotNone(wait_for_death([self.master], 5))
            self.points.withdraw()
            self.master.start()
            if self.there[name] is not ...:
                return name
            # Another note came first, and the master died in the put.
            self.cluster.wait_until_whole(30)
            self.cluster.wait_until_served(60)
        raise AssertionError("no put was acknowledged")

    def die_at(self, nodes, step):
        self.prepare()
        self.points.order(nodes, step, self.random.choice((1, 1, 2, 3)))
        self.work()
        dead = wait_for_death(nodes, 5)
        self.points.withdraw()
        for node in nodes:
            if not node.runs():
                node.start()
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        self.assertIsNotNone(dead, f"{step} was not passed")
        self.expect_true_lists()

    def test_the_master_dies_where_notes_come(self):
        self.die_at([self.master], AT_MASTER[0])

    def test_the_master_dies_before_the_receipt(self):
        self.die_at([self.master], AT_MASTER[1])

    def test_a_primary_dies_when_it_has_answered(self):
        self.die_at(self.cluster.servers, AT_PRIMARY[0])

    def test_a_primary_dies_where_it_notes(self):
        self.die_at(self.cluster.servers, AT_PRIMARY[1])

    # SPEC S1, S9
    def test_a_put_that_is_not_noted_is_not_purged(self):
        """The master has heard of its deletion only."""
        self.prepare()
        path = f"{self.dir}/again"
        wait_for(lambda: path in self.client.verb("trash", "ls").stdout, 5,
                 "its deletion is not noted")
        self.points.order([self.master], AT_MASTER[0], 1)
        self.put("again", 100)
        self.assertIsNotNone(wait_for_death([self.master], 5))
        self.points.withdraw()
        self.master.start()
        self.client.verb("trash", "purge", "--all")
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        self.expect_true_lists()
        self.assertNotIn(path, self.client.verb("trash", "ls").stdout)

    # SPEC S1, V9
    def test_a_put_that_is_not_noted_can_be_removed(self):
        name = self.put_unnoted()
        self.client.verb("rm", f"{self.dir}/{name}")
        self.there[name] = None
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        self.expect_true_lists()

    # SPEC S1, V9
    def test_a_put_that_is_not_noted_can_be_moved(self):
        name = self.put_unnoted()
        self.client.verb("mv", f"{self.dir}/{name}", f"{self.dir}/moved")
        self.there["moved"] = self.there[name]
        self.there[name] = None
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        self.expect_true_lists()

    def test_kills_of_the_master(self):
        """At no step in particular; and the file servers stay what they are."""
        self.prepare()
        for number in range(3):
            if number > 0:
                self.put("gone", 1)
            self.work()
            self.master.kill()
            self.master.start()
            self.cluster.wait_until_whole(30)
            self.cluster.wait_until_served(60)
            self.expect_true_lists()

    def test_power_cut(self):
        self.prepare()
        self.work()
        for node in self.points.nodes:
            node.kill()
        for node in self.points.nodes:
            node.start()
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(60)
        self.expect_true_lists()

    def test_zz_fsck_agrees(self):
        """Of versions, too; and reads every copy."""
        self.put("a", 70_000)
        self.put("a", 80_000)
        self.put("b", 10)
        self.rm("b")
        self.cluster.wait_until_served(30)
        said = json.loads(self.client.verb("fsck", "--deep", self.dir, "--json")
                          .stdout)
        self.assertEqual(said["verdict"], "clean", said)
        self.assertEqual(said["files"], 1)
        self.assertEqual(said["versions"], 4)
        self.assertEqual(said["verified"], 3 * 3)
        self.assertEqual(said["verified_bytes"], 3 * 150_010)
        of_one = json.loads(self.client.verb("fsck", f"{self.dir}/a", "--json")
                            .stdout)
        self.assertEqual((of_one["files"], of_one["versions"]), (1, 2))


class Forgotten(unittest.TestCase):
    def test_a_file_server_with_a_new_disk(self):
        with small_cluster() as cluster:
            cluster.client.put("/docs/a", b"a")
            victim = cluster.servers[0]
            living = cluster.client.verb("admin", "forget", victim.name,
                                         check=False)
            self.assertEqual(living.returncode, 1)
            self.assertIn("lives", living.stderr)
            victim.kill()
            needed = cluster.client.verb("admin", "forget", victim.name,
                                         check=False)
            self.assertEqual(needed.returncode, 1)
            shutil.rmtree(victim.dir / "data")
            victim.start()
            cluster.wait_until_whole(30)

            def forgotten():
                return cluster.client.verb("admin", "forget", victim.name,
                                           "--json", check=False)

            done = wait_for(lambda: (x := forgotten()).returncode == 0 and x,
                            60, lambda: forgotten().stderr, 0.5)
            said = json.loads(done.stdout)
            self.assertEqual((said["forgotten"], said["role"]),
                             (victim.name, "fileserver"))
            cluster.wait_until_served(60)
            status = cluster.client.verb("status", check=False)
            self.assertNotIn("FILESERVER_LOST", status.stdout)
            again = cluster.client.verb("admin", "forget", "files-9",
                                        check=False)
            self.assertIn("no chunkserver or file server", again.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
