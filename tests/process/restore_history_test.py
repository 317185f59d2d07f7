#!/usr/bin/env python3
"""Clients whose history is judged, while metadata are restored from backups that
are older than what was acknowledged, and while a chunkserver's disk is put back
to an older state. SPEC G2, G5, G9"""

import contextlib
import shutil
import subprocess
import unittest

from chunk_disk_test import DiskCluster
from chunks import DEEP, SEED, History, settings
from harness import wait_for

ROUNDS = 5 if DEEP else 2
# No file is made and none gets another chunk: those would be newer than a
# backup, and in no list until they are adopted.
LOAD = {"writers": 3, "readers": 3, "appenders": 3, "putters": 0, "movers": 0,
        "timeout_ms": 60_000, "patience": 60}


class Histories(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(
            DiskCluster(chunks={"size": "64MiB"}))
        self.master = self.cluster["master"]
        self.metadata = self.master.dir / "data/metadata"

    @contextlib.contextmanager
    def history(self, case, number):
        with History(self.cluster, case, SEED + number, **LOAD) as history:
            history.let_run(1)
            yield history
            history.let_run(2)
            history.finish()
        self.cluster.wait_until_healthy(60)
        self.assertEqual(self.cluster.verb("fsck", "--deep", check=False)
                         .returncode, 0)

    def codes(self):
        told = self.cluster.status()
        return told and {x["code"] for x in told["findings"]}

    def restore(self, backup):
        self.master.kill()
        self.cluster.verb("admin", "metadata", "restore", backup, "--to",
                          self.metadata, "--force")
        self.master.start()
        wait_for(lambda: self.codes() == {"METADATA_RESTORED"}, 60, self.codes)

    def test_restores(self):
        with self.history("restores", 1) as history:
            for i in range(ROUNDS):
                backup = self.cluster.dir / f"backup-{i}"
                self.cluster.verb("admin", "metadata", "backup", backup)
                history.let_run(1)
                # Its chunks get new versions, which the backup does not know.
                victim = self.cluster.stores[i % len(self.cluster.stores)]
                victim.kill()
                history.injected(f"{victim.name} was killed")
                history.let_run(3)
                victim.start()
                history.let_run(1)
                self.restore(backup)
                history.injected("restored")
                history.let_run(2)
                self.cluster.verb("admin", "confirm-restore")
                history.let_run(1)

    def test_a_disk_that_goes_back(self):
        with self.history("disks", 2) as history:
            for i in range(ROUNDS):
                victim = self.cluster.stores[i % len(self.cluster.stores)]
                older = self.cluster.dir / f"older-{i}"
                victim.pause()  # As a snapshot of its disk sees it.
                older.mkdir()
                for part in ("data", "disk"):
                    subprocess.run(["cp", "-a", victim.dir / part, older],
                                   check=True)
                victim.resume()
                history.let_run(3)
                victim.kill()
                for part in ("data", "disk"):
                    shutil.rmtree(victim.dir / part)
                    shutil.move(older / part, victim.dir / part)
                victim.start()
                history.injected(f"the disk of {victim.name} went back")
                history.let_run(2)
                self.cluster.wait_until_healthy(60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
