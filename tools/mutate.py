#!/usr/bin/env python3
"""Judges the tests: changes one operator in a random line of a core, runs the
core and simulation tests, and prints each change that none of them notices.
`./dev mutate --help` lists the options; `tests/README.md` says what to do with
a survivor."""

import argparse
import concurrent.futures
import os
import pathlib
import random
import sys
import time

from mutants import judging, tree
from mutants.sites import EXPLAINED, ROOT, mutants_of

FOLDERS = ("chunks", "versions", "groups", "multicast", "queues", "failure",
           "filetree")
BOUND = 85  # Percent of the changes that must be noticed.
VERDICTS = ("dead", "survived", "unreached", "equal", "broken")
JUDGED = ("dead", "survived", "unreached")


def explained():
    """The changes that a person has shown to change nothing."""
    return {line.rsplit(" | ", 1)[0]
            for line in (ROOT / EXPLAINED).read_text().splitlines()
            if line and not line.startswith("#")}


def options():
    parser = argparse.ArgumentParser(
        prog="./dev mutate", description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", metavar="FOLDER",
                        help=f"of src/core; all of {', '.join(FOLDERS)} if none")
    parser.add_argument("--count", type=int, default=60,
                        help="changes for each folder [60]")
    parser.add_argument("--seconds", type=int, default=0,
                        help="begin no further change after this time")
    parser.add_argument("--seed", type=int, default=0,
                        help="which changes; printed, so that a run can be "
                             "repeated, and continued after an end")
    parser.add_argument("--list", action="store_true",
                        help="print the changes and do nothing")
    parser.add_argument("--only", metavar="PATH:LINE",
                        help="every change of one line, or of one file")
    parser.add_argument("--again", action="store_true",
                        help="the changes that no test noticed before: does "
                             "one notice them now?")
    args = parser.parse_args()
    unknown = [f for f in args.folders if not (ROOT / "src/core" / f).is_dir()]
    if unknown:
        parser.error(f"src/core has no folder {', '.join(unknown)}")
    return args


