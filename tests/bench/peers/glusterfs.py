"""GlusterFS: one daemon with three bricks and a FUSE mount, replica 3; and the
same without FUSE, by libgfapi through fio."""

import json
import pathlib

from chunks.machine import DriverFailed, run_driver
from peers import sandbox
from peers.mounted import Mounted

PACKAGES = ("glusterfs-server", "glusterfs-client")

# 127.x is refused as the host of a brick: hence the sandbox's addresses.
DAEMON = """\
volume management
    type mgmt/glusterd
    option working-directory {dir}/glusterd
    option run-directory {dir}/run
    option transport-type socket
    option transport.socket.bind-address {host}
    option transport.socket.listen-port 24007
    option ping-timeout 0
    option event-threads 1
    option max-port 60999
end-volume
"""


CLI = ("gluster", "--mode=script")


class GlusterFS(Mounted):
    """fsync reaches the disk of every brick. The set of bricks is fixed:
    nothing is copied elsewhere when one is lost."""

    name = "glusterfs"
    events = ("kill.replica", "stop.replica")
    event_servers = 3   # More would have to be three more.
    hang_window = 60.0  # network.ping-timeout is 42 s.

    @staticmethod
    def missing():
        why = sandbox.missing(["glusterd", "glusterfs", "gluster", "unshare",
                               "nsenter", "setpriv", "ip"])
        return why and f"{why}; apt-get install {' '.join(PACKAGES)} iproute2"

    def start(self):
        host = sandbox.ADDRESS + "1"
        # Its programs meet at fixed paths: inside they are others.
        for path in ("/run", "/var/log/glusterfs"):
            self.sandbox.call("mkdir", "-p", path)
            self.sandbox.call("mount", "-t", "tmpfs", "none", path)
        self.sandbox.call("mkdir", "-p", "/run/gluster")
        (self.dir / "glusterd").mkdir()
        (self.dir / "run").mkdir()
        (self.dir / "glusterd.vol").write_text(
            DAEMON.format(dir=self.dir, host=host))
        self.sandbox.spawn(
            self.dir / "glusterd.out", "glusterd", "-N", "-f",
            self.dir / "glusterd.vol", "-p", self.dir / "glusterd.pid",
            f"--log-file={self.dir}/glusterd.log")
        sandbox.poll(lambda: self.sandbox.succeeds(*CLI, "volume", "list"),
                     20, "glusterd")
        bricks = [f"{host}:{self.store(i)}" for i in range(self.servers)]
        for i in range(self.servers):
            self.store(i).mkdir()
        self.sandbox.call(*CLI, "volume", "create", "bench", "replica", "3",
                          *bricks, "force")
        self.sandbox.call(*CLI, "volume", "start", "bench")
        self._mount()

    def _mount(self):
        self.mount_daemon = self.sandbox.spawn(
            self.dir / "mount.out", "glusterfs", "-N",
            f"--volfile-server={sandbox.ADDRESS}1", "--volfile-id=bench",
            f"--log-file={self.dir}/mount.log", self.mount)
        sandbox.poll(lambda: self.sandbox.is_mounted(self.mount), 20,
                     "the mount of GlusterFS")
        probe = self.sandbox.inside(self.mount) / "probe"
        sandbox.poll(lambda: self._takes(probe), 20, "bricks of GlusterFS")

    @staticmethod
    def _takes(probe):
        try:
            probe.write_text("x")
        except OSError:
            return False
        return True

    def mount_again(self):
        self.sandbox.unmount(self.mount, self.mount_daemon)
        self._mount()

    def pids(self):
        return self.sandbox.processes("glusterd", "glusterfsd", "glusterfs")

    def server_pid(self, i):
        for pid in self.sandbox.processes("glusterfsd"):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(self.store(i)).encode() in words.split(b"\0"):
                return pid
        raise RuntimeError(f"no process of brick {i}")

    def store(self, i):
        return self.dir / f"brick{i}"


class WithoutFuse(GlusterFS):
    """Reads by libgfapi, through fio."""

    name = "gfapi"
    phases = ("read",)
    events = ()

    @staticmethod
    def missing():
        why = sandbox.missing(["fio"])
        return GlusterFS.missing() or why and f"{why}; apt-get install fio"

    def run(self, name):
        """Reads one file in pieces of 1 MiB, after fio has written it."""
        sample = run_driver(
            [*self.sandbox.prefix, "fio", "--name=read", "--rw=read",
             "--ioengine=gfapi", "--volume=bench",
             f"--brick={sandbox.ADDRESS}1", "--filename=gfapi", "--bs=1M",
             f"--size={self.work.size}M", "--refill_buffers",
             "--randrepeat=0", "--output-format=json",
             f"--aux-path={self.dir}"], self.pids())
        job = json.loads(sample.text[sample.text.index("{"):])["jobs"][0]
        if job["error"] or not job["read"]["runtime"]:
            raise DriverFailed(f"fio: error {job['error']}")
        sample.values = {name: job["read"]["io_bytes"] / 2**20
                               / (job["read"]["runtime"] / 1e3)}
        return sample
