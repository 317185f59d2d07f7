#!/usr/bin/env python3
"""A disk of a file server that hangs: no call fails, none ends. Each server has
a file system of its own. SPEC V2, V4"""

import time
import unittest

from disks import OnDisks, missing
from versions import History, VersionCluster, content_of


class DiskVersions(OnDisks, VersionCluster):
    pass


@unittest.skipIf(missing(), f"needs file systems of its own: {missing()}")
class Frozen(unittest.TestCase):
    def goes_on(self, cluster, history, kept):
        began = time.monotonic()
        history.wait_for_some("put", 30, "a disk hangs", 3)
        history.wait_for_some("get", 30, "a disk hangs", 3)
        for path, text in kept.items():
            self.assertEqual(cluster.client.get(path), text, path)
        print(f"served after {time.monotonic() - began:.1f} s", flush=True)
        history.wait_for_some("put", 30, "a disk hangs", 20)

    def test_of_one_of_three(self):
        with DiskVersions() as cluster:
            kept = {f"/docs/kept-{i}": content_of(f"kept {i}", 300 << i)
                    for i in range(8)}  # Of groups that any of them leads.
            for path, text in kept.items():
                cluster.client.put(path, text)
            with History(cluster, "/docs/hung", timeout="5s") as history:
                for victim in cluster.servers:  # One of them leads it.
                    history.wait_for_some("put", 30, "all is well", 5)
                    with cluster.disks[victim.name].frozen():
                        history.inject(f"the disk of {victim.name} hangs")
                        self.goes_on(cluster, history, kept)
                    history.inject("it answers again")
                    cluster.wait_until_served(90)
                history.wait_for_some("put", 30, "all is well again", 5)
            print(history.path, history.summary(), flush=True)
            self.assertEqual(history.faults(), [])
            for path, text in kept.items():
                self.assertEqual(cluster.client.get(path), text, path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
