"""Holds one thread of a child process where it is, as a fault in it would; the
others go on. Standard library only."""

import ctypes
import os
import pathlib

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                         ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(what, thread):
    if _libc.ptrace(what, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class HeldThread:
    """From the beginning of `with` to its end, or until the process ends. The
    thread that holds must be the one that ends it, too."""

    def __init__(self, pid, name):
        tasks = pathlib.Path(f"/proc/{pid}/task")
        self.thread = next(int(x.name) for x in tasks.iterdir()
                           if (x / "comm").read_text().strip() == name)

    def __enter__(self):
        _ptrace(SEIZE, self.thread)
        _ptrace(INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        return self

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
