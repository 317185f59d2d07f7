#!/usr/bin/env python3
"""Versioned files on real processes: five versions kept and found again, and
one order for everybody while file servers are killed and paused.
SPEC V1, V3, V4, V5, V6, V7, V9"""

import json
import pathlib
import tempfile
import unittest

from chunks import DEEP
from harness import wait_for
from versions import History, VersionCluster, settings

ROUNDS = 5 if DEEP else 1


class Versions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(VersionCluster(servers=4))
        cls.client = cls.cluster.client
        cls.dir = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory()))

    def verb(self, *arguments, **options):
        return self.cluster.verb(*arguments, **options)

    # SPEC V5
    def test_the_last_five_are_kept(self):
        for i in range(7):
            self.client.put("/docs/five", f"text {i}\n".encode())
        self.assertEqual([x["version"] for x in
                          self.cluster.versions("/docs/five")],
                         [7, 6, 5, 4, 3])
        self.assertEqual(self.client.get("/docs/five"), b"text 6\n")
        old = self.verb("cat", "/docs/five", "--version", "4")
        self.assertEqual(old.stdout, "text 3\n")
        gone = self.verb("cat", "/docs/five", "--version", "2", check=False)
        self.assertNotEqual(gone.returncode, 0)
        self.assertIn("2", gone.stderr)

    def test_get_versions_writes_one_file_each(self):
        for i in range(3):
            self.client.put("/docs/each", f"text {i}\n".encode())
        local = self.dir / "each"
        self.verb("get-versions", "/docs/each", "2", local)
        self.assertEqual((self.dir / "each.v3").read_text(), "text 2\n")
        self.assertEqual((self.dir / "each.v2").read_text(), "text 1\n")
        for count in ("0", "6", "many"):
            bad = self.verb("get-versions", "/docs/each", count, local,
                            check=False)
            self.assertEqual(bad.returncode, 2, bad.stderr)

    def test_deleted_and_restored(self):
        self.client.put("/docs/gone", b"kept\n")
        self.verb("rm", "/docs/gone")
        self.assertNotEqual(self.client.try_get("/docs/gone").returncode, 0)
        wait_for(lambda: "gone" not in self.verb("ls", "/docs").stdout, 5,
                 "it is still listed")
        self.verb("restore", "/docs/gone", "--version", "1")
        self.assertEqual(self.client.get("/docs/gone"), b"kept\n")

    # SPEC G12
    def test_a_deleted_file_is_in_the_trash(self):
        def trash():
            listed = json.loads(self.verb("trash", "ls", "--json").stdout)
            return {x["path"]: x["id"] for x in listed}
        for name in ("one", "two"):
            self.client.put(f"/docs/{name}", b"kept")
            self.verb("rm", f"/docs/{name}")
        wait_for(lambda: {"/docs/one", "/docs/two"} <= trash().keys(), 5, trash)
        self.verb("trash", "restore", "/docs/one")
        self.assertEqual(self.client.get("/docs/one"), b"kept")
        self.verb("trash", "purge", "--id", trash()["/docs/two"])
        self.assertEqual(self.verb("restore", "/docs/two", check=False)
                         .returncode, 1)
        self.client.put("/docs/two", b"new")
        self.assertEqual([x["version"] for x in
                          self.cluster.versions("/docs/two")], [1])

    def test_large_content(self):
        local = self.dir / "large"
        local.write_bytes(bytes(range(256)) * 40_000)  # 10 MiB
        self.verb("put", local, "/docs/large")
        back = self.dir / "large.back"
        self.verb("get", "/docs/large", back)
        self.assertEqual(back.read_bytes(), local.read_bytes())

    def test_the_class_is_shown_and_kept_apart(self):
        self.client.put("/docs/shown", b"x")
        shown = json.loads(self.verb("stat", "/docs/shown", "--json").stdout)
        self.assertEqual(shown["class"], "versioned")
        self.verb("mkdir", "/chunked")
        moved = self.verb("mv", "/docs/shown", "/chunked/shown", check=False)
        self.assertNotEqual(moved.returncode, 0)


