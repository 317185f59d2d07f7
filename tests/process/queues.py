"""Clusters of file servers that keep queues, and clients whose history is
judged (tests/tools/queue_clients, queue_history). Standard library only."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from harness import Cluster, binary, run, wait_for

DEEP = bool(os.environ.get("DFS_DEEP"))
SEED = int(os.environ.get("DFS_SEED", "1"))


class QueueCluster(Cluster):
    """An introducer and file servers with the ids 1, 2, 3 …, all on one host
    or each on its own (the introducer on the first). Started, with a primary,
    inside `with`."""

    def __init__(self, servers=3, settings="", ids=None, **options):
        self.server_ids = ids or list(range(1, servers + 1))
        names = [f"files-{i}" for i in self.server_ids]
        super().__init__(
            [("entry", "introducer")] + [(x, "fileserver") for x in names],
            extra=lambda node: self._section(node, settings), **options)
        self.servers = [self.nodes[x] for x in names]
        self.user = self.dir / "client.toml"
        self.user.write_text(
            "[client]\ncontacts = ["
            + ", ".join(f'"{x.at("stream")}"' for x in self.servers)
            + f']\nbundle = "{self.dir}/admin"\n')
        self.where = []  # Of clients.

    def _section(self, node, settings):
        text = '[volumes]\nreserve = "1MiB"\n'
        if node.roles != "fileserver":
            return text
        listed = ", ".join(
            f'"{i}=files-{i}@{self.nodes[f"files-{i}"].at("queue")}"'
            for i in self.server_ids)
        own = node.name.removeprefix("files-")
        return (f"{text}[queue]\nserver_id = {own}\nservers = [{listed}]\n"
                f"{settings}")

    def __enter__(self):
        super().__enter__()
        try:
            self.start(30)
            self.wait_until_primary(30)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def verb(self, *arguments, **options):
        return run(*arguments, "--config", self.user, where=self.where,
                   **options)

    def at(self, server, *arguments, **options):
        """A verb that knows this server alone, on the server's own host."""
        return server.verb(*arguments, **options)

    def value(self, *arguments):
        return int(self.verb(*arguments).stdout)

    def group(self, server):
        """What the server itself says, or None."""
        done = self.at(server, "group", "--node", server.name, "--json",
                       check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def primary(self):
        """Names of those who say that they are in the primary."""
        told = {x.name: self.group(x) for x in self.servers if x.runs()}
        return [name for name, x in told.items() if x and x["primary"]]

    def members_agree(self, count):
        told = [self.group(x) for x in self.servers if x.runs()]
        return bool(told) and all(
            x and x["primary"] and len(x["members"]) == count
            and x["configuration"] == told[0]["configuration"] for x in told)

    def wait_until_primary(self, seconds, count=None):
        """All living servers are in one primary."""
        count = count or sum(x.runs() for x in self.servers)
        wait_for(lambda: self.members_agree(count), seconds, lambda: [
            self.group(x) for x in self.servers if x.runs()], 0.1)

    def states(self):
        """State hashes by place of delivery; equal places must be equal."""
        return {x.name: (told["final"], told["state_hash"])
                for x in self.servers if x.runs()
                for told in [self.group(x)] if told}


class Clients:
    """Processes of producers and consumers, on queues of their own."""

    def __init__(self, cluster, processes=2, queues=2, producers=2,
                 consumers=2, timeout=20, where=None, pause=5, config=None):
        self.cluster, self.timeout, self.pause = cluster, timeout, pause
        self.config = config or cluster.user
        self.where = cluster.where if where is None else where
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="queues-",
                                                 dir=cluster.dir))
        self.queues = [self._create(f"{self.dir.name}-{i}")
                       for i in range(queues)]
        self.counts = (producers, consumers)
        self.processes = []
        for _ in range(processes):
            self.start_one()

    def _create(self, label):
        """The queue's id; its making is part of the history."""
        began = time.monotonic_ns()
        told = json.loads(self.cluster.verb("qcreate", label, "--json").stdout)
        line = {"id": label, "proc": 99_001, "op": "create", "key": label,
                "args": {}, "call_ns": began, "ret_ns": time.monotonic_ns(),
                "result": {"reply": "ok", "value": told["value"],
                           "k": told["place"], "index": told["index"]}}
        with open(self.dir / "made.jsonl", "a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")
        return told["value"]

    def command(self, history, *more):
        return [*self.where, str(binary("dfs-queue_clients")), "--config",
                str(self.config), "--history", str(self.dir / history),
                "--timeout", str(self.timeout * 1000), "--queues",
                *map(str, self.queues), *map(str, more)]

    def start_one(self):
        number = len(self.processes)
        producers, consumers = self.counts
        self.processes.append(subprocess.Popen(
            self.command(f"{number}.jsonl", "--proc", number * 100,
                         "--producers", producers, "--consumers", consumers,
                         "--pause", self.pause, "--seed", SEED + number),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        return self.processes[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for x in self.processes:
            if x.poll() is None:
                x.kill()
            x.wait()
            x.stdin.close()

    def done(self):
        """How many operations have ended so far."""
        return sum(1 for x in self.lines() if x["result"] != "unknown")

    def lines(self):
        for path in self.dir.glob("*.jsonl"):
            text = path.read_text()
            for line in text[:text.rfind("\n") + 1].splitlines():
                yield json.loads(line)

    def wait_for_some(self, count, seconds=60):
        before = self.done()
        wait_for(lambda: self.done() >= before + count, seconds,
                 "clients get no answers", 0.05)

    def finish(self, given_up=None):
        """Ends all, drains the queues; returns what the judges complain of.
        What was under way between the two times (monotonic, ns) `given_up` may
        have been taken back: nobody knows its outcome."""
        for x in self.processes:
            if x.poll() is None:
                x.stdin.close()
        for x in self.processes:
            x.wait(self.timeout + 30)
        subprocess.run(self.command("drain.jsonl", "--proc", 99_000,
                                    "--drain"),
                       check=True, timeout=120, stdout=subprocess.DEVNULL)
        begin, end = given_up or (0, 0)
        merged = {}
        for x in self.lines():
            if x["result"] == "unknown" or x["call_ns"] >= end \
                    or x["ret_ns"] <= begin:
                merged[x.pop("id")] = x
        path = self.dir / "all.json"
        path.write_text("".join(json.dumps(x) + "\n"
                                for x in merged.values()))
        faults = []
        for how in ("witness", "drained"):
            judged = subprocess.run(
                [str(binary("dfs-queue_history")), how, str(path)],
                capture_output=True, text=True, check=False)
            print(how, judged.stdout.splitlines()[0], flush=True)
            if judged.returncode != 0:
                faults.append(f"{how}: {judged.stdout}{judged.stderr}")
        return faults


class Growth:
    """A log that grows, so that segments are begun and checkpoints are due.
    What is pushed is popped: a large state puts its next checkpoint off."""

    items = (b"x" * 1_000_000 + b"\n") * 5

    def __init__(self, cluster):
        self.cluster, self.queue = cluster, cluster.value("qcreate", "bulk")
        self.over = threading.Event()
        self.verb = None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        while self.thread.is_alive():
            if self.verb:
                self.verb.kill()
            self.thread.join(0.1)

    def run(self):
        while not self.over.is_set():
            self.grow()

    def grow(self):
        for words in (["qpush", self.queue, "--bytes", "-"],
                      ["qpop", self.queue, "--raw", "--count", 5]):
            self.verb = subprocess.Popen(
                [str(binary()), *map(str, words), "--config",
                 str(self.cluster.user), "--timeout", "60s"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            self.verb.communicate(self.items)
