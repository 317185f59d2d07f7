#!/usr/bin/env python3
"""One server as its operator meets it: roles, signals, rotation, IPv6, and the
verbs that look at it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import unittest

from harness import Cluster, binary, run, wait_for


def certificate_at(node):
    """What the node shows to whoever knocks, as PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((node.address, node.ports["stream"]), 5) \
            as plain, context.wrap_socket(plain) as secured:
        return secured.getpeercert(binary_form=True)


class Server(unittest.TestCase):
    def test_holds_all_roles_in_one_process(self):  # SPEC S1
        roles = "introducer,master,chunkserver,fileserver"
        with Cluster([("node-1", roles)]) as cluster:
            cluster.start()
            members = json.loads(
                cluster["node-1"].verb("members", "--json").stdout)
            self.assertEqual([x["roles"] for x in members], [roles.split(",")])

    def test_takes_up_rotated_logs_and_certificates(self):  # SPEC S5, O4
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            node, other = cluster["node-1"], cluster["node-2"]
            log = node.dir / "data/membership.log"
            moved = log.rename(log.with_suffix(".1")).read_text()
            before = certificate_at(node)
            fresh = node.dir / "fresh"
            run("cluster", "bundle", "--dir", cluster.ca, "--role",
                node.roles, "--name", node.name, "--out", fresh)
            for name in ("node.crt", "node.key"):
                (fresh / name).rename(node.dir / "bundle" / name)
            os.kill(node.pid, signal.SIGHUP)
            wait_for(lambda: certificate_at(node) != before, 5,
                     "the old certificate is still shown")
            wait_for(log.exists, 5, "no fresh membership log")
            other.stop()
            wait_for(lambda: " leave " in log.read_text(), 5, log.read_text)
            self.assertNotIn(" leave ", moved)
            self.assertIsNotNone(node.members())

    def test_keeps_its_certificate_when_the_new_one_is_none(self):
        with Cluster([("node-1", "introducer")]) as cluster:
            cluster.start()
            node = cluster["node-1"]
            before = certificate_at(node)
            (node.dir / "bundle/node.crt").write_text("nonsense")
            os.kill(node.pid, signal.SIGHUP)
            text = node.dir / "node.log"
            wait_for(lambda: "keys kept as they were" in text.read_text(), 5,
                     text.read_text)
            self.assertEqual(certificate_at(node), before)

    def test_ends_with_a_goodbye(self):  # SPEC S6
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            self.assertEqual(cluster["node-2"].stop(), 0)
            wait_for(lambda: cluster.current(cluster["node-1"]).keys()
                     == {"node-1"}, 3, "no goodbye was heard")

    def test_can_be_told_to_stop_while_it_looks_for_its_group(self):
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            node = cluster["node-2"].start()
            wait_for((node.dir / "data").exists, 5, "it did not start")
            self.assertEqual(node.stop(5), 0)
            self.assertFalse((node.dir / "data").exists())

    def test_comes_back_after_sigkill_as_a_newer_life(self):  # SPEC M1, S6
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            node = cluster["node-2"]
            lives = []
            for _ in range(3):
                lives.append(cluster.current(cluster["node-1"])["node-2"])
                node.kill()
                node.start()  # At once: its former life is still listed.
                wait_for(lambda: cluster.current(cluster["node-1"]).get(
                    "node-2", lives[-1]) != lives[-1], 10,
                    lambda: cluster.current(cluster["node-1"]))
                cluster.wait_until_whole(10)
            stamps = [int(x.rsplit("@", 1)[1]) for x in lives]
            self.assertEqual(stamps, sorted(set(stamps)))

    def test_serves_on_ipv6(self):  # SPEC S4
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        with Cluster([("node-1", "introducer"), ("node-2", "chunkserver")],
                     addresses=["::1", "::1"]) as cluster:
            cluster.start()
            self.assertEqual(set(cluster["node-2"].members()),
                             {"node-1", "node-2"})


