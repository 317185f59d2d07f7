#!/usr/bin/env python3
"""put, get, cat, head, tail, write, append, records and cp on real processes:
what they do, what they say when they cannot, and how they end (SPEC G4, G5, G7,
G8, S7)."""

import filecmp
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

import harness
from verbs import Verbs, run_verb

MIB = 1 << 20


def random_file(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


class FileVerbs(Verbs, unittest.TestCase):
    """One cluster for all; each test has a directory of its own."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(harness.Cluster(
            [("master", "introducer,master")]
            + [(f"chunkserver-{i}", "chunkserver") for i in (1, 2, 3)],
            extra='[chunks]\nsize = "4MiB"\n'))
        cls.cluster.start(30)
        cls.config = cls.cluster["master"].client_config()
        harness.wait_for(
            lambda: run_verb(cls.config, "touch", "/ready").returncode == 0
            and run_verb(cls.config, "append", "/ready",
                         __file__).returncode == 0,
            30, "files can be made")

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="dfsnode-test-")
        self.addCleanup(scratch.cleanup)
        self.here = pathlib.Path(scratch.name)
        self.dir = "/" + self.id().rsplit(".", 1)[1]
        self.verb("mkdir", self.dir)

    def names(self, path=None):
        listed = json.loads(self.verb("ls", path or self.dir, "--json"))
        return [x["name"] for x in listed]

    def test_files_of_any_length_come_back(self):
        for size in (0, 1, 65536, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1,
                     11 * MIB + 7):
            with self.subTest(size=size):
                local = random_file(self.here / "f", size, size)
                path = f"{self.dir}/{size}"
                self.verb("put", local, path)
                self.verb("get", path, self.here / "back")
                self.assertTrue(filecmp.cmp(local, self.here / "back", False))
                piped = f"{path}-pipe"
                self.verb("put", "-", piped, given=local.read_bytes())
                self.assertEqual(self.verb("cat", piped), local.read_bytes())

    def test_parts_of_a_file(self):
        data = random_file(self.here / "f", 9 * MIB).read_bytes()
        path = f"{self.dir}/f"
        self.verb("put", self.here / "f", path)
        for offset, length in ((0, 10), (4 * MIB - 5, 10), (9 * MIB - 3, 99),
                               (MIB + 1, 5 * MIB), (9 * MIB, 1)):
            got = self.verb("get", "--offset", offset, "--length", length,
                            path, "-")
            self.assertEqual(got, data[offset:offset + length])
        self.assertEqual(self.verb("head", "-c", 100, path), data[:100])
        self.assertEqual(self.verb("tail", "-c", 5 * MIB, path),
                         data[-5 * MIB:])
        said = self.refused(2, "get", "--offset", 9 * MIB + 1, path, "-")
        self.assertIn(f"behind the end of {path} ({9 * MIB} bytes)", said)

    def test_first_and_last_lines(self):
        lines = [b"line %d\n" % i for i in range(100_000)]
        path = f"{self.dir}/f"
        self.verb("put", "-", path, given=b"".join(lines))
        self.assertEqual(self.verb("head", path), b"".join(lines[:10]))
        self.assertEqual(self.verb("head", "-n", 70_000, path),
                         b"".join(lines[:70_000]))
        self.assertEqual(self.verb("tail", path), b"".join(lines[-10:]))
        self.assertEqual(self.verb("tail", "-n", 60_000, path),
                         b"".join(lines[-60_000:]))
        self.assertEqual(self.verb("tail", "-n", 200_000, path),
                         b"".join(lines))
        self.refused(2, "tail", "-n", 1, "-c", 1, path)

    def test_tail_follows_a_file_that_grows(self):
        path = f"{self.dir}/log"
        self.verb("append", path, given=b"one\ntwo\n")
        tail = subprocess.Popen(
            [str(harness.binary()), "tail", "-n", "1", "-f", path, "--config",
             str(self.config)], stdout=subprocess.PIPE)
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        self.assertEqual(tail.stdout.readline(), b"two\n")
        for word in (b"three\n", b"four\n"):
            self.verb("append", path, given=word)
            self.assertEqual(tail.stdout.readline(), word)
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(10), 130)

    def test_write_at_an_offset(self):
        data = bytearray(random_file(self.here / "f", 6 * MIB).read_bytes())
        path = f"{self.dir}/f"
        self.verb("put", self.here / "f", path)
        for offset, new in ((0, b"begin"), (4 * MIB - 3, b"over the edge"),
                            (6 * MIB, b"e" * 3 * MIB)):
            self.verb("write", "--offset", offset, path, given=new)
            data[offset:offset + len(new)] = new
        self.assertEqual(self.verb("cat", path), bytes(data))
        said = self.refused(2, "write", "--offset", len(data) + 1, path,
                            given=b"x")
        self.assertIn("behind the end", said)
        self.refused(2, "write", path, given=b"x")
        self.assertEqual(self.verb("cat", path), bytes(data))

    def test_appends(self):
        path = f"{self.dir}/log"
        one = self.try_verb("append", path, given=b"one\n")
        self.assertIn(b": 1 append, ", one.stderr)
        self.verb("append", "--lines", path, given=b"two\nthree\nno newline")
        self.assertEqual(self.verb("cat", path),
                         b"one\ntwo\nthree\nno newline")
        said = self.refused(2, "append", "--record", path,
                            given=b"x" * (2 * MIB))
        self.assertIn("longer than", said)

    def test_padding_is_left_out_and_shown_raw(self):
        path, records = f"{self.dir}/f", []
        for i in range(7):
            records.append(bytes([65 + i]) * (MIB - 100_000 * (i % 2)))
            self.verb("append", path, given=records[-1])
        self.assertEqual(self.verb("cat", path), b"".join(records))
        raw = self.verb("get", "--raw", path, "-")
        self.assertEqual(raw.replace(b"%", b""), b"".join(records))
        self.assertEqual(raw.find(b"E"), 4 * MIB)
        self.assertEqual(raw[raw.find(b"%"):4 * MIB].strip(b"%"), b"")

    def test_records(self):
        path = f"{self.dir}/events"
        self.verb("append", "--record", path, given=b"first")
        self.verb("append", path, given=b"not a record")
        self.verb("append", "--record", "--lines", path,
                  given=b"second\nthird\n")
        self.assertEqual(self.verb("records", path),
                         b"first\nsecond\nthird\n")
        # Copied behind itself, each is still read once.
        self.verb("append", path, given=self.verb("cat", path))
        told = [json.loads(x) for x in
                self.verb("records", path, "--json").splitlines()]
        self.assertEqual([x["text"] for x in told],
                         ["first", "second", "third"])
        self.assertEqual([x["sequence"] for x in told], [1, 1, 2])

    def test_eight_appenders_at_once(self):
        path = f"{self.dir}/log"
        self.verb("touch", path)
        command = [str(harness.binary()), "append", "--record", "--lines", path,
                   "--config", str(self.config)]
        writers = [subprocess.Popen(command, stdin=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL)
                   for _ in range(8)]
        for i, writer in enumerate(writers):
            writer.stdin.write(
                b"".join(b"%d:%d\n" % (i, j) for j in range(1000)))
            writer.stdin.close()
        self.assertEqual([x.wait(60) for x in writers], [0] * 8)
        told = self.verb("records", path).split()
        self.assertEqual(len(told), 8000)
        for i in range(8):
            own = [x for x in told if x.startswith(b"%d:" % i)]
            self.assertEqual(own, [b"%d:%d" % (i, j) for j in range(1000)])

    def test_copies_within_the_cluster(self):
        local = random_file(self.here / "f", 9 * MIB)
        self.verb("put", local, f"{self.dir}/f")
        self.verb("cp", f"{self.dir}/f", f"{self.dir}/g")
        self.assertEqual(self.verb("cat", f"{self.dir}/g"), local.read_bytes())
        self.refused(1, "cp", f"{self.dir}/f", f"{self.dir}/g")
        self.verb("cp", "--force", f"{self.dir}/f", f"{self.dir}/g")
        self.refused(1, "cp", f"{self.dir}/none", f"{self.dir}/h")

    def test_what_programs_are_told_of_a_file(self):
        path = f"{self.dir}/f"
        self.verb("put", random_file(self.here / "f", 9 * MIB), path)
        told = json.loads(self.verb("explain", path, "--json"))
        self.assertEqual([x["bytes"] for x in told], [4 * MIB, 4 * MIB, MIB])
        for chunk in told:
            self.assertEqual(chunk["health"], "healthy")
            self.assertEqual(chunk["why_there"]["copies_serving"], 3)
            for replica in chunk["replicas"]:
                self.assertEqual(
                    (replica["state"], replica["version"], replica["serving"],
                     replica["primary"]),
                    ("current", chunk["version"], True,
                     replica["server"] == chunk["primary"]))
            self.assertEqual({x["server"] for x in chunk["replicas"]},
                             {f"chunkserver-{i}" for i in (1, 2, 3)})
        told = json.loads(self.try_verb("status", "--json").stdout)
        self.assertEqual(told["repairs"]["copies_under_way"], 0)
        self.assertEqual({x["store"] for x in chunk["replicas"]},
                         {x["store"] for x in told["servers"]})

    def test_directories_have_a_class(self):  # SPEC V9
        docs = f"{self.dir}/docs"
        self.verb("mkdir", "--class", "versioned", docs)
        self.verb("mkdir", f"{docs}/sub")
        self.verb("mkdir", "--class", "chunked", f"{docs}/raw")
        for path, expected in ((docs, "versioned"), (f"{docs}/sub", "versioned"),
                               (f"{docs}/raw", "chunked"),
                               (self.dir, "chunked")):
            told = json.loads(self.verb("stat", path, "--json"))
            self.assertEqual(told["class"], expected, path)
        listed = json.loads(self.verb("ls", docs, "--json"))
        self.assertEqual([x["class"] for x in listed],
                         ["chunked", "versioned"])
        self.assertIn(b"versioned", self.verb("ls", "-l", self.dir))
        # It keeps it, and its files have no other.
        self.verb("mkdir", "-p", docs)
        self.assertIn("versioned", self.refused(1, "mkdir", "-p", "--class",
                                                "chunked", docs))
        self.refused(1, "mkdir", "--class", "content", f"{self.dir}/content")
        self.assertIn("versioned", self.refused(1, "touch", f"{docs}/f"))
        self.verb("touch", f"{docs}/raw/f")
        self.assertIn("copy it", self.refused(1, "mv", f"{docs}/raw/f",
                                              f"{docs}/f"))
        self.verb("mv", docs, f"{self.dir}/papers")
        self.verb("rm", f"{self.dir}/papers/sub")

    def test_into_a_directory(self):
        local = random_file(self.here / "f", 1000)
        there = f"{self.dir}/there"
        self.verb("mkdir", there)
        for verb in (["put", local], ["cp", f"{self.dir}/f"],
                     ["mv", f"{self.dir}/f"]):
            with self.subTest(verb=verb[0]):
                self.verb("put", "--force", local, f"{self.dir}/f")
                for to in (there, f"{there}/"):
                    self.verb("rm", "-r", there)
                    self.verb("mkdir", there)
                    self.verb("put", "--force", local, f"{self.dir}/f")
                    self.verb(*verb, to)
                    self.assertEqual(self.verb("cat", f"{there}/f"),
                                     local.read_bytes())
                # What stands there is safe without --force.
                self.verb("put", "--force", local, f"{self.dir}/f")
                self.assertIn(f"{there}/f", self.refused(1, *verb, there))
                self.verb(verb[0], "--force", *verb[1:], there)
        self.assertEqual(self.names(there), ["f"])
        # A directory goes into another one, and only by wish in its place.
        self.verb("mkdir", f"{self.dir}/tree")
        self.verb("mv", f"{self.dir}/tree", there)
        self.assertEqual(self.names(there), ["f", "tree"])
        self.refused(1, "mv", "-T", there, f"{there}2/x")
        self.verb("mkdir", f"{self.dir}/empty")
        self.refused(1, "mv", "-T", there, f"{self.dir}/empty")
        self.verb("mv", "-T", "--force", there, f"{self.dir}/empty")
        self.assertEqual(self.names(f"{self.dir}/empty"), ["f", "tree"])
        self.assertIn("standard input", self.refused(
            2, "put", "-", f"{self.dir}/empty", given=b"x"))

    def test_trees(self):
        tree = self.here / "tree"
        (tree / "empty").mkdir(parents=True)
        (tree / "a/b").mkdir(parents=True)
        (tree / "link").symlink_to("a")
        for i in range(60):
            random_file(tree / f"a/b/f{i}", i * 1000, i)
        random_file(tree / "large", 9 * MIB)
        self.verb("put", "-r", tree, f"{self.dir}/tree")
        self.verb("cp", "-r", f"{self.dir}/tree", f"{self.dir}/copy")
        for name in ("tree", "copy"):
            self.verb("get", "-r", f"{self.dir}/{name}", self.here / name)
        found = filecmp.dircmp(tree, self.here / "copy", ignore=[])
        self.assertEqual(found.left_only, ["link"])
        self.assertEqual(found.diff_files + found.right_only, [])
        match = filecmp.cmpfiles(tree / "a/b", self.here / "copy/a/b",
                                 [f"f{i}" for i in range(60)], shallow=False)
        self.assertEqual(len(match[0]), 60)
        self.assertTrue((self.here / "copy/empty").is_dir())
        # What exists is complained about, and the rest goes on.
        (tree / "new").write_text("new")
        done = self.try_verb("put", "-r", tree, f"{self.dir}/tree")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"exists", done.stderr)
        self.assertEqual(self.verb("cat", f"{self.dir}/tree/new"), b"new")
        # Nothing was sent for what exists: there is nothing to be collected.
        orphans = self.orphans()
        for again in (["put", "-r", tree], ["cp", "-r", f"{self.dir}/copy"],
                      ["put", tree / "new"]):
            name = "tree/new" if again[1] != "-r" else "tree"
            done = self.try_verb(*again, f"{self.dir}/{name}")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"exists", done.stderr)
        self.assertEqual(self.orphans() - orphans, set())

    def in_the_trash(self):
        return sorted(
            x["path"] for x in json.loads(self.verb("trash", "ls", "--json"))
            if x["path"].startswith(self.dir))

    def test_a_tree_under_one_request_id_has_each_effect_once(self):  # SPEC S11
        tree = self.here / "tree"
        (tree / "sub/empty").mkdir(parents=True)
        for name, size in (("large", 9 * MIB), ("sub/small", 100), ("none", 0)):
            random_file(tree / name, size, size)
        put = ["put", "-r", "--force", tree, f"{self.dir}/tree"]
        copy = ["cp", "-r", "--force", f"{self.dir}/tree", f"{self.dir}/copy"]
        for words, request in ((put, 4711), (copy, 4712)):
            for _ in range(2):
                self.verb(*words, "--request-id", request)
            self.assertEqual(self.in_the_trash(), [])
        # Without --force: what the command itself has made is no obstacle, what
        # others have made is one.
        words = ["put", "-r", tree, f"{self.dir}/other", "--request-id", 4713]
        self.verb("put", "-p", tree / "none", f"{self.dir}/other/sub/small")
        for _ in range(2):
            done = self.try_verb(*words)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"other/sub/small", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.verb("rm", f"{self.dir}/other/sub/small")
        self.verb(*words)
        self.assertEqual(self.verb("cat", f"{self.dir}/other/sub/small"),
                         (tree / "sub/small").read_bytes())
        # A file that was changed since is another file, a missing one is not
        # made again.
        before = self.in_the_trash()
        (tree / "sub/small").write_text("changed")
        self.verb("rm", f"{self.dir}/tree/none")
        self.verb(*put, "--request-id", 4711)
        self.assertEqual(self.verb("cat", f"{self.dir}/tree/sub/small"),
                         b"changed")
        self.assertEqual(self.names(f"{self.dir}/tree"), ["large", "sub"])
        self.assertEqual(
            self.in_the_trash(),
            sorted(before + [f"{self.dir}/tree/none",
                             f"{self.dir}/tree/sub/small"]))

    def test_names_under_one_request_id_are_changed_once(self):  # SPEC S11
        changes = (["touch", f"{self.dir}/f"], ["mkdir", f"{self.dir}/d"],
                   ["mv", f"{self.dir}/f", f"{self.dir}/g"],
                   ["mv", "-T", f"{self.dir}/d", f"{self.dir}/e"],
                   ["rm", f"{self.dir}/g"], ["rm", "-r", f"{self.dir}/e"])
        for request, words in enumerate(changes, 4801):
            with self.subTest(verb=words):
                for _ in range(2):
                    self.verb(*words, "--request-id", request)
        self.assertEqual(self.names(), [])
        self.refused(1, "rm", f"{self.dir}/g", "--request-id", 4900)

    def orphans(self):
        told = json.loads(self.try_verb("fsck", "--json").stdout)
        return {x["chunk"] for x in told["findings"] if x["problem"] == "ORPHAN"}

    def test_what_cannot_be_put(self):
        local = random_file(self.here / "f", 100)
        path = f"{self.dir}/f"
        self.verb("put", local, path)
        said = self.refused(1, "put", local, path)
        self.assertIn(path, said)
        self.assertIn("--force", said)
        self.assertIn("none", self.refused(1, "put", self.here / "none", path))
        self.assertIn("put -r", self.refused(1, "put", self.here, path))
        self.refused(1, "put", local, f"{self.dir}/no/such/directory")
        self.refused(1, "put", local, f"{path}/below-a-file")
        self.verb("mkdir", "-p", f"{self.dir}/sub/f")
        self.refused(1, "put", "--force", local, f"{self.dir}/sub")
        self.refused(2, "put", local, f"{self.dir}/../x")
        self.refused(2, "put", local, "no-slash")
        self.verb("put", "-p", local, f"{self.dir}/deep/er/f")
        self.verb("put", "--force", local, path)
        self.assertEqual(sorted(self.names()), ["deep", "f", "sub"])

    def test_what_cannot_be_got(self):
        path = f"{self.dir}/f"
        self.verb("put", random_file(self.here / "f", 100), path)
        self.refused(1, "get", f"{self.dir}/none", self.here / "x")
        self.refused(1, "get", self.dir, self.here / "x")
        self.refused(1, "get", path, self.here / "no/such/directory")
        self.refused(2, "get", "-r", "--offset", 1, self.dir, self.here / "x")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [str(harness.binary()), "cat", path, "--config",
                 str(self.config)], stdout=full, stderr=subprocess.PIPE,
                check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)
        self.assertNotIn(b"chunkserver", done.stderr)
        self.assertEqual([x.name for x in self.here.iterdir()], ["f"])

    def test_ctrl_c_leaves_nothing(self):
        reading, writing = os.pipe()
        put = subprocess.Popen(
            [str(harness.binary()), "put", "-", f"{self.dir}/f", "--config",
             str(self.config)], stdin=reading, stderr=subprocess.PIPE)
        os.close(reading)
        os.write(writing, b"x" * 1000)
        time.sleep(0.5)  # Some moment in the middle of it.
        put.send_signal(signal.SIGINT)
        said = put.communicate(timeout=20)[1]
        os.close(writing)
        self.assertEqual(put.returncode, 130, said)
        self.assertEqual(self.names(), [])

    def interrupted(self, when, *arguments):
        """What a verb says at a Ctrl-C, once `when` holds."""
        verb = subprocess.Popen(
            [str(harness.binary()), *map(str, arguments), "--config",
             str(self.config)], stderr=subprocess.PIPE, text=True)
        harness.wait_for(when, 20, f"{arguments} does not begin")
        verb.send_signal(signal.SIGINT)
        said = verb.communicate(timeout=20)[1]
        self.assertEqual(verb.returncode, 130, said)
        self.assertEqual(len(said.splitlines()), 1, said)
        return said

    def test_ctrl_c_says_how_far_it_came(self):
        tree = self.here / "tree"
        tree.mkdir()
        for i in range(400):
            random_file(tree / f"f{i:03}", 200_000, i)
        said = self.interrupted(
            lambda: self.try_verb("ls", f"{self.dir}/t").stdout,
            "put", "-r", tree, f"{self.dir}/t")
        self.assertRegex(said, f"{self.dir}/t: interrupted after [1-9].* files?,")
        local = self.here / "f"
        local.write_bytes(bytes(256 * MIB))
        said = self.interrupted(
            lambda: int(json.loads(self.verb(
                "stat", f"{self.dir}/log", "--json"))["bytes"]) > 0
            if self.names().count("log") else False,
            "append", "--pieces", f"{self.dir}/log", local)
        self.assertRegex(said, r"interrupted \(after [1-9]\d* appends?\)")

    def test_what_cannot_be_read_makes_no_file(self):
        self.refused(1, "append", f"{self.dir}/f", self.here / "none")
        self.refused(1, "put", self.here / "none", f"{self.dir}/f")
        self.assertEqual(self.names(), [])

    def test_a_file_that_changes_is_not_stored(self):
        local = random_file(self.here / "f", 64 * MIB)
        put = subprocess.Popen(
            [str(harness.binary()), "put", str(local), f"{self.dir}/f",
             "--config", str(self.config)], stderr=subprocess.PIPE)
        harness.wait_for(lambda: harness.cpu_seconds(put.pid) > 0.02, 10,
                         "put runs")
        with open(local, "r+b") as file:
            file.write(b"changed")
        said = put.communicate(timeout=60)[1]
        self.assertEqual(put.returncode, 1, said)
        self.assertIn(b"changed while it was being read", said)
        self.assertEqual(self.names(), [])

    def test_a_bar_on_a_terminal_only(self):
        local = random_file(self.here / "f", 64 * MIB)
        self.assertIn(b"64.0 MiB",
                      self.on_a_terminal("put", local, f"{self.dir}/f"))
        done = self.try_verb("put", "--force", local, f"{self.dir}/f")
        self.assertNotIn(b"\r", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        told = json.loads(self.verb("get", "--json", f"{self.dir}/f",
                                    self.here / "back"))
        self.assertEqual(told["bytes"], 64 * MIB)


if __name__ == "__main__":
    unittest.main()
