#!/usr/bin/env python3
"""What an idle node costs: bytes/s on the group plane with seal and IP/UDP
headers, processor time, memory. Bounds: 1.9 KB/s sent, 1 % of a core, 60 MiB."""

import argparse
import json
import sys
import time

import bench
import harness

BYTES_MAX, CPU_MAX, RSS_MAX = 1900.0, 0.01, 60 << 20


def measure(cluster, seconds):
    nodes = list(cluster.nodes.values())
    for node in nodes:
        node.verb("reset-time")
    begin = time.monotonic()
    cpu = {x.name: harness.cpu_seconds(x.pid) for x in nodes}
    # An idle node is the thing measured, so this waits and does nothing.
    time.sleep(seconds)
    passed = time.monotonic() - begin
    rows = []
    for node in nodes:
        cpu_share = (harness.cpu_seconds(node.pid) - cpu[node.name]) / passed
        report = json.loads(node.verb("bandwidth", "--json").stdout)[-1]
        rows.append({
            "node": node.name, "roles": node.roles,
            "bytes_out": report["bytes_out_per_s"],
            "bytes_in": report["bytes_in_per_s"],
            "cpu": cpu_share, "rss": harness.rss_bytes(node.pid),
        })
    return rows


def main():
    parser = argparse.ArgumentParser(prog="./dev bench idle",
                                     description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--nodes", type=int, default=5)
    arguments = bench.parse(parser)
    with harness.Cluster(bench.node_list(arguments.nodes)) as cluster:
        cluster.start(30)
        # Joining is over and its last resends are sent.
        time.sleep(5)
        rows = measure(cluster, arguments.seconds)
    kept = all(x["bytes_out"] <= BYTES_MAX and x["cpu"] <= CPU_MAX
               and x["rss"] <= RSS_MAX for x in rows)
    if arguments.json:
        print(json.dumps({"rows": rows}, indent=2))
    else:
        print("NODE      ROLES          OUT B/s   IN B/s   CPU %   RSS MiB")
        for x in rows:
            print(f"{x['node']:8}  {x['roles']:12} {x['bytes_out']:9.0f} "
                  f"{x['bytes_in']:8.0f} {100 * x['cpu']:7.2f} "
                  f"{x['rss'] / (1 << 20):9.1f}")
        print(f"bounds: {BYTES_MAX:.0f} B/s out, {100 * CPU_MAX:.0f} %, "
              f"{RSS_MAX >> 20} MiB: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
