"""The machine's own limits, by dfs-reference_bench."""

import pathlib
import shutil
import tempfile

from chunks.machine import run_driver

# Which of them each figure comes from.
PARTS = {"relay": "relay", "relay_durable": "relay-durable",
         "sendfile": "sendfile", "round_trip": "round-trip", "sync": "sync"}


class References:
    """Is up without servers; its phases are named as its figures."""

    def __init__(self, driver, work):
        self.driver, self.work = driver, work

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="reference-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, name):
        sample = run_driver([self.driver, "--dir", self.dir, "--size",
                             self.work.size, "--only", PARTS[name]])
        if name == "sync":
            sample.values["sync.rate"] = 1e6 / sample.values["sync.p50"]
        return sample
