"""Real dfsnode processes for tests and measurements: clusters that this file
configures node by node, and `dfsnode dev` clusters. Standard library only."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

PORTS = ("ping", "group", "control", "stream", "http", "data",
         "versions", "queue")


def binary(name="dfsnode"):
    """The program under test: DFSNODE, or the dev build beside this file; or a
    tool of the same build."""
    named = os.environ.get("DFSNODE")
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    program = pathlib.Path(named) if named else root / "build/dev/dfsnode"
    return program.with_name(name) if name != "dfsnode" else program


class Beside:
    """Calls `work` in a thread of its own from `with` to its end; `work` ends
    when `over` is set."""

    def __init__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def work(self):
        raise NotImplementedError


def wait_for(condition, seconds, what, every=0.02):
    """Polls until `condition()` is truthy and returns it; fails with `what`
    (text, or a function that tells the state) after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(
                f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


class PortRange:
    """Ports below the range that the kernel gives to clients, so that nobody
    takes them before the node does. Test programs run side by side: each keeps
    a range to itself for its life, by a name in the abstract socket space; and
    `dfsnode dev` searches above all of them."""

    first, count, ranges = 12000, 1000, 8

    def __init__(self):
        self.claim = socket.socket(socket.AF_UNIX)
        for i in range(self.ranges):
            with contextlib.suppress(OSError):
                self.claim.bind(f"\0dfsnode-test-ports-{i}")
                self.next, self.begin = 0, self.first + i * self.count
                return
        raise AssertionError("more test programs than ranges of ports")

    def take(self):
        """Each in turn; one comes again after all others."""
        self.next = (self.next + 1) % self.count
        return self.begin + self.next


port_range = None


def free_ports(count, address="127.0.0.1"):
    """`count` ports that nobody uses now, for TCP and UDP."""
    global port_range
    port_range = port_range or PortRange()
    found = []
    while len(found) < count:
        port = port_range.take()
        with contextlib.ExitStack() as stack:
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    tried = stack.enter_context(
                        socket.socket(socket.AF_INET, kind))
                    tried.bind((address, port))
            except OSError:
                continue
        found.append(port)
    return found


def run(*arguments, check=True, timeout=30, env=None, where=()):
    """Runs the program to its end; returns the completed process."""
    done = subprocess.run(
        [*where, str(binary()), *map(str, arguments)], capture_output=True,
        text=True,
        timeout=timeout, env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise AssertionError(
            f"dfsnode {' '.join(map(str, arguments))}: {done.returncode}\n"
            f"{done.stdout}{done.stderr}")
    return done


def page_of(node, path):
    """What the HTTP port says, whatever its status."""
    url = f"http://127.0.0.1:{node.ports['http']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class LogLine:
    """One line of a membership log."""

    pattern = re.compile(
        r"^(?P<time>\S+Z) (?P<change>join|leave|fail) (?P<id>\S+) "
        r"(?P<name>\S+) (?P<roles>\S*) ?(?P<cause>.*)$")

    def __init__(self, text):
        match = self.pattern.match(text)
        if not match:
            raise AssertionError(f"no membership log line: {text!r}")
        self.change, self.id = match["change"], match["id"]
        self.name, self.cause = match["name"], match["cause"]
        self.time = datetime.datetime.fromisoformat(
            match["time"].replace("Z", "+00:00")).timestamp()


class Node:
    """One process. `where` is a command prefix such as `ip netns exec X`."""

    def __init__(self, cluster, name, roles, address, where=()):
        self.cluster, self.name, self.roles = cluster, name, roles
        self.address, self.where = address, list(where)
        self.dir = cluster.dir / name
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.process = None
        self.env = {}

    @property
    def config(self):
        return self.dir / "node.toml"

    @property
    def pid(self):
        return self.process.pid

    def at(self, plane):
        """"10.0.0.1:7401" or "[::1]:7401"."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.ports[plane]}"

    def write_config(self, introducers, extra=""):
        listed = ", ".join(f'"{x}"' for x in introducers)
        self.config.write_text(
            f'[node]\nname = "{self.name}"\ndata_dir = "{self.dir}/data"\n'
            f'bind = "{self.address}"\nadvertise = "{self.address}"\n'
            f'[security]\nbundle = "{self.dir}/bundle"\n'
            f'[group]\nport = {self.ports["group"]}\n'
            f'ping_port = {self.ports["ping"]}\nintroducers = [{listed}]\n'
            f'[control]\nport = {self.ports["control"]}\n'
            f'[stream]\nport = {self.ports["stream"]}\n'
            f'data_port = {self.ports["data"]}\n'
            f'version_port = {self.ports["versions"]}\n'
            f'[http]\nport = {self.ports["http"]}\n{extra}')

    def start(self):
        with open(self.dir / "node.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.where, str(binary()), "--role", self.roles, "--config",
                 str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env})
        return self

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def pause(self):
        """SIGSTOP, and waits until it stands."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: self._state() == "T", 2, "it does not stop", 0.001)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def _state(self):
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text("ascii")
        return stat.rsplit(")", 1)[1].split()[0]

    def kill(self):
        """SIGKILL; returns the wall-clock time of it."""
        at = time.time()
        self.process.kill()
        self.process.wait()
        return at

    def stop(self, seconds=15):
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(seconds)

    def membership_log(self):
        path = self.dir / "data/membership.log"
        if not path.exists():
            return []
        text = path.read_text()
        return [LogLine(x) for x in text[:text.rfind("\n") + 1].splitlines()]

    def client_config(self):
        path = self.dir / "client.toml"
        path.write_text(
            f'[client]\ncontacts = ["{self.at("stream")}"]\n'
            f'bundle = "{self.cluster.dir}/admin"\n')
        return path

    def verb(self, *arguments, **options):
        """Runs a client verb against this node, on the node's own host."""
        return run(*arguments, "--config", self.client_config(),
                   where=self.where, **options)

    def members(self):
        """Names -> ids, as this node sees them; None when it does not answer."""
        done = self.verb("members", "--json", check=False)
        if done.returncode != 0:
            return None
        return {x["name"]: x["id"] for x in json.loads(done.stdout)}


class Cluster:
    """Nodes configured one by one: `nodes` is a list of (name, roles). `extra`
    is added to the configuration of each: text, or a function of the node."""

    def __init__(self, nodes, addresses=None, prefixes=None, extra=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-test-"))
        try:
            self._make(nodes, addresses, prefixes, extra)
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def _make(self, nodes, addresses, prefixes, extra):
        self.ca = self.dir / "ca"
        run("cluster", "init", self.ca)
        run("cluster", "user", "admin", "--rights", "admin", "--dir", self.ca,
            "--out", self.dir / "admin")
        self.nodes = {}
        for i, (name, roles) in enumerate(nodes):
            self.nodes[name] = Node(
                self, name, roles,
                addresses[i] if addresses else "127.0.0.1",
                prefixes[i] if prefixes else ())
        introducers = [x.at("group")
                       for x in self.nodes.values() if "introducer" in x.roles]
        for node in self.nodes.values():
            node.dir.mkdir()
            run("cluster", "bundle", "--dir", self.ca, "--role", node.roles,
                "--name", node.name, "--out", node.dir / "bundle")
            node.write_config(introducers,
                              extra(node) if callable(extra) else extra)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for node in self.nodes.values():
                log = node.dir / "node.log"
                if log.exists():
                    tail = log.read_text(errors="replace").splitlines()[-15:]
                    print(f"--- {node.name}", *tail, sep="\n", file=sys.stderr)
        for node in self.living():
            node.kill()
        if kind is not None and "DFS_KEEP" in os.environ:
            print(f"kept: {self.dir}", file=sys.stderr)
            return
        shutil.rmtree(self.dir, ignore_errors=True)

    def __getitem__(self, name):
        return self.nodes[name]

    def start(self, seconds=15):
        for node in self.nodes.values():
            node.start()
        self.wait_until_whole(seconds)
        return self

    def living(self):
        return [x for x in self.nodes.values() if x.runs()]

    def current(self, node):
        """The members of a node's list by its own log: name -> id."""
        listed = {}
        for line in node.membership_log():
            if line.change == "join":
                listed[line.name] = line.id
            elif listed.get(line.name) == line.id:
                del listed[line.name]
        return listed

    def wait_until_whole(self, seconds=15):
        """Until every living node lists exactly the living nodes."""
        def whole():
            names = {x.name for x in self.living()}
            lists = [self.current(x) for x in self.living()]
            return (all(set(x) == names for x in lists)
                    and all(x == lists[0] for x in lists))
        wait_for(whole, seconds, lambda: {
            x.name: self.current(x) for x in self.living()})


class DevCluster:
    """A `dfsnode dev` cluster, as a person would start it."""

    def __init__(self, nodes=3, directory=None):
        self.own = directory is None
        self.dir = pathlib.Path(
            directory or tempfile.mkdtemp(prefix="dfsnode-test-"))
        self.error_file = self.dir.with_name(self.dir.name + ".err")
        self.errors = open(self.error_file, "ab")
        self.process = subprocess.Popen(
            [str(binary()), "dev", "--nodes", str(nodes), "--dir",
             str(self.dir)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors, text=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.error_file.read_text(), file=sys.stderr)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        self.error_file.unlink()
        if self.own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def wait_until_ready(self):
        line = self.process.stdout.readline()
        match = re.match(r"ready: export DFSNODE_CONFIG=(.+)\n$", line)
        if not match:
            raise AssertionError(f"no ready line but {line!r}: "
                                 + self.error_file.read_text())
        return match[1]

    def pids(self):
        text = (self.dir / "pids").read_text()
        return {name: int(pid) for name, pid in
                (line.split() for line in text.splitlines())}

    def verb(self, *arguments, **options):
        return run(*arguments,
                   env={"DFSNODE_CONFIG": str(self.dir / "client.toml")},
                   **options)

    def members(self):
        done = self.verb("members", "--json", check=False)
        if done.returncode != 0:
            return {}
        return {x["name"]: x["id"] for x in json.loads(done.stdout)}


def quantile(values, share):
    """Nearest rank; `values` need not be sorted."""
    ranked = sorted(values)
    rank = max(1, -(-len(ranked) * share // 1))
    return ranked[int(rank) - 1]