def chosen(folder, args):
    """The changes in the order in which they are judged."""
    found = [m for file in sorted((ROOT / "src/core" / folder).rglob("*.[ch]pp"))
             for m in mutants_of(file)]
    if args.only:
        path, _, line = args.only.partition(":")
        return [m for m in found
                if m.path.endswith(path) and (not line or m.line == int(line))]
    known = explained()
    found = [m for m in found if m.key not in known]
    if args.again:
        survivors = judging.Memory().survivors
        return [m for m in found if m.key in survivors]
    random.Random(f"{args.seed} {folder}").shuffle(found)
    if args.list:
        return found[:args.count]
    # Some do not compile or change nothing; others take their places.
    return found[:args.count + args.count // 4 + 5]


class Run:
    """The judgement of one choice of changes; `order` is {folder: changes}."""

    def __init__(self, order, args):
        self.order, self.args = order, args
        self.jobs = os.cpu_count() or 1
        self.ends_at = (time.monotonic() + args.seconds if args.seconds
                        else float("inf"))
        self.memory = judging.Memory(tree.digest())
        self.numbers = {m: i for i, m in enumerate(
            (m for changes in order.values() for m in changes), 1)}
        self.inside = set()  # Numbers of those that share one build.
        self.verdicts = {}
        self.begun = time.monotonic()

    def tell(self, what):
        print(f"{time.monotonic() - self.begun:.0f} s: {what}", flush=True)

    def say(self, mutant, verdict, noticed_by=None):
        self.verdicts[mutant] = verdict
        if mutant.place not in self.memory.verdicts:
            self.memory.keep(mutant, verdict, noticed_by)
        if verdict in ("survived", "unreached"):
            print(f"{verdict}: {mutant}", flush=True)
        elif sys.stderr.isatty():
            print(f"\r{len(self.verdicts)} judged   ", end="", file=sys.stderr)

    def wanted(self, folder):
        """What is to be judged next: as many as the count still lacks."""
        changes = self.order[folder]
        if time.monotonic() > self.ends_at:
            return []
        judged = sum(self.verdicts.get(m) in JUDGED for m in changes)
        left = [m for m in changes if m not in self.verdicts]
        if self.args.only or self.args.again:
            return left
        return left[:self.args.count - judged]

    def judge_built(self, tests, mutant):
        """By the program that holds all of them."""
        number = self.numbers[mutant]
        if mutant.place in self.memory.verdicts:
            return self.memory.verdicts[mutant.place], None
        if time.monotonic() > self.ends_at:
            return None, None
        if number not in self.inside:
            return tree.verdict_of_compiler(mutant), None
        if not tests.get(number):
            return tree.verdict_of_compiler(mutant) or "unreached", None
        noticed_by = judging.killer(
            number, self.memory.likely_first(mutant, tests[number]))
        if noticed_by:
            return "dead", noticed_by
        return tree.verdict_of_compiler(mutant) or "survived", None

    def judge_alone(self, tests, mutant):
        """By a program that holds this one alone: what the compiler computes
        can not be changed in another way."""
        source = (ROOT / mutant.path).read_text()
        tree.write_tree({mutant.path: mutant.in_source(source)})
        built, _ = tree.build()
        if not built:
            return "broken", None
        tests = self.memory.likely_first(mutant, tests[None])
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            found = [f for f in pool.map(
                lambda i: judging.killer(0, tests[i::self.jobs]),
                range(self.jobs)) if f]
        return ("dead", found[0]) if found else ("survived", None)

    def judge_all(self):
        self.inside = tree.build_schema({i: m for m, i in self.numbers.items()})
        self.tell(f"{len(self.inside)} changes in one build, "
                  f"{len(self.numbers) - len(self.inside)} not")
        tests = judging.reaching(self.jobs)
        self.tell(f"{len(tests[None])} tests without a change")
        alone = []
        for folder in self.order:
            while wanted := [m for m in self.wanted(folder) if m not in alone]:
                with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
                    found = zip(wanted, pool.map(
                        lambda m: self.judge_built(tests, m), wanted))
                    for mutant, (verdict, noticed_by) in found:
                        if verdict:
                            self.say(mutant, verdict, noticed_by)
                        else:
                            alone.append(mutant)
            self.tell(f"{folder} judged")
        for mutant in alone:
            if time.monotonic() <= self.ends_at:
                self.say(mutant, *self.judge_alone(tests, mutant))
        if alone:
            self.tell(f"{len(alone)} judged in builds of their own")


def table(run):
    """Prints it; whether a folder is below the bound."""
    form = "%-10s %7s %6s %9s %9s %6s %7s %6s"
    print("\n" + form % ("folder", "changes", "dead", "survived", "unreached",
                         "equal", "broken", "share"))
    below = False
    for folder, changes in run.order.items():
        count = {v: sum(run.verdicts.get(m) == v for m in changes)
                 for v in VERDICTS}
        judged = sum(count[v] for v in JUDGED)
        share = 100 * count["dead"] // judged if judged else 0
        below |= judged > 0 and share < BOUND
        print(form % (folder, judged, *(count[v] for v in VERDICTS),
                      f"{share} %"))
    return below


def main():
    args = options()
    args.seed = args.seed or random.SystemRandom().randrange(1, 1 << 31)
    folders = args.folders or FOLDERS
    if args.only:
        folders = [pathlib.Path(args.only.split(":")[0]).parent.name]
    order = {folder: chosen(folder, args) for folder in folders}
    if args.list:
        for changes in order.values():
            for mutant in changes:
                print(mutant)
        return 0
    print(f"seed {args.seed}", flush=True)
    tree.WORK.mkdir(parents=True, exist_ok=True)
    run = Run(order, args)
    run.judge_all()
    below = table(run)
    took = time.monotonic() - run.begun
    print(f"{took:.0f} s in all, "
          f"{took / max(1, len(run.verdicts)):.1f} s for a change")
    return 1 if below else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
