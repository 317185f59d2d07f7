"""MooseFS 3: a master, chunkservers and a FUSE mount, goal 3."""

import re
import shutil
import time

from peers import sandbox
from peers.mounted import Mounted

PACKAGES = ("moosefs-master", "moosefs-chunkserver", "moosefs-client")
EMPTY = "/var/lib/mfs/metadata.mfs.empty"

COMMON = """\
WORKING_USER = root
WORKING_GROUP = root
NICE_LEVEL = 0
DISABLE_OOM_KILLER = 0
"""

# A chunkserver refuses a master at 127.x: hence the sandbox's addresses. For
# REPLICATIONS_DELAY_INIT seconds after its start a master repairs nothing; the
# default of 60 would only make the measurement longer.
REPAIRS_AFTER = 5
MASTER = COMMON + """\
DATA_PATH = {dir}/master
EXPORTS_FILENAME = {dir}/exports.cfg
TOPOLOGY_FILENAME = {dir}/topology.cfg
MATOML_LISTEN_HOST = {address}1
MATOCS_LISTEN_HOST = {address}1
MATOCL_LISTEN_HOST = {address}1
REPLICATIONS_DELAY_INIT = {delay}
"""

CHUNKSERVER = COMMON + """\
DATA_PATH = {dir}/server{i}
HDD_CONF_FILENAME = {dir}/disks{i}.cfg
MASTER_HOST = {address}1
BIND_HOST = {address}{host}
CSSERV_LISTEN_HOST = {address}{host}
CSSERV_LISTEN_PORT = {port}
MASTER_RECONNECTION_DELAY = 1
"""


class MooseFS(Mounted):
    """fsync means: in the memory of three chunkservers."""

    name = "moosefs"
    hang_window = 35.0  # It has been seen to hang for 26 s.

    @staticmethod
    def missing():
        why = sandbox.missing(
            ["mfsmaster", "mfschunkserver", "mfsmount", "mfssetgoal",
             "mfscheckfile", "unshare", "nsenter", "setpriv", "ip"])
        return why and f"{why}; apt-get install {' '.join(PACKAGES)} iproute2"

    def start(self):
        self._write_master()
        self.began = time.monotonic()
        self.master = self._daemon("mfsmaster", "master.cfg", "master.log")
        # Who comes before the master listens gives up, or waits long.
        sandbox.poll(lambda: self.sandbox.listens(9421), 15,
                     "the master of MooseFS")
        self.chunkservers = []
        for i in range(self.servers):
            self._write_chunkserver(i)
            self.chunkservers.append(self._daemon(
                "mfschunkserver", f"server{i}.cfg", f"server{i}.log"))
        self._mount()
        self.sandbox.call("mfssetgoal", "3", self.mount)
        probe = self.sandbox.inside(self.mount) / "probe"
        sandbox.poll(lambda: self._holds_three(probe), 30,
                     "three chunkservers of MooseFS")

    def _daemon(self, program, config, log):
        return self.sandbox.spawn(self.dir / log, program, "-f", "-c",
                                  self.dir / config, "start")

    def _write_master(self):
        (self.dir / "master").mkdir()
        shutil.copy(EMPTY, self.dir / "master/metadata.mfs")
        (self.dir / "exports.cfg").write_text("* / rw,alldirs,maproot=0:0\n")
        (self.dir / "topology.cfg").write_text("")
        (self.dir / "master.cfg").write_text(MASTER.format(
            dir=self.dir, address=sandbox.ADDRESS, delay=REPAIRS_AFTER))

    def _write_chunkserver(self, i):
        (self.dir / f"server{i}").mkdir()
        self.store(i).mkdir()
        (self.dir / f"disks{i}.cfg").write_text(f"{self.store(i)}\n")
        (self.dir / f"server{i}.cfg").write_text(CHUNKSERVER.format(
            dir=self.dir, i=i, address=sandbox.ADDRESS, host=i + 2,
            port=9430 + i))

    def _mount(self):
        self.mount_daemon = self.sandbox.spawn(
            self.dir / "mount.log", "mfsmount", "-f", "-H",
            sandbox.ADDRESS + "1", "-P", "9421", self.mount, "-o",
            "mfsnice=0,mfsallowoomkiller")
        sandbox.poll(lambda: self.sandbox.is_mounted(self.mount), 15,
                     "the mount of MooseFS")

    def mount_again(self):
        self.sandbox.unmount(self.mount, self.mount_daemon)
        self._mount()

    def _copies(self, path):
        """Chunks of a file by number of copies."""
        text = self.sandbox.call("mfscheckfile", path, check=False)
        return {int(n): int(chunks) for n, chunks in
                re.findall(r"with (\d+) cop\w+:\s+(\d+)", text)}

    def _holds_three(self, probe):
        probe.unlink(missing_ok=True)
        try:
            probe.write_text("x")
        except OSError:  # No chunkserver yet.
            return False
        return self._copies(self.mount / "probe").get(3) == 1

    def pids(self):
        return [self.master, *self.chunkservers, self.mount_daemon]

    def server_pid(self, i):
        return self.chunkservers[i]

    def store(self, i):
        return self.dir / f"disk{i}"

    def repairs(self):
        return time.monotonic() > self.began + REPAIRS_AFTER + 1

    def healed(self, path):
        copies = self._copies(path)
        return copies and not [n for n, x in copies.items() if n < 3 and x]
