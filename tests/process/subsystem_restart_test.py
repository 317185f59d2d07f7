#!/usr/bin/env python3
"""A handler throws in each subsystem that is restarted by itself, one after the
other, in whole nodes under load: no request fails that is repeated as advised,
no node ends, and what the others believe stays as it was. A method that throws is refused in the end, and
the node goes on. SPEC S10, S6"""

import json
import pathlib
import re
import sys
import time
import unittest

import chunks
import versions
from harness import Beside, Cluster, wait_for

SERVERS = ("store-1", "store-2", "store-3")
EXTRA = (chunks.settings(heartbeat="500ms", node_lease="3s", chunk_lease="60s")
         + versions.settings(heartbeat="500ms", silent_after="1500ms")
         + '[volumes]\nreserve = "1MiB"\n')
# Beside these only "echo" and "scrubber" are restarted by themselves: no verb
# speaks to the one, and the other has nothing to do for hours.
EVERYWHERE = ("group-watch", "control-links", "front-door", "admin-console")
OF_ROLE = {"master": EVERYWHERE + ("metadata-backup",),
           "store-1": EVERYWHERE + ("version-keeper",)}


class Load(Beside):
    """A client that puts and gets without a pause."""

    def __init__(self, client):
        super().__init__()
        self.client, self.failures, self.done = client, [], 0

    def work(self):
        while not self.over.is_set():
            path = f"/{('docs', 'files')[self.done % 2]}/{self.done}"
            content = f"{path}\n".encode() * 100
            put = self.client.put(path, content, check=False)
            got = self.client.try_get(path)
            if put.returncode != 0 or got.stdout != content:
                self.failures.append((path, put.stderr, got.stderr))
            self.done += 1


class SubsystemRestart(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(
            [("entry", "introducer"), ("master", "master")]
            + [(x, "chunkserver,fileserver") for x in SERVERS], extra=EXTRA))
        self.orders = {x: self.cluster.dir / f"throw-{x}"
                       for x in self.cluster.nodes}
        for name, node in self.cluster.nodes.items():
            node.env["DFS_THROW_IN"] = str(self.orders[name])
        self.numbers = 0
        self.cluster.start(30)
        self.client = chunks.Client(self.cluster)
        self.client.wait_until_served()
        self.client.verb("mkdir", "--class", "versioned", "/docs")
        self.client.verb("mkdir", "/files")

    # -- what the nodes say ------------------------------------------------------

    def console(self, name, command, check=True):
        return self.client.verb("console", "--node", name, "-c", command,
                                "--json", check=check)

    def links(self, name):
        """Peer -> state, of those that the node knows."""
        done = self.console(name, "links", check=False)
        rows = json.loads(done.stdout) if done.returncode == 0 else []
        return {x["peer"]: x["state"] for x in rows}

    def beliefs(self):
        """Of the group, and of the master."""
        status = json.loads(self.client.verb("status", "--json",
                                             check=False).stdout)
        return (self.cluster["entry"].members(),
                sorted((x["server"], x["serving"]) for x in status["servers"]))

    def log(self, name):
        path = pathlib.Path(self.cluster[name].dir / "node.log")
        return path.read_text("utf-8", errors="replace")

    def cuts(self):
        """Links to the master that the servers have lost so far: each of them
        takes a server's registration with it for a moment."""
        return sum(len(re.findall("link changed.*state=waiting", self.log(x)))
                   for x in SERVERS)

    # -- what happens ------------------------------------------------------------

    def throw_in(self, name, subsystem):
        """Waits until it has thrown and is there again."""
        restarted = re.compile(rf"restarted.*{subsystem}")
        before = len(restarted.findall(self.log(name)))
        self.numbers += 1
        self.orders[name].write_text(f"{subsystem} {self.numbers}\n")
        if subsystem in ("admin-console", "front-door"):
            self.console(name, "actors", check=False)
        elif subsystem == "metadata-backup":
            self.client.verb("admin", "metadata", "backup", "--to",
                             self.cluster.dir / f"backup-{self.numbers}",
                             check=False)
        wait_for(lambda: len(restarted.findall(self.log(name))) > before, 15,
                 lambda: f"{subsystem} of {name}: {self.log(name)[-2000:]}")

    def test_no_restart_is_noticed(self):
        before = self.beliefs()
        pids = {x: y.pid for x, y in self.cluster.nodes.items()}
        with Load(self.client) as load:
            for name, subsystems in OF_ROLE.items():
                for subsystem in subsystems:
                    with self.subTest(node=name, subsystem=subsystem):
                        done, cuts = load.done, self.cuts()
                        self.throw_in(name, subsystem)
                        end = time.monotonic() + 3
                        wait_for(lambda: all(
                            self.links(x).get("master") == "up"
                            for x in SERVERS), 5, lambda: [
                                self.links(x) for x in SERVERS])
                        wait_for(lambda: time.monotonic() > end
                                 and load.done > done + 4, 30, "the load")
                        self.assertEqual(self.beliefs(), before)
                        if name == "master":
                            self.assertEqual(self.cuts(), cuts)
        self.assertEqual(load.failures, [])
        self.assertGreater(load.done, 20)
        self.client.wait_until_served()
        self.assertEqual({x: y.pid for x, y in self.cluster.nodes.items()},
                         pids)
        for name in SERVERS:
            self.assertNotIn("lease has run out", self.log(name))

    def test_a_method_that_throws_is_refused(self):
        node = self.cluster["store-2"]
        for _ in range(2):
            self.throw_in(node.name, "admin-console")
        refused = self.console(node.name, "actors", check=False)
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertIn("refused", refused.stderr)
        self.assertIn("method quarantined", self.log(node.name))
        # Another method of the same subsystem, and the node, go on.
        self.assertEqual(self.console(node.name, "health").returncode, 0)
        self.assertTrue(node.runs())

    def test_a_method_that_ends_the_node_is_refused(self):
        """A node can not do without its membership: it ends, and whoever
        starts it again must not see it end for ever."""
        entry = self.cluster["entry"]
        for turn in range(8):
            self.numbers += 1
            self.orders["entry"].write_text(f"membership {self.numbers}\n")
            asked = entry.verb("members", check=False)
            if asked.returncode == 1:
                break
            entry.process.wait(15)
            self.orders["entry"].unlink()  # The next process would obey again.
            entry.start()
            self.cluster.wait_until_whole(30)
        self.assertEqual(asked.returncode, 1, asked)
        self.assertGreaterEqual(turn, 2)
        self.assertIn("refused", asked.stderr)
        self.assertTrue(entry.runs())


if __name__ == "__main__":
    sys.exit(unittest.main())
