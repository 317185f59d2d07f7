"""Steps at which nodes can be made to die (DFS_CRASH_POINT in src), for tests
that try all of them. Standard library only."""

from harness import wait_for


class CrashPoints:
    """The nodes of a cluster that list the steps they pass, and die where they
    are told."""

    def __init__(self, nodes):
        self.nodes = list(nodes)
        for node in self.nodes:
            node.env = {"DFS_CRASH_AT": f"@{node.dir}/crash.order",
                        "DFS_CRASH_LIST": f"{node.dir}/crash.list"}

    def passed(self):
        """(role, step) since the last time this was asked."""
        found = set()
        for node in self.nodes:
            path = node.dir / "crash.list"
            if path.exists():
                taken = path.with_suffix(".taken")
                path.rename(taken)
                found |= {(node.roles, x)
                          for x in taken.read_text().split()}
        return found

    def order(self, nodes, step, at):
        """They die at that pass from now on; "a,b": at b, behind that pass of
        a."""
        first, comma, then = step.partition(",")
        for node in nodes:
            draft = node.dir / "crash.draft"
            draft.write_text(f"{first}:{at}{comma}{then}")
            draft.rename(node.dir / "crash.order")

    def withdraw(self):
        for node in self.nodes:
            (node.dir / "crash.order").unlink(missing_ok=True)


class Discovery:
    """What each operation passes, one after the other. Subclasses name their
    operations, each a method."""

    operations = ()

    def __init__(self, cluster, points):
        self.cluster, self.client = cluster, cluster.client
        self.points = points
        self.steps = {}  # (role, step) -> operations, in their order

    def run(self):
        self.note("start")
        for name in self.operations:
            getattr(self, name)()
            self.note(name)
        return self.steps

    def note(self, operation):
        for key in self.passed():
            self.steps.setdefault(key, []).append(operation)

    def passed(self):
        return self.points.passed()


def wait_for_death(nodes, seconds):
    """One of them that has died, or None."""
    try:
        return wait_for(
            lambda: next((x for x in nodes if not x.runs()), None), seconds,
            "no death")
    except AssertionError:
        return None


def print_matrix(steps, outcomes, passes):
    """`steps` are (role, step) -> operations that pass it; `outcomes` are
    (role, step, pass) -> what happened."""
    print(f"{'role':12} {'step':38} "
          + " ".join(f"{'pass ' + str(x):22}" for x in passes) + " passed by")
    for (role, step), operations in sorted(steps.items()):
        row = " ".join(f"{outcomes.get((role, step, x), ''):22}"
                       for x in passes)
        print(f"{role:12} {step:38} {row} {', '.join(operations)}")
