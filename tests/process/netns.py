"""Hosts of our own: network namespaces on one bridge, each dropping a share of
the UDP datagrams that reach it. Needs root, iproute2 and nftables."""

import itertools
import os
import shutil
import subprocess


def missing():
    """Why namespaces cannot be had here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for tool in ("ip", "nft"):
        if not shutil.which(tool):
            return f"no {tool}"
    probe = f"dfs-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True,
                          text=True, check=False)
    if made.returncode != 0:
        return f"ip netns add: {made.stderr.strip()}"
    rules = "add table inet probe; add table bridge probe"
    nft = subprocess.run(["ip", "netns", "exec", probe, "nft", rules],
                         capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", probe], check=False)
    return f"nft: {nft.stderr.strip()}" if nft.returncode != 0 else None


class Network:
    """`count` hosts 10.77.S.1.. on a bridge that lives in a namespace of its
    own, so that nothing of the machine's own network changes."""

    serial = itertools.count(1)

    def __init__(self, count, loss_percent=0, count_ports=None):
        self.name = f"dfs-{os.getpid()}-{next(self.serial)}"
        subnet = next(self.serial) % 250
        self.hosts = [f"{self.name}-{i}" for i in range(count)]
        self.addresses = [f"10.77.{subnet}.{i + 1}" for i in range(count)]
        self.made = []
        try:
            self._bridge()
            for i in range(count):
                self._host(i, loss_percent)
        except Exception:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "del", name], check=False)
        self.made = []

    def prefix(self, i):
        return ["ip", "netns", "exec", self.hosts[i]]

    def nft(self, i, rules):
        """Feeds `rules` to nft inside host `i`; returns what it prints."""
        return self._nft(self.hosts[i], rules)

    def cut(self, deaf, protocol=None):
        """{host: hosts it no longer hears}, all of it or that protocol; all
        else is heard from now on. One
        transaction on the bridge: a partition in steps is another one, in
        which those who are cut off last go on without those cut off first."""
        pairs = ", ".join(f'"port{other}" . "port{host}"'
                          for host, others in deaf.items() for other in others)
        rules = ("add table bridge cut\ndelete table bridge cut\n"
                 "add table bridge cut\nadd chain bridge cut along "
                 "{ type filter hook forward priority 0; }\n")
        if pairs:  # IPv4 alone: who is deaf is still told where the other is.
            only = f"ip protocol {protocol} " if protocol else ""
            rules += (f"add rule bridge cut along ether type ip {only}"
                      f"iifname . oifname {{ {pairs} }} drop\n")
        self._nft(self.name, rules)

    def split(self, *sides):
        """Hosts hear those of their own side alone, and those of none."""
        self.cut({x: [y for other in sides if other is not side for y in other]
                  for side in sides for x in side})

    def heal(self):
        self.cut({})

    def lose(self, i, percent):
        """So many of all packets that reach host `i` are lost, TCP's, too."""
        self.nft(i, "add table inet lose\n"
                    "add chain inet lose in { type filter hook input priority 0; }\n"
                    "add rule inet lose in "
                    f"numgen random mod 100 < {percent} drop\n")

    @staticmethod
    def _nft(namespace, rules):
        return subprocess.run(
            ["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=rules,
            check=True, capture_output=True, text=True).stdout

    def _ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def _add(self, name):
        self._ip("netns", "add", name)
        self.made.append(name)

    def _bridge(self):
        self._add(self.name)
        self._ip("-n", self.name, "link", "add", "bridge", "type", "bridge")
        self._ip("-n", self.name, "link", "set", "bridge", "up")

    def _host(self, i, loss_percent):
        host = self.hosts[i]
        self._add(host)
        self._ip("-n", self.name, "link", "add", f"port{i}", "type", "veth",
                 "peer", "name", "eth0", "netns", host)
        self._ip("-n", self.name, "link", "set", f"port{i}", "master",
                 "bridge", "up")
        self._ip("-n", host, "addr", "add", f"{self.addresses[i]}/24", "dev",
                 "eth0")
        self._ip("-n", host, "link", "set", "eth0", "up")
        self._ip("-n", host, "link", "set", "lo", "up")
        if loss_percent:
            self.nft(i, "add table inet loss\n"
                        "add chain inet loss in "
                        "{ type filter hook input priority 0; }\n"
                        "add rule inet loss in meta l4proto udp "
                        f"numgen random mod 100 < {loss_percent} drop\n")
