"""What the measurements share; importing it makes tests/process importable."""

import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent
                       / "process"))


def parse(parser):
    """Adds what every measurement takes, and parses the command line."""
    parser.add_argument("--dfsnode", default=None)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.dfsnode:
        os.environ["DFSNODE"] = str(pathlib.Path(arguments.dfsnode).resolve())
    return arguments


def node_list(count):
    """(name, roles) of a group: an introducer, a master, chunkservers."""
    roles = ["introducer", "master"] + ["chunkserver"] * count
    return [(f"node-{i + 1}", roles[i]) for i in range(count)]
