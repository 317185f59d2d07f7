#!/usr/bin/env python3
"""Judges the tests: changes one operator in a random line of a core, rebuilds,
runs the core and simulation tests, and prints each change that none of them
notices. `./dev mutate --help` lists the options; `tests/README.md` says what to
do with a survivor."""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutate"
TREE = WORK / "tree"
BUILD = TREE / "build" / "dev"
EXPLAINED = ROOT / "tests" / "equivalent_mutants.txt"
FOLDERS = ("chunks", "versions", "groups", "multicast", "queues", "failure",
           "filetree")
# What the two test programs are built from.
COPIED = ("CMakeLists.txt", "CMakePresets.json", "cmake", "src", "tests")
SHARDS = 2
BOUND = 85  # Percent of the changes that must be noticed.

# Operator as clang-format writes it -> what stands there instead. The blanks
# tell an operator from a template bracket, a reference or a sign.
SWAPS = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ",
    " == ": " != ", " != ": " == ", " && ": " || ", " || ": " && ",
    " + ": " - ", " - ": " + ", " += ": " -= ", " -= ": " += ",
    "++": "--", "std::min(": "std::max(", "std::max(": "std::min(",
}
WORDS = {"true": "false", "false": "true", "continue": "break"}
NEGATION = re.compile(r"(?<![\w)\]])!(?=[\w(])")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One changed operator. `line` counts from 1, `column` from 0."""
    path: str
    line: int
    column: int
    old: str
    new: str
    text: str  # The line as it stands, without blanks around it.

    @property
    def changed(self):
        source = (ROOT / self.path).read_text().split("\n")[self.line - 1]
        return (source[:self.column] + self.new
                + source[self.column + len(self.old):]).strip()

    @property
    def key(self):
        """Survives a move of the line, but not a change of it."""
        return f"{self.path} | {self.text} | {self.changed}"

    def __str__(self):
        return f"{self.path}:{self.line}\n    - {self.text}\n    + {self.changed}"


def code_of(source):
    """`source` with comments and literals blanked, at the same columns."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", "#", m.group()), source)


def without_assertions(code):
    """Blanks assertions: a weaker one cannot fail a test, by its nature."""
    out, depth = list(code), 0
    at = code.find("DFS_ASSERT(")
    while at >= 0:
        depth, end = 0, at + len("DFS_ASSERT")
        while end < len(code):
            depth += (code[end] == "(") - (code[end] == ")")
            if depth == 0:
                break
            end += 1
        for i in range(at, min(end + 1, len(code))):
            if out[i] != "\n":
                out[i] = "#"
        at = code.find("DFS_ASSERT(", end)
    return "".join(out)


def mutants_of(path):
    """Every possible change of one source file."""
    source = path.read_text()
    name = str(path.relative_to(ROOT))
    found = []
    lines = without_assertions(code_of(source)).split("\n")
    originals = source.split("\n")
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if bare.startswith(("#", "template", "static_assert", "using ")):
            continue
        if "= default" in line or "operator" in line:
            continue
        spots = [(m.start(), old, new)
                 for old, new in SWAPS.items()
                 for m in re.finditer(re.escape(old), line)]
        spots += [(m.start(), old, new)
                  for old, new in WORDS.items()
                  for m in re.finditer(rf"\b{old}\b", line)]
        spots += [(m.start(), "!", "") for m in NEGATION.finditer(line)]
        # An operator that clang-format put at the start of a line.
        first = re.match(r"\s*(&&|\|\||[<>=!]=|[<>+-]) ", line)
        if first:
            old = first.group(1)
            new = SWAPS.get(f" {old} ", "").strip()
            if new:
                spots.append((first.start(1), old, new))
        spots = {s[0]: s for s in spots if not (
            first and s[1].startswith(" ") and s[0] == first.start(1) - 1)}
        found += [Mutant(name, number, column, old, new,
                         originals[number - 1].strip())
                  for column, old, new in sorted(spots.values())]
    return found


def copy_tree():
    """Brings TREE up to date; files that are equal keep their time stamps, so
    that a second run builds little."""
    wanted = set()
    for top in COPIED:
        base = ROOT / top
        files = [base] if base.is_file() else [
            f for f in base.rglob("*")
            if f.is_file() and "__pycache__" not in f.parts]
        for file in files:
            target = TREE / file.relative_to(ROOT)
            wanted.add(target)
            data = file.read_bytes()
            if target.exists() and target.read_bytes() == data:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for top in ("src", "tests"):
        for file in (TREE / top).rglob("*"):
            if file.is_file() and file not in wanted:
                file.unlink()


