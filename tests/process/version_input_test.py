#!/usr/bin/env python3
"""What a user can do wrong with versioned files, and quorums that cannot be had:
one line on standard error that names the path and the reason, and the exit
status that a script can rely on. SPEC S4, S7, V1, V2, V9"""

import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import binary
from verbs import Verbs
from versions import VersionCluster, settings


class Slips(Verbs, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(VersionCluster(servers=3))
        cls.config = cls.cluster.client.config
        cls.here = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory()))

    def says(self, status, words, *arguments, given=None):
        said = self.refused(status, *arguments, given=given)
        for word in words:
            self.assertIn(str(word), said)
        return said

    def seven_versions(self, path):
        for i in range(7):
            self.verb("put", "-", path, given=f"text {i}\n".encode())

    def test_counts(self):
        self.seven_versions("/docs/count")
        for count in ("0", "6", "-1", "05", "3x", "many", ""):
            self.says(2, ["COUNT", f"'{count}'", "1 to 5"], "get-versions",
                      "/docs/count", count, self.here / "x")
        self.says(2, ["COUNT is missing"], "get-versions", "/docs/count")
        self.assertEqual(list(self.here.glob("x*")), [])

    def test_versions_that_are_gone_or_not_there_yet(self):
        self.seven_versions("/docs/gone")
        for verb in (["cat", "--version", "2"], ["get", "--version", "2"],
                     ["restore", "--version", "2"], ["diff"]):
            local = [str(self.here / "g")] if verb[0] == "get" else (
                ["2", "7"] if verb[0] == "diff" else [])
            self.says(1, ["version 2 of /docs/gone is gone", "3 to 7"],
                      verb[0], "/docs/gone", *local, *verb[1:])
        self.says(1, ["version 8 of /docs/gone is not there yet", "3 to 7"],
                  "cat", "/docs/gone", "--version", "8")
        self.says(2, ["--version"], "cat", "/docs/gone", "--version", "0")
        self.says(2, ["--version V"], "restore", "/docs/gone")
        self.assertFalse((self.here / "g").exists())

    def test_what_is_deleted(self):
        self.verb("put", "-", "/docs/rm", given=b"x")
        self.verb("rm", "/docs/rm")
        self.says(1, ["/docs/rm is deleted", "--version 1"], "cat", "/docs/rm")
        self.says(1, ["version 2 of /docs/rm is its deletion"], "cat",
                  "/docs/rm", "--version", "2")
        self.says(1, ["/docs/rm"], "rm", "/docs/rm")

    def test_paths_that_have_no_versions(self):
        self.verb("mkdir", "/plain")
        for arguments in (["versions"], ["get-versions", "2", self.here / "x"],
                          ["restore", "--version", "1"], ["diff", "1", "2"]):
            self.says(1, ["/docs/none", "not found"], arguments[0],
                      "/docs/none", *arguments[1:])
            self.says(1, ["/plain is a directory"], arguments[0], "/plain",
                      *arguments[1:])
        self.says(1, ["/docs/none"], "append", "/docs/none", "-", given=b"x")

    def test_changes_that_versions_do_not_have(self):
        self.verb("put", "-", "/docs/kind", given=b"x")
        self.verb("mkdir", "/other")
        for arguments in (["append", "/docs/kind", "-"],
                          ["write", "/docs/kind", "-", "--offset", "0"]):
            self.says(1, ["/docs/kind", "versioned"], *arguments, given=b"y")
        self.says(1, ["/other/kind", "chunked", "copy it"], "mv", "/docs/kind",
                  "/other/kind")

    def test_targets_that_cannot_be_written(self):
        self.seven_versions("/docs/target")
        nowhere = self.here / "nowhere" / "x"
        self.says(1, [nowhere, "No such file"], "get-versions", "/docs/target",
                  "3", nowhere)
        self.says(1, [nowhere, "No such file"], "get-versions", "--joined",
                  "/docs/target", "3", nowhere)
        # One of the names is a directory: none of the others appears.
        (self.here / "part.v6").mkdir()
        self.says(1, ["part.v6 is a directory"], "get-versions",
                  "/docs/target", "3", self.here / "part")
        self.assertEqual([x.name for x in self.here.glob("part*")],
                         ["part.v6"])
        self.says(1, ["/dev/full", "No space left"], "get-versions",
                  "--joined", "/docs/target", "3", "/dev/full")
        self.says(2, ["LOCAL is empty"], "get-versions", "/docs/target", "3",
                  "")
        self.says(2, ["--joined"], "get-versions", "--joined", "/docs/target",
                  "3", "-")

    def test_request_ids(self):
        done = subprocess.run(
            [str(binary()), "put", "-", "/docs/id", "--json", "--config",
             str(self.config)], input=b"x", capture_output=True, check=True)
        name = done.stdout.decode().partition('"request":"')[2].partition('"')[0]
        self.assertIn(b"done, version 1", self.verb("request", name))
        listed = json.loads(self.verb("versions", "/docs/id", "--json"))
        self.assertIn(b"done, version 1",
                      self.verb("request", listed[0]["request"]))
        # One digit wrong: it would be told of another put that it never was.
        group = name.index("@")
        for wrong in ("", "1", "name", "0.1@1.1.1-0000", name[:-1],
                      name + "0", name[:group - 1] + "9" + name[group:],
                      name.partition("-")[0]):
            self.says(2, ["no request id", f"'{wrong}'"], "request", wrong)

    def test_classes(self):
        self.verb("mkdir", "-p", "/full/sub")
        for flags in ([], ["--parents"]):
            self.says(1, ["/full exists"], "mkdir", *flags, "--class",
                      "versioned", "/full")
            self.says(1, ["/docs exists"], "mkdir", *flags, "--class",
                      "chunked", "/docs")
        self.says(1, ["/full", "chunked"], "mkdir", "--parents", "--class",
                  "versioned", "/full")
        self.verb("mkdir", "--parents", "--class", "versioned", "/docs")
        self.says(2, ["'old'", "chunked, versioned"], "mkdir", "--class",
                  "old", "/new")
        self.says(1, ["content"], "mkdir", "--class", "content", "/new")
        self.says(1, ["/no/such"], "mkdir", "--class", "versioned",
                  "/no/such/x")
        self.assertNotIn(b"new", self.verb("ls", "/"))

    def test_numbers_that_break_a_rule(self):
        """The start ends, and says which rule, and where."""
        given = self.cluster["master"].config.read_text()
        given = given[:given.index("[versions]")]
        config = self.here / "node.toml"
        for text, words in (
                ("copies = 3\nwrite = 1", ["2 W > N", "W = 1, N = 3"]),
                ("copies = 4\nwrite = 2\nread = 3", ["2 W > N"]),
                ("copies = 3\nwrite = 2\nread = 1", ["W + R > N", "R = 1"]),
                ("copies = 3\nwrite = 4", ["W = 4 of 3"]),
                ("copies = 3\nread = 4", ["R = 4 of 3"]),
                ("copies = 0", ["from 1 to 9"]),
                ("keep = 4", ["from 5 to 100"]),
                ('write = "two"', ["versions.write"])):
            config.write_text(f"{given}[versions]\n{text}\n")
            for command in (["config", "check", str(config)],
                            ["--role", "master", "--config", str(config)]):
                with self.subTest(text=text, command=command[0]):
                    done = subprocess.run(
                        [str(binary()), *command], capture_output=True,
                        text=True, timeout=30, check=False)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    lines = done.stderr.splitlines()
                    self.assertEqual(len(lines), 1, done.stderr)
                    for word in [f"{config}:", *words]:
                        self.assertIn(word, lines[0])


