"""Holds one thread of a child process where it is, as a fault in it would; the
others go on. Standard library only."""

import ctypes
import os
import pathlib

from harness import wait_for

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
# epoll_wait and epoll_pwait of x86-64, epoll_pwait of arm64.
WAITS = ("232", "281", "22")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                         ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(what, thread):
    if _libc.ptrace(what, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class HeldThread:
    """From the beginning of `with` to its end, or until the process ends. The
    thread that holds must be the one that ends it, too. It is held where it
    waits for events: elsewhere it may have a lock of the allocator or of the
    log, and the whole process would be held."""

    def __init__(self, pid, name):
        tasks = pathlib.Path(f"/proc/{pid}/task")
        self.task = next(x for x in tasks.iterdir()
                         if (x / "comm").read_text().strip() == name)
        self.thread = int(self.task.name)

    def __enter__(self):
        wait_for(self._hold, 10, "it never waits for events")
        return self

    def _hold(self):
        _ptrace(SEIZE, self.thread)
        _ptrace(INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        if (self.task / "syscall").read_text().split()[0] in WAITS:
            return True
        _ptrace(DETACH, self.thread)
        return False

    def reap(self):
        """Whoever holds a thread hears of its end first: without this, its
        process would not end for anybody else."""
        try:
            found, status = os.waitpid(self.thread, WALL | os.WNOHANG)
        except ChildProcessError:
            return True
        return found != 0 and not os.WIFSTOPPED(status)

    def __exit__(self, kind, value, trace):
        try:
            _ptrace(DETACH, self.thread)
        except OSError:
            self.reap()
