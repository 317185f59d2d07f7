"""A directory for everything that a run writes, on the disk to be measured."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile

PREFIX = "dfs-bench-"


class Scratch:
    """Temporary files of this process go there. It goes with this object; what
    a killed run has left goes with the next one."""

    def __init__(self, parent=None):
        parent = pathlib.Path(parent or tempfile.gettempdir())
        for left in parent.glob(PREFIX + "*"):
            with contextlib.suppress(PermissionError, FileNotFoundError):
                self._sweep(left)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.lock = os.open(self.dir, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    @staticmethod
    def _sweep(left):
        lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:  # Of a run that lives.
            pass
        finally:
            os.close(lock)

    def __enter__(self):
        tempfile.tempdir = str(self.dir)
        return self

    def __exit__(self, *_):
        tempfile.tempdir = None
        shutil.rmtree(self.dir, ignore_errors=True)
        os.close(self.lock)

    def free(self):
        """Bytes."""
        return shutil.disk_usage(self.dir).free

    def kind(self):
        """The type of its file system, such as ext4."""
        best = ("", "unknown")
        for line in pathlib.Path("/proc/self/mounts").read_text(
                "utf-8").splitlines():
            _, place, kind, *_ = line.split()
            if self.dir.is_relative_to(place) and len(place) >= len(best[0]):
                best = place, kind
        return best[1]
