#!/usr/bin/env python3
"""Full disks of file servers, of contents and of rows: puts go on where others
have room, leads leave and come back, and operators are told. SPEC V2, O3, S7"""

import json
import os
import time
import unittest

from chunk_disk_test import MIB, Disk
from harness import wait_for
from metrics_test import fetch
from versions import VersionCluster, settings

GROUPS, SIZE = 4, 24 * MIB
CONTENT = b"a line of some content\n" * 4_000  # 92 KB
ROOM = 30  # Files that fit, whatever was put before.


class DiskCluster(VersionCluster):
    """File servers whose volumes, and whose rows, are on disks of their own."""

    def __init__(self, **options):
        self.volumes, self.rows = {}, {}

        def extra(node):
            if node.roles != "fileserver":
                return settings(groups=GROUPS)
            self.volumes[node.name] = Disk(node.dir / "disk", SIZE)
            self.rows[node.name] = Disk(node.dir / "data", 160 * MIB)
            return (settings(groups=GROUPS)
                    + f'paths = ["{node.dir / "disk" / "volume"}"]\n'
                    + '[volumes]\nreserve = "1MiB"\n')
        try:
            super().__init__(extra=extra, **options)
        except BaseException:
            self.unmount()
            raise

    def __exit__(self, *reason):
        for node in self.living():
            node.kill()
        self.unmount()
        super().__exit__(*reason)

    def unmount(self):
        for disk in [*self.volumes.values(), *self.rows.values()]:
            disk.close()
        self.volumes, self.rows = {}, {}

    def status(self):
        return json.loads(self.verb("status", "--json", check=False).stdout)

    def findings(self, code):
        return [x["what"] for x in self.status()["findings"]
                if x["code"] == code]

    def leads(self, name):
        return next(x["leads"] for x in self.status()["fileservers"]
                    if x["server"] == name)

    def put(self, path, check=True):
        began = time.monotonic()
        done = self.client.run_bytes("put", "-", path, input=CONTENT,
                                     check=check)
        return done, time.monotonic() - began


def fill(disk, leave):
    """Until so many bytes are free."""
    size = disk.free_bytes() - leave
    with open(disk.path / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def empty(disk):
    (disk.path / "filler").unlink()


@unittest.skipIf(os.geteuid() != 0, "needs root, to mount")
class FileServers(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(DiskCluster())

    def one_is_full(self, disks, leave, where):
        cluster = self.cluster
        victim = next(x for x in cluster.servers if cluster.leads(x.name) > 0)
        for i in range(5):
            cluster.put(f"/docs/before-{i}")
        fill(disks[victim.name], leave)
        longest = 0
        for i in range(ROOM):
            _, took = cluster.put(f"/docs/f{i}")
            longest = max(longest, took)
        print(f"the longest put took {longest:.2f} s", flush=True)
        self.assertLess(longest, 2)
        wait_for(lambda: cluster.leads(victim.name) == 0, 5, cluster.status)
        for i in range(ROOM):
            self.assertEqual(cluster.client.run_bytes(
                "cat", f"/docs/f{i}").stdout, CONTENT)
        said = cluster.findings("SPACE_LOW")
        self.assertTrue(any("no room" in x and victim.name in x
                            for x in said), said)
        self.assertEqual(cluster.verb("status", check=False).returncode, 1)
        space = json.loads(cluster.verb("df", "--json").stdout)
        here = [x for x in space if x["server"] == victim.name]
        self.assertTrue(any(where in x["volume"] for x in here), here)
        self.assertTrue(any("metadata" in x["volume"] for x in space
                            if x["server"] == "master"), space)
        self.assertIn("dfs_fileserver_full 1", fetch(victim, "/metrics")[1])
        self.assertTrue(victim.runs())
        empty(disks[victim.name])
        wait_for(lambda: not any("no room" in x for x in
                                 cluster.findings("SPACE_LOW")), 10,
                 cluster.status)
        # It fetches what it lacks, and leads again when all is quiet.
        cluster.wait_until_served(30)
        wait_for(lambda: cluster.leads(victim.name) > 0, 60, cluster.status)

    def test_one_volume_is_full(self):
        self.one_is_full(self.cluster.volumes, 64 * 1024, "disk/volume")

    def test_one_disk_of_rows_is_full(self):
        self.one_is_full(self.cluster.rows, 30 * MIB, "data/version-rows")

    def test_all_are_full(self):
        """Refused, soon, with the reason; afterwards all is as before."""
        cluster = self.cluster
        cluster.put("/docs/one")
        for disk in cluster.volumes.values():
            fill(disk, 64 * 1024)
        wait_for(lambda: cluster.put("/docs/more", check=False)[0].returncode,
                 30, "it takes more")
        done, took = cluster.put("/docs/more", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"room", done.stderr)
        self.assertLess(took, 10)
        wait_for(lambda: any(all(x.name in y for x in cluster.servers)
                             for y in cluster.findings("SPACE_LOW")), 5,
                 cluster.status)
        self.assertEqual(cluster.client.run_bytes("cat", "/docs/one").stdout,
                         CONTENT)
        for disk in cluster.volumes.values():
            empty(disk)
        self.assertEqual(cluster.put("/docs/after")[0].returncode, 0)
        wait_for(lambda: not cluster.findings("SPACE_LOW"), 10, cluster.status)
        cluster.wait_until_served(30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