class Verbs(unittest.TestCase):
    def test_watch_members_tells_changes_as_they_happen(self):  # SPEC M6
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            watch = subprocess.Popen(
                [str(binary()), "watch", "members", "--config",
                 str(cluster["node-1"].client_config())],
                stdout=subprocess.PIPE, text=True)
            try:
                for expected in ("NAME", "node-1", "node-2"):
                    self.assertIn(expected, watch.stdout.readline())
                cluster["node-2"].stop()
                line = watch.stdout.readline()
                self.assertRegex(line, r"^\S+Z leave \S+ node-2 chunkserver ")
            finally:
                watch.send_signal(signal.SIGINT)
                watch.wait(5)
                watch.stdout.close()

    def test_a_watch_outlives_its_contact(self):  # SPEC M6
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            first, second = cluster["node-1"], cluster["node-2"]
            both = cluster.dir / "both.toml"
            both.write_text(second.client_config().read_text().replace(
                '"]', f'", "{first.at("stream")}"]', 1))
            with subprocess.Popen(
                    [str(binary()), "watch", "members", "--config",
                     str(both)], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True) as watch:
                try:
                    for expected in ("NAME", "node-1", "node-2"):
                        self.assertIn(expected, watch.stdout.readline())
                    second.kill()
                    self.assertEqual(watch.stderr.readline(),
                                     "lost node-2, now watching node-1\n")
                    self.assertRegex(watch.stdout.readline(),
                                     r"^\S+Z fail  \S+ node-2 chunkserver ")
                    second.start()
                    self.assertRegex(watch.stdout.readline(),
                                     r"^\S+Z join  \S+ node-2 chunkserver ")
                    cluster.wait_until_whole()  # node-2 knows, too.
                    first.kill()
                    self.assertEqual(watch.stderr.readline(),
                                     "lost node-1, now watching node-2\n")
                finally:
                    watch.send_signal(signal.SIGINT)

    def test_whoami_bandwidth_and_reset_time(self):  # SPEC M6, S8
        with Cluster([("node-1", "introducer")]) as cluster:
            cluster.start()
            node = cluster["node-1"]
            self_record = json.loads(node.verb("whoami", "--json").stdout)
            self.assertEqual(self_record["name"], "node-1")
            self.assertEqual(self_record["principal"], "admin")
            self.assertEqual(self_record["rights"], "admin")
            total = json.loads(node.verb("bandwidth", "--json").stdout)[-1]
            self.assertEqual(total["type"], "total")
            node.verb("reset_time")  # As the original spelled it.
            self.assertEqual(node.verb("list_mem").stdout,
                             node.verb("members").stdout)

    def test_a_node_leaves_and_joins_on_demand(self):  # SPEC M6
        with Cluster([("node-1", "introducer"),
                      ("node-2", "chunkserver")]) as cluster:
            cluster.start()
            first, second = cluster["node-1"], cluster["node-2"]
            old = first.members()["node-2"]
            left = first.verb("leave", "node-2").stdout
            wait_for(lambda: "node-2" not in first.members(), 3, "no leave")
            self.assertIsNone(second.process.poll())
            contact = f"{second.address}:{second.ports['stream']}"
            self.assertIn(f"dfsnode join --contact {contact}", left)
            # It knows nothing of the group any more: another one is asked.
            alone = second.verb("members", check=False)
            self.assertEqual(alone.returncode, 3, alone.stderr)
            self.assertIn("node-2 has left the group", alone.stderr)
            both = cluster.dir / "both.toml"
            both.write_text(second.client_config().read_text().replace(
                '"]', f'", "{first.at("stream")}"]', 1))
            listed = json.loads(run("members", "--json", "--config",
                                    both).stdout)
            self.assertEqual([x["name"] for x in listed], ["node-1"])
            run("whoami", "--node", "node-1", "--config", both)
            first.verb("join", "--contact", contact)
            wait_for(lambda: first.members().get("node-2", old) != old, 3,
                     first.members)

    def test_readers_change_nothing(self):  # SPEC O4
        with Cluster([("node-1", "introducer")]) as cluster:
            cluster.start()
            node = cluster["node-1"]
            run("cluster", "user", "rita", "--rights", "reader", "--dir",
                cluster.ca, "--out", cluster.dir / "rita")
            config = cluster.dir / "rita.toml"
            config.write_text(node.client_config().read_text().replace(
                str(cluster.dir / "admin"), str(cluster.dir / "rita")))
            self.assertEqual(
                run("members", "--config", config).returncode, 0)
            for verb in (["reset-time"], ["leave", "node-1"],
                         ["log", "level", "gate", "debug"]):
                with self.subTest(verb=verb):
                    done = run(*verb, "--config", config, check=False)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertEqual(set(node.members()), {"node-1"})


if __name__ == "__main__":
    unittest.main()
