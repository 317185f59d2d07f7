#!/usr/bin/env python3
"""How fast joins and leaves of real processes are in every list: stops one node
with SIGTERM and starts it again, in turn, and reads every membership log.
Bound: p99 2 s."""

import argparse
import json
import random
import sys
import time

import bench
import harness

BOUND_P99 = 2.0


def lines_about(cluster, observer, change, name, since):
    return [x for x in observer.membership_log()
            if x.change == change and x.name == name and x.time >= since]


def spread(cluster, change, name, since, observers):
    """Seconds until the last observer had logged it."""
    def seen():
        found = [lines_about(cluster, x, change, name, since)
                 for x in observers]
        return found if all(found) else None
    return max(x[0].time for x in harness.wait_for(
        seen, 15, f"{change} of {name} in all logs")) - since


def main():
    parser = argparse.ArgumentParser(prog="./dev bench joins",
                                     description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = bench.parse(parser)
    chance = random.Random(arguments.seed)
    joins, leaves = [], []
    with harness.Cluster(bench.node_list(arguments.nodes)) as cluster:
        cluster.start(30)
        for _ in range(arguments.rounds):
            # The introducer stays: a node needs somebody to ask.
            node = cluster[f"node-{chance.randrange(2, arguments.nodes + 1)}"]
            others = [x for x in cluster.nodes.values() if x is not node]
            at = time.time()
            node.process.terminate()
            leaves.append(spread(cluster, "leave", node.name, at, others))
            node.process.wait(15)
            at = time.time()
            node.start()
            joins.append(spread(cluster, "join", node.name, at, others))
            cluster.wait_until_whole(15)
    rows = [{"change": what, "rounds": len(x), "p50": harness.quantile(x, .5),
             "p99": harness.quantile(x, .99), "max": max(x)}
            for what, x in (("join", joins), ("leave", leaves))]
    kept = all(x["p99"] <= BOUND_P99 for x in rows)
    if arguments.json:
        print(json.dumps({"seed": arguments.seed, "rows": rows}, indent=2))
    else:
        print("CHANGE  ROUNDS    p50    p99    max")
        for x in rows:
            print(f"{x['change']:6}  {x['rounds']:6} {x['p50']:6.2f} "
                  f"{x['p99']:6.2f} {x['max']:6.2f}")
        print(f"seconds from the start of the process, or from SIGTERM, to "
              f"the last list; bound p99 {BOUND_P99} s: "
              f"{'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
