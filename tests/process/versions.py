"""Clusters of file servers for tests of versioned files. Standard library
only."""

import dataclasses
import json
import math
import re
import sys
import threading
import time

from chunks import Client
from harness import Cluster, wait_for
from version_history import Operation, faults, settled

# Short enough that a test need not wait as long as a real cluster would.
FAST = {
    "heartbeat": "100ms", "silent_after": "800ms", "repair_delay": "3s",
    "groups": 8}


def settings(**changed):
    """The [versions] section of a configuration file."""
    lines = [f"{key} = {json.dumps(value)}"
             for key, value in {**FAST, **changed}.items()]
    return "\n".join(["[versions]", *lines, ""])


class VersionCluster(Cluster):
    """An introducer, a master, and file servers, all on one host or each on
    its own. Started, with every group in force and led, inside `with`."""

    def __init__(self, servers=3, extra=None, **options):
        super().__init__(
            [("entry", "introducer"), ("master", "master")]
            + [(f"files-{i + 1}", "fileserver") for i in range(servers)],
            extra=extra or (settings() + '[volumes]\nreserve = "1MiB"\n'),
            **options)
        self.servers = [x for x in self.nodes.values()
                        if x.roles == "fileserver"]
        self.client = Client(self, self["entry"].where)

    def __enter__(self):
        super().__enter__()
        try:
            self.start(30)
            self.wait_until_served(30)
            self.verb("mkdir", "--class", "versioned", "/docs")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def verb(self, *arguments, **options):
        return self.client.verb(*arguments, **options)

    def groups(self):
        """What `dfsnode groups` says; nothing while nobody answers."""
        done = self.verb("groups", "--json", check=False)
        return json.loads(done.stdout) if done.stdout else []

    def served(self):
        groups = self.groups()
        return bool(groups) and all(x["phase"] == "healthy" for x in groups)

    def wait_until_served(self, seconds):
        wait_for(self.served, seconds,
                 lambda: self.verb("groups", check=False).stdout, 0.1)

    def versions(self, path):
        done = self.verb("versions", path, "--json")
        return json.loads(done.stdout)


# Every so many puts of a writer is too long to travel with its request.
LARGE_EVERY, LARGE_BYTES = 6, 1_300_000