class Keeping(unittest.TestCase):
    """What a file server keeps: checked again and again, and not for ever."""

    FILES = 12

    @classmethod
    def setUpClass(cls):
        extra = (settings(trash_life="1s")
                 + '[chunks]\nscrub_rate = "200MiB"\ntrash_life = "1s"\n'
                 + '[volumes]\nreserve = "1MiB"\n')
        cls.cluster = cls.enterClassContext(VersionCluster(extra=extra))

    def verb(self, *arguments, **options):
        return self.cluster.verb(*arguments, **options)

    def kept(self):
        """Files and bytes of each server, as it tells the master."""
        return {x["server"]: (x["files"], x["bytes"]) for x in
                json.loads(self.verb("store", "--json").stdout)}

    def contents(self, server):
        """What a server has in files of their own, below versions/."""
        return list((server.dir / "data/versions/chunks").glob("*/*"))

    def scrubbed(self, server):
        return json.loads(self.verb("admin", "scrub", server.name, "--status",
                                    "--json").stdout)

    # SPEC V5, G9
    def test_flipped_bits_are_found_and_mended(self):
        files = {f"/docs/flip-{i}": bytes([i]) * 150_000
                 for i in range(self.FILES)}
        for path, content in files.items():
            self.cluster.client.put(path, content)
        self.cluster.wait_until_served(30)
        server = self.cluster.servers[0]
        wait_for(lambda: len(self.contents(server)) >= self.FILES, 10,
                 "not all contents are in files")
        before = set(self.contents(server))
        for number, path in enumerate(before):
            with open(path, "r+b") as file:
                at = 1000 * (number + 1)
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << number % 8]))
        started = json.loads(
            self.verb("admin", "scrub", server.name, "--json").stdout)
        self.assertEqual(started["server"], server.name)
        wait_for(lambda: not before & set(self.contents(server)), 20,
                 lambda: self.verb("admin", "scrub", server.name,
                                   "--status").stdout)
        self.assertEqual(self.scrubbed(server)["bad"], len(before))
        self.cluster.wait_until_served(20)
        for path, content in files.items():
            self.assertEqual(self.cluster.client.get(path), content)
        self.verb("admin", "scrub", server.name)
        wait_for(lambda: self.scrubbed(server)["passes"] == 2, 20,
                 "no second pass")
        self.assertEqual(self.scrubbed(server)["bad"], 0)

    # SPEC V5, G12
    def test_what_is_purged_leaves_all_servers(self):
        client = self.cluster.client
        self.verb("mkdir", "--class", "versioned", "/gone")
        self.verb("mkdir", "/gone/below")
        for i in range(3):
            client.put(f"/gone/below/{i}", b"x" * 100_000)
            client.put(f"/gone/below/{i}", b"y" * 100_000)
        client.put("/gone/kept", b"z" * 10)
        kept = {name: files for name, (files, _) in self.kept().items()}
        self.verb("rm", "-r", "/gone/below")
        listed = json.loads(self.verb("trash", "ls", "--json").stdout)
        self.assertIn("/gone/below", [x["path"] for x in listed])
        self.verb("trash", "purge", "--all")
        wait_for(lambda: all(files < kept[name] or kept[name] == 0
                             for name, (files, _) in self.kept().items()),
                 20, self.kept)
        self.assertEqual(client.get("/gone/kept"), b"z" * 10)
        client.put("/gone/below/0", b"new", "--parents")
        self.assertEqual([x["version"] for x in
                          self.cluster.versions("/gone/below/0")], [1])

    # SPEC V5
    def test_a_deleted_file_goes_when_its_time_is_over(self):
        client = self.cluster.client
        client.put("/docs/over", b"x" * 100_000)
        inode = json.loads(
            self.verb("stat", "/docs/over", "--json").stdout)["inode"]
        self.verb("rm", "/docs/over")
        wait_for(lambda: self.verb("versions", "/docs/over", check=False)
                 .returncode == 1, 20, "it is still there")
        wait_for(lambda: "/docs/over" not in self.verb("trash", "ls").stdout,
                 20, "it is still in the trash")
        client.put("/docs/over", b"another")
        again = json.loads(self.verb("stat", "/docs/over", "--json").stdout)
        self.assertNotEqual(again["inode"], inode)
        self.assertEqual(again["version"], 1)


