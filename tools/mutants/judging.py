"""Which tests come to a change, and whether one of them notices it."""

import collections
import concurrent.futures
import dataclasses
import json
import os
import re
import resource
import subprocess
import tempfile
import time

from mutants.tree import BUILD, PROGRAMS, WORK

# Seconds of CPU time for tests that took none: far more than a start takes.
LIMIT_LEAST = 5
# A change may make a test this much slower before it counts as noticed.
SLOWER = 4
MEMORY_MAX = 6 << 30  # A change may allocate without end.
FILTER_CHARACTERS = 60_000  # The system allows 128 KiB a variable.
# What tests of the first process may take together, and the growth from one to
# the next: most changes are noticed in the first tests.
FIRST_SECONDS, GROWTH = 0.3, 4


@dataclasses.dataclass(frozen=True)
class Test:
    """`seconds` of CPU time without a change."""
    program: str
    name: str
    seconds: float


def run(program, settings, seconds):
    """(whether all passed, name of the test that failed first); a test that
    hangs or takes all memory has noticed the change as well."""
    limit = int(LIMIT_LEAST + SLOWER * seconds) + 1
    with tempfile.TemporaryFile(dir=WORK) as out:
        process = subprocess.Popen(
            [BUILD / program], cwd=WORK, stdout=out,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GTEST_COLOR": "no", **settings})
        for what, most in ((resource.RLIMIT_CPU, limit),
                           (resource.RLIMIT_AS, MEMORY_MAX),
                           (resource.RLIMIT_CORE, 0)):
            try:
                resource.prlimit(process.pid, what, (most, most))
            except ProcessLookupError:
                break
        try:
            # The bound is CPU time; this one is for tests that wait.
            passed = process.wait(60 + 10 * limit) == 0
        except subprocess.TimeoutExpired:
            passed = False
        finally:
            process.kill()
            process.wait()
        if passed:
            return True, ""
        out.seek(0)
        said = out.read()
        # After a failure the others are named as well, and skipped.
        failed = re.findall(rb"^\[  FAILED  \] ([\w./]+)", said, re.M)
        begun = re.findall(rb"^\[ RUN      \] (\S+)", said, re.M)[-1:]
        return False, next(iter(failed + begun), b"").decode()


def reaching(jobs):
    """{number: tests that come to the change, quickest first}, under None all
    tests. Each program runs once, without a change."""
    parts = [(program, i) for program in PROGRAMS for i in range(jobs)]

    def lines_of(part):
        program, i = part
        path = WORK / f"reached_{program}_{i}"
        passed, last = run(program, {
            "DFS_MUTANT_REACHED": str(path), "GTEST_TOTAL_SHARDS": str(jobs),
            "GTEST_SHARD_INDEX": str(i)}, 3_600)
        if not passed:
            raise SystemExit(
                f"mutate: {program} fails without any change: {last}")
        lines = path.read_text().splitlines()
        path.unlink()
        return lines
    tests = collections.defaultdict(list)
    always = set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for (program, _), lines in zip(parts, pool.map(lines_of, parts)):
            for line in lines:
                name, took, *numbers = line.split()
                if name == "-":
                    always.update(map(int, numbers))
                    continue
                test = Test(program, name, int(took) / 1e6)
                for number in (None, *map(int, numbers)):
                    tests[number].append(test)
    for number in always:
        tests[number] = tests[None]
    return {number: sorted(set(found), key=lambda t: t.seconds)
            for number, found in tests.items()}


def batches(tests):
    """Lists of tests of one program, quick ones first."""
    bound = FIRST_SECONDS
    waiting = {program: [] for program in PROGRAMS}
    took = length = 0
    for test in tests:
        if took > bound or length > FILTER_CHARACTERS:
            yield from waiting.values()
            waiting = {program: [] for program in PROGRAMS}
            took, length, bound = 0, 0, bound * GROWTH
        waiting[test.program].append(test)
        took += test.seconds
        length += len(test.name) + 1
    yield from waiting.values()


def killer(number, tests):
    """The test that notices the change, or None. `number` is 0 if the programs
    were built with that change alone."""
    for batch in batches(tests):
        if not batch:
            continue
        passed, last = run(batch[0].program, {
            "DFS_MUTANT": str(number), "GTEST_FAIL_FAST": "1",
            "GTEST_FILTER": ":".join(t.name for t in batch)},
            sum(t.seconds for t in batch))
        if not passed:
            return last or batch[0].name
    return None


class Memory:
    """Verdicts of an earlier run over the same sources and tests, which need
    no second judgement, and the tests that noticed, which are tried first."""

    def __init__(self, digest=""):
        self.digest = digest
        self.verdicts, self.killers, self.survivors = {}, {}, set()
        self.path = WORK / "verdicts.jsonl"
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # The run was ended while it wrote.
                    continue
                if entry["digest"] == digest:
                    self.verdicts[entry["place"]] = entry["verdict"]
                if entry["verdict"] in ("survived", "unreached"):
                    self.survivors.add(entry["key"])
                else:
                    self.survivors.discard(entry["key"])
                if entry["killer"]:
                    self.killers[entry["key"]] = entry["killer"]

    def keep(self, mutant, verdict, noticed_by=None):
        self.verdicts[mutant.place] = verdict
        with self.path.open("a") as out:
            out.write(json.dumps({
                "digest": self.digest, "place": mutant.place,
                "key": mutant.key, "verdict": verdict,
                "killer": noticed_by, "at": int(time.time())}) + "\n")

    def likely_first(self, mutant, tests):
        """`tests`, the one that noticed last time before the others."""
        before = self.killers.get(mutant.key)
        return sorted(tests, key=lambda t: t.name != before)
