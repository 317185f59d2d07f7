#!/usr/bin/env python3
"""Holds `dfsnode bandwidth` against the kernel's own counters: nft rules on the
group plane's ports of every host, while nodes join, fail and idle.
Bound: within 5 %."""

import argparse
import json
import re
import sys
import time

import bench
import harness
import netns

BOUND = 0.05


def count_rules(node):
    ports = f"{{ {node.ports['ping']}, {node.ports['group']} }}"
    return (
        "add table inet count\n"
        "add counter inet count received\nadd counter inet count sent\n"
        "add chain inet count in { type filter hook input priority -10; }\n"
        "add chain inet count out { type filter hook output priority 10; }\n"
        f"add rule inet count in udp dport {ports} counter name received\n"
        f"add rule inet count out udp sport {ports} counter name sent\n")


def kernel_bytes(network, i):
    text = network.nft(i, "list counters table inet count\n")
    found = dict(re.findall(
        r"counter (\w+) \{\s*packets \d+ bytes (\d+)", text))
    return int(found["received"]), int(found["sent"])


def reading(network, i, node):
    """(kernel in, kernel out, node in, node out), the kernel read on both
    sides of the node's answer and averaged."""
    before = kernel_bytes(network, i)
    report = json.loads(node.verb("bandwidth", "--json").stdout)[-1]
    after = kernel_bytes(network, i)
    return ((before[0] + after[0]) / 2, (before[1] + after[1]) / 2,
            report["bytes_in"], report["bytes_out"])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench traffic",
                                     description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--nodes", type=int, default=3)
    arguments = bench.parse(parser)
    why = netns.missing()
    if why:
        print(f"bench traffic: needs network namespaces: {why}",
              file=sys.stderr)
        return 3
    rows = []
    with netns.Network(arguments.nodes) as network, harness.Cluster(
            bench.node_list(arguments.nodes),
            network.addresses,
            [network.prefix(i) for i in range(arguments.nodes)]) as cluster:
        nodes = list(cluster.nodes.values())
        for i, node in enumerate(nodes):
            network.nft(i, count_rules(node))
        cluster.start(30)
        begin = [reading(network, i, x) for i, x in enumerate(nodes)]
        victim = nodes[-1]
        victim.kill()
        cluster.wait_until_whole(15)
        time.sleep(arguments.seconds)
        for i, node in enumerate(nodes[:-1]):
            now = reading(network, i, node)
            passed = [b - a for a, b in zip(begin[i], now)]
            rows.append({"node": node.name,
                         "kernel_in": passed[0], "node_in": passed[2],
                         "kernel_out": passed[1], "node_out": passed[3]})
    kept = all(abs(x[f"node_{d}"] / x[f"kernel_{d}"] - 1) <= BOUND
               for x in rows for d in ("in", "out"))
    if arguments.json:
        print(json.dumps({"rows": rows}, indent=2))
    else:
        print("NODE      KERNEL in   NODE in   %      KERNEL out  NODE out   %")
        for x in rows:
            shares = [100 * (x[f"node_{d}"] / x[f"kernel_{d}"] - 1)
                      for d in ("in", "out")]
            print(f"{x['node']:8} {x['kernel_in']:10.0f} "
                  f"{x['node_in']:9.0f} {shares[0]:+6.2f} "
                  f"{x['kernel_out']:11.0f} {x['node_out']:9.0f} "
                  f"{shares[1]:+6.2f}")
        print(f"bound 5 %: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