class ByPath(unittest.TestCase):
    # SPEC V2
    def test_paths_have_n_w_and_r_of_their_own(self):
        extra = settings() + 'quorums = { "/docs/wide" = "4:3:2" }\n'
        with VersionCluster(servers=4, extra=extra) as cluster:
            cluster.verb("mkdir", "/docs/wide")
            for path, copies in (("/docs/wide/f", 4), ("/docs/f", 3)):
                cluster.client.put(path, b"text")
                found = json.loads(cluster.verb("stat", path, "--json").stdout)
                self.assertEqual(found["replication"], copies)
            # It keeps them where it goes, and over a master's end.
            cluster.verb("mv", "/docs/wide/f", "/docs/g")
            cluster["master"].kill()
            cluster["master"].start()
            cluster.wait_until_served(60)
            self.assertEqual(cluster.client.get("/docs/g"), b"text")
            found = json.loads(cluster.verb("stat", "/docs/g", "--json").stdout)
            self.assertEqual(found["replication"], 4)


class Faults(unittest.TestCase):
    """Writers and readers go on while servers go."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(VersionCluster(servers=4))

    def judge(self, history):
        self.assertEqual(history.faults(), [])
        self.assertGreater(history.count("put"), 10)
        self.assertGreater(history.count("get"), 10)

    # SPEC V1
    def test_each_server_is_killed(self):
        with History(self.cluster, "/docs/killed", deleters=1) as history:
            for server in self.cluster.servers * ROUNDS:
                history.wait_for_some("put", 30, "all are there")
                server.kill()
                history.inject(f"kill {server.name}")
                history.wait_for_some("put", 30, f"without {server.name}")
                server.start()
                self.cluster.wait_until_served(60)
        self.judge(history)

    def test_each_server_is_paused(self):
        with History(self.cluster, "/docs/paused", deleters=1) as history:
            for server in self.cluster.servers * ROUNDS:
                server.pause()
                history.inject(f"pause {server.name}")
                history.wait_for_some("put", 30, f"without {server.name}")
                server.resume()
                self.cluster.wait_until_served(60)
        self.judge(history)

    # SPEC V7
    def test_all_are_killed_at_once(self):
        client = self.cluster.client
        client.put("/docs/all", b"one")
        client.put("/docs/all", b"two")
        for server in self.cluster.servers:
            server.kill()
        for server in self.cluster.servers:
            server.start()
        self.cluster.wait_until_served(60)
        self.assertEqual(client.get("/docs/all"), b"two")
        self.assertEqual(
            [x["version"] for x in self.cluster.versions("/docs/all")], [2, 1])

    # SPEC V6
    def test_a_lost_server_is_made_up_for(self):
        for i in range(20):
            self.cluster.client.put(f"/docs/repair-{i}", b"x" * 5000)
        gone = self.cluster.servers[0]
        gone.kill()
        names = lambda x: x["servers"]
        wait_for(lambda: all(gone.name not in names(x)
                             for x in self.cluster.groups())
                 and self.cluster.served(), 60,
                 lambda: self.cluster.verb("groups", check=False).stdout, 0.2)
        for i in range(20):
            self.assertEqual(self.cluster.client.get(f"/docs/repair-{i}"),
                             b"x" * 5000)
        gone.start()
        self.cluster.wait_until_served(60)


if __name__ == "__main__":
    unittest.main()
