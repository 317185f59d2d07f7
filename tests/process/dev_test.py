#!/usr/bin/env python3
"""`dfsnode dev`: the whole cluster that a person starts first. SPEC S6, M2"""

import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import DevCluster, binary, run, wait_for

NAMES = (["introducer", "master"] + [f"chunkserver-{i}" for i in (1, 2, 3)]
         + [f"fileserver-{i}" for i in (1, 2, 3)])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Dev(unittest.TestCase):
    def test_starts_within_ten_seconds_and_ends_without_a_trace(self):
        begin = time.monotonic()
        with DevCluster(3) as cluster:
            config = cluster.wait_until_ready()
            self.assertLess(time.monotonic() - begin, 10)
            self.assertEqual(config, str(cluster.dir / "client.toml"))
            pids = cluster.pids()
            self.assertEqual(list(pids), NAMES)
            self.assertTrue(all(alive(x) for x in pids.values()))
            self.assertEqual(set(cluster.members()), set(NAMES))
            cluster.process.send_signal(signal.SIGINT)
            self.assertEqual(cluster.process.wait(20), 0)
            self.assertFalse([x for x in pids.values() if alive(x)])
            self.assertFalse((cluster.dir / "dev.sock").exists())

    def test_serves_all_that_a_user_asks_for_right_after_ready(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-test-"))
        try:
            for life in ("first", "second"):
                with DevCluster(3, directory) as cluster:
                    cluster.wait_until_ready()
                    self.use_at_once(cluster, life)
        finally:
            shutil.rmtree(directory)

    def use_at_once(self, cluster, life):
        if life == "first":
            cluster.verb("mkdir", "--class", "versioned", "/docs")
        sample = cluster.dir / "client.toml"
        # Of several groups: one may be led by chance.
        for i in range(7):
            cluster.verb("put", sample, f"/docs/{life}-{i}")
        cluster.verb("put", sample, f"/{life}")
        if life == "first":
            cluster.verb("qcreate", "jobs")
        cluster.verb("qpush", 1, 42)
        for path in ("/docs/first-0", "/first", f"/docs/{life}-6"):
            self.assertEqual(cluster.verb("cat", path).stdout,
                             sample.read_text())

    def test_too_few_servers_are_told_and_not_waited_for(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-test-"))
        try:
            for nodes in (3, 1):
                with DevCluster(nodes, directory) as cluster:
                    cluster.wait_until_ready()
                    told = cluster.error_file.read_text()
                    for what in ("chunked files", "versioned files", "queues"):
                        self.assertEqual(what in told, nodes == 1, told)
        finally:
            shutil.rmtree(directory)

    def test_kill_and_start_show_in_every_list(self):  # SPEC M4
        with DevCluster(2) as cluster:
            cluster.wait_until_ready()
            victim = "chunkserver-2"
            others = [x for x in cluster.pids() if x != victim]
            old = cluster.members()[victim]
            os.kill(cluster.pids()[victim], signal.SIGKILL)
            killed = time.monotonic()

            def listed_by(member_id):
                return [x for x in others if member_id in json.dumps(
                    json.loads(cluster.verb("members", "--node", x,
                                            "--json").stdout))]
            wait_for(lambda: not listed_by(old), 6, lambda: listed_by(old))
            self.assertLess(time.monotonic() - killed, 6.5)
            wait_for(lambda: victim not in cluster.pids(), 2, "pids is stale")
            cluster.verb("dev", "start", victim, "--dir", cluster.dir)
            wait_for(lambda: cluster.members().get(victim, old) != old, 6,
                     cluster.members)
            self.assertIn(victim, cluster.pids())

    def test_stop_says_goodbye_and_wrong_names_are_refused(self):
        with DevCluster(1) as cluster:
            cluster.wait_until_ready()
            cluster.verb("dev", "stop", "fileserver-1", "--dir", cluster.dir)
            wait_for(lambda: "fileserver-1" not in cluster.members(), 4,
                     cluster.members)
            log = (cluster.dir / "master/data/membership.log").read_text()
            self.assertRegex(log, r" leave \S+ fileserver-1 ")
            again = cluster.verb("dev", "stop", "fileserver-1", "--dir",
                                 cluster.dir, check=False)
            self.assertEqual(again.returncode, 1)
            self.assertIn("not running", again.stderr)
            wrong = cluster.verb("dev", "start", "chunkserver-9", "--dir",
                                 cluster.dir, check=False)
            self.assertEqual(wrong.returncode, 1)
            self.assertIn("chunkserver-9", wrong.stderr)
            self.assertEqual(len(wrong.stderr.splitlines()), 1)

    def test_a_node_that_ends_at_its_start_is_told_of(self):
        with DevCluster(1) as cluster:
            cluster.wait_until_ready()
            config = cluster.dir / "master/node.toml"
            text = config.read_text()

            def told(verb, **options):
                return cluster.verb("dev", verb, "master", "--dir",
                                    cluster.dir, "--json", **options)
            told("stop")
            config.write_text(text + "\n[chunks]\nsize = 7\n")
            refused = told("start", check=False)
            self.assertEqual(refused.returncode, 3, refused.stderr)
            why = json.loads(refused.stderr)["error"]["message"]
            self.assertIn("master ended at its start: exit status 2", why)
            self.assertIn("chunks.size", why)
            self.assertNotIn("master", cluster.pids())
            # What it said in an earlier life is not told again.
            config.write_text(text)
            pid = json.loads(told("start").stdout)["pid"]
            self.assertEqual(cluster.pids()["master"], pid)
            self.assertIn("master", cluster.members())

    def test_same_directory_gives_the_same_cluster(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-test-"))
        try:
            seen = []
            for _ in range(2):
                with DevCluster(1, directory) as cluster:
                    cluster.wait_until_ready()
                    members = json.loads(cluster.verb(
                        "members", "--json").stdout)
                    seen.append({x["name"]: x for x in members})
            first, second = seen
            self.assertEqual({k: v["store"] for k, v in first.items()},
                             {k: v["store"] for k, v in second.items()})
            for name, member in second.items():
                self.assertNotEqual(member["id"], first[name]["id"], name)
        finally:
            shutil.rmtree(directory)

    def test_a_second_one_on_the_directory_is_refused(self):
        with DevCluster(1) as cluster:
            cluster.wait_until_ready()
            second = run("dev", "--nodes", 1, "--dir", cluster.dir,
                         check=False)
            self.assertEqual(second.returncode, 2, second.stderr)
            self.assertEqual(len(second.stderr.splitlines()), 1)
            self.assertIn(str(cluster.dir), second.stderr)
            self.assertEqual(len(cluster.members()), 4)

    def test_can_be_interrupted_at_any_moment_and_started_again(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="dfsnode-test-"))
        try:
            for pause in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
                with DevCluster(1, directory) as cluster:
                    # The moment is what varies.
                    time.sleep(pause)
                    cluster.process.send_signal(signal.SIGINT)
                    self.assertIn(cluster.process.wait(20), (0, 130, -2))
            with DevCluster(1, directory) as cluster:
                cluster.wait_until_ready()
        finally:
            shutil.rmtree(directory)

    def test_a_name_that_a_shell_would_split_is_quoted(self):
        with tempfile.TemporaryDirectory() as base:
            directory = pathlib.Path(base) / "it's $a b"
            directory.mkdir()
            with DevCluster(1, directory) as cluster:
                named = cluster.wait_until_ready()
                self.assertEqual(shlex.split(named),
                                 [str(directory / "client.toml")])

    def test_no_node_outlives_a_killed_dev(self):
        with DevCluster(1) as cluster:
            cluster.wait_until_ready()
            pids = cluster.pids()
            cluster.process.kill()
            cluster.process.wait()
            wait_for(lambda: not [x for x in pids.values() if alive(x)], 15,
                     lambda: [k for k, v in pids.items() if alive(v)])


class NoCluster(unittest.TestCase):
    def test_a_directory_of_somebody_else_is_left_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "letter"
            path.write_text("mine")
            for wanted, mentions in ((directory, "not empty"),
                                     (path, "irectory"), ("/proc/dfs", "/proc")):
                done = run("dev", "--nodes", 1, "--dir", wanted, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertIn(mentions, done.stderr)
            self.assertEqual(os.listdir(directory), ["letter"])

    def test_start_without_a_cluster_says_so(self):
        with tempfile.TemporaryDirectory() as directory:
            done = run("dev", "start", "master", "--dir", directory,
                       check=False)
            self.assertEqual(done.returncode, 3)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_verbs_without_a_configuration_say_where_they_looked(self):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                [str(binary()), "members"], capture_output=True, text=True,
                cwd=directory, check=False,
                env={"HOME": directory, "PATH": os.environ["PATH"]})
            self.assertEqual(done.returncode, 2)
            self.assertIn("DFSNODE_CONFIG", done.stderr)


if __name__ == "__main__":
    unittest.main()
