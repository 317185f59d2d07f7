#!/usr/bin/env python3
"""A crash at every named step of a put, a deletion, a takeover, a change of a
set, at file servers, master and client, before and after what is said there:
what was acknowledged is there, byte for byte; what was not is wholly there or
not at all, or was reported as unknown and can be asked for; versions are in one
order. SPEC S6, V2, V3, V4

The steps are DFS_CRASH_POINT in src. Those of versions that are passed while
a server is lost and comes back are tried here once, as many as the time allows,
others with another DFS_SEED; DFS_DEEP=1 tries all of all operations, several
passes of each."""

import json
import os
import pathlib
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from chunks import DEEP, SEED
from crash_points import (CrashPoints, Discovery, print_matrix,
                          wait_for_death)
from harness import binary, wait_for
from versions import History, VersionCluster, content_of, settings

PASSES = (1, 3, 10) if DEEP else (1,)
WORKERS = 2 if DEEP else 1
QUICK_SECONDS = 35
# Said by a message of the data plane: tried before and after it has left.
SAID = ("versions.promised", "versions.accepted", "versions.forgotten",
        "versions.put_settled", "versions.outcome_settled",
        "versions.file_settled", "versions.frame_staged",
        "versions.content_staged", "versions.accept_sending")
LEFT = ",data.left"
MIB = 1 << 20


def crash_cluster():
    return VersionCluster(
        servers=4, extra=settings(groups=4, trash_life="500ms",
                                  repair_delay="1500ms")
        + '[volumes]\nreserve = "1MiB"\n')


def both_sides(steps):
    """Where something is said: before it, and when it has left."""
    return steps | {(role, x + LEFT) for role, x in steps if x in SAID}


class VersionDiscovery(Discovery):
    operations = ("put", "large_put", "get", "delete", "takeover", "repair",
                  "rejoin", "restart")

    def passed(self):
        return both_sides(super().passed())

    def put(self):
        for i in range(7):
            self.client.put("/docs/small", content_of(f"put {i}", 1000))

    def large_put(self):
        self.client.put("/docs/large", content_of("large", 3 * MIB))

    def get(self):
        self.client.get("/docs/small")
        self.client.get("/docs/large")

    def delete(self):
        self.cluster.verb("rm", "/docs/small")
        wait_for(lambda: "small" not in self.cluster.verb("ls", "-l", "/docs")
                 .stdout, 20, "it is still there")

    def takeover(self):
        self.victim = self.cluster.servers[0]
        self.victim.kill()
        for i in range(8):  # Of each group.
            self.client.put(f"/docs/after-{i}", b"x")

    def repair(self):
        wait_for(lambda: all(self.victim.name not in x["servers"]
                             for x in self.cluster.groups()), 60,
                 lambda: self.cluster.groups(), 0.2)
        self.cluster.wait_until_served(60)

    def rejoin(self):
        self.victim.start()
        self.cluster.wait_until_served(60)
        for x in self.cluster.servers:
            x.kill()
        for x in self.cluster.servers:
            x.start()
        self.cluster.wait_until_served(60)

    def restart(self):
        self.cluster["master"].kill()
        self.cluster["master"].start()
        self.cluster.wait_until_whole(20)
        self.cluster.wait_until_served(60)
        self.client.put("/docs/last", b"x")


class Churn(threading.Thread):
    """Names that come, go and come again, so that the steps of their ends are
    passed."""

    def __init__(self, client):
        super().__init__()
        self.client, self.over = client, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        for i in range(1_000_000):
            name = f"/docs/churn-{i % 6}"
            done = self.client.put(name, b"x", "--timeout", "5s", "--json",
                                   check=False)
            if done.returncode == 0:
                self.client.run_bytes("request", json.loads(done.stdout)
                                      ["request"], "--timeout", "5s",
                                      check=False)
            if self.over.wait(0.1):
                return
            self.client.run_bytes("rm", name, "--timeout", "5s", check=False)
            if self.over.wait(0.2):
                return