def content_of(text, size=1):
    """A line, as often as it takes."""
    line = f"{text}\n".encode()
    return line * -(-size // len(line))


class History:
    """Puts, deletions and gets of one file by several clients at once, and
    their judge (version_history.py). A write whose outcome is unknown is asked
    for, with the id that was printed, until it is known."""

    def __init__(self, cluster, path, writers=2, readers=2, deleters=0,
                 pause=0.0, timeout=None, client=None):
        self.client = client or cluster.client
        self.path, self.pause = path, pause
        self.limit = ["--timeout", timeout] if timeout else []
        self.done, self.injected, self.guard = [], [], threading.Lock()
        self.failures = {}  # Last words of verbs, by status.
        self.settled = {"done": 0, "not done": 0, "not known": 0}
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(i,))
                        for i in range(writers)]
        self.threads += [threading.Thread(target=self._delete)
                         for _ in range(deleters)]
        self.threads += [threading.Thread(target=self._read)
                         for _ in range(readers)]

    def __enter__(self):
        for x in self.threads:
            x.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for x in self.threads:
            x.join()

    def inject(self, what):
        """A fault that is there now; told beside what was broken."""
        with self.guard:
            self.injected.append(f"{time.monotonic():.3f} {what}")

    def _note(self, x):
        with self.guard:
            self.done.append(x)

    def _verb(self, *arguments, given=b""):
        """`given` goes to its standard input."""
        done = self.client.run_bytes(*arguments, *self.limit, input=given,
                               check=False)
        said = done.stderr.decode(errors="replace").strip()
        # One line says why; "not done" is an answer.
        if done.returncode not in (0, 1, 3, 4) or (
                done.returncode != 0 and not done.stdout
                and len(said.splitlines()) != 1):
            said = f"UNEXPECTED {done.returncode} of {arguments}: {said}"
        if done.returncode != 0:
            with self.guard:
                self.failures[done.returncode] = said
        return done, said

    def _change(self, kind, text, *arguments, given=b""):
        """Nothing if it was refused for what it found there."""
        begin = time.monotonic()
        done, said = self._verb(*arguments, "--json", given=given)
        x = Operation(kind, begin, time.monotonic(), "refused", text=text,
                      said=said)
        if done.returncode == 0:
            x = dataclasses.replace(x, outcome="done",
                                    place=place_in(done.stdout))
        elif done.returncode == 4:
            x = self._settle(dataclasses.replace(x, outcome="unknown"), said)
        self._note(x)

    def _settle(self, x, said):
        name = re.search(r"dfsnode request ([0-9][^\s\"]*)", said)
        if not name:
            self.failures[4] = f"UNEXPECTED no request id: {said}"
            return x
        for _ in range(SETTLE_TRIES):
            done, _ = self._verb("request", name[1], "--json")
            if done.returncode in (0, 1) and done.stdout:
                known = json.loads(done.stdout)
                with self.guard:
                    self.settled["done" if known["done"] else "not done"] += 1
                return settled(x, (inode_in(name[1]), known["version"])
                               if known["done"] else None)
            if done.returncode == 1:
                break  # Too long ago.
        with self.guard:
            self.settled["not known"] += 1
        return x

    def _write(self, number):
        for i in range(1_000_000):
            if self.over.wait(self.pause):
                return
            text = f"writer {number}, put {i}"
            size = LARGE_BYTES if i % LARGE_EVERY == LARGE_EVERY - 1 else 1
            self._change("put", text, "put", "-", self.path,
                         given=content_of(text, size))

    def _delete(self):
        while not self.over.wait(20 * self.pause + 0.3):
            self._change("delete", None, "rm", self.path)

    def _read(self):
        while not self.over.wait(self.pause):
            begin = time.monotonic()
            done, said = self._verb("cat", self.path, "--json")
            end = time.monotonic()
            if done.returncode == 1 and '"code":"not_found"' in said:
                self._note(Operation("get", begin, end, said=said))
            elif done.returncode == 1:
                with self.guard:
                    self.failures[1] = f"UNEXPECTED of cat: {said}"
            elif done.returncode == 0:
                text = done.stdout.partition(b"\n")[0].decode()
                whole = done.stdout == content_of(text, len(done.stdout))
                self._note(Operation("get", begin, end, text=text if whole
                                     else f"torn: {text}"))

    def count(self, kind):
        """Those that are done."""
        with self.guard:
            return sum(x.kind == kind and x.outcome == "done"
                       for x in self.done)

    def wait_for_some(self, kind, seconds, what, some=3):
        """Until so many more are done."""
        before = self.count(kind)
        wait_for(lambda: self.count(kind) >= before + some, seconds,
                 lambda: f"no {kind} gets done: {what}; {self.failures}")

    def longest_gap(self, kind):
        """Seconds in which no such operation ended."""
        ends = sorted(x.end for x in self.done
                      if x.kind == kind and x.outcome == "done"
                      and x.end < math.inf)
        return max((b - a for a, b in zip(ends, ends[1:])), default=0.0)

    def faults(self):
        """What cannot be, a line each, and when what was injected."""
        found = faults(self.done) + [x for x in self.failures.values()
                                     if x.startswith("UNEXPECTED")]
        return found + self.injected if found else []

    def summary(self):
        kinds = ("put", "delete", "get")
        return (", ".join(f"{self.count(x)} of {x}" for x in kinds)
                + f"; unknown, then: {self.settled}; longest gap of put "
                  f"{self.longest_gap('put'):.1f} s, get "
                  f"{self.longest_gap('get'):.1f} s")


# Each takes as long as a verb waits.
SETTLE_TRIES = 20


def inode_in(request):
    """Of "9.1@1042.7.388"."""
    return int(request.partition("@")[2].partition(".")[0])


def place_in(said):
    """What a verb that made a version prints as JSON."""
    made = json.loads(said)
    return inode_in(made["request"]), made["version"]
