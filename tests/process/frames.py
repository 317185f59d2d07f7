"""A client of the stream port that keeps to no rules: frames over TLS, as
docs/formats/frame.md draws them. Standard library only."""

import contextlib
import socket
import ssl
import struct

LOGIN, ECHO = 1, 2
REQUEST, ANSWER = 1, 2
HEADER = struct.Struct("<2sBBHBBIIQII")


def _table():
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82f63b78 if i & 1 else 0)
        yield i


TABLE = tuple(_table())


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value = TABLE[(value ^ byte) & 0xff] ^ (value >> 8)
    return value ^ 0xffffffff


def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(value):
    return varint(len(value)) + value


def take_text(data):
    """Returns the text that `data` begins with, and the rest."""
    size = shift = at = 0
    while True:
        byte = data[at]
        size |= (byte & 0x7f) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return data[at:at + size], data[at + size:]


def request(method, number, message, token=b""):
    payload = bytes([len(token)]) + token + message
    fields = [b"dF", 1, REQUEST, method, 0, 0, len(payload), 0, number, 0]
    head = HEADER.pack(*fields, 0)[:28]
    return head + struct.pack("<I", crc32c(head + payload)) + payload


class Peer:
    """A connection with the certificate in `bundle`, as a user has it."""

    def __init__(self, port, bundle, receive_buffer=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(f"{bundle}/user.crt", f"{bundle}/user.key")
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                             receive_buffer)
        plain.settimeout(10)
        plain.connect(("127.0.0.1", port))
        self.socket = context.wrap_socket(plain)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """(kind, status, number, payload) of the next frame."""
        head = HEADER.unpack(self._exactly(HEADER.size))
        return head[2], head[4], head[8], self._exactly(head[6])

    def _exactly(self, size):
        data = bytearray()
        while len(data) < size:
            some = self.socket.recv(min(size - len(data), 1 << 20))
            if not some:
                raise ConnectionError("closed")
            data += some
        return bytes(data)

    def log_in(self):
        """Returns the token."""
        self.send(request(LOGIN, 1, text(b"frames.py")))
        kind, status, _, reply = self.read()
        assert (kind, status) == (ANSWER, 0), (kind, status, reply)
        _, rest = take_text(reply)
        return take_text(rest[1:])[0]


def ask_and_never_read(node, bundle, connections, answers=20, size=400_000):
    """Returns the connections, most of them with answers that nobody takes."""
    crowd = [Peer(node.ports["stream"], bundle, receive_buffer=65536)
             for _ in range(connections)]
    token = crowd[0].log_in()
    asked = [request(ECHO, 10 + i, text(b"x" * size), token)
             for i in range(answers)]
    for peer in crowd:
        peer.socket.settimeout(0.5)
        # The server reads no more once too much is unsent, or has closed.
        with contextlib.suppress(OSError):
            for data in asked:
                peer.send(data)
    return crowd
