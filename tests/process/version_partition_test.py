#!/usr/bin/env python3
"""File servers, master and clients that cannot hear each other, both ways or one
way, or not always: versions stay in one order, puts go on where a quorum is, and
nothing is lost. SPEC V2, V3, V4, V7

Some cuts are tried here, others with another DFS_SEED; DFS_DEEP=1 tries all."""

import json
import random
import sys
import unittest

import netns
from chunks import DEEP, SEED, Client
from harness import wait_for
from versions import History, VersionCluster, content_of

NO_NETWORK = netns.missing()
# entry, master, files-1 .. files-4, and one host for clients.
MASTER, SERVERS, CLIENT = 1, (2, 3, 4, 5), 6
HOSTS = range(7)
ROUNDS = 3 if DEEP else 1
# So long a write may take before it is called unknown.
PATIENCE = "5s"


class Hosts(unittest.TestCase):
    """A cluster whose nodes are hosts of their own, and clients on another."""

    @classmethod
    def setUpClass(cls):
        if NO_NETWORK:
            raise unittest.SkipTest(f"needs network namespaces: {NO_NETWORK}")
        cls.network = cls.enterClassContext(netns.Network(len(HOSTS)))
        cls.cluster = cls.enterClassContext(VersionCluster(
            servers=len(SERVERS), addresses=cls.network.addresses,
            prefixes=[cls.network.prefix(i) for i in HOSTS[:-1]]))
        cls.client = Client(cls.cluster, cls.network.prefix(CLIENT))

    def history(self, path, **options):
        return History(self.cluster, path, client=self.client, pause=0.02,
                       timeout=PATIENCE, deleters=1, **options)

    def judge(self, history):
        print(history.path, history.summary(), flush=True)
        self.assertEqual(history.faults(), [])

    def primary(self, path):
        """The number of the host that leads the file."""
        def found():
            shown = self.cluster.verb("stat", path, "--json", check=False)
            if shown.returncode != 0:
                return None  # Deleted just now.
            group = json.loads(shown.stdout).get("group")
            return next((x["primary"] for x in self.cluster.groups()
                         if x["group"] == group), None)
        return 1 + int(wait_for(found, 30, "nobody leads").partition("-")[2])

    def cut(self, history, what, deaf):
        """`deaf` is {host: hosts it no longer hears}. Puts go on."""
        self.network.cut(deaf)
        history.inject(f"cut {what}")
        try:
            history.wait_for_some("put", 60, f"cut {what}", 5)
            history.wait_for_some("get", 30, f"cut {what}", 5)
        finally:
            self.network.heal()
        history.inject("healed")
        self.cluster.wait_until_whole(30)
        self.cluster.wait_until_served(90)

    def run_cuts(self, path, cuts):
        """`cuts` are functions of the primary's host: what, and who is deaf."""
        with self.history(path) as history:
            history.wait_for_some("put", 30, "no cut yet")
            for cut in (cuts * ROUNDS if DEEP
                        else random.Random(SEED).sample(cuts, 3)):
                primary = self.primary(path)
                history.inject(f"{primary} leads")
                self.cut(history, *cut(primary))
        self.judge(history)


def others_than(host, among=SERVERS):
    return [x for x in among if x != host]


def both(some, others):
    return {**{x: list(others) for x in some}, **{x: list(some) for x in others}}


class BothWays(Hosts):
    def test_cuts(self):
        self.run_cuts("/docs/both", [
            lambda x: ("the primary from the other servers",
                       both([x], others_than(x))),
            lambda x: ("the primary from clients", both([x], [CLIENT])),
            lambda x: ("the primary from the master", both([x], [MASTER])),
            lambda x: ("another server from the master",
                       both(others_than(x)[:1], [MASTER])),
            lambda x: ("the primary from one other server",
                       both([x], others_than(x)[:1])),
            lambda x: ("the primary from all", both([x], others_than(x, HOSTS)))
        ])


class OneWay(Hosts):
    def test_cuts(self):
        self.run_cuts("/docs/one-way", [
            lambda x: ("the primary is deaf for servers", {x: others_than(x)}),
            lambda x: ("servers are deaf for the primary",
                       {y: [x] for y in others_than(x)}),
            lambda x: ("the primary is deaf for clients", {x: [CLIENT]}),
            lambda x: ("clients are deaf for the primary", {CLIENT: [x]}),
            lambda x: ("the primary is deaf for the master", {x: [MASTER]}),
            lambda x: ("the master is deaf for the primary", {MASTER: [x]})])


class AllFailed(Hosts):
    # SPEC V7
    def test_all_are_declared_failed_and_are_taken_back(self):
        kept = {}
        for i in range(20):
            kept[f"/docs/kept-{i}"] = content_of(f"kept {i}", 5000)
        kept["/docs/large"] = content_of("large", 3_000_000)
        for path, text in kept.items():
            self.client.put(path, text)
        cuts = [("the master from all servers", both([MASTER], SERVERS)),
                ("everybody from everybody",
                 {x: others_than(x, HOSTS) for x in HOSTS[1:-1]})]
        for number, (what, deaf) in enumerate(cuts):
            # Another file each: what the former one left was never put here.
            with self.subTest(what), \
                    self.history(f"/docs/all-{number}") as history:
                history.wait_for_some("put", 30, "no cut yet")
                self.network.cut(deaf)
                history.inject(f"cut {what}")
                # The master's own client is asked where it is heard: at itself.
                wait_for(lambda: set(self.states_at_master()) == {"failed"},
                         60, self.states_at_master, 0.2)
                self.network.heal()
                history.inject("healed")
                self.cluster.wait_until_whole(60)
                self.cluster.wait_until_served(90)
                history.wait_for_some("put", 30, "healed")
                history.wait_for_some("get", 30, "healed")
            self.judge(history)
            for path, text in kept.items():
                self.assertEqual(self.client.get(path), text, path)

    def states_at_master(self):
        done = self.cluster["master"].verb("store", "--json", check=False)
        return [x["state"] for x in json.loads(done.stdout or "[]")]


class Loss(Hosts):
    def test_a_tenth_of_all_packets_is_lost(self):
        with self.history("/docs/loss") as history:
            for host in HOSTS:
                self.network.lose(host, 10)
            history.inject("10 % lost")
            history.wait_for_some("put", 60, "10 % lost", 15)
            victim = self.primary("/docs/loss")
            server = self.cluster[f"files-{victim - 1}"]
            server.kill()
            history.inject(f"kill {server.name}")
            history.wait_for_some("put", 60, f"without {server.name}", 5)
            history.wait_for_some("get", 60, f"without {server.name}", 5)
            server.start()
            self.cluster.wait_until_served(90)
        self.judge(history)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
