#!/usr/bin/env python3
"""Runs every scenario of every simulator under seeds that nobody chose, and
prints how to repeat what broke a promise."""

import argparse
import concurrent.futures
import os
import random
import subprocess
import sys
import time

# Groups larger or smaller than a scenario's own say something else.
SIZES = {
    "membership": (["--nodes", "5"], ["--nodes", "9", "--loss", "10"]),
    "chunks": (["--servers", "4"],
               ["--servers", "5", "--clients", "6", "--files", "2"],
               ["--servers", "3", "--clients", "2", "--files", "1"]),
    "versions": (["--copies", "3"], ["--copies", "5"],
                 ["--copies", "3", "--servers", "3"]),
    "multicast": (["--nodes", "3"], ["--nodes", "4"], ["--nodes", "5"]),
    "sessions": (["--clients", "10000"], ["--clients", "300"],
                 ["--clients", "300", "--servers", "4"]),
}
# An hour of simulated idleness for each seed is `./dev sim membership`'s.
OMITTED = {("membership", "idle-hour")}
SECONDS_MAX = 3_600  # No sweep of one scenario lasts that long.


def jobs_of(sim):
    """One (simulator, scenario, options) for each scenario and size."""
    jobs = []
    for simulator, sizes in SIZES.items():
        names = subprocess.run([sim, simulator, "--list"], check=True,
                               text=True, stdout=subprocess.PIPE).stdout
        if not names:
            sys.exit(f"sweep: the simulator lists no scenario of {simulator}")
        jobs += [(simulator, name, size) for name in names.split()
                 if (simulator, name) not in OMITTED for size in sizes]
    return jobs


def run(sim, job, seeds, seed, seconds):
    """(job, exit status, what it printed); -1 when time ran out."""
    simulator, scenario, size = job
    command = [sim, simulator, "--scenario", scenario, *size,
               "--seeds", str(seeds), "--seed", str(seed)]
    try:
        done = subprocess.run(command, text=True, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return job, -1, ""
    return job, done.returncode, done.stdout


def options():
    parser = argparse.ArgumentParser(prog="tools/sweep.py",
                                     description=__doc__)
    parser.add_argument("--sim", required=True, help="the program dfs-sim")
    parser.add_argument("--seeds", type=int, default=100,
                        help="for each scenario and size [100]")
    parser.add_argument("--seed", type=int, default=0,
                        help="the first one; else a new one, which is printed")
    parser.add_argument("--seconds", type=int, default=0,
                        help="begin nothing more after this time; no limit: 0")
    parser.add_argument("--only", nargs="+", default=list(SIZES),
                        choices=list(SIZES), metavar="SIMULATOR",
                        help="of " + ", ".join(SIZES))
    return parser.parse_args()


def main():
    args = options()
    # Some 10^9 first seeds: two runs hardly ever meet.
    first = args.seed or random.SystemRandom().randrange(1, 10**9)
    ends_at = time.monotonic() + (args.seconds or 10**9)
    jobs = [j for j in jobs_of(args.sim) if j[0] in args.only]
    random.Random(first).shuffle(jobs)
    print(f"seeds {first}..{first + args.seeds - 1}", flush=True)
    broken, begun = [], 0

    def guarded(job):
        if time.monotonic() > ends_at:
            return job, None, ""
        return run(args.sim, job, args.seeds, first, SECONDS_MAX)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for job, status, text in pool.map(guarded, jobs):
            if status is None:
                continue
            begun += 1
            # 2: the scenario does not exist in this size.
            if status not in (0, 2):
                broken.append(job)
                print(f"BROKEN {job[0]} {job[1]} {' '.join(job[2])}\n{text}",
                      flush=True)
    print(f"{begun} of {len(jobs)} sweeps run, {len(broken)} broken")
    return 1 if broken or begun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