def build():
    """Whether the tests could be built."""
    done = subprocess.run(
        ["cmake", "--build", BUILD, "-j", str(os.cpu_count() or 1),
         "--target", "core_test", "sim_test"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def object_digest(path):
    """Of what the compiler made of `path`; empty for a header."""
    made = BUILD / "CMakeFiles" / "dfs_core.dir" / (path + ".o")
    return hashlib.sha256(made.read_bytes()).hexdigest() if made.exists() else ""


def end(processes):
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def passes(program, limit, only=None):
    """Whether all tests of `program` pass within `limit` seconds: a test that
    hangs has noticed the change as well."""
    environment = {**os.environ, "GTEST_FAIL_FAST": "1", "GTEST_BRIEF": "1",
                   "GTEST_TOTAL_SHARDS": str(SHARDS)}
    if only:
        environment["GTEST_FILTER"] = only
    running = [subprocess.Popen(
        [BUILD / program], start_new_session=True, cwd=WORK,
        env={**environment, "GTEST_SHARD_INDEX": str(i)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in range(SHARDS)]
    deadline = time.monotonic() + limit
    try:
        while time.monotonic() < deadline:
            ends = [p.poll() for p in running]
            if any(e not in (None, 0) for e in ends):
                return False
            if all(e == 0 for e in ends):
                return True
            time.sleep(0.05)
        return False
    finally:
        end(running)


def own_suites(folder):
    """The suites that mirror the folder: they notice most, so they run first."""
    suites = set()
    for file in (ROOT / "tests" / "core").rglob("*_test.cpp"):
        of_folder = (file.parent.name == folder
                     or file.name.startswith(folder + "_"))
        if of_folder:
            suites.update(re.findall(r"^\w*TEST\w*\(\s*(\w+)",
                                     file.read_text(), re.M))
            suites.update(re.findall(r"^RC_GTEST\w*\(\s*(\w+)",
                                     file.read_text(), re.M))
    return ":".join(f"*{s}.*:*{s}/*" for s in sorted(suites))


def stages(folder):
    """(program, filter) from the quickest to the slowest."""
    own = own_suites(folder)
    first = [("core_test", own)] if own else []
    rest = ("core_test", f"*-{own}") if own else ("core_test", None)
    return [*first, ("sim_test", f"*{folder.rstrip('s').title()}*"), rest,
            ("sim_test", f"*-*{folder.rstrip('s').title()}*")]


def measured_stages(folder):
    """Each stage with its time limit, taken from a run without a change."""
    out = []
    for program, only in stages(folder):
        begun = time.monotonic()
        if not passes(program, 1_800, only):
            sys.exit(f"mutate: {program} fails without any change")
        out.append((program, only, 10 + 4 * (time.monotonic() - begun)))
    return out


def explained():
    """The changes that a person has shown to change nothing."""
    if not EXPLAINED.exists():
        return set()
    return {line.rsplit(" | ", 1)[0]
            for line in EXPLAINED.read_text().splitlines()
            if line and not line.startswith("#")}


def judge(mutant, steps):
    """dead, survived, equal (the compiler makes the same of it) or broken (it
    does not compile)."""
    target = TREE / mutant.path
    source = target.read_text()
    before = object_digest(mutant.path)
    lines = source.split("\n")
    line = lines[mutant.line - 1]
    lines[mutant.line - 1] = (line[:mutant.column] + mutant.new
                              + line[mutant.column + len(mutant.old):])
    try:
        target.write_text("\n".join(lines))
        built, _ = build()
        if not built:
            return "broken"
        if before and object_digest(mutant.path) == before:
            return "equal"
        for program, only, limit in steps:
            if not passes(program, limit, only):
                return "dead"
        return "survived"
    finally:
        target.write_text(source)


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
                        help="which changes; printed, so that a run can be repeated")
    parser.add_argument("--list", action="store_true",
                        help="print the changes and do nothing")
    parser.add_argument("--only", metavar="PATH:LINE",
                        help="every change of one line, or of one file")
    args = parser.parse_args()
    unknown = [f for f in args.folders if not (ROOT / "src/core" / f).is_dir()]
    if unknown:
        parser.error(f"src/core has no folder {', '.join(unknown)}")
    return args


def chosen(folder, args):
    found = [m for file in sorted((ROOT / "src/core" / folder).rglob("*.[ch]pp"))
             for m in mutants_of(file)]
    if args.only:
        path, _, line = args.only.partition(":")
        return [m for m in found
                if m.path.endswith(path) and (not line or m.line == int(line))]
    known = explained()
    found = [m for m in found if m.key not in known]
    random.Random(f"{args.seed} {folder}").shuffle(found)
    # Some do not compile or change nothing; the caller stops at the count.
    return found if not args.list else found[:args.count]


def run_folder(folder, args, ends_at):
    """Counts by verdict, and the survivors."""
    counts = dict.fromkeys(("dead", "survived", "equal", "broken"), 0)
    survivors = []
    steps = measured_stages(folder)
    for mutant in chosen(folder, args):
        judged = counts["dead"] + counts["survived"]
        if time.monotonic() > ends_at or (judged >= args.count
                                          and not args.only):
            break
        verdict = judge(mutant, steps)
        counts[verdict] += 1
        if verdict == "survived":
            survivors.append(mutant)
            print(f"survived: {mutant}", flush=True)
        elif sys.stderr.isatty():
            print(f"\r{folder}: {counts}   ", end="", file=sys.stderr)
    return counts, survivors


def main():
    args = options()
    args.seed = args.seed or random.SystemRandom().randrange(1, 1 << 31)
    folders = args.folders or FOLDERS
    if args.only:
        folders = [pathlib.Path(args.only.split(":")[0]).parent.name]
    if args.list:
        for folder in folders:
            for mutant in chosen(folder, args):
                print(mutant)
        return 0
    print(f"seed {args.seed}", flush=True)
    copy_tree()
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "dev"], cwd=TREE, check=True,
                       stdout=subprocess.DEVNULL)
    built, output = build()
    if not built:
        sys.exit(f"mutate: the tests do not build\n{output[-3000:]}")
    ends_at = (time.monotonic() + args.seconds) if args.seconds else float("inf")
    rows, below = [], False
    for folder in folders:
        counts, _ = run_folder(folder, args, ends_at)
        judged = counts["dead"] + counts["survived"]
        share = 100 * counts["dead"] // judged if judged else 0
        below |= judged > 0 and share < BOUND
        rows.append((folder, judged, counts["dead"], counts["survived"],
                     counts["equal"], counts["broken"], f"{share} %"))
    print("\n%-10s %7s %6s %9s %6s %7s %6s" % (
        "folder", "changes", "dead", "survived", "equal", "broken", "share"))
    for row in rows:
        print("%-10s %7s %6s %9s %6s %7s %6s" % row)
    return 1 if below else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
