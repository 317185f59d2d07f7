#!/usr/bin/env python3
"""Two nodes with copies of one data directory, at two addresses: the first one
keeps its leases and serves, the second one is refused, and `status` names both;
when the first has ended the second is taken. SPEC S10, G4, O7"""

import json
import pathlib
import shutil
import sys
import unittest
import urllib.error
import urllib.request

import chunks
import versions
from harness import Cluster, Node, wait_for

SERVERS = ("store-1", "store-2", "store-3")
EXTRA = (chunks.settings() + versions.settings()
         + '[volumes]\nreserve = "1MiB"\n')


class CopiedStore(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(
            [("entry", "introducer"), ("master", "master")]
            + [(x, "chunkserver,fileserver") for x in SERVERS], extra=EXTRA))
        self.cluster.start(30)
        self.client = chunks.Client(self.cluster)
        self.client.wait_until_served()
        self.client.verb("mkdir", "--class", "versioned", "/docs")
        self.content = {}

    # -- what is there ---------------------------------------------------------

    def status(self):
        done = self.client.verb("status", "--json", check=False)
        return json.loads(done.stdout) if done.stdout else {"findings": []}

    def conflicts(self):
        return [x["what"] for x in self.status()["findings"]
                if x["code"] == "STORE_TWICE"]

    def put(self, name):
        for path in (f"/{name}", f"/docs/{name}"):
            self.content[path] = name.encode() * 1000
            self.client.put(path, self.content[path])

    def judge(self):
        for path, content in self.content.items():
            self.assertEqual(self.client.get(path), content, path)

    @staticmethod
    def ask(node, path):
        return urllib.request.urlopen(
            f"http://127.0.0.1:{node.ports['http']}{path}", timeout=5)

    def metric(self, of):
        with self.ask(self.cluster["master"], "/metrics") as answer:
            text = answer.read().decode()
        line = f'dfs_stores_twice{{of="{of}"}} '
        return next(int(x.removeprefix(line)) for x in text.splitlines()
                    if x.startswith(line))

    def copy_of(self, original):
        """The same name, bundle and data on another host."""
        copy = Node(self.cluster, original.name, original.roles, "127.0.0.2")
        copy.dir = self.cluster.dir / "copy"
        copy.dir.mkdir()
        shutil.copytree(original.dir / "bundle", copy.dir / "bundle",
                        symlinks=True)
        self.assertEqual(original.stop(), 0)
        shutil.copytree(original.dir / "data", copy.dir / "data",
                        symlinks=True)
        original.start()
        copy.write_config([self.cluster["entry"].at("group")], EXTRA)
        self.addCleanup(lambda: copy.runs() and copy.kill())
        return copy

    @staticmethod
    def log(node):
        return pathlib.Path(node.dir / "node.log").read_text("utf-8")

    # -- what happens ----------------------------------------------------------

    def test_the_first_node_keeps_its_store(self):
        original = self.cluster["store-1"]
        self.put("before")
        copy = self.copy_of(original)
        self.client.wait_until_served()
        begun = len(self.log(original))
        copy.start()
        wait_for(lambda: len(self.conflicts()) == 2, 15, self.status, 0.1)
        for text in self.conflicts():
            self.assertIn(f"{original.name} at {original.at('group')}", text)
            self.assertIn(f"{copy.name} at {copy.at('group')}", text)
        wait_for(lambda: self.metric("chunks") == 1
                 and self.metric("versions") == 1, 5, "the metric", 0.1)
        # For several leases, and several attempts of the copy.
        for i in range(6):
            self.put(f"during-{i}")
        self.judge()
        self.assertEqual(len(self.conflicts()), 2, self.status())
        told = self.log(original)[begun:]
        for line in ("lease has run out", "refuses this", "or refuses"):
            self.assertNotIn(line, told)
        for at in (original.at("group"), copy.at("group")):
            self.assertIn(at, self.log(copy))
        audit = [x for x in self.log(self.cluster["master"]).splitlines()
                 if "audit" in x and "two nodes with one store" in x]
        self.assertEqual(len(audit), 2, audit)
        with self.assertRaises(urllib.error.HTTPError):
            self.ask(copy, "/readyz")

        self.assertEqual(original.stop(), 0)
        self.put("after")
        wait_for(lambda: "registered with the master" in self.log(copy)
                 and not self.conflicts(), 15, self.status, 0.1)
        self.client.wait_until_served(60)
        self.judge()
        self.put("at the end")
        self.judge()


if __name__ == "__main__":
    sys.exit(unittest.main())
