#!/usr/bin/env python3
"""Servers that hear each other one way only, links that flap, splits in which
nobody has a quorum or both sides serve: everything acknowledged comes out
exactly once and in order, but for what a merge by the letter gives up and says.
SPEC Q2, Q4, Q6, Q7, Q8

Some cuts are tried here, others with another DFS_SEED; DFS_DEEP=1 tries all."""

import random
import re
import time
import unittest

from harness import run, wait_for
from queue_history_test import SOME, Hosts
from queues import DEEP, SEED, Clients


class OneWay(Hosts):
    """Who is not heard, or hears nobody, is left out; the others go on."""

    def test_cuts(self):
        cuts = [({x: [y for y in (1, 2, 3) if y != x]}, x) for x in (1, 2, 3)] \
            + [({y: [x] for y in (1, 2, 3) if y != x}, x) for x in (1, 2, 3)]
        random.Random(SEED).shuffle(cuts)
        with Clients(self.cluster) as clients:
            for deaf, victim in cuts if DEEP else cuts[:3]:
                clients.wait_for_some(SOME)
                self.network.cut(deaf)
                self.serving(*(x for x in (1, 2, 3) if x != victim))
                clients.wait_for_some(SOME)
                self.network.heal()
                self.cluster.wait_until_primary(60)
            self.judge(clients)


class OneLink(Hosts):
    """One of three does not hear another: either goes on with the third."""

    def test_cuts(self):
        links = [(x, y) for x in (1, 2, 3) for y in (1, 2, 3) if x != y]
        random.Random(SEED).shuffle(links)
        with Clients(self.cluster) as clients:
            for x, y in links if DEEP else links[:2]:
                self.network.cut({x: [y]})
                wait_for(lambda: len(self.cluster.primary()) == 2, 30,
                         self.cluster.primary)
                clients.wait_for_some(SOME)
                self.network.heal()
                self.cluster.wait_until_primary(60)
            self.judge(clients)


class Flapping(Hosts):
    def test_links(self):
        """A link comes and goes, faster and slower than anybody is missed."""
        chance = random.Random(SEED)
        with Clients(self.cluster) as clients:
            clients.wait_for_some(SOME)
            end = time.monotonic() + (120 if DEEP else 15)
            while time.monotonic() < end:
                one, other = chance.sample((1, 2, 3), 2)
                self.network.cut({one: [other]})
                self.after(chance.choice((0.1, 0.4, 0.9, 1.5)))
                self.network.heal()
                self.after(chance.choice((0.1, 0.4, 0.9)))
            clients.wait_for_some(SOME)
            self.judge(clients)

    def after(self, seconds):
        end = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > end, seconds + 5, "time stands")


class Five(Hosts):
    """None of three parts has a quorum: all refuse, and go on when healed."""

    servers = 5

    def test_three_ways(self):
        splits = [([1, 2], [3, 4], [5]), ([4, 5], [1], [2, 3]),
                  ([2, 4], [1, 5], [3])]
        random.Random(SEED).shuffle(splits)
        other = self.cluster.value("qcreate", "not judged")
        with Clients(self.cluster, timeout=60) as clients:
            for split in splits if DEEP else splits[:1]:
                clients.wait_for_some(SOME)
                self.network.split(*split)
                wait_for(lambda: all(self.here(x) == side for side in split
                                     for x in side), 30, self.cluster.primary)
                for x in self.cluster.servers:  # From where all are reached.
                    refused = run("qpush", other, 1, "--timeout", "3s",
                                  "--config", x.client_config(), check=False,
                                  where=self.cluster.where)
                    self.assertEqual(refused.returncode, 1, refused.stderr)
                    self.assertIn("primary", refused.stderr)
                # Two parts meet, and are three of five, or four.
                first, second, third = split
                self.network.split(first + second, third)
                self.serving(*sorted(first + second))
                clients.wait_for_some(SOME)
                self.network.heal()
                self.cluster.wait_until_primary(60)
            self.judge(clients)
        self.assertEqual(self.cluster.value("qsize", other), 0)

    def here(self, server):
        """Whom it says that it is cut off with; None while it is primary."""
        told = self.cluster.group(self.cluster[f"files-{server}"])
        if not told or told["primary"]:
            return None
        return [int(x) for x in re.findall(r"files-(\d)", told["why_not"])]


class ByTheLetter(Hosts):
    """Both sides of a split serve. A merge gives one of them up: what it did
    alone is as if nobody knew its outcome; all else stands."""

    settings = 'primary = "highest-id-literal"\n'
    splits = [([1], [2, 3]), ([1, 2], [3]), ([1, 3], [2])]

    def test_both_sides_work(self):
        chosen = random.Random(SEED).sample(self.splits, 3 if DEEP else 2)
        for sides in chosen:
            with self.subTest(sides=sides):
                self.split(*sides)

    def clients_of(self, server):
        """On the server's host, so they are cut off with it."""
        return Clients(self.cluster, processes=1, timeout=60,
                       where=self.network.prefix(server),
                       config=self.cluster[f"files-{server}"].client_config())

    def discarded(self):
        return {x: self.cluster.group(self.cluster[f"files-{x}"])["discarded"]
                for x in (1, 2, 3)}

    def split(self, one, other):
        before = self.discarded()
        with self.clients_of(one[-1]) as first, \
                self.clients_of(other[-1]) as second:
            for clients in first, second:
                clients.wait_for_some(SOME)
            begin = time.monotonic_ns()
            self.network.split(one, other)
            for side in one, other:
                for x in side:
                    self.alone(x, side)
            for clients in first, second:
                clients.wait_for_some(SOME)
            self.network.heal()
            self.cluster.wait_until_primary(60)
            window = begin, time.monotonic_ns()
            for clients in first, second:
                clients.wait_for_some(SOME)
            lost = {x: y - before[x] for x, y in self.discarded().items()
                    if y > before[x]}
            print("discarded:", lost, flush=True)
            # One side as a whole, and it says so.
            self.assertIn(sorted(lost), [sorted(one), sorted(other)])
            for x in lost:
                log = (self.cluster[f"files-{x}"].dir / "node.log").read_text()
                self.assertIn("given up after a merge", log)
            for clients, side in (first, one), (second, other):
                self.assertEqual(
                    clients.finish(window if side[0] in lost else None), [])
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)

    def alone(self, server, side):
        members = [str(x) for x in side]
        wait_for(lambda: (self.cluster.group(self.cluster[f"files-{server}"])
                          or {}).get("members") == members, 30,
                 f"{server} does not go on with {side}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
