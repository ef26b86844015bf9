"""The aggregator's frames, written and read in plain Python: a peer that may break the rules."""

import hashlib
import socket
import struct
from typing import NamedTuple

HEADER = struct.Struct("<IBBBBQIHHII")
MAGIC = 0x31474842
HELLO, WELCOME, GATHER, GATHERED, CODES, RESULT, GONE, ERROR, BYE = range(1, 10)
POINTS = [0, 1, 2, 2]  # of 2 bits


def _table():
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        yield crc


TABLE = list(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


class Frame(NamedTuple):
    type: int
    bits: int
    lanes: int
    table: int
    job: int
    epoch: int
    slot: int
    worker: int
    payload: bytes

    @property
    def text(self):
        return self.payload.decode()


def frame(kind, payload=b"", *, bits=0, lanes=0, table=0, job=0, epoch=0, slot=0, worker=0):
    fields = (MAGIC, kind, bits, lanes, table, job, epoch, slot, worker, len(payload))
    crc = crc32c(HEADER.pack(*fields, 0) + payload)
    return HEADER.pack(*fields, crc) + payload


def hello(rank, workers, *, token=None, tables=(POINTS,), bits=2, job=0):
    digest = bytes(32) if token is None else hashlib.sha256(token.encode()).digest()
    points = b"".join(struct.pack(f"<{len(table)}H", *table) for table in tables)
    payload = struct.pack("<H", workers) + digest + bytes([bits, len(tables)]) + points
    return frame(HELLO, payload, worker=rank, job=job)


class Peer:
    """A connection that sends whatever it is told to."""

    def __init__(self, address, *, timeout=20):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.pending = b""

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def read(self):
        """The next frame, or None at the end."""
        while len(self.pending) < HEADER.size or len(self.pending) < HEADER.size + self._payload():
            more = self.socket.recv(1 << 16)
            if not more:
                return None
            self.pending += more
        size = HEADER.size + self._payload()
        whole, self.pending = self.pending[:size], self.pending[size:]
        fields = HEADER.unpack(whole[: HEADER.size])
        assert fields[-1] == crc32c(HEADER.pack(*fields[:-1], 0) + whole[HEADER.size :])
        return Frame(*fields[1:9], payload=whole[HEADER.size :])

    def _payload(self):
        return HEADER.unpack(self.pending[: HEADER.size])[-2]

    def join(self, rank, workers, **options):
        self.send(hello(rank, workers, **options))
        welcome = self.read()
        assert welcome.type == WELCOME, welcome.text
        return struct.unpack("<HHII", welcome.payload[:12])

    def close(self):
        self.socket.close()
