"""File systems of a server's own, which lose their power, and hang. Standard
library only; needs root and loop devices."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess

MIB = 1 << 20
SHUTDOWN, WITHOUT_THE_JOURNAL = 0x8004587D, 2  # EXT4_IOC_SHUTDOWN, its flag.


def missing():
    """Why there can be no file systems of our own here, or None."""
    if os.geteuid() != 0:
        return "not root"
    if not pathlib.Path("/dev/loop-control").exists():
        return "no loop devices"
    return next((f"no {x}" for x in ("mkfs.ext4", "mount", "fsfreeze",
                                    "strace")
                 if not shutil.which(x)), None)


class Disk:
    """An ext4 of a server's own, below its data directory. Nothing is written
    to it before it has to be."""

    def __init__(self, node, size):
        self.image = node.dir / "disk.image"
        self.path = node.dir / "data"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(size)
        self.make()

    def make(self):
        run_tool("mkfs.ext4", "-q", "-F", self.image)
        self.mount()
        (self.path / "lost+found").rmdir()
        run_tool("sync", "-f", self.path)

    def mount(self):
        run_tool("mount", "-o", "loop,commit=300,noauto_da_alloc", self.image,
                 self.path)

    def lose_power(self):
        at = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(at, SHUTDOWN, struct.pack("I", WITHOUT_THE_JOURNAL))
        os.close(at)

    @contextlib.contextmanager
    def frozen(self):
        """Whoever writes to it waits, until it is over."""
        run_tool("fsfreeze", "-f", self.path)
        proof = subprocess.Popen(["touch", str(self.path / "frozen")])
        try:
            yield
            if proof.poll() is not None:
                raise AssertionError("the disk did not hang")
        finally:
            run_tool("fsfreeze", "-u", self.path)
            proof.wait()

    def close(self):
        run_tool("umount", self.path)


def run_tool(*words):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stderr}")


class OnDisks:
    """Of a cluster with `servers`: each has a disk of its own."""

    def __init__(self, size=256 * MIB, **options):
        super().__init__(**options)
        self.disks = {}
        self.size = size

    def __enter__(self):
        # `ip netns exec` of a test beside this one takes copies of all mounts:
        # of those below a shared one they go with ours.
        run_tool("mount", "--bind", "--make-shared", self.dir, self.dir)
        try:
            for x in self.servers:
                self.disks[x.name] = Disk(x, self.size)
            return super().__enter__()
        except BaseException:
            self.unmount()
            raise

    def __exit__(self, *reason):
        for x in self.living():
            x.kill()
        self.unmount()
        super().__exit__(*reason)

    def unmount(self):
        for name in list(self.disks):
            self.disks.pop(name).close()
        run_tool("umount", self.dir)

    def cut_power(self):
        """Of all at once; then it is back."""
        proofs = [x.path / "unsynced" for x in self.disks.values()]
        for x in proofs:
            x.write_bytes(b"x" * 4096)
        for x in self.disks.values():
            x.lose_power()
        for x in self.servers:
            x.process.kill()
        for x in self.servers:
            x.process.wait()
        for x in self.disks.values():
            x.close()
            x.mount()
        for x in proofs:
            if x.exists() and x.stat().st_size > 0:
                raise AssertionError("the power cut lost nothing")
            x.unlink(missing_ok=True)
        for x in self.servers:
            x.start()
