"""The phases of chunks/workload.py on a mounted directory, by dfs-mount_bench.
A peer is a subclass that brings its file system up."""

import pathlib
import shutil
import tempfile

from chunks import repair, stall
from chunks.machine import Sample, run_driver
from chunks.workload import PHASES
from peers.sandbox import Sandbox, go_on, kill, poll, stop

COUNTS = {"rand4k": "reads", "touch": "empty", "list": "listed"}


class Mounted:
    """A file system with `servers` servers and three copies of each file."""

    name = ""
    phases = tuple(PHASES)
    events = ("kill.replica", "stop.replica", "repair")
    event_servers = 4   # So that they can be at their best.
    hang_window = 15.0  # Seconds to watch when a server hangs.

    def __init__(self, driver, work, servers=3):
        self.driver, self.work, self.servers = driver, work, servers
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=self.name + "-"))
        self.mount = self.dir / "mount"
        self.sandbox = None
        self.serial = 0
        self.places = {}

    # What a subclass brings.

    def start(self):
        """Servers and mount, until files can be written."""
        raise NotImplementedError

    def mount_again(self):
        """Drops what the client has cached."""
        raise NotImplementedError

    def pids(self):
        """Of the servers, and of the daemon that serves the mount."""
        raise NotImplementedError

    def server_pid(self, i):
        raise NotImplementedError

    def store(self, i):
        """The directory with the bytes of server `i`."""
        raise NotImplementedError

    def repairs(self):
        """Whether a lost copy would be made again now."""
        return True

    def healed(self, path):
        """Whether it is on three servers, by the system's own account."""
        raise NotImplementedError

    # The rest is the same for all.

    def __enter__(self):
        try:
            self.mount.mkdir()
            self.sandbox = Sandbox()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.sandbox:
            self.sandbox.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _new_place(self):
        self.serial += 1
        path = self.mount / f"place-{self.serial}"
        self.sandbox.call("mkdir", path)
        return path

    def _command(self, verb, place, *arguments):
        return [*self.sandbox.prefix, self.driver, verb, "--dir", place,
                "--size", self.work.size, *arguments]

    def run(self, name):
        """Returns the `Sample` of a phase or an event. After an event the
        system is not whole."""
        if name in PHASES:
            return self._phase(name)
        return Sample(self._repair() if name == "repair" else
                      self._fault(name))

    def _phase(self, name):
        phase = PHASES[name]
        place = (self.places[phase.uses] if phase.uses else self._new_place())
        self.places[phase.makes] = place
        count = getattr(self.work, COUNTS.get(phase.verb, "files"))
        if phase.verb == "list":
            run_driver(self._command("fill", place, "--files", count,
                                     "--clients", 8))
        if phase.cold:
            self.mount_again()
        sample = run_driver(
            self._command(phase.verb, place, "--files", count, "--clients",
                          phase.clients, "--records", self.work.appends),
            self.pids())
        sample.values = {name + k.removeprefix(phase.verb): v
                         for k, v in sample.values.items()}
        if phase.verb in ("write", "read"):
            sample.values[name + ".cpu"] = sample.cpu * 1024 / self.work.size
        if phase.verb == "append":
            sample.values[name + ".bad"] = sum(
                sample.values[f"{name}.{x}"]
                for x in ("lost", "doubled", "torn"))
        return sample

    def _fault(self, name):
        """The longest stalls while a server is broken: all are alike."""
        broken = {"kill.replica": kill, "stop.replica": stop}[name]
        place = self._new_place()
        run_driver(self._command("write", place))
        self.mount_again()
        victim = self.server_pid(0)
        try:
            return stall.watch(
                {x: self._command("stall-" + x, place)
                 for x in ("writer", "reader")},
                lambda: broken(victim),
                self.hang_window if broken is stop else 8.0)
        finally:
            go_on(victim)

    def _repair(self):
        """What `repair.watch` says of the large file, with one server more
        than copies."""
        place = self._new_place()
        run_driver(self._command("write", place))
        poll(self.repairs, 60, "a system that repairs")
        return repair.watch(
            self.store(0), [self.store(i) for i in range(1, self.servers)],
            lambda: kill(self.server_pid(0)),
            lambda: self.healed(place / "large"))
