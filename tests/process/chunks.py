"""Clusters of chunkservers for tests of faults, and clients whose history is
judged (tests/tools/chunk_history). Standard library only."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

from harness import Beside, Cluster, binary, run, wait_for

# Leases as short as the rules allow, so that a test need not wait for those of
# a real cluster; chunks so small that files have several.
FAST = {
    "size": "1MiB", "heartbeat": "100ms", "node_lease": "1s",
    "chunk_lease": "5s", "successor_timeout": "400ms", "trash_life": "1s",
    "orphan_life": "2s", "scrub_rate": "200MiB"}
LEASE = 1.0
DEEP = bool(os.environ.get("DFS_DEEP"))
SEED = int(os.environ.get("DFS_SEED", "1"))


def settings(**changed):
    """The [chunks] section of a configuration file."""
    lines = [f"{key} = {json.dumps(value)}"
             for key, value in {**FAST, **changed}.items()]
    return "\n".join(["[chunks]", *lines, ""])


def chunk_nodes(stores):
    return ([("entry", "introducer"), ("master", "master")]
            + [(f"store-{i + 1}", "chunkserver") for i in range(stores)])


class ChunkCluster(Cluster):
    """An introducer, a master, and chunkservers, all on one host or each on
    its own. Started and healthy inside `with`."""

    def __init__(self, stores=4, extra=None, **options):
        # Reserves are for disks; these share one.
        super().__init__(
            chunk_nodes(stores),
            extra=extra or (settings() + '[volumes]\nreserve = "1MiB"\n'),
            **options)
        self.stores = [x for x in self.nodes.values()
                       if x.roles == "chunkserver"]
        self.client = Client(self, self["entry"].where)

    def __enter__(self):
        super().__enter__()
        try:
            self.start(30)
            self.wait_until_healthy(30)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def verb(self, *arguments, **options):
        return self.client.verb(*arguments, **options)

    def status(self):
        """What `dfsnode status` says; None while nobody answers."""
        done = self.verb("status", "--json", check=False)
        return json.loads(done.stdout) if done.stdout else None

    def healthy(self):
        return self.verb("status", check=False).returncode == 0

    def wait_until_healthy(self, seconds):
        wait_for(self.healthy, seconds,
                 lambda: self.verb("status", check=False).stdout, 0.1)

    def replicated(self):
        """Every chunk has its copies, on whoever serves."""
        told = self.status()
        return told is not None and not any(
            told[x] for x in ("under_replicated", "unavailable", "lost"))

    def wait_until_replicated(self, seconds):
        """Healthy, but for servers that are away."""
        wait_for(self.replicated, seconds,
                 lambda: self.verb("status", check=False).stdout, 0.1)


class Client:
    """Somebody with a credential, who knows all nodes; on any host."""

    def __init__(self, cluster, where=()):
        self.cluster, self.where = cluster, list(where)
        self.config = cluster.dir / "client.toml"
        contacts = ", ".join(
            f'"{x.at("stream")}"' for x in cluster.nodes.values())
        self.config.write_text(f'[client]\ncontacts = [{contacts}]\n'
                               f'bundle = "{cluster.dir}/admin"\n')

    def verb(self, *arguments, **options):
        return run(*arguments, "--config", self.config, where=self.where,
                   **options)

    def served(self):
        """All is well, and files of both classes can be put: the status of a
        new cluster counts only servers that have come."""
        done = self.verb("groups", "--json", check=False)
        groups = json.loads(done.stdout) if done.stdout else []
        return (groups and all(x["phase"] == "healthy" for x in groups)
                and self.verb("status", check=False).returncode == 0)

    def wait_until_served(self, seconds=30):
        wait_for(self.served, seconds,
                 lambda: self.verb("status", check=False).stdout, 0.1)

    def put(self, path, content, *flags, check=True):
        """Bytes, by a pipe."""
        return self.run_bytes("put", "-", path, *flags, input=content,
                              check=check)

    def append(self, path, content, *flags, check=True):
        return self.run_bytes("append", path, "-", *flags, input=content,
                              check=check)

    def write(self, path, offset, content, check=True):
        return self.run_bytes("write", path, "-", "--offset", str(offset),
                              input=content, check=check)

    def get(self, path):
        return self.run_bytes("cat", path).stdout

    def try_get(self, path):
        return self.run_bytes("cat", path, check=False)

    def run_bytes(self, *arguments, input=b"", check=True):
        """Any verb, fed with bytes; what it says is bytes, too."""
        done = subprocess.run(
            [*self.where, str(binary()), *arguments, "--config",
             str(self.config)],
            input=input, capture_output=True, check=False, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"dfsnode {' '.join(arguments)}: "
                                 f"{done.returncode} {done.stderr.decode()}")
        return done


def bytes_read(pid):
    """By read and pread, of anything."""
    text = pathlib.Path(f"/proc/{pid}/io").read_text("ascii")
    return int(text.split()[1])


class Supervisor(Beside):
    """Starts nodes again that have died, as systemd would; `deaths` counts."""

    def __init__(self, nodes, pause=0.2):
        super().__init__()
        self.nodes, self.pause, self.deaths = nodes, pause, {}

    def work(self):
        while not self.over.wait(0.02):
            for node in self.nodes:
                if not node.runs():
                    self.deaths[node.name] = self.deaths.get(node.name, 0) + 1
                    if not self.over.wait(self.pause):
                        node.start()


class History:
    """Concurrent clients on a cluster while a test injects faults. Afterwards
    everything they were told is judged: see `finish`."""

    def __init__(self, cluster, case, seed, client=None, **options):
        self.cluster, self.case = cluster, case
        client = client or cluster.client
        self.faults = cluster.dir / f"{case}.faults"
        self.record = cluster.dir / f"{case}.history"
        self.faults.write_text("")
        directory = f"/{case}"
        cluster.verb("mkdir", "--parents", directory)
        flags = [f"--{key.replace('_', '-')}={value}"
                 for key, value in options.items()]
        self.process = subprocess.Popen(
            [*client.where, str(binary("dfs-chunk_history")), "--config",
             str(client.config), "--case", case, "--seed",
             str(seed), "--faults", str(self.faults), "--directory", directory,
             "--history", str(self.record), *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = self.process.stdout.readline()
        if line != "running\n":
            self.__exit__()
            raise AssertionError(f"{self.case}: the clients do not run: {line}")
        return self

    def __exit__(self, *_):
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def injected(self, what):
        """A fault that has been injected just now."""
        with open(self.faults, "a", encoding="utf-8") as out:
            out.write(f"{time.monotonic_ns()} {what}\n")

    def let_run(self, seconds):
        """The clients work on; the time is what is tested."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.case}: the clients have ended")
            time.sleep(0.05)

    def finish(self, seconds=150):
        """Ends the clients and returns the ledger of the run; fails with what
        was broken, if anything was."""
        self.process.stdin.close()
        self.process.stdin = None
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{self.case}: the clients do not end\n"
                                 + self.cluster_says()) from late
        line = out.strip().splitlines()[-1] if out.strip() else ""
        print(line, flush=True)
        if self.process.returncode != 0:
            kept = pathlib.Path(
                os.environ.get("DFS_KEEP", "/tmp")) / f"{self.case}.history"
            if self.record.exists():
                kept.write_bytes(self.record.read_bytes())
            faults = self.faults.read_text()
            raise AssertionError(f"{self.case}: {line}\nfaults:\n{faults}"
                                 f"the history is in {kept}\n"
                                 + self.cluster_says())
        return json.loads(line)

    def cluster_says(self):
        """What an operator would look at now."""
        return "".join(self.cluster.verb(verb, check=False).stdout
                       for verb in ("status", "fsck"))
