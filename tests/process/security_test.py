#!/usr/bin/env python3
"""A stranger at every port of a running node: no effect, memory grows by less
than 64 MiB, the node keeps answering. SPEC O4, M8"""

import contextlib
import os
import random
import socket
import ssl
import struct
import tempfile
import threading
import time
import unittest

from harness import Cluster, rss_bytes, run, wait_for

GROWTH_MAX = 64 << 20
TCP_PLANES = ("control", "stream", "http")


class Attacked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster([("node-1", "introducer,master"),
                               ("node-2", "chunkserver")])
        cls.cluster.__enter__()
        cls.cluster.start()
        cls.strangers = tempfile.TemporaryDirectory()
        cls.other = cls.strangers.name
        run("cluster", "init", f"{cls.other}/ca")
        run("cluster", "bundle", "--dir", f"{cls.other}/ca", "--role",
            "chunkserver", "--name", "node-9", "--out", f"{cls.other}/node")
        run("cluster", "user", "admin", "--rights", "admin", "--dir",
            f"{cls.other}/ca", "--out", f"{cls.other}/user")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        cls.strangers.cleanup()

    def setUp(self):
        self.node = self.cluster["node-1"]
        self.before = rss_bytes(self.node.pid)
        self.ids = self.node.members()
        self.assertEqual(set(self.ids), {"node-1", "node-2"})

    def tearDown(self):
        self.assertIsNone(self.node.process.poll(), "the node died")
        self.assertEqual(self.node.members(), self.ids)
        grown = rss_bytes(self.node.pid) - self.before
        self.assertLess(grown, GROWTH_MAX)

    def connect(self, plane):
        found = socket.create_connection(
            ("127.0.0.1", self.node.ports[plane]), 5)
        found.settimeout(15)
        return found

    def closed(self, connection):
        """Reads until the peer closes; whether it did."""
        try:
            while connection.recv(65536):
                pass
            return True
        except (ConnectionError, ssl.SSLError):
            return True
        except (TimeoutError, socket.timeout):
            return False

    def tls(self, bundle, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if bundle:
            context.load_cert_chain(f"{bundle}/{name}.crt",
                                    f"{bundle}/{name}.key")
        return context

    def refused_by(self, plane, context):
        """TLS 1.3 tells a client of its refusal after the handshake."""
        with self.connect(plane) as plain:
            try:
                with context.wrap_socket(plain) as secured:
                    return self.closed(secured)
            except (ssl.SSLError, ConnectionError):
                return True

    def test_certificates_of_strangers(self):
        for plane in ("control", "stream"):
            for bundle, name in ((None, ""), (f"{self.other}/node", "node"),
                                 (f"{self.other}/user", "user")):
                with self.subTest(plane=plane, bundle=bundle):
                    self.assertTrue(
                        self.refused_by(plane, self.tls(bundle, name)))

    def test_a_client_certificate_at_the_gate(self):
        context = self.tls(self.cluster.dir / "admin", "user")
        self.assertTrue(self.refused_by("control", context))

    def test_plain_actor_frames_and_huge_lengths(self):
        # A BASP header that announces 2 GiB, bare and inside TLS records.
        header = struct.pack(">BBBBIQQQ", 1, 0, 0, 0, 0x7fffffff, 0, 0, 0)
        frame = b"\xff" * 64
        for plane in TCP_PLANES:
            for data in (header, frame, b"\x16\x03\x01\xff\xff" + frame):
                with self.subTest(plane=plane), self.connect(plane) as peer:
                    peer.sendall(data)
                    self.assertTrue(self.closed(peer))

    def test_huge_frames_of_a_real_client(self):
        context = self.tls(self.cluster.dir / "admin", "user")
        for data in (b"\xff" * 32, struct.pack("<I", 0x7fffffff) * 8,
                     os.urandom(4096)):
            with self.connect("stream") as plain, \
                    context.wrap_socket(plain) as peer:
                peer.sendall(data)
                self.assertTrue(self.closed(peer))

    def test_random_bytes(self):
        chance = random.Random(7)
        for plane in TCP_PLANES:
            for _ in range(60):
                with self.connect(plane) as peer:
                    with contextlib.suppress(ConnectionError):
                        peer.sendall(chance.randbytes(
                            chance.randrange(1, 4096)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for plane in ("ping", "group"):
                for _ in range(20_000):
                    udp.sendto(chance.randbytes(chance.randrange(0, 1400)),
                               ("127.0.0.1", self.node.ports[plane]))

    def test_five_hundred_idle_connections(self):
        for plane in TCP_PLANES:
            with self.subTest(plane=plane), contextlib.ExitStack() as stack:
                idle = []
                for _ in range(500):
                    with contextlib.suppress(OSError):
                        idle.append(stack.enter_context(self.connect(plane)))
                self.assertEqual(self.node.members(), self.ids)
                threads = [threading.Thread(target=self.closed, args=(x,))
                           for x in idle[:20]]
                begin = time.monotonic()
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertLess(time.monotonic() - begin, 12,
                                "idle strangers are kept")

    @unittest.skipUnless(os.geteuid() == 0, "listening on lo needs root")
    def test_replayed_forged_and_truncated_datagrams(self):  # SPEC M8
        captured = self.capture(3)
        self.assertGreater(len(captured), 10)
        target = [("127.0.0.1", self.node.ports[x]) for x in ("ping", "group")]
        chance = random.Random(11)

        def attack():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                for data in captured:
                    for to in target:
                        udp.sendto(data, to)
                        cut = chance.randrange(len(data))
                        udp.sendto(data[:cut], to)
                        bent = bytearray(data)
                        bent[cut] ^= 1 << chance.randrange(8)
                        udp.sendto(bytes(bent), to)
        attack()
        self.assertEqual(self.node.members(), self.ids)
        # After its restart the receiver knows none of the counters it saw.
        peer = self.cluster["node-2"]
        self.node.stop()
        wait_for(lambda: self.cluster.current(peer).keys() == {"node-2"}, 8,
                 "no leave")
        lines = len(peer.membership_log())
        self.node.start()
        self.cluster.wait_until_whole(15)
        attack()
        time.sleep(1)  # Nothing may happen, and nothing tells when it did not.
        self.ids = self.node.members()
        self.assertEqual(set(self.ids), {"node-1", "node-2"})
        self.assertEqual(len(peer.membership_log()), lines + 1)
        self.before = rss_bytes(self.node.pid)

    def capture(self, seconds):
        """Datagrams of the group plane, as a stranger on the wire sees them."""
        ports = {x.ports[y] for x in self.cluster.nodes.values()
                 for y in ("ping", "group")}
        found, end = [], time.monotonic() + seconds
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                           socket.ntohs(0x0800)) as wire:
            wire.bind(("lo", 0))
            wire.settimeout(0.2)
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError, socket.timeout):
                    packet = wire.recv(65536)
                    size = (packet[0] & 15) * 4
                    if packet[9] != 17:
                        continue
                    to = struct.unpack_from(">H", packet, size + 2)[0]
                    if to in ports and packet[size + 8:] not in found:
                        found.append(packet[size + 8:])
        return found


if __name__ == "__main__":
    unittest.main()
