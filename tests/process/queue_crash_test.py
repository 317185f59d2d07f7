#!/usr/bin/env python3
"""Crashes of servers at every named step of the ordered group, its log and its
queues, while clients work, servers come and go, a disk is lost and checkpoints
are made: everything acknowledged comes out exactly once and in order.
SPEC Q2, Q4, Q5, Q7, Q8, Q10, S6

The steps are DFS_CRASH_POINT in src; one that is not listed here, or at which
nobody dies, is a failure. DFS_SEED chooses who dies; DFS_DEEP=1 has each of
them die at each step, and at more passes of it."""

import pathlib
import random
import re
import shutil
import signal
import subprocess
import unittest
from contextlib import nullcontext

from crash_points import CrashPoints, print_matrix
from harness import binary, wait_for
from queues import DEEP, SEED, Clients, Growth, QueueCluster

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "src"
STEP = re.compile(
    r'DFS_CRASH_POINT\("((?:multicast|ordered_log|queues)\.\w+)"\)')
PLACES_KEPT = 8_192  # docs/protocols/multicast.md, Order.
# What passes each step, and at which passes servers die. The first record of a
# change is the promise, the second the attempt; "a,b" is b behind that.
LOAD = (1, 2, 5, 40, 500) if DEEP else (1, 40)
CHANGE = (1, 2, 3, 5) if DEEP else (1, 2)
GROWTH = (1, 2) if DEEP else (1,)
STEPS = {
    "load": {"queues.applied": LOAD, "multicast.durable": LOAD,
             "ordered_log.written": LOAD, "ordered_log.synced": LOAD},
    "change": {"multicast.record": CHANGE,
               "multicast.record,ordered_log.written": CHANGE,
               "multicast.record,ordered_log.synced": CHANGE,
               "multicast.record,multicast.durable": CHANGE},
    # An empty disk is filled once in the life of a process.
    "loss": {"ordered_log.segment_named": (1,), "multicast.replace": (1,),
             "ordered_log.snapshot_written": (1,),
             "ordered_log.replaced": (1,),
             "ordered_log.replaced,ordered_log.segment_named": (1,),
             "multicast.replace,multicast.durable": (1,)},
    "growth": {"multicast.snapshot_written": GROWTH,
               "ordered_log.snapshot_written": GROWTH,
               "multicast.snapshot_installed": GROWTH,
               **({"ordered_log.segment_named": (1, 2, 3)} if DEEP else {})},
}


def steps_of_the_source():
    return {step for path in SOURCES.rglob("*.[ch]pp")
            for step in STEP.findall(path.read_text())}


class Listed(unittest.TestCase):
    def test_every_step_is_listed(self):
        self.assertEqual({x for steps in STEPS.values() for step in steps
                          for x in step.split(",")}, steps_of_the_source())


class Judged(unittest.TestCase):
    def setUp(self):
        self.cluster = QueueCluster()
        self.points = CrashPoints(self.cluster.servers)
        self.enterContext(self.cluster)
        self.chance = random.Random(SEED)

    def judge(self, operation, kick=lambda _: None, around=nullcontext(),
              **options):
        """Servers die at all steps of the operation, several in a round."""
        outcomes = {}
        with Clients(self.cluster, timeout=60, **options) as clients:
            clients.wait_for_some(20)
            with around:
                for orders in self.rounds(operation):
                    for server, order in orders.items():
                        self.points.order([server], *order)
                    kick(list(orders))
                    for server, (step, at) in self.dead(orders):
                        outcomes["fileserver", step, at] = server.name
                    self.cluster.wait_until_primary(60)
                    clients.wait_for_some(20)
            self.assertEqual(clients.finish(), [])
        passes = sorted({x for _, _, x in outcomes})
        print_matrix({x[:2]: [operation] for x in outcomes}, outcomes, passes)
        wait_for(lambda: len(set(self.cluster.states().values())) == 1, 20,
                 self.cluster.states)

    def rounds(self, operation):
        """What each server is to die of; DEEP: also alone."""
        cases = [(step, at) for step, passes in STEPS[operation].items()
                 for at in passes]
        self.chance.shuffle(cases)
        servers = self.cluster.servers
        alone = [{x: case} for case in cases for x in servers]
        if operation == "loss":  # Of two disks there would be no quorum.
            return alone if DEEP else [
                {servers[i % 3]: x} for i, x in enumerate(cases)]
        together = [
            dict(zip(self.chance.sample(servers, 3), cases[i:i + 3]))
            for i in range(0, len(cases), 3)]
        return together + (alone if DEEP else [])

    def dead(self, orders):
        """Until each has died once; it is back at once, without an order."""
        orders = dict(orders)
        while orders:
            server = wait_for(
                lambda: next((x for x in orders if not x.runs()), None),
                360 if DEEP else 120,
                lambda: f"nobody dies of {list(orders.values())}")
            self.assertEqual(server.process.returncode, -signal.SIGKILL)
            (server.dir / "crash.order").unlink()
            server.start()
            yield server, orders.pop(server)


class Load(Judged):
    # SPEC Q2, Q4, Q8
    def test_steps(self):
        self.judge("load")


class Changes(Judged):
    # SPEC Q6, Q7
    def test_steps(self):
        self.judge("change", self.let_one_miss)

    def let_one_miss(self, victims):
        """One sleeps until it is left out: another change takes it in."""
        servers = self.cluster.servers
        other = next((x for x in servers if x not in victims), victims[0])
        others = [x for x in servers if x is not other]
        other.pause()
        wait_for(lambda: any(not x.runs() for x in others)
                 or all(self.is_left_out(other, x) for x in others), 20,
                 "the change does not begin")
        other.resume()

    def is_left_out(self, other, by):
        told = self.cluster.group(by)
        return told and told["primary"] \
            and other.name.removeprefix("files-") not in told["members"]


class EmptyDisk(Judged):
    # SPEC Q5, Q10
    def test_steps(self):
        self.outgrow_what_is_kept()
        self.judge("loss", self.lose_disks)

    def outgrow_what_is_kept(self):
        """Whoever has nothing then needs a whole state."""
        queue = self.cluster.value("qcreate", "many")
        items = b"1\n" * (PLACES_KEPT // 8)
        while self.cluster.group(self.cluster.servers[0])["final"] \
                < PLACES_KEPT + 1_000:
            pushing = [subprocess.Popen(
                [str(binary()), "qpush", str(queue), "-", "--config",
                 str(self.cluster.user)], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL) for _ in range(8)]
            for x in pushing:
                x.stdin.write(items)
                x.stdin.close()
            for x in pushing:
                self.assertEqual(x.wait(60), 0)

    def lose_disks(self, victims):
        for x in victims:
            x.kill()
            shutil.rmtree(x.dir / "data")
            x.start()


class Checkpoints(Judged):
    # SPEC Q10
    def test_steps(self):
        # Clients that leave the log's growth some of the machine.
        self.judge("growth", around=Growth(self.cluster), pause=50)


if __name__ == "__main__":
    unittest.main(verbosity=2)
