#!/usr/bin/env python3
"""What people get wrong with files: one line that says what, which path and
why, the exit status of SPEC S7, nothing half-visible, nothing left behind."""

import array
import contextlib
import fcntl
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import termios
import unittest

from chunks import ChunkCluster, bytes_read
from harness import binary, wait_for

MIB = 1 << 20


class Paused:
    """Servers that stand still inside `with`."""

    def __init__(self, nodes):
        self.nodes = nodes

    def __enter__(self):
        for node in self.nodes:
            node.pause()

    def __exit__(self, *_):
        for node in self.nodes:
            node.resume()


def waiting_in(pipe):
    """Bytes that nobody has read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def catches(pid, number):
    """Whether the process handles this signal by now."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    caught = next(x for x in status.splitlines() if x.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (number - 1) & 1


def has_open(pid, path):
    for x in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # Closed meanwhile.
            if os.readlink(x) == str(path):
                return True
    return False


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = ChunkCluster(stores=3)
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.client = cls.cluster.client
        cls.client.put("/file", b"x" * 1000)
        cls.client.verb("mkdir", "/dir")
        cls.client.put("/dir/inside", b"y")

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = pathlib.Path(directory.name)
        self.local = self.here / "local"
        self.local.write_bytes(b"z" * 5000)

    def refused(self, *arguments, status=1, mentions=(), given=b""):
        done = subprocess.run(
            [str(binary()), *arguments, "--config",
             str(self.client.config)], input=given,
            capture_output=True, timeout=60, check=False)
        text = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, status, text)
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertEqual(done.stdout, b"")
        for word in mentions:
            self.assertIn(str(word), text)

    def absent(self, path):
        self.refused("stat", path, mentions=[path])

    def start(self, *arguments, **options):
        process = subprocess.Popen(
            [str(binary()), *map(str, arguments), "--config",
             str(self.client.config)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **options)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        return process

    def test_paths_that_break_the_rules(self):
        for path in ("relative", "", "/a//b", "/a/../b", "/./a", "/a/",
                     "/" + "n" * 256, "/" + "/".join(["d" * 200] * 21)):
            for verb in (["touch", path], ["mkdir", path], ["cat", path],
                         ["mv", "/file", path], ["append", path],
                         ["put", self.local, path]):
                # To put into a directory is no mistake; it is missing.
                if verb[0] in ("put", "mv") and path == "/a/":
                    continue
                with self.subTest(verb=verb[0], path=path[:40]):
                    self.refused(*map(str, verb), status=2,
                                 mentions=[path[:40]])
        self.refused(b"touch", b"/\xff\xfe", status=2, mentions=["UTF-8"])

    def test_missing_parents(self):
        self.refused("put", str(self.local), "/no/where",
                     mentions=["/no"])
        self.refused("mkdir", "/no/where", mentions=["/no"])
        self.refused("touch", "/no/where", mentions=["/no"])
        self.refused("mv", "/file", "/no/where", mentions=["/no"])
        self.absent("/no")

    def test_a_file_where_a_directory_stands_and_the_other_way(self):
        self.refused("put", str(self.local), "/file/x", mentions=["/file"])
        self.refused("mkdir", "/file/x", mentions=["/file"])
        self.refused("mkdir", "/file", mentions=["/file"])
        self.refused("cat", "/dir", mentions=["/dir"])
        self.refused("mv", "-T", "--force", "/file", "/dir", mentions=["/dir"])
        self.refused("rm", "/dir", mentions=["/dir"])
        self.refused("mv", "/dir", "/dir/below", status=2,
                     mentions=["/dir"])
        self.assertEqual(self.client.get("/dir/inside"), b"y")

    def test_what_is_there_or_not(self):
        self.refused("put", str(self.local), "/file", mentions=["/file"])
        self.refused("mv", "/dir/inside", "/file", mentions=["/file"])
        self.refused("cat", "/nothing", mentions=["/nothing"])
        self.refused("rm", "/nothing", mentions=["/nothing"])
        self.refused("get", "/nothing", str(self.here / "got"),
                     mentions=["/nothing"])
        self.assertEqual(os.listdir(self.here), ["local"])
        self.assertEqual(self.client.get("/file"), b"x" * 1000)

    def test_offsets_beyond_the_end(self):
        self.refused("write", "/file", "-", "--offset", "1001", status=2,
                     mentions=["/file", "1001", "1000 bytes"], given=b"x")
        self.refused("write", "/nothing", "-", "--offset", "0",
                     mentions=["/nothing"], given=b"x")
        self.refused("get", "/file", "-", "--offset", "1001", status=2,
                     mentions=["/file", "1001", "1000 bytes"])
        self.assertEqual(self.client.get("/file"), b"x" * 1000)

    def test_records_over_a_quarter_chunk(self):  # SPEC G7
        self.client.verb("touch", "/log")
        self.refused("append", "--record", "/log", "-", status=2,
                     mentions=["/log", "quarter"],
                     given=b"r" * (MIB // 4 + 1))
        self.assertEqual(self.client.get("/log"), b"")

    def test_a_first_append_that_fails_makes_no_file(self):  # SPEC G7
        long = b"r" * (MIB // 4 + 1)
        self.refused("append", "--record", "/new-log", "-", status=2,
                     mentions=["/new-log", "quarter"], given=long)
        self.refused("append", "--lines", "/new-log", "-", status=2,
                     mentions=["/new-log", "quarter"], given=long + b"\n")
        self.refused("append", "/new-log", str(self.here / "none"),
                     mentions=[self.here / "none"])
        self.refused("append", "/none/log", "-", mentions=["/none"], given=b"x")
        process = self.start("append", "/new-log", stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        self.interrupt(process)
        self.absent("/new-log")
        # As a shell's `>>` does.
        self.client.verb("append", "/new-log", "/dev/null")
        self.assertEqual(self.client.get("/new-log"), b"")

    def test_local_files_that_are_none(self):
        self.refused("put", str(self.here / "none"), "/new",
                     mentions=[self.here / "none"])
        self.refused("put", str(self.here), "/new", mentions=[self.here])
        # Its length is not told; it cannot be read where it begins.
        self.refused("put", "/proc/self/mem", "/new",
                     mentions=["/proc/self/mem"])
        self.absent("/new")

    def put_interfered_with(self, path, interfere):
        """A put of a local file that is `interfere`d with while the servers
        take nothing, and a part of it has been read."""
        os.truncate(self.local, 64 * MIB)
        with Paused(self.cluster.stores):
            process = self.start("put", self.local, path)
            wait_for(lambda: bytes_read(process.pid) > 2 * MIB, 20,
                     "nothing is read", 0.005)
            interfere()
        _, text = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, text)
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertIn(str(self.local).encode(), text)
        self.absent(path)
        return text.decode()

    def test_a_local_file_that_changes_during_a_put(self):
        def change():
            with open(self.local, "r+b") as file:
                file.write(b"changed")
        self.assertIn("changed while", self.put_interfered_with(
            "/changing", change))

    def test_a_local_file_that_shrinks_during_a_put(self):
        self.assertIn("shorter", self.put_interfered_with(
            "/shrinking", lambda: os.truncate(self.local, 40 * MIB)))

    def test_a_local_file_that_vanishes_during_a_put(self):
        self.assertIn("vanished", self.put_interfered_with(
            "/vanishing", self.local.unlink))

    def test_targets_that_cannot_be_written(self):
        full = self.here / "full"
        os.mknod(full, 0o600 | stat.S_IFCHR, os.makedev(1, 7))
        for target in ("/proc/target", self.here / "none" / "target", full):
            with self.subTest(target=target):
                self.refused("get", "/file", str(target), mentions=[target])
        self.assertTrue(full.is_char_device())
        self.refused("get", "/dir/inside", str(self.here / "none/target"),
                     mentions=["none/target"])
        self.assertEqual(sorted(os.listdir(self.here)), ["full", "local"])

    def interrupt(self, process):
        wait_for(lambda: catches(process.pid, signal.SIGINT), 20,
                 "it does not begin")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 130)
        text = process.stderr.read()
        self.assertLessEqual(len(text.splitlines()), 1, text)

    def test_an_interrupted_put_leaves_nothing(self):
        for size in (10, 20 * MIB):
            process = self.start("put", "-", "/interrupted",
                                 stdin=subprocess.PIPE)
            self.addCleanup(process.stdin.close)
            process.stdin.write(b"p" * size)
            process.stdin.flush()
            wait_for(lambda: waiting_in(process.stdin) == 0, 20,
                     "nothing is read")
            self.interrupt(process)
            self.absent("/interrupted")

    def test_a_named_pipe_that_nobody_writes_to(self):
        pipe = self.here / "pipe"
        os.mkfifo(pipe)
        process = self.start("put", pipe, "/piped")
        wait_for(lambda: has_open(process.pid, pipe), 20, "it is not opened")
        # It is not taken for an empty file, either.
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        self.interrupt(process)
        self.absent("/piped")
        process = self.start("put", pipe, "/piped")
        with open(pipe, "wb") as to:
            to.write(b"p" * 3 * MIB)
        self.assertEqual(process.wait(30), 0, process.stderr.read())
        self.assertEqual(self.client.get("/piped"), b"p" * 3 * MIB)

    def test_an_interrupted_put_of_a_file_leaves_nothing(self):
        os.truncate(self.local, 64 * MIB)
        with Paused(self.cluster.stores):
            process = self.start("put", self.local, "/interrupted")
            wait_for(lambda: bytes_read(process.pid) > 2 * MIB, 20,
                     "nothing is read", 0.005)
            self.interrupt(process)
        self.absent("/interrupted")

    def test_an_interrupted_get_leaves_nothing(self):
        os.truncate(self.local, 4 * MIB)
        self.client.verb("put", self.local, "/long")
        self.local.unlink()
        with Paused(self.cluster.stores):
            process = self.start("get", "/long", self.here / "got")
            wait_for(lambda: os.listdir(self.here), 20, "it does not begin",
                     0.005)
            self.interrupt(process)
        self.assertEqual(os.listdir(self.here), [])

    def test_an_interrupted_append_says_so(self):
        self.client.verb("touch", "/interrupted-log")
        process = self.start("append", "/interrupted-log",
                             stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        process.stdin.write(b"half a line")
        process.stdin.flush()
        wait_for(lambda: waiting_in(process.stdin) == 0, 20,
                 "nothing is read")
        self.interrupt(process)
        self.assertIn(self.client.get("/interrupted-log"), b"half a line")

    def test_a_put_that_is_killed_leaves_nothing_to_be_seen(self):
        # Nobody can tidy up for it but the cluster.
        process = self.start("put", "-", "/killed", stdin=subprocess.PIPE)
        process.stdin.write(b"p" * (5 * MIB))
        process.stdin.flush()
        process.kill()
        process.communicate()
        self.absent("/killed")


class Servers(unittest.TestCase):
    def test_too_few_servers(self):  # SPEC G1
        with ChunkCluster(stores=3) as cluster:
            client = cluster.client
            client.put("/before", b"b" * 100_000)
            for node in cluster.stores[:2]:
                node.kill()
            wait_for(lambda: len(cluster.current(cluster["entry"])) == 3, 10,
                     "they are still listed")
            done = client.put("/after", b"a", check=False)
            text = done.stderr.decode()
            self.assertIn(done.returncode, (1, 3), text)
            self.assertEqual(len(text.splitlines()), 1, text)
            self.assertIn("/after", text)
            self.assertEqual(
                cluster.verb("stat", "/after", check=False).returncode, 1)
            # What is there can be read from the one that is left.
            self.assertEqual(client.get("/before"), b"b" * 100_000)
            # A lost chunk: no server that has it.
            cluster.stores[2].kill()
            done = cluster.verb("cat", "/before", "--timeout", "4s",
                                check=False)
            self.assertIn(done.returncode, (3, 5), done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn("/before", done.stderr)
            self.assertEqual(done.stdout, "")
            for node in cluster.stores:
                node.start()
            cluster.wait_until_healthy(30)
            self.assertEqual(client.get("/before"), b"b" * 100_000)
            client.put("/after", b"a")


if __name__ == "__main__":
    unittest.main()
