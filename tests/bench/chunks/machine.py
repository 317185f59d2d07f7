"""Runs one driver and tells whose processor time it took: the servers', the
driver's, or that of somebody who has nothing to do with it."""

import contextlib
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
FIGURE = re.compile(r"^(\S+) (-?[0-9.]+(?:e[+-]?\d+)?) (\S+)$")
NOISY = 0.3  # Cores busy with something else.


class DriverFailed(Exception):
    """A driver ended badly; the text says which and why."""


def figures_of(text):
    """`name value unit` lines as a dictionary."""
    found = (FIGURE.match(x) for x in text.splitlines())
    return {x[1]: float(x[2]) for x in found if x}


def stat_of(pid):
    """The fields after the name, from the state on; None if it has gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rsplit(")", 1)[1].split()


def child_of(pid):
    """The first child of a process, or None."""
    with contextlib.suppress(OSError):
        found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(
            "ascii").split()
        return int(found[0]) if found else None
    return None


def cpu_seconds(pids):
    """User and system time; what has gone counts as nothing."""
    found = (stat_of(x) for x in pids)
    return sum(int(x[11]) + int(x[12]) for x in found if x) / TICK


def kernel_seconds():
    """Of the kernel's own threads, such as those that write pages back."""
    found = (stat_of(x) for x in os.listdir("/proc") if x.isdigit())
    return sum(int(x[11]) + int(x[12]) for x in found
               if x and x[1] == "2") / TICK


def busy_seconds():
    """Of all cores since the machine started, waiting not counted."""
    with open("/proc/stat", encoding="ascii") as stat:
        x = [int(i) for i in stat.readline().split()[1:8]]
    return (x[0] + x[1] + x[2] + x[5] + x[6]) / TICK


def memory(pid, which="VmRSS"):
    """Bytes now, or with `VmHWM` at the most; 0 if it has gone."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(
                "utf-8", "replace").splitlines():
            if line.startswith(which + ":"):
                return int(line.split()[1]) * 1024
    return 0


@dataclasses.dataclass
class Sample:
    """What one phase on one system gave."""
    values: dict
    seconds: float = 0.0
    other_cores: float = 0.0  # Busy with what nobody here asked for.
    rss: int = 0              # Of the driver at the most, bytes.
    cpu: float = 0.0          # Seconds of the driver and the given processes.
    text: str = ""            # All that the driver printed.

    @property
    def noisy(self):
        return self.other_cores > NOISY


class Meter:
    """Processor time between two moments."""

    def __init__(self, pids):
        self.pids = list(pids)
        self.known, self.kernel = cpu_seconds(self.pids), kernel_seconds()
        self.own, self.busy = time.process_time(), busy_seconds()
        self.began = time.monotonic()

    def stop(self, driver):
        """(seconds, processor time of `pids` and of the driver, which took
        `driver` seconds of it, cores busy with something else)"""
        seconds = time.monotonic() - self.began
        known = cpu_seconds(self.pids) - self.known + driver
        around = (kernel_seconds() - self.kernel
                  + time.process_time() - self.own)
        # Each account counts in ticks of 10 ms, so a short phase would look
        # busier or idler than it was.
        others = busy_seconds() - self.busy - known - around - 5 / TICK
        return seconds, known, max(0.0, others) / seconds


def _wait(process, give_up):
    """(exit status, processor seconds, memory at the most), or None."""
    end, peak = time.monotonic() + give_up, 0
    while time.monotonic() < end:
        # Looked at while it runs: the account of an ended process contains
        # what its parent had before exec.
        peak = max(peak, memory(process.pid, "VmHWM"))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime, peak
        time.sleep(0.01)
    return None


def run_driver(command, pids=(), give_up=600):
    """Runs `command` to its end beside the processes `pids`, and returns a
    `Sample` of what it printed. Raises `DriverFailed`."""
    command = [str(x) for x in command]
    meter = Meter(pids)
    with tempfile.TemporaryFile("w+", errors="replace") as printed:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=printed, stderr=printed)
        try:
            ended = _wait(process, give_up)
        finally:
            if process.returncode is None:
                # nsenter would leave behind what it has started.
                for pid in (child_of(process.pid), process.pid):
                    if pid:
                        os.kill(pid, 9)
        printed.seek(0)
        text = printed.read()
    if ended is None or ended[0] != 0:
        raise DriverFailed(
            f"{' '.join(command)}: "
            + (f"status {ended[0]}" if ended else f"not within {give_up} s")
            + "\n" + text[-2000:])
    seconds, cpu, others = meter.stop(ended[1])
    return Sample(figures_of(text), seconds, others, ended[2], cpu, text)
