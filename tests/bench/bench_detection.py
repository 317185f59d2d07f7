#!/usr/bin/env python3
"""How fast crashes of real processes are seen: kills nodes with SIGKILL, again
and again, in several clusters side by side, and reads the membership logs of
the survivors. Bounds: first detection 5 s, all lists 6 s (SPEC M4)."""

import argparse
import json
import random
import sys
import threading
import time

import bench
import harness
import netns

FIRST_MAX, ALL_MAX = 5.0, 6.0
FIRST_P99, ALL_P99 = 4.0, 4.5
STALL = 0.2  # A pause of this process that it calls a stall of the host.


class StallWatch(threading.Thread):
    """Sees when this process itself was not run: such a stall delays the nodes
    as well, so figures that overlap one are named."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stalls = []
        self.over = threading.Event()

    def run(self):
        last = time.time()
        while not self.over.wait(0.01):
            now = time.time()
            if now - last > STALL:
                self.stalls.append((last, now))
            last = now

    def during(self, begin, end):
        return [b - a for a, b in self.stalls if a < end and b > begin]


def seen_by(node, member_id):
    return [x.time for x in node.membership_log()
            if x.change == "fail" and x.id == member_id]


def one_crash(cluster, chance, watch):
    """Kills one node, waits for every survivor's log, starts it again."""
    victim = chance.choice(list(cluster.nodes.values()))
    others = [x for x in cluster.nodes.values() if x is not victim]
    member_id = cluster.current(others[0])[victim.name]
    killed = victim.kill()
    give_up = killed + 30
    while time.time() < give_up:
        seen = [seen_by(x, member_id) for x in others]
        if all(seen):
            break
        time.sleep(0.05)
    times = [x[0] - killed for x in seen if x]
    result = {
        "victim": victim.name,
        "first": min(times, default=float("inf")),
        "all": max(times) if len(times) == len(others) else float("inf"),
        "stalls": watch.during(killed, killed + max(times, default=30)),
    }
    victim.start()
    cluster.wait_until_whole(30)
    time.sleep(chance.random())  # So that kills meet every phase of a period.
    return result


def one_cluster(count, loss, crashes, seed, watch, results, failures):
    chance = random.Random(seed)
    try:
        with netns.Network(count, loss) as network:
            with harness.Cluster(
                    bench.node_list(count), network.addresses,
                    [network.prefix(i) for i in range(count)]) as cluster:
                cluster.start(30)
                for _ in range(crashes):
                    results.append(one_crash(cluster, chance, watch))
    except Exception as error:  # The thread's only way to tell.
        failures.append(f"N={count} loss={loss} seed={seed}: {error!r}")


def measure(count, loss, arguments, watch):
    results, failures, threads = [], [], []
    for i in range(arguments.clusters):
        crashes = arguments.crashes // arguments.clusters + (
            i < arguments.crashes % arguments.clusters)
        threads.append(threading.Thread(target=one_cluster, args=(
            count, loss, crashes, arguments.seed + i, watch, results,
            failures)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = [x["first"] for x in results]
    everyone = [x["all"] for x in results]
    stalled = [x for x in results if x["stalls"]]
    late = [x for x in results
            if x["first"] > FIRST_MAX or x["all"] > ALL_MAX]
    row = {
        "nodes": count, "loss_percent": loss, "crashes": len(results),
        "first_p50": harness.quantile(first, 0.5),
        "first_p99": harness.quantile(first, 0.99), "first_max": max(first),
        "all_p50": harness.quantile(everyone, 0.5),
        "all_p99": harness.quantile(everyone, 0.99), "all_max": max(everyone),
        "stalled": len(stalled), "late": late, "failures": failures,
    }
    row["kept"] = (not failures and not [x for x in late if not x["stalls"]]
                   and row["first_p99"] <= FIRST_P99
                   and row["all_p99"] <= ALL_P99)
    return row


def main():
    parser = argparse.ArgumentParser(prog="./dev bench detection",
                                     description=__doc__)
    parser.add_argument("--crashes", type=int, default=50,
                        help="for each of the four rows [50]")
    parser.add_argument("--clusters", type=int, default=5,
                        help="side by side [5]")
    parser.add_argument("--nodes", type=int, nargs="*", default=[2, 5])
    parser.add_argument("--loss", type=int, nargs="*", default=[0, 10])
    parser.add_argument("--seed", type=int, default=1)
    arguments = bench.parse(parser)
    why = netns.missing()
    if why:
        print(f"bench detection: needs network namespaces: {why}",
              file=sys.stderr)
        return 3
    watch = StallWatch()
    watch.start()
    rows = [measure(count, loss, arguments, watch)
            for count in arguments.nodes for loss in arguments.loss]
    if arguments.json:
        print(json.dumps({"seed": arguments.seed, "rows": rows}, indent=2))
    else:
        print("NODES  LOSS  CRASHES  FIRST p50   p99   max   ALL p50   p99   "
              "max   STALLED  KEPT")
        for x in rows:
            print(f"{x['nodes']:5}  {x['loss_percent']:3}%  {x['crashes']:7}  "
                  f"{x['first_p50']:9.2f} {x['first_p99']:5.2f} "
                  f"{x['first_max']:5.2f} {x['all_p50']:9.2f} "
                  f"{x['all_p99']:5.2f} {x['all_max']:5.2f}   "
                  f"{x['stalled']:7}  {'yes' if x['kept'] else 'NO'}")
            for late in x["late"]:
                print("       late:", late)
            for failure in x["failures"]:
                print("       failed:", failure)
        print(f"bounds: first {FIRST_MAX} s (p99 {FIRST_P99}), all lists "
              f"{ALL_MAX} s (p99 {ALL_P99}); seconds from SIGKILL to the "
              "line in the membership log")
    return 0 if all(x["kept"] for x in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