class TooFew(Verbs, unittest.TestCase):
    """Two of three are gone: who is missing is named."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(VersionCluster(
            servers=3, extra=settings(repair_delay="60s")
            + '[volumes]\nreserve = "1MiB"\n'))
        cls.config = cls.cluster.client.config

    def test_without_a_quorum(self):
        self.verb("put", "-", "/docs/few", given=b"one")
        self.verb("put", "-", "/docs/few", given=b"two")
        left, *lost = self.cluster.servers
        for x in lost:
            x.kill()
        for arguments in (["cat"], ["versions"], ["restore", "--version", "1"],
                          ["get-versions", "2", "/nowhere/x"],
                          ["diff", "1", "2"], ["cp", "/docs/copy"]):
            with self.subTest(arguments[0]):
                said = self.refused(3, arguments[0], "/docs/few",
                                    *arguments[1:], "--timeout", "3s")
                self.names(said, lost)
        # Nothing of what was not proposed will be done; the rest is asked for.
        asked = []
        for arguments in (["put", "-", "/docs/few"], ["rm", "/docs/few"],
                          ["put", "-", "/docs/new"]):
            with self.subTest(" ".join(arguments)):
                done = self.try_verb(*arguments, "--timeout", "3s",
                                     given=b"three", text=False)
                said = done.stderr.decode()
                self.assertIn(done.returncode, (3, 4), said)
                self.assertEqual(len(said.splitlines()), 1, said)
                self.names(said, lost)
                if done.returncode == 4:
                    asked.append(said.rpartition("dfsnode request ")[2].strip())
        for name in asked:
            self.names(self.refused(3, "request", name, "--timeout", "2s"),
                       lost)
        for x in lost:
            x.start()
        self.cluster.wait_until_served(60)
        for name in asked:
            said = self.try_verb("request", name, text=True)
            self.assertIn(said.returncode, (0, 1), said)
            self.assertEqual("never will be" in said.stdout,
                             said.returncode == 1)
        self.assertTrue(left.runs())

    def names(self, said, lost):
        for x in lost:
            self.assertIn(x.name, said)


if __name__ == "__main__":
    unittest.main()
