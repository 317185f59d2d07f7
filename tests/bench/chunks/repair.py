"""How soon and how fast lost copies are made again, seen from outside: by the
bytes on the disks of the servers that are left."""

import contextlib
import os
import time

from chunks.machine import DriverFailed

FIRST_BYTES = 256 * 1024  # More than what logs and indexes write meanwhile.


def bytes_under(directory):
    """What the files beneath it take on the disk."""
    total, waiting = 0, [os.fspath(directory)]
    while waiting:
        with contextlib.suppress(FileNotFoundError), \
                os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(
                            follow_symlinks=False).st_blocks * 512
    return total


def watch(victim, survivors, breaking, healed, give_up=300):
    """Calls `breaking()`, which takes the server with the directory `victim`
    away, and waits until the directories `survivors` hold as much more and
    `healed()` agrees. Returns {"starts": s, "all": s, "rate": MiB/s}."""
    lost = bytes_under(victim)
    before = sum(map(bytes_under, survivors))
    breaking()
    began, first = time.monotonic(), None
    while True:
        grown = sum(map(bytes_under, survivors)) - before
        passed = time.monotonic() - began
        if first is None and grown > FIRST_BYTES:
            first = passed
        # What is compacted or logged meanwhile is not counted to the byte.
        if grown > lost * 0.97 and healed():
            passed = time.monotonic() - began
            return {"starts": first, "all": passed,
                    "rate": lost / 2**20 / passed}
        if passed > give_up:
            raise DriverFailed(f"{grown >> 20} of {lost >> 20} MiB copied "
                               f"again after {give_up} s")
        time.sleep(0.02)