class Worker(threading.Thread):
    """Takes cases and runs them on a cluster of its own, one after the other,
    while its clients work all the time. Without cases it finds some itself."""

    def __init__(self, number, cases, outcomes):
        super().__init__()
        self.number, self.cases, self.outcomes = number, cases, outcomes
        self.failure = None
        self.found = []
        self.turn = number

    def run(self):
        try:
            self.cluster = crash_cluster()
            self.points = CrashPoints(self.cluster.nodes.values())
            with self.cluster:
                with History(self.cluster, "/docs/crash", deleters=1,
                             pause=0.05, timeout="5s") as self.history, \
                        Churn(self.cluster.client):
                    self.work()
                print(f"worker {self.number}: {self.history.summary()}")
                self.found = self.history.faults()
                self.cluster.wait_until_served(60)
                self.read_back()
        except BaseException as failure:  # Told by the test's own thread.
            self.failure = failure

    def work(self):
        if self.cases.empty():
            self.find_cases()
        ends = time.monotonic() + QUICK_SECONDS
        while DEEP or time.monotonic() < ends:
            try:
                case = self.cases.get_nowait()
            except queue.Empty:
                break
            self.outcomes[case] = self.crash(*case)
            if DEEP:  # It takes a while.
                print(*case, self.outcomes[case], flush=True)

    def find_cases(self):
        lost = self.cluster.servers[-1]
        lost.kill()
        self.history.wait_for_some("put", 30, f"without {lost.name}")
        wait_for(lambda: all(lost.name not in x["servers"]
                             for x in self.cluster.groups()), 30,
                 lambda: self.cluster.groups(), 0.2)
        lost.start()
        self.cluster.wait_until_served(60)
        found = [x for x in both_sides(self.points.passed())
                 if x[0] != "introducer"
                 and x[1].startswith(("versions.", "namespace."))]
        random.Random(SEED).shuffle(found)
        for role, step in found:
            self.cases.put((role, step, 1))

    def read_back(self):
        """All that is kept is whole, and the newest is what a get says."""
        done = self.cluster.verb("versions", "/docs/crash", "--json",
                                 check=False)
        if done.returncode != 0:
            return  # Deleted last, and gone.
        for x in json.loads(done.stdout):
            if x["kind"] == "content":
                bytes_ = self.cluster.client.run_bytes(
                    "cat", "/docs/crash", "--version",
                    str(x["version"])).stdout
                text = bytes_.partition(b"\n")[0].decode()
                if bytes_ != content_of(text, len(bytes_)):
                    self.found.append(f"version {x['version']} is torn")

    def crash(self, role, step, at):
        nodes = [x for x in self.cluster.nodes.values() if x.roles == role]
        self.turn += 1
        self.history.inject(f"{role} {step}:{at}")
        # One of them, then any: some steps belong to one that leads.
        for some, seconds in (([nodes[self.turn % len(nodes)]], 1 + at / 5),
                              (nodes, 1)):
            self.points.order(some, step, at)
            dead, how = wait_for_death(some, seconds), "hit"
            if dead:
                break
        for how, stir in (() if dead else (("hit at a restart", self.restart),
                                           ("hit in a repair", self.repair),
                                           ("hit in a rejoin", self.rejoin))):
            dead = stir(nodes)
            if dead:
                break
        self.points.withdraw()
        if dead:
            self.history.inject(f"dead: {dead.name}")
        before = self.history.count("put")
        wait_for(lambda: self.revived() and
                 self.history.count("put") >= before + 2, 60,
                 lambda: f"no put gets done after a crash at {step}: "
                         f"{self.history.failures}", 0.05)
        if DEEP:
            self.cluster.wait_until_served(60)
        return how if dead else "-"

    def restart(self, nodes):
        """One goes and comes back."""
        first = nodes[self.turn % len(nodes)]
        first.kill()
        dead = wait_for_death([x for x in nodes if x is not first],
                              1 if DEEP else 0.3)
        first.start()
        return dead or wait_for_death(nodes, 2)

    def repair(self, nodes):
        """A file server stays away until another has its place."""
        lost = self.cluster.servers[self.turn % len(self.cluster.servers)]
        lost.kill()
        dead = wait_for_death([x for x in nodes if x is not lost], 5)
        lost.start()
        return dead or wait_for_death(nodes, 2)

    def rejoin(self, nodes):
        """All file servers go at once: what they have is taken back."""
        for x in self.cluster.servers:
            x.process.kill()
        for x in self.cluster.servers:
            x.process.wait()
        for x in self.cluster.servers:
            x.start()
        return wait_for_death(nodes, 5)

    def revived(self):
        """Several may have died, and one of them a moment later."""
        dead = [x for x in self.cluster.nodes.values() if not x.runs()]
        for node in dead:
            node.start()
        return not dead


