"""How long one client waits while servers are broken: a driver that does one
operation after another (tests/support/stall_meter.hpp), and what to do to the
servers meanwhile."""

import contextlib
import subprocess
import time

from chunks.machine import DriverFailed, figures_of

SETTLE = 2.0      # Seconds of undisturbed operation before anything breaks.
HANGS_AFTER = 0.3  # An operation open for so long is being stalled.


class Probe:
    """One driver that operates until it is told to end."""

    def __init__(self, command):
        self.command = [str(x) for x in command]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        if self.process.stdout.readline() != "ready\n":
            self.close()
            raise DriverFailed(" ".join(self.command) + ": not ready")

    def _ask(self, word):
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
            lines = []
            for line in self.process.stdout:
                if line == "done\n":
                    return figures_of("".join(lines))
                lines.append(line)
        except BrokenPipeError:
            pass
        raise DriverFailed(" ".join(self.command) + ": has ended")

    def mark(self):
        self._ask("mark")

    def report(self):
        return self._ask("report")

    def close(self, seconds=5):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def watch(commands, breaking, window, give_up=90):
    """Starts the `commands` (name -> driver), calls `breaking()` while they
    operate, and watches them for `window` seconds, longer while one of them
    hangs, at most `give_up`. Returns the longest stall by name in seconds, and
    how many operations "failed"."""
    with contextlib.ExitStack() as stack:
        probes = {}
        for name, command in commands.items():
            probes[name] = Probe(command)
            stack.callback(probes[name].close)
        time.sleep(SETTLE)
        for probe in probes.values():
            probe.mark()
        began = time.monotonic()
        breaking()
        calm_since = began
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            reports = {k: x.report() for k, x in probes.items()}
            if any(x["open"] > HANGS_AFTER for x in reports.values()):
                calm_since = now
            calm = now - calm_since > 2 and now - began > window
            if calm or now - began > give_up:
                return {**{k: x["longest"] for k, x in reports.items()},
                        "failed": sum(x["failed"] for x in reports.values())}
