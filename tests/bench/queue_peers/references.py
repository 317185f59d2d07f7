"""etcd and Redis from Debian, on loopback beside us, with their data in a
directory that goes when they do."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness import binary, free_ports, wait_for
from chunks.machine import figures_of

PACKAGES = {"etcd": "etcd-server", "etcdctl": "etcd-client",
            "redis-server": "redis-server",
            "redis-benchmark": "redis-tools"}


def install():
    """What is missing; returns why it cannot be had, or None."""
    return install_packages(sorted({
        package for program, package in PACKAGES.items()
        if not shutil.which(program)}))


def install_packages(missing):
    """From Debian; returns why not, or None. Debian starts what it installs:
    that is forbidden here."""
    if not missing:
        return None
    if os.geteuid() != 0:
        return f"not root, and {', '.join(missing)} are not installed"
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=False,
                       capture_output=True)
        done = subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends",
             *missing], capture_output=True, text=True, check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if ours:
            policy.unlink()
    return None if done.returncode == 0 else done.stderr.strip()[-200:]


class Reference:
    """Processes that end with the block, and their directory."""

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-bench-"))
        self.processes = []
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for x in self.processes:
            x.kill()
            x.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def spawn(self, *command, where=()):
        with open(self.dir / f"{len(self.processes)}.log", "wb") as log:
            self.processes.append(subprocess.Popen(
                [*where, "setpriv", "--pdeathsig", "KILL",
                 *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))


class Etcd(Reference):
    def begin(self, members=3):
        ports = free_ports(2 * members)
        self.ports, peers = ports[:members], ports[members:]
        listed = ",".join(f"m{i}=http://127.0.0.1:{x}"
                          for i, x in enumerate(peers))
        for i, (client, peer) in enumerate(zip(self.ports, peers)):
            self.spawn("etcd", "--name", f"m{i}", "--data-dir",
                       self.dir / f"m{i}", "--listen-client-urls",
                       f"http://127.0.0.1:{client}",
                       "--advertise-client-urls", f"http://127.0.0.1:{client}",
                       "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                       "--initial-advertise-peer-urls",
                       f"http://127.0.0.1:{peer}", "--initial-cluster",
                       listed, "--initial-cluster-state", "new",
                       "--logger", "zap", "--log-level", "error")
        wait_for(self._healthy, 30, "etcd does not come up", 0.2)

    def _healthy(self):
        ends = ",".join(f"127.0.0.1:{x}" for x in self.ports)
        return subprocess.run(
            ["etcdctl", "--endpoints", ends, "endpoint", "health"],
            env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True,
            check=False).returncode == 0

    def puts(self, clients, operations):
        done = subprocess.run(
            [str(binary("dfs-etcd_bench")), "--ports", *map(str, self.ports),
             "--clients", str(clients), "--operations", str(operations)],
            capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"dfs-etcd_bench: {done.stderr}")
        return figures_of(done.stdout)


class Redis(Reference):
    def begin(self):
        self.port = free_ports(1)[0]
        self.spawn("redis-server", "--port", self.port, "--bind", "127.0.0.1",
                   "--dir", self.dir, "--appendonly", "yes", "--appendfsync",
                   "always", "--save", "")
        wait_for(self._answers, 30, "redis does not come up", 0.1)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as x:
                x.sendall(b"PING\r\n")
                return x.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _run(self, *arguments):
        done = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), *map(str, arguments)],
            capture_output=True, text=True, timeout=300, check=False)
        return done.stdout if done.returncode == 0 else ""

    def rate(self, clients, operations, *command):
        """Commands a second."""
        told = self._run("-c", clients, "-n", operations, "--csv", *command)
        return float(told.splitlines()[-1].split(",")[1].strip('"'))
