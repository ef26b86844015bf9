"""A worker's end of the connection, at a server that sends what it likes."""

import contextlib
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, Closed, CorruptData, InvalidInput, TimedOut
from tests.gradients import frames
from tests.gradients.frames import CODES, ERROR, GATHER, GATHERED, GONE, POINTS, RESULT, WELCOME, frame

CHUNK = 512


def welcome(*, workers=2, needed=2, slots=2, chunk=CHUNK, lanes=8, timeout=30.0):
    return frame(WELCOME, struct.pack("<HHIIf", workers, needed, slots, chunk, timeout), lanes=lanes)


def result(chunk, value, *, count=2, slots=2, payload=None, **options):
    payload = bytes([value]) * CHUNK if payload is None else payload
    return frame(RESULT, payload, lanes=8, epoch=chunk // slots, slot=chunk % slots, worker=count, **options)


def connect(port, **options):
    given = {"rank": 0, "job": 0, "timeout": 2.0, "workers": 2, "bits": 2, "tables": [POINTS], "token": bytes(32)}
    return _native.AggregatorClient("127.0.0.1", port, **given | options)


@contextlib.contextmanager
def serving(*answers, close=False):
    """A server that sends all its answers to whoever connects, and keeps what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard, done = bytearray(), threading.Event()

        def run():
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    peer.settimeout(0.05)
                    peer.sendall(b"".join(answers))
                    if close:
                        peer.shutdown(socket.SHUT_WR)
                    while not done.is_set():
                        with contextlib.suppress(TimeoutError):
                            heard.extend(peer.recv(1 << 16))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            done.set()
            thread.join()


def combined(one, chunks):
    sums, counts = np.zeros(chunks * CHUNK, np.uint8), np.zeros(chunks, np.uint16)
    one.combine(0, np.arange(chunks * CHUNK // 4).astype(np.uint8), sums, counts)
    return sums.reshape(chunks, CHUNK)[:, 0].tolist(), counts.tolist()


def test_what_it_sends_is_known_to_the_byte():
    with serving(welcome(), frame(GATHERED, b"\1norm\0\0\0\0\0"), result(0, 5), result(1, 6)) as (port, heard):
        one = connect(port, job=2**63 + 1, rank=1)
        rows = np.zeros(10, np.uint8)
        one.gather(np.frombuffer(b"norm", np.uint8), rows)
        assert rows.tobytes() == b"\1norm\0\0\0\0\0"
        assert combined(one, 2) == ([5, 6], [2, 2])
        one.close()
        one.close()
        who = {"job": 2**63 + 1, "worker": 1}
        packed = np.arange(256).astype(np.uint8).tobytes()
        expected = frames.hello(1, 2, job=who["job"]) + frame(GATHER, b"norm", **who)
        for slot in range(2):
            part = packed[128 * slot : 128 * (slot + 1)]
            expected += frame(CODES, part, bits=2, lanes=8, slot=slot, **who)
        expected += frame(frames.BYE, **who)
        end = time.monotonic() + 20
        while len(heard) < len(expected) and time.monotonic() < end:
            time.sleep(0.005)
        assert bytes(heard) == expected
        with pytest.raises(Closed, match="this worker has left"):
            combined(one, 1)


def test_the_frames_are_those_of_version_1():
    assert frame(GATHER, b"norm", job=7, epoch=2, worker=3).hex() == (
        "42484731" "03000000" "0700000000000000" "02000000" "0000" "0300" "04000000" "ecc5f735" "6e6f726d"
    )  # fmt: skip


def test_answers_may_come_in_any_order_twice_or_from_earlier_rounds():
    answers = [result(1, 6), result(0, 5, count=1), result(1, 9), frame(GONE, epoch=1, slot=0), result(0, 9)]
    later = [frame(GATHERED, bytes(10)), result(1, 9), result(3, 7), result(4, 8)]
    with serving(welcome(), *answers, *later) as (port, _):
        one = connect(port)
        assert combined(one, 3) == ([5, 6, 0], [1, 2, 0])  # the third is gone
        one.gather(np.zeros(4, np.uint8), np.zeros(10, np.uint8))
        assert combined(one, 2) == ([7, 8], [2, 2])


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\nServer: none\r\n\r\n"], CorruptData, "does not begin with BHG1"),
        ([frame(GATHERED)], CorruptData, "does not answer a HELLO as this version does"),
        ([welcome(workers=3)], CorruptData, "offers slots and chunks that this version does not know"),
        ([welcome(slots=0)], CorruptData, "offers slots and chunks"),
        ([welcome(chunk=1000)], CorruptData, "offers slots and chunks"),
        ([welcome(chunk=2**20)], CorruptData, "offers slots and chunks"),
        ([welcome(timeout=-1.0)], CorruptData, "offers slots and chunks"),
        ([welcome(lanes=32)], CorruptData, "does not answer a HELLO"),
        ([frame(ERROR, b"no more", table=1)], InvalidInput, "no more"),
        ([frame(ERROR, b"no more", table=2)], CapacityExceeded, "no more"),
        ([frame(ERROR, b"no more", table=3)], CorruptData, "no more"),
        ([frame(ERROR, b"no more", table=4)], TimedOut, "no more"),
        ([frame(ERROR, b"no more", table=5)], Closed, "no more"),
        ([frame(ERROR, b"no more", table=77)], CorruptData, "no more"),
        ([], TimedOut, "sent nothing for 0.2 seconds"),
    ],
)
def test_a_connection_that_begins_wrong_is_refused(answers, error, message):
    with serving(*answers) as (port, _), pytest.raises(error, match=message):
        connect(port, timeout=0.2)


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        ([result(0, 5)[:-1] + b"\6"], CorruptData, "the checksum of a frame differs"),
        ([result(0, 5, payload=bytes(511))], CorruptData, "sends sums of another length"),
        ([result(0, 5, count=0)], CorruptData, "sends sums of another length"),
        ([result(0, 5, count=3)], CorruptData, "sends sums of another length"),
        ([frame(GATHERED, bytes(10))], CorruptData, "does not answer CODES as this version does"),
        ([result(0, 5)], TimedOut, "sent nothing for 0.3 seconds"),  # the other one is missing
        ([result(0, 5)[:100]], TimedOut, "sent nothing for 0.3 seconds"),
    ],
)
def test_a_round_that_goes_wrong_ends(answers, error, message):
    with serving(welcome(), *answers) as (port, _):
        one = connect(port, timeout=0.3)
        with pytest.raises(error, match=message):
            combined(one, 2)


@pytest.mark.parametrize("cut", [0, 10, 40, 543])
def test_a_connection_that_ends_inside_a_frame_is_closed(cut):
    with serving(welcome(), result(0, 5)[:cut], close=True) as (port, _):
        one = connect(port)
        with pytest.raises(Closed, match="has closed the connection"):
            combined(one, 1)


def test_it_waits_longer_than_the_aggregator_who_knows_who_is_missing():
    with serving(welcome(timeout=0.1)) as (port, _):
        one = connect(port, timeout=0.0)
        threading.Timer(0.5, one.close).start()
        with pytest.raises(Closed, match="this worker has left"):  # and not yet TimedOut
            combined(one, 1)


def test_closing_it_on_another_thread_ends_the_wait():
    with serving(welcome()) as (port, _):
        one = connect(port, timeout=20.0)
        threading.Timer(0.2, one.close).start()
        begin = time.monotonic()
        with pytest.raises(Closed, match="this worker has left"):
            combined(one, 1)
        assert time.monotonic() - begin < 5


def test_one_call_at_a_time():
    with serving(welcome()) as (port, _), ThreadPoolExecutor(1) as pool:
        one = connect(port, timeout=20.0)
        first = pool.submit(combined, one, 1)
        time.sleep(0.1)
        with pytest.raises(InvalidInput, match="in use on another thread"):
            combined(one, 1)
        one.close()
        with pytest.raises(Closed):
            first.result()


def test_other_rows_than_asked_for_are_refused():
    for answer in (frame(GATHERED, bytes(9)), frame(GATHERED, bytes(10), epoch=1), frame(WELCOME, bytes(10))):
        with serving(welcome(), answer) as (port, _), pytest.raises(CorruptData, match="does not answer a GATHER"):
            connect(port).gather(np.zeros(4, np.uint8), np.zeros(10, np.uint8))
