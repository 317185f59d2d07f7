"""The ordered multicast with nothing above it, and Corosync's closed process
groups with what its cpgbench does, in the same network namespaces."""

import os
import pathlib
import shutil
import subprocess

from chunks.machine import figures_of
from harness import binary, wait_for

from .references import Reference, install_packages

MEMBERS, BYTES = 3, 1300


def ours(network, seconds, in_flight=128):
    """Messages a second from one sender."""
    servers = [f"{network.addresses[i]}:7407" for i in range(MEMBERS)]
    members = [subprocess.Popen(
        [*network.prefix(i), str(binary("dfs-multicast_bench")), "--servers",
         *servers, "--id", str(i + 1), "--bytes", str(BYTES), "--seconds",
         str(seconds), "--in-flight", str(in_flight if i == 0 else 0)],
        stdout=subprocess.PIPE, text=True) for i in range(MEMBERS)]
    told = [x.communicate(timeout=seconds + 60)[0] for x in members]
    return figures_of(told[0])["messages"]


class Corosync(Reference):
    """Debian's, one process in each of the namespaces, with the directories
    that it insists on in a place of its own."""

    def __init__(self, network):
        self.network = network

    def begin(self):
        nodes = [f"node {{\nring0_addr: {self.network.addresses[i]}\n"
                 f"nodeid: {i + 1}\nname: n{i + 1}\n}}"
                 for i in range(MEMBERS)]
        config = self.dir / "corosync.conf"
        config.write_text("\n".join([
            "totem {", "version: 2", "cluster_name: bench", "transport: knet",
            "crypto_cipher: none", "crypto_hash: none", "}", "nodelist {",
            *nodes, "}", "quorum {", "provider: corosync_votequorum", "}",
            "logging {", "to_stderr: yes", "to_syslog: no", "}", ""]))
        source = pathlib.Path(__file__).with_name("cpg_bench.c")
        self.program = self.dir / "cpg_bench"
        subprocess.run(["cc", "-O2", "-o", str(self.program), str(source),
                        "-lcpg"], check=True)
        own = "mount -t tmpfs none /run && mount -t tmpfs none " \
            "/var/lib/corosync && mount -t tmpfs none /dev/shm && exec "
        for i in range(MEMBERS):
            self.spawn("unshare", "-m", "sh", "-c",
                       f"{own} corosync -f -c {config}",
                       where=self.network.prefix(i))
        wait_for(self._whole, 60, lambda: self._inside(
            0, "corosync-quorumtool", "-s").stdout, 0.5)

    def _inside(self, i, *command):
        return subprocess.run(
            ["nsenter", "-t", str(self.processes[i].pid), "-m", "-n",
             *map(str, command)], capture_output=True, text=True, check=False,
            timeout=120)

    def _whole(self):
        told = self._inside(0, "corosync-quorumtool", "-s").stdout
        return f"Total votes:      {MEMBERS}" in told

    def rate(self, seconds):
        done = self._inside(0, self.program, BYTES, seconds)
        if done.returncode != 0:
            raise RuntimeError(f"cpg_bench: {done.stderr}")
        return figures_of(done.stdout)["messages"]


def install():
    """Why Corosync cannot be had, or None."""
    missing = [] if shutil.which("corosync") else ["corosync"]
    if not os.path.exists("/usr/include/corosync/cpg.h"):
        missing.append("libcpg-dev")
    return install_packages(missing)
