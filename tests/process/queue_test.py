"""Queues on three real file servers (SPEC Q1 to Q10): servers that are killed,
cut off, restarted, or all without power at once."""

import json
import pathlib
import sys
import unittest

import harness
import netns

NAMES = ("fs-1", "fs-2", "fs-3")


class Group:
    """Three file servers that keep queues; the first is the introducer."""

    def __init__(self, durability="durable", primary="majority", network=None):
        ports = harness.free_ports(len(NAMES))
        at = network.addresses if network else ["127.0.0.1"] * len(NAMES)
        servers = ", ".join(
            f'"{i + 1}={name}@{at[i]}:{ports[i]}"'
            for i, name in enumerate(NAMES))
        roles = ["introducer,fileserver", "fileserver", "fileserver"]
        self.cluster = harness.Cluster(
            list(zip(NAMES, roles)), at if network else None,
            [network.prefix(i) for i in range(3)] if network else None,
            extra=lambda node: (
                f"[queue]\nserver_id = {NAMES.index(node.name) + 1}\n"
                f"servers = [{servers}]\n"
                f'durability = "{durability}"\nprimary = "{primary}"\n'))
        contacts = ", ".join(f'"{x.at("stream")}"'
                             for x in self.cluster.nodes.values())
        self.config = self.cluster.dir / "client.toml"
        self.config.write_text(f'[client]\ncontacts = [{contacts}]\n'
                               f'bundle = "{self.cluster.dir}/admin"\n')

    def __enter__(self):
        self.cluster.__enter__()
        self.cluster.start()
        self.wait_until_primary(NAMES)
        return self

    def __exit__(self, *what):
        self.cluster.__exit__(*what)

    def __getitem__(self, name):
        return self.cluster[name]

    def status(self, name):
        """What `dfsnode group` says at this server; None: no answer."""
        done = self[name].verb("group", "--node", name, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def is_primary(self, name):
        found = self.status(name)
        return found is not None and found.get("primary") in (True, "yes")

    def wait_until_primary(self, names, seconds=30):
        for name in names:
            harness.wait_for(lambda n=name: self.is_primary(n), seconds,
                             lambda n=name: (n, self.status(n)), 0.2)

    def verb(self, *words, **options):
        return harness.run(*words, "--config", self.config, **options)

    def text(self, *words):
        return self.verb(*words).stdout.strip()


class Queues(unittest.TestCase):
    def push_all(self, group, queue, items):
        for item in items:
            group.verb("qpush", queue, item)

    def pop_all(self, group, queue, count):
        return [group.text("qpop", queue) for _ in range(count)]

    # SPEC Q1, Q4, Q5, Q8
    def test_a_server_is_killed_and_comes_back(self):
        with Group() as group:
            queue = group.text("qcreate", "jobs")
            self.assertEqual(group.text("qcreate", "jobs"), queue)
            self.push_all(group, queue, range(10))
            group["fs-3"].kill()
            self.push_all(group, queue, range(10, 20))
            self.assertEqual(self.pop_all(group, queue, 5),
                             [str(i) for i in range(5)])
            group["fs-3"].start()
            group.wait_until_primary(NAMES)
            self.assertEqual(self.pop_all(group, queue, 15),
                             [str(i) for i in range(5, 20)])
            empty = group.verb("qpop", queue, check=False)
            self.assertEqual(empty.returncode, 1)

    # SPEC Q10
    def test_the_power_of_all_fails(self):
        with Group() as group:
            queue = group.text("qcreate", "jobs")
            self.push_all(group, queue, range(20))
            for round in range(2):
                for name in NAMES:
                    group[name].kill()
                for name in NAMES:
                    group[name].start()
                group.wait_until_primary(NAMES)
                self.assertEqual(group.text("qcreate", "jobs"), queue)
                self.assertEqual(group.text("qpop", queue), str(round))
            self.assertEqual(group.text("qsize", queue), "18")

    # SPEC Q6, Q10
    def test_one_of_three_serves_when_it_is_forced(self):
        with Group() as group:
            queue = group.text("qcreate", "jobs")
            self.push_all(group, queue, range(3))
            group["fs-1"].kill()
            group["fs-2"].kill()
            harness.wait_for(lambda: group.status("fs-3") is not None
                             and not group.is_primary("fs-3"), 20,
                             "it still takes itself for primary", 0.2)
            refused = group.verb("qpush", queue, "4", "--timeout", "2s",
                                 check=False)
            self.assertNotEqual(refused.returncode, 0)
            group["fs-3"].verb("admin", "force-primary", "--node", "fs-3",
                               "--yes")
            group.wait_until_primary(["fs-3"])
            self.assertEqual(group.text("qpop", queue), "0")
            log = (group["fs-3"].dir / "node.log").read_text()
            self.assertIn("force_queue_primary", log)
            # The others come back and take over what it has.
            group["fs-1"].start()
            group["fs-2"].start()
            group.wait_until_primary(NAMES)
            self.assertEqual(group.text("qsize", queue), "2")

    # SPEC Q5
    def test_memory_mode_gives_a_restarted_server_the_state(self):
        with Group(durability="memory") as group:
            queue = group.text("qcreate", "jobs")
            self.push_all(group, queue, range(10))
            group["fs-1"].kill()
            group["fs-1"].start()
            group.wait_until_primary(NAMES)
            done = group["fs-1"].verb("qsize", queue)
            self.assertEqual(done.stdout.strip(), "10")


@unittest.skipIf(netns.missing(), f"needs namespaces: {netns.missing()}")
class Partitions(unittest.TestCase):
    # SPEC Q6, Q7
    def test_who_is_cut_off_waits_and_takes_over_the_primary(self):
        with netns.Network(3) as network, Group(network=network) as group:
            one = group["fs-1"]
            queue = one.verb("qcreate", "jobs").stdout.strip()
            network.split([0, 1], [2])
            harness.wait_for(lambda: not group.is_primary("fs-3"), 20,
                             "it still takes itself for primary", 0.2)
            for item in range(5):
                one.verb("qpush", queue, item)
            network.heal()
            group.wait_until_primary(NAMES)
            self.assertEqual(
                group["fs-3"].verb("qsize", queue).stdout.strip(), "5")

    # SPEC Q6
    def test_the_highest_id_goes_on_alone(self):
        with netns.Network(3) as network, \
                Group(primary="highest-id", network=network) as group:
            three = group["fs-3"]
            queue = three.verb("qcreate", "jobs").stdout.strip()
            network.split([0, 1], [2])
            harness.wait_for(lambda: not group.is_primary("fs-1"), 20,
                             "it still takes itself for primary", 0.2)
            self.assertFalse(group.is_primary("fs-2"))
            group.wait_until_primary(["fs-3"])
            three.verb("qpush", queue, 1)
            network.heal()
            group.wait_until_primary(NAMES)
            self.assertEqual(
                group["fs-1"].verb("qsize", queue).stdout.strip(), "1")

    # SPEC Q6, Q7
    def test_by_the_letter_both_sides_serve_and_one_is_given_up(self):
        with netns.Network(3) as network, \
                Group(primary="highest-id-literal", network=network) as group:
            one, three = group["fs-1"], group["fs-3"]
            queue = one.verb("qcreate", "jobs").stdout.strip()
            network.split([0, 1], [2])
            # As silence counts for death, nobody refuses.
            harness.wait_for(
                lambda: len(group.status("fs-3")["members"]) == 1
                and len(group.status("fs-1")["members"]) == 2, 20,
                lambda: [group.status(x) for x in NAMES], 0.2)
            for item in range(3):
                one.verb("qpush", queue, item)
            three.verb("qpush", queue, 77)
            network.heal()
            harness.wait_for(
                lambda: all(len((group.status(x) or {}).get("members", [])) == 3
                            for x in NAMES), 30,
                lambda: [group.status(x) for x in NAMES], 0.2)
            group.wait_until_primary(NAMES)
            self.assertEqual(one.verb("qpop", queue).stdout.strip(), "77")
            self.assertEqual(one.verb("qsize", queue).stdout.strip(), "0")
            log = (one.dir / "node.log").read_text()
            self.assertIn("given up after a merge", log)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    unittest.main()
