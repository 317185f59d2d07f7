"""A network, mounts and processes of their own for a file system that is
measured beside ours. Everything in it ends with it, also when the measurement
is killed: the first process of its process namespace dies with us, the kernel
kills the others with that, and the mounts go with the last of them."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from chunks.machine import child_of

ADDRESS = "10.99.0."  # Nobody outside sees them.


def missing(programs):
    """What of `programs` cannot be run here, and rights; None if nothing."""
    if os.geteuid() != 0:
        return "needs root, for namespaces and mounts"
    absent = [x for x in programs if not shutil.which(x)]
    if absent:
        return f"no {', '.join(absent)}"
    return None if os.path.exists("/dev/fuse") else "no /dev/fuse"


def poll(condition, seconds, what):
    """Waits until `condition()` holds; raises TimeoutError with `what`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Sandbox:
    """Addresses 10.99.0.1 to 10.99.0.6 on a loopback device of its own."""

    def __init__(self):
        self.init = None
        self.entering = []
        # Own session: Ctrl-C ends the measurement, and that ends these.
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount",
             "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sleep",
             "infinity"], start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            poll(self._is_up, 10, "namespaces")
            self.call("ip", "link", "set", "lo", "up")
            for i in range(1, 7):
                self.call("ip", "addr", "add", f"{ADDRESS}{i}/32", "dev", "lo")
        except BaseException:
            self.close()
            raise

    def _is_up(self):
        if self.holder.poll() is not None:
            raise RuntimeError("no namespaces here (unshare has failed)")
        self.init = child_of(self.holder.pid)
        return self.init and self._name(self.init) == "sleep"

    @staticmethod
    def _name(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/comm").read_text(
                encoding="utf-8").strip()
        return None

    @property
    def prefix(self):
        """Runs a command inside. It enters by forking."""
        return ["nsenter", "-t", str(self.init), "--net", "--mount", "--pid"]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        for process in self.entering:
            process.kill()  # It is stopped where what it waits for is.
            process.wait()
        # The kernel may still be at it when the holder has gone.
        with contextlib.suppress(TimeoutError):
            poll(lambda: not os.path.exists(f"/proc/{self.init}"), 10,
                 "the end of the namespaces")

    def call(self, *command, check=True, timeout=60):
        """Runs a command inside to its end; returns what it printed."""
        done = subprocess.run(
            [*self.prefix, *map(str, command)], capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(
                f"{' '.join(map(str, command))}: {done.returncode}\n"
                + done.stdout + done.stderr)
        return done.stdout

    def succeeds(self, *command):
        """Whether a command inside ends with 0."""
        return subprocess.run(
            [*self.prefix, *map(str, command)], capture_output=True,
            timeout=60, stdin=subprocess.DEVNULL, check=False).returncode == 0

    def spawn(self, log, *command):
        """Starts a daemon inside; returns its process id out here."""
        with open(log, "ab") as out:
            entering = subprocess.Popen(
                [*self.prefix, *map(str, command)], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.entering.append(entering)
        poll(lambda: child_of(entering.pid) or entering.poll() is not None, 5,
             f"the start of {command[0]}")
        pid = child_of(entering.pid)
        if not pid:
            raise RuntimeError(f"{command[0]} has ended at once: "
                               + pathlib.Path(log).read_text("utf-8")[-500:])
        return pid

    def inside(self, path):
        """A path on a mount that only the inside sees."""
        return pathlib.Path(f"/proc/{self.init}/root{path}")

    def listens(self, port):
        """Whether somebody inside listens on a TCP port."""
        table = pathlib.Path(f"/proc/{self.init}/net/tcp").read_text("ascii")
        rows = (x.split() for x in table.splitlines()[1:])
        return any(x[1].endswith(f":{port:04X}") and x[3] == "0A"
                   for x in rows)

    def is_mounted(self, path):
        table = pathlib.Path(f"/proc/{self.init}/mountinfo").read_text("utf-8")
        return any(x.split()[4] == str(path) for x in table.splitlines())

    def processes(self, *names):
        """Ids, out here, of the processes inside that have these names."""
        own = os.readlink(f"/proc/{self.init}/ns/pid")
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if (entry.isdigit()
                        and os.readlink(f"/proc/{entry}/ns/pid") == own
                        and self._name(entry) in names):
                    found.append(int(entry))
        return found

    def unmount(self, path, daemon):
        """Unmounts and waits for the daemon that served it."""
        self.call("umount", path)
        with contextlib.suppress(TimeoutError):
            poll(lambda: not os.path.exists(f"/proc/{daemon}"), 5, "its end")


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def stop(pid):
    os.kill(pid, signal.SIGSTOP)


def go_on(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
