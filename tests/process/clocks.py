"""Nodes whose wall clocks jump: libfaketime. Standard library only."""

import pathlib

LIBRARIES = pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
LIBRARY = next(LIBRARIES, None)
HOUR, YEAR = 3600, 365 * 24 * 3600


class Clock:
    """The wall clock of a node; what measures spans is left alone."""

    def __init__(self, node):
        self.path = node.dir / "clock"
        self.jump(0)
        node.env = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "FAKETIME_TIMESTAMP_FILE": str(self.path)}

    def jump(self, seconds):
        draft = self.path.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}s\n")
        draft.rename(self.path)
