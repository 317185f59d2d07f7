#!/usr/bin/env python3
"""A chunkserver is killed in the middle of a copy over an old replica: it keeps
the old one until the copy is whole, every acknowledged byte is still read, and
full redundancy returns. SPEC S6, G10"""

import sys
import unittest

from chunks import ChunkCluster
from crash_points import CrashPoints, wait_for_death

MIB = 1 << 20
CHUNKS = 3

# In the order in which a copy passes them.
UNFINISHED = ("store.copy_written", "data.copied", "store.copy_synced")
FINISHED = ("store.copied", "data.copy_synced", "store.chunk_file_removed")


def content(size, seed):
    return (f"{seed} " * size)[:size].encode()


class CopyKill(unittest.TestCase):
    def chunk_files(self):
        """Of the victim: names by chunk."""
        found = {}
        for path in self.victim.dir.rglob("chunks/??/*.*"):
            found.setdefault(path.name.split(".")[0], set()).add(path.name)
        return found

    def overwrite(self, seed):
        """Every chunk, while the victim is away."""
        self.victim.kill()
        for i in range(CHUNKS):
            piece = content(300_000, seed + i)
            at = i * MIB + 1000 * seed
            self.client.write("/file", at, piece)
            self.bytes[at:at + len(piece)] = piece

    def crash(self, step):
        self.points.order([self.victim], step, 1)
        self.victim.start()
        self.assertIsNotNone(wait_for_death([self.victim], 20), step)
        self.points.withdraw()

    def check(self):
        self.assertTrue(self.client.get("/file") == bytes(self.bytes))

    def test_each_step_of_a_copy(self):
        self.bytes = bytearray(content(CHUNKS * MIB, 0))
        cluster = ChunkCluster(stores=3)
        self.client, self.victim = cluster.client, cluster.stores[0]
        self.points = CrashPoints([self.victim])
        with cluster:
            self.client.put("/file", bytes(self.bytes))
            for seed, step in enumerate(UNFINISHED + FINISHED, 1):
                with self.subTest(step=step):
                    self.overwrite(seed)
                    before = self.chunk_files()
                    self.assertEqual(len(before), CHUNKS)
                    self.crash(step)
                    after = self.chunk_files()
                    # Of each chunk one replica is here, the old or the new.
                    self.assertEqual(set(before), set(after))
                    if step in UNFINISHED:
                        for chunk, names in before.items():
                            self.assertLessEqual(names, after[chunk])
                    self.check()
                    self.victim.start()
                    cluster.wait_until_whole(20)
                    cluster.wait_until_healthy(30)
                    self.check()
            # Nothing is left of what was replaced, or not finished.
            for names in self.chunk_files().values():
                self.assertEqual(len(names), 1)
            self.client.verb("fsck", "--deep")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