class Servers(unittest.TestCase):
    def test_steps_of_servers(self):
        cases, outcomes, steps = queue.Queue(), {}, {}
        if DEEP:
            cluster = crash_cluster()
            points = CrashPoints(cluster.nodes.values())
            with cluster:
                steps = VersionDiscovery(cluster, points).run()
            steps = {x: y for x, y in steps.items()
                     if x[0] != "introducer" and x[1] != "data.left"}
            self.assertGreater(len(steps), 40, steps)
            for at in PASSES:
                for role, step in sorted(steps):
                    cases.put((role, step, at))
        workers = [Worker(i, cases, outcomes) for i in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for role, step, _ in outcomes:
            steps.setdefault((role, step), ["load"])
        print_matrix(steps, outcomes, PASSES)
        for worker in workers:
            self.assertEqual(worker.found, [])
            if worker.failure:
                raise worker.failure
        # Some are passed in few of all runs.
        tried = {x[:2] for x in outcomes}
        hit = {x[:2] for x, how in outcomes.items() if how != "-"}
        self.assertGreater(len(hit), 0.6 * len(tried))
        self.assertGreater(len(hit), 40 if DEEP else 5)


class Clients(unittest.TestCase):
    """A client that dies at each of its steps, alone: what is to be found
    afterwards is known."""

    # Nothing before these steps is to be seen, all of it after the others.
    BEFORE = {"client.put_placed", "client.put_numbered",
              "client.frame_staged", "client.content_staged",
              "client.local_synced"}
    AFTER = {"client.put_answered"}

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(VersionCluster(servers=3))
        cls.client = cls.cluster.client
        cls.here = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory()))
        cls.tried = set()

    def crashes(self, before, verb, after, look):
        """Runs `verb` once, and once for each step that it passes: `before()`
        prepares, `look()` tells what is there, one of what was there and
        `after`."""
        before()
        listed = self.here / "steps"
        listed.unlink(missing_ok=True)
        self.assertEqual(self.run_verb(verb, DFS_CRASH_LIST=listed), 0)
        self.assertEqual(look(), after)
        steps = [x for x in listed.read_text().split() if x != "data.left"]
        steps += [f"{x}{LEFT}" for x in steps if x == "client.put_sending"]
        self.assertTrue(steps)
        for step in steps:
            with self.subTest(step=step):
                before()
                old = look()
                self.assertEqual(self.run_verb(verb, DFS_CRASH_AT=step), -9)
                self.tried.add(step)
                if step in self.AFTER:
                    self.assertEqual(look(), after)
                elif step in self.BEFORE:
                    self.assertEqual(look(), old)
                else:
                    self.assertIn(look(), (old, after))

    def run_verb(self, verb, **env):
        *arguments, given = verb
        return subprocess.run(
            [str(binary()), *map(str, arguments), "--config",
             str(self.client.config)], input=given, capture_output=True,
            timeout=60, check=False,
            env={**os.environ, **{k: str(v) for k, v in env.items()}}
        ).returncode

    def content_of(self, path):
        """None if there is no such file."""
        done = self.client.try_get(path)
        if done.returncode == 1:
            self.assertIn(path, done.stderr.decode())
            return None
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_put(self):
        for size in (1000, 3 * MIB + 5):
            new = content_of("new", size)
            self.crashes(lambda: self.client.put("/docs/put", b"old"),
                         ["put", "-", "/docs/put", new], new,
                         lambda: self.content_of("/docs/put"))

    def test_put_of_a_local_file(self):
        local = self.here / "large"
        local.write_bytes(content_of("new", 2 * MIB + 5))
        self.crashes(lambda: self.client.put("/docs/over", b"old"),
                     ["put", local, "/docs/over", b""], local.read_bytes(),
                     lambda: self.content_of("/docs/over"))

    def test_first_put(self):
        names = iter(range(1000))

        def before():
            self.path = f"/docs/first-{next(names)}"
            self.verb[2] = self.path
        self.verb = ["put", "-", "", b"new"]
        self.crashes(before, self.verb, b"new",
                     lambda: self.content_of(self.path))

    def test_delete(self):
        self.crashes(lambda: self.client.put("/docs/rm", b"old"),
                     ["rm", "/docs/rm", b""], None,
                     lambda: self.content_of("/docs/rm"))

    def test_restore(self):
        def before():
            self.client.put("/docs/back", b"first")
            self.first = self.cluster.versions("/docs/back")[0]["version"]
            self.verb[3] = self.first
            self.client.put("/docs/back", b"second")
        self.verb = ["restore", "/docs/back", "--version", 0, b""]
        self.crashes(before, self.verb, b"first",
                     lambda: self.content_of("/docs/back"))

    def test_get_versions(self):
        self.client.put("/docs/got", b"one")
        self.client.put("/docs/got", b"two")
        local = self.here / "got"

        def before():
            for i, text in ((1, b"old"), (2, b"old")):
                (self.here / f"got.v{i}").write_bytes(text)
        # One after the other: each is whole.
        self.crashes(before, ["get-versions", "/docs/got", 2, local, b""],
                     b"two", (self.here / "got.v2").read_bytes)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        missed = (cls.BEFORE | cls.AFTER) - cls.tried
        if missed:
            raise AssertionError(f"never passed: {missed}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
