#!/usr/bin/env python3
"""Runs the models of docs/models with spin: the present rules must hold, and
each former rule and planted bug must break an assertion. docs/models/README.md
says how to read what breaks."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MODELS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "docs", "models")
MODEL = "multicast_change.pml"
TRAIL = MODEL + ".trail"

# Members as bit masks: server 0 is 1, server 3 is 8.
ONE_INSTALLS_AND_GOES = ["N=4", "CHANGES=3", "SET2=14", "SET3=7", "SET4=11"]
VOTES_WITHOUT_PLACES = ["N=3", "CHANGES=3", "SET2=7", "SET3=3", "SET4=3"]
TWO_HALVES = ["N=4", "CHANGES=2", "SET2=7", "SET3=12", "SET4=0"]

BREAK = [
    ("final at install", [*ONE_INSTALLS_AND_GOES, "FINAL_AT_INSTALL"]),
    ("final at install, own attempts forgotten",
     [*ONE_INSTALLS_AND_GOES, "FINAL_AT_INSTALL", "FORGETS_OWN"]),
    ("fit without the cut", [*VOTES_WITHOUT_PLACES, "FIT_WITHOUT_CUT"]),
    ("fit without the cut, own attempts forgotten",
     [*VOTES_WITHOUT_PLACES, "FIT_WITHOUT_CUT", "FORGETS_OWN"]),
    ("open attempts are not asked", [*TWO_HALVES, "IGNORES_ATTEMPTS"]),
    ("half is safe", ["N=4", "CHANGES=2", "HALF_IS_SAFE"]),
    ("a member acts on after its promise", ["N=3", "CHANGES=2", "ACTS_ON"]),
]
HOLD = [
    ("3 servers, 2 changes", ["N=3", "CHANGES=2"]),
    ("3 servers, the sets of the second counterexample",
     [*VOTES_WITHOUT_PLACES]),
]
HOLD_DEEP = [
    ("4 servers, the sets of the first counterexample",
     [*ONE_INSTALLS_AND_GOES]),
    ("3 servers, 3 changes", ["N=3", "CHANGES=3"]),
    ("3 servers, 2 changes, 2 places", ["N=3", "CHANGES=2", "PLACES=2"]),
    ("3 servers, 2 changes, restarts", ["N=3", "CHANGES=2", "RESTARTS"]),
    ("4 servers, 2 changes", ["N=4", "CHANGES=2"]),
]
# Too large for all of it: as far as the time goes, one bit a state.
SEARCH = [
    ("3 servers, 2 changes, highest-id", ["N=3", "CHANGES=2", "HIGHEST"]),
    ("3 servers, 3 changes, highest-id", ["N=3", "CHANGES=3", "HIGHEST"]),
    ("4 servers, 3 changes", ["N=4", "CHANGES=3"]),
    ("3 servers, 4 changes", ["N=3", "CHANGES=4"]),
    ("5 servers, 2 changes", ["N=5", "CHANGES=2"]),
]


def generate(folder, defines):
    """The program that searches that variant of the model."""
    subprocess.run(["spin", "-a", *("-D" + x for x in defines),
                    os.path.join(MODELS, MODEL)], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)


def compile_search(folder, bits):
    """Partial order reduction finds nothing: each step touches what all see."""
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-w", "-DSAFETY",
                    "-DNOREDUCE", "-DBITSTATE" if bits else "-DHC4",
                    "-o", "pan", "pan.c"], cwd=folder, check=True)


def search(folder, bits, seconds):
    """(errors, states, whether that was all of them)."""
    pan = subprocess.Popen(["./pan", "-m100000", "-w30" if bits else "-w24"],
                           cwd=folder, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    try:
        out, _ = pan.communicate(timeout=seconds)
        ended = True
    except subprocess.TimeoutExpired:
        pan.send_signal(signal.SIGINT)  # It then tells how far it came.
        out, _ = pan.communicate()
        ended = False
    errors = re.search(r"errors: (\d+)", out)
    states = re.search(r"([\d.e+]+) states, stored", out)
    if not errors or not states:
        sys.exit("check_models: spin's search failed:\n" + out)
    return (int(errors.group(1)), int(float(states.group(1))),
            ended and "max search depth too small" not in out)


def run(name, defines, breaks, bits, seconds, keep):
    """Whether it came out as it must."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dfs-model-") as folder:
        generate(folder, defines + (["FORMER_RULES"] if breaks else []))
        compile_search(folder, bits)
        errors, states, ended = search(folder, bits, seconds)
        if errors and not breaks and keep:
            shutil.copy(os.path.join(folder, TRAIL), keep)
    right = errors > 0 if breaks else errors == 0 and (ended or bits)
    found = ("breaks an assertion" if errors else
             "holds" if ended and not bits else
             "nothing found" if bits else "out of time")
    print(f"{'ok ' if right else 'BAD'} {name}: {found}, {states:,} states, "
          f"{time.monotonic() - started:.0f} s", flush=True)
    if not right:
        print("    " + " ".join("-D" + x for x in defines))
    return right


def options():
    parser = argparse.ArgumentParser(prog="tools/check_models.py",
                                     description=__doc__)
    parser.add_argument("--deep", action="store_true",
                        help="more servers and changes: some minutes")
    parser.add_argument("--seconds", type=float, default=600,
                        help="for each variant [600]")
    parser.add_argument("--keep", metavar="FOLDER",
                        help="where a counterexample of the present rules goes")
    return parser.parse_args()


def main():
    asked = options()
    if not shutil.which("spin"):
        sys.exit("check_models: spin is not installed\n"
                 "Try: ./dev install")
    all_right = True
    jobs = [(x, True, False) for x in BREAK] + [(x, False, False) for x in HOLD]
    if asked.deep:
        jobs += [(x, False, False) for x in HOLD_DEEP]
        jobs += [(x, False, True) for x in SEARCH]
    for (name, defines), breaks, bits in jobs:
        all_right &= run(name, defines, breaks, bits, asked.seconds, asked.keep)
    sys.exit(0 if all_right else 1)


if __name__ == "__main__":
    main()
