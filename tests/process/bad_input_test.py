#!/usr/bin/env python3
"""What a person gets wrong: one line that says what, where and how to mend, the
exit status of SPEC S7, nothing half-started, nothing written. SPEC S4, S7"""

import os
import shutil
import socket
import subprocess
import tempfile
import pathlib
import unittest

from harness import Cluster, binary, free_ports, run, wait_for


class Server(unittest.TestCase):
    """One configured node; each test breaks one thing about it."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster([("node-1", "introducer"),
                               ("node-2", "chunkserver")])
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def setUp(self):
        self.node = self.cluster["node-1"]
        self.data = self.node.dir / "data"

    def tearDown(self):
        for node in self.cluster.living():
            node.kill()
        for node in self.cluster.nodes.values():
            shutil.rmtree(node.dir / "data", ignore_errors=True)

    def refused(self, *arguments, status=2, mentions=(), node=None,
                written=False):
        done = subprocess.run([str(binary()), *map(str, arguments)],
                              capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, check=False)
        text = done.stderr
        self.assertEqual(done.returncode, status, text)
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertEqual(done.stdout, "")
        for word in mentions:
            self.assertIn(str(word), text)
        if not written:
            self.assertFalse(((node or self.node).dir / "data").exists(),
                             "something was written")

    def start_refused(self, *extra, node=None, **expected):
        node = node or self.node
        self.refused("--role", node.roles, "--config", node.config, *extra,
                     node=node, **expected)

    def test_roles(self):  # SPEC S1
        for roles, word in (("chunksrever", "chunkserver"),
                            ("master,master", "master"),
                            ("client,master", "client"), ("", "role")):
            with self.subTest(roles=roles):
                self.refused("--role", roles, "--config", self.node.config,
                             mentions=[word])

    def test_configuration_files(self):
        self.refused("--role", "introducer", "--config", "/nowhere.toml",
                     mentions=["/nowhere.toml"])
        broken = self.node.dir / "broken.toml"
        text = self.node.config.read_text()
        for change, words in (
                ("[group]\nprot = 1\n", ["group.prot", "group.port", ":"]),
                ("this is no TOML", ["broken.toml:"]),
                ('[stream]\nport = "many"\n', ["stream.port"]),
                ("[http]\nport = 70000\n", ["http.port", "65535"])):
            section = change.split("\n")[0]
            kept = text
            if section in text:  # TOML allows a table once.
                kept = text.replace(section, section + "\n" +
                                    change.split("\n", 1)[1].rstrip(), 1)
                if "port = " in change and "prot" not in change:
                    kept = "\n".join(
                        x for x in text.split("\n")
                        if x != f"port = {self.node.ports[section[1:-1]]}")
                    kept = kept.replace(section, change.rstrip(), 1)
            else:
                kept += change
            broken.write_text(kept)
            with self.subTest(change=change):
                self.refused("--role", "introducer", "--config", broken,
                             mentions=words)

    def test_keys(self):  # SPEC O4
        bundle = self.node.dir / "bundle"
        key = bundle / "node.key"
        os.chmod(key, 0o644)
        try:
            self.start_refused(mentions=[key, "chmod"])
        finally:
            os.chmod(key, 0o600)
        hidden = bundle / "hidden"
        key.rename(hidden)
        try:
            self.start_refused(mentions=[key])
        finally:
            hidden.rename(key)
        with tempfile.TemporaryDirectory() as other:
            run("cluster", "init", f"{other}/ca")
            run("cluster", "bundle", "--dir", f"{other}/ca", "--role",
                "introducer", "--name", "node-1", "--out", f"{other}/bundle")
            shutil.copy(key, f"{other}/kept")
            shutil.copy(f"{other}/bundle/node.key", key)
            try:
                self.start_refused(mentions=["node.key"])
            finally:
                shutil.copy(f"{other}/kept", key)

    def test_a_key_of_another_cluster(self):  # SPEC M8
        node = self.cluster["node-2"]
        with tempfile.TemporaryDirectory() as other:
            run("cluster", "init", f"{other}/ca")
            run("cluster", "bundle", "--dir", f"{other}/ca", "--role",
                "chunkserver", "--name", "node-2", "--out",
                f"{other}/bundle")
            self.node.start()
            wait_for(lambda: self.node.members(), 10, "no introducer")
            try:
                self.start_refused(
                    "--security.bundle", f"{other}/bundle",
                    "--group.join_timeout", "2s", node=node, status=3,
                    mentions=["introducer"])
            finally:
                self.node.stop()

    def test_a_role_that_the_certificate_does_not_give(self):
        self.refused("--role", "introducer,master", "--config",
                     self.node.config, mentions=["master", "node.crt"])

    def test_ports_in_use(self):
        for plane, kind in (("group", socket.SOCK_DGRAM),
                            ("ping", socket.SOCK_DGRAM),
                            ("control", socket.SOCK_STREAM),
                            ("stream", socket.SOCK_STREAM),
                            ("http", socket.SOCK_STREAM)):
            with self.subTest(plane=plane), \
                    socket.socket(socket.AF_INET, kind) as taken:
                # Connections of earlier tests may linger in TIME_WAIT.
                if kind == socket.SOCK_STREAM:
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", self.node.ports[plane]))
                if kind == socket.SOCK_STREAM:
                    taken.listen()
                self.start_refused(mentions=[self.node.ports[plane]])

    def test_data_directories(self):
        file = self.node.dir / "file"
        file.write_text("")
        self.start_refused("--node.data_dir", file / "data",
                           mentions=[file])
        self.start_refused("--node.data_dir", "/proc/dfsnode",
                           mentions=["/proc/dfsnode"])
        # Of another node.
        other = self.cluster["node-2"]
        self.node.start()
        wait_for(lambda: self.node.members(), 10, "no introducer")
        self.start_refused("--node.data_dir", self.data, node=other,
                           mentions=[self.data])
        # The same node a second time: not its ports are the news.
        self.start_refused(mentions=["already running", self.node.pid,
                                     self.data], written=True)
        # Locked by a process that runs.
        keys = ("group.port", "group.ping_port", "control.port",
                "stream.port", "http.port")
        other_ports = [f"--{key}={port}"
                       for key, port in zip(keys, free_ports(len(keys)))]
        self.start_refused(*other_ports,
                           mentions=[self.data, self.node.pid], written=True)
        self.assertIsNotNone(self.node.members())
        self.node.stop()

    def test_an_introducer_that_does_not_answer(self):
        node = self.cluster["node-2"]
        self.start_refused("--group.join_timeout", "1s", node=node, status=3,
                           mentions=[self.node.ports["group"]])


class Client(unittest.TestCase):
    def test_wrong_words(self):
        for arguments, word in ((["membrs"], "members"),
                                (["members", "--jsn"], "--jsn"),
                                (["config", "check"], "FILE"),
                                (["cluster", "bundle", "--role", "chunk", "--dir",
                                  "ca", "--name", "n", "--out", "n"],
                                 "chunk")):
            with self.subTest(arguments=arguments):
                done = run(*arguments, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1,
                                 done.stderr)
                self.assertIn(word, done.stderr)

    def test_output_that_does_not_arrive(self):  # SPEC S7
        for where, words in ((">/dev/full", "No space left"),
                             (">&-", "Bad file descriptor")):
            with self.subTest(where=where):
                done = subprocess.run(
                    ["sh", "-c", f'exec "$0" --version {where}',
                     str(binary())], capture_output=True, text=True,
                    timeout=20, check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertIn(words, done.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as broken:
            done = subprocess.run(
                ["sh", "-c", 'trap "" PIPE; exec "$0" config reference',
                 str(binary())], stdout=broken, stderr=subprocess.PIPE,
                text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "")

    def test_nobody_there(self):
        with tempfile.TemporaryDirectory() as directory:
            ca, user = f"{directory}/ca", f"{directory}/user"
            run("cluster", "init", ca)
            run("cluster", "user", "alice", "--rights", "reader", "--dir", ca,
                "--out", user)
            config = pathlib.Path(directory) / "client.toml"
            config.write_text('[client]\ncontacts = ["127.0.0.1:1"]\n'
                              f'bundle = "{user}"\n')
            done = run("members", "--config", config, check=False)
            self.assertEqual(done.returncode, 3)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    unittest.main()
