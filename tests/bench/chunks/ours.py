"""Our own cluster from real processes: a master, chunkservers on this
machine's loopback, and dfs-chunk_bench as the client."""

import json
import os
import signal
import time

import harness
from chunks import repair, stall
from chunks.machine import DriverFailed, Sample, memory, run_driver
from chunks.rows import MEMORY, TLS
from chunks.workload import PHASES

COUNTS = {"rand4k": "reads", "touch": "empty", "list": "listed",
          "stat": "stats"}
DRIVER = "dfs-chunk_bench"


class Ours:
    """Three copies of each file on `servers` chunkservers."""

    def __init__(self, programs, work, mode, servers):
        self.driver, self.work, self.mode = programs / DRIVER, work, mode
        self.servers = servers
        self.cluster = None
        self.serial, self.places = 0, {}
        self.client_memory = 0  # The most of a transfer.

    @staticmethod
    def missing(programs):
        absent = [x for x in ("dfsnode", DRIVER)
                  if not (programs / x).exists()]
        return f"no {', '.join(absent)} in {programs}" if absent else None

    def __enter__(self):
        nodes = [("master", "introducer,master")] + [
            (f"chunkserver-{i + 1}", "chunkserver")
            for i in range(self.servers)]
        durability = "memory" if self.mode == MEMORY else "durable"
        # Nodes end when this process is killed, too.
        ending = ["setpriv", "--pdeathsig", "KILL"]
        self.cluster = harness.Cluster(
            nodes, prefixes=[ending] * len(nodes),
            extra=f'[chunks]\ndurability = "{durability}"\n')
        try:
            for node in self.cluster.nodes.values():
                self._choose_tls(node)
            self.cluster.start(30)
            self._wait_until_it_takes_files()
        except BaseException as error:
            self.cluster.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)

    def _choose_tls(self, node):
        on = "true" if self.mode == TLS else "false"
        text = node.config.read_text("utf-8")
        node.config.write_text(
            text.replace("[stream]\n", f"[stream]\ntls = {on}\n"), "utf-8")

    def _wait_until_it_takes_files(self):
        def takes():
            try:
                run_driver(self._command("create", self._new_place(),
                                         "--files", 1))
                return True
            except DriverFailed as error:
                self.why = str(error)
                return False
        harness.wait_for(takes, 30, lambda: self.why)

    # Who is who.

    @property
    def master(self):
        return self.cluster["master"]

    def chunkservers(self):
        return [x for x in self.cluster.nodes.values() if x is not self.master]

    def _pids(self):
        return [x.pid for x in self.cluster.living()]

    def _replicas(self, path):
        """The nodes that hold the first chunk of a file, its primary first."""
        told = json.loads(self.master.verb("explain", path, "--json").stdout)[0]
        told["replicas"].sort(key=lambda x: not x["primary"])
        return [self.cluster[x["server"]] for x in told["replicas"]]

    # What is measured.

    def _new_place(self):
        self.serial += 1
        return f"/bench/place-{self.serial}"

    def _command(self, verb, place, *arguments):
        return [self.driver, verb, "--config", self.master.client_config(),
                "--dir", place, "--size", self.work.size, *arguments]

    def run(self, name):
        """The `Sample` of a phase, or of what is done to a cluster; after an
        event it is not whole."""
        if name in PHASES:
            return self._phase(PHASES[name])
        if name == "memory":
            return Sample({
                "chunkserver": max(memory(x.pid, "VmHWM")
                                   for x in self.chunkservers()) / 2**20,
                "client": self.client_memory / 2**20})
        if name == "repair":
            return Sample(self._repair())
        return Sample(self._many() if name == "many" else self._fault(name))

    def _phase(self, phase):
        place = self.places[phase.uses] if phase.uses else self._new_place()
        self.places[phase.makes] = place
        count = getattr(self.work, COUNTS.get(phase.verb, "files"))
        if phase.verb == "list":
            run_driver(self._command("touch", place, "--files", count,
                                     "--clients", 8, "--one-directory"))
        sample = run_driver(
            self._command(phase.verb, place, "--files", count, "--clients",
                          phase.clients, "--in-flight", phase.in_flight,
                          "--records", self.work.appends), self._pids())
        sample.values = {phase.name + k.removeprefix(phase.verb): v
                         for k, v in sample.values.items()}
        if phase.verb in ("write", "read"):
            sample.values[phase.name + ".cpu"] = (
                sample.cpu * 1024 / self.work.size)
            self.client_memory = max(self.client_memory, sample.rss)
        if phase.verb == "append":
            sample.values[phase.name + ".bad"] = sum(
                sample.values[f"{phase.name}.{x}"]
                for x in ("lost", "doubled", "torn"))
        return sample

    def _fault(self, name):
        """The longest stalls while somebody is killed or stopped."""
        place = self._new_place()
        run_driver(self._command("write", place))
        how, whom = name.split(".")
        commands = {x: self._command("stall-" + x, place)
                    for x in ("writer", "reader")}
        stopped = []

        def breaking():
            victim = self._victim(whom, place)
            if how == "stop":
                stopped.append(victim)
                os.kill(victim.pid, signal.SIGSTOP)
            else:
                victim.kill()
            if whom == "master":
                victim.start()  # As its supervisor would.
        try:
            return stall.watch(commands, breaking, 10.0)
        finally:
            for node in stopped:
                os.kill(node.pid, signal.SIGCONT)

    def _victim(self, whom, place):
        if whom == "master":
            return self.master
        replicas = self._replicas(f"{place}/stall")
        return replicas[0 if whom == "primary" else 1]

    def _repair(self):
        place = self._new_place()
        run_driver(self._command("write", place))
        victim = self._replicas(f"{place}/large")[0]
        others = [x for x in self.chunkservers() if x is not victim]
        return repair.watch(
            self._chunks_of(victim), [self._chunks_of(x) for x in others],
            victim.kill, self._is_healed)

    @staticmethod
    def _chunks_of(node):
        """Without logs, which are made before they are filled."""
        return node.dir / "data/chunks/chunks"

    def _is_healed(self):
        """By its own account. `status` goes on naming the lost server."""
        told = self.master.verb("status", "--json", check=False).stdout
        summary = json.loads(told)
        return summary["chunks"] == summary["healthy"]

    def _many(self):
        """Memory of the master by file, and how soon it answers again."""
        place, sizes = self._new_place(), []
        first = self.work.many_from
        for i, count in enumerate((first, self.work.many - first)):
            run_driver(self._command("touch", f"{place}/part-{i}", "--files",
                                     count, "--clients", 8), give_up=1200)
            sizes.append(memory(self.master.pid))
        self.master.kill()
        began = time.monotonic()
        self.master.start()
        harness.wait_for(
            lambda: self.master.verb("stat", place, "--timeout", "1s",
                                     check=False).returncode == 0,
            120, "stat after a restart")
        return {"restart": time.monotonic() - began,
                "slope": (sizes[1] - sizes[0]) / (self.work.many - first)}
