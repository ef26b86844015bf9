"""The server as peers see it that send what they like: late, twice, cut, forged, or without reading an answer."""

import contextlib
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from beforehand import _native
from beforehand.gradients import Aggregator, AggregatorClient, Gather, TernGrad
from beforehand.gradients.slots import Slots, Verdict
from tests.gradients import frames
from tests.gradients.frames import CODES, ERROR, GATHER, GATHERED, GONE, POINTS, RESULT, Peer, frame

CHUNK = 512
REPLIES = {Verdict.REPEAT: RESULT, Verdict.LATE: RESULT, Verdict.GONE: GONE}


def packed(worker, chunk, size=CHUNK):
    return np.random.default_rng([worker, chunk]).integers(0, 256, size // 4).astype(np.uint8)


def codes(worker, chunk, slots, *, size=CHUNK, **options):
    epoch, slot = divmod(chunk, slots)
    given = {"bits": 2, "lanes": 8, "epoch": epoch, "slot": slot, "worker": worker} | options
    return frame(CODES, packed(worker, chunk, size).tobytes(), **given)


def adding(worker, chunk, size=CHUNK):
    def add(sums):
        total = np.empty(size, np.uint8) if sums is None else sums
        points = np.array(POINTS, np.uint16)
        _native.thc_accumulate(packed(worker, chunk, size), points, bits=2, first=sums is None, sums=total)
        return total

    return add


def expected_sum(workers, chunk, size=CHUNK):
    total = None
    for worker in workers:
        total = adding(worker, chunk, size)(total)
    return total.tobytes()


def handled(server, count, seconds=20):
    """Wait until that many frames have been answered."""
    end = time.monotonic() + seconds
    while server.stats().frames < count:
        assert time.monotonic() < end
        time.sleep(0.0002)


class SameSchedule(RuleBasedStateMachine):
    """The server and the simulator's slots, message by message: each peer reads what the model foretells."""

    @initialize(workers=st.integers(1, 4), slots=st.integers(1, 3), spare=st.integers(0, 2))
    def begin(self, workers, slots, spare):
        self.window, needed = slots, max(1, workers - spare)
        self.server = Aggregator(workers=workers, slots=slots, chunk=CHUNK, quorum=needed / workers)
        self.model = Slots(slots, needed)
        self.peers = [Peer(self.server.address) for _ in range(workers)]
        for rank, peer in enumerate(self.peers):
            assert peer.join(rank, workers) == (workers, needed, slots, CHUNK)
        self.frames = workers
        self.waiting = [[(chunk, False) for chunk in range(slots)] for _ in range(workers)]  # by slot, and whether sent

    def send(self, worker, chunk):
        self.peers[worker].send(codes(worker, chunk, self.window))
        self.frames += 1
        handled(self.server, self.frames)
        epoch, slot = divmod(chunk, self.window)
        verdict = self.model.receive(worker, slot, epoch, adding(worker, chunk))
        if verdict is Verdict.COMPLETE:
            for each in range(len(self.peers)):
                self.read(each, chunk, RESULT)
        elif verdict in REPLIES:
            self.read(worker, chunk, REPLIES[verdict])

    def read(self, worker, chunk, kind):
        found = self.peers[worker].read()
        epoch, slot = divmod(chunk, self.window)
        assert (found.type, found.epoch, found.slot) == (kind, epoch, slot)
        if kind == RESULT:
            bank = self.model.bank(slot, epoch)
            assert (found.worker, found.payload) == (bank.count, bank.sums.tobytes())
        if self.waiting[worker][slot][0] == chunk:
            self.waiting[worker][slot] = (chunk + self.window, False)

    @rule(data=st.data())
    def a_worker_sends_what_it_waits_for_perhaps_again(self, data):
        worker = data.draw(st.integers(0, len(self.peers) - 1))
        slot = data.draw(st.integers(0, self.window - 1))
        chunk, _ = self.waiting[worker][slot]
        self.waiting[worker][slot] = (chunk, True)
        self.send(worker, chunk)

    @precondition(lambda self: any(chunk >= self.window for slots in self.waiting for chunk, _ in slots))
    @rule(data=st.data())
    def what_a_worker_sent_before_arrives_once_more(self, data):
        sent = [
            (worker, chunk - back * self.window)
            for worker, slots in enumerate(self.waiting)
            for chunk, _ in slots
            for back in range(1, min(4, chunk // self.window) + 1)
        ]
        self.send(*data.draw(st.sampled_from(sent)))

    def teardown(self):
        if hasattr(self, "server"):
            assert self.server.stats().refused == 0
            for peer in self.peers:
                peer.close()
            self.server.close()


SameSchedule.TestCase.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
TestSameSchedule = SameSchedule.TestCase


@pytest.fixture
def connect():
    """Connections that the test need not close."""
    with contextlib.ExitStack() as opened:
        yield lambda server: opened.enter_context(contextlib.closing(Peer(server.address)))


def test_frames_may_be_cut_at_every_byte(connect):
    with Aggregator(workers=1, slots=2, chunk=CHUNK) as server:
        peer = connect(server)
        every = frames.hello(0, 1) + frame(GATHER, b"norm") + codes(0, 0, 2) + codes(0, 1, 2) + codes(0, 2, 2)
        for at in range(len(every)):
            peer.send(every[at : at + 1])
        assert peer.read().type == frames.WELCOME
        assert peer.read().payload == b"\x01norm"
        for chunk in range(3):
            found = peer.read()
            assert (found.epoch * 2 + found.slot, found.payload) == (chunk, expected_sum([0], chunk))


def forged(change, at):
    valid = bytearray(frames.hello(0, 2))
    valid[at : at + len(change)] = change
    return bytes(valid)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "does not begin with BHG1"),
        (forged(b"2", 3), "does not begin with BHG1"),
        (forged(b"\x0a", 4), "has type 10, which this version does not know"),
        (forged(b"\xff\xff\xff\xff", 24), "claims a payload of 4294967295 bytes, but at most 548"),
        (forged(b"\x01", 40), "the checksum of a frame differs"),
        (frame(GATHER, b"norm"), "the first frame of a worker must be a HELLO"),
        (frame(frames.HELLO, b"short"), "a HELLO ends before its tables"),
        (frames.hello(0, 2, tables=[POINTS] * 17), "has 17 tables of 2 bits"),
        (frames.hello(0, 2, bits=5), "has 1 tables of 5 bits"),
        (frames.hello(0, 2, bits=3), "has another length than its tables"),
        (frames.hello(0, 2, tables=[[0, 2, 1, 3]]), "has a table that does not ascend"),
        (frames.hello(2, 2), "rank is 2, but must be below 2"),
        (frames.hello(0, 2, tables=[[0, 1, 2, 128]]), "2 workers x granularity 128 = 256 > 255"),
    ],
)
def test_a_stranger_who_breaks_a_rule_is_told_which_and_nobody_else_notices(first, message, connect):
    with Aggregator(workers=2) as server:
        ours = [AggregatorClient(server.address, TernGrad(), rank=rank, workers=2) for rank in range(2)]
        peer = connect(server)
        peer.send(first)
        answer = peer.read()
        assert answer.type == ERROR
        assert message in answer.text
        assert peer.read() is None
        with ThreadPoolExecutor(2) as pool:
            rows = list(pool.map(lambda one: one.answer(Gather(np.zeros(4, np.uint8))), ours))
        assert rows[0].shape == (2, 4)
        assert server.stats().refused == 1


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (codes(1, 0, 4), "of another job or worker"),
        (codes(0, 0, 4, job=3), "of another job or worker"),
        (codes(0, 0, 4, bits=4), "codes do not fit the job"),
        (codes(0, 0, 4, lanes=16), "codes do not fit the job"),
        (codes(0, 0, 4, table=1), "codes do not fit the job"),
        (codes(0, 0, 4, slot=4), "codes do not fit the job"),
        (codes(0, 0, 4, size=1024), "codes do not fit the job"),
        (codes(0, 0, 4, epoch=2), "of an epoch that no worker can have reached"),
        (codes(0, 0, 4, epoch=2**32 - 2), "of an epoch that no worker can have reached"),
        (frame(GATHER, b"norm", epoch=1), "gathers round 1, but round 0 is in progress"),
        (frame(GATHER, bytes(4097)), "claims a payload of 4097 bytes, but at most 4096"),
        (frames.hello(0, 2), "which an aggregator sends but does not take"),
        (frame(RESULT), "which an aggregator sends but does not take"),
    ],
)
def test_a_worker_who_breaks_a_rule_leaves_the_job(then, message, connect):
    with Aggregator(workers=2, slots=4, chunk=CHUNK) as server:
        peer, other = connect(server), connect(server)
        peer.join(0, 2)
        other.join(1, 2)
        peer.send(then)
        answer = peer.read()
        assert (answer.type, message in answer.text) == (ERROR, True), answer.text
        peer.close()
        other.send(frame(GATHER, b"norm", worker=1))
        assert "worker 0 has left, and 1 of 2 workers are fewer than the 2" in other.read().text


def test_codes_of_two_tables_are_never_added(connect):
    tables = [POINTS, [0, 2, 3, 4]]
    with Aggregator(workers=2, slots=4, chunk=CHUNK) as server:
        peers = [connect(server), connect(server)]
        for rank, peer in enumerate(peers):
            peer.join(rank, 2, tables=tables)
        peers[0].send(codes(0, 0, 4))
        handled(server, 3)
        peers[1].send(codes(1, 0, 4, table=1))
        assert "has codes of another table than those before it" in peers[1].read().text


def test_one_of_many_gathers_is_answered_in_order_of_ranks(connect):
    with Aggregator(workers=3) as server:
        peers = [connect(server) for _ in range(3)]
        for rank, peer in enumerate(peers):
            peer.join(rank, 3)
        for rank in (2, 0, 1):
            peers[rank].send(frame(GATHER, bytes([rank] * 3), worker=rank))
        for peer in peers:
            found = peer.read()
            assert (found.type, found.payload) == (GATHERED, b"\x01\0\0\0\x01\x01\x01\x01\x01\x02\x02\x02")


def test_connections_that_say_nothing_give_way_to_workers(connect):
    with Aggregator(workers=2) as server:
        peers = [connect(server)]
        peers[0].join(0, 2)
        idle = [connect(server) for _ in range(200)]
        peers.append(connect(server))
        peers[1].join(1, 2)
        assert server.stats().connections <= 2 + 64
        for rank, peer in enumerate(peers):
            peer.send(frame(GATHER, b"norm", worker=rank))
        assert [peer.read().type for peer in peers] == [GATHERED] * 2
        assert idle[0].read() is None  # the first that came goes first
        idle[-1].send(frame(GATHER, b"norm"))
        assert "the first frame of a worker must be a HELLO" in idle[-1].read().text


def test_a_connection_that_ends_its_hello_late_gives_way_to_one_that_does_not(connect):
    begun = frames.hello(1, 2)
    with Aggregator(workers=2) as server:
        slow = [connect(server) for _ in range(66)]
        for peer in slow:
            peer.send(begun[:-1])
        until_connected(server, 66)
        connect(server).join(0, 2)
        slow[-1].send(begun[-1:])
        assert slow[-1].read().type == frames.WELCOME
        assert server.stats().connections <= 66


def until_connected(server, count, seconds=20):
    """Wait until that many connections are open."""
    end = time.monotonic() + seconds
    while server.stats().connections < count:
        assert time.monotonic() < end
        time.sleep(0.0002)


def most_memory():
    """Bytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def native_client(server, rank, workers):
    port = int(server.address.rsplit(":", 1)[1])
    options = {"rank": rank, "job": 0, "timeout": 20.0, "workers": workers, "bits": 2, "token": bytes(32)}
    return _native.AggregatorClient("127.0.0.1", port, tables=[POINTS], **options)


def test_who_does_not_read_its_answers_takes_no_memory_and_is_told_what_is_gone(connect):
    chunk, slots, many = 2**16, 2, 40
    codes_of_many, sums = np.zeros(many * chunk // 4, np.uint8), np.empty(many * chunk, np.uint8)
    counts = np.empty(many, np.uint16)
    with Aggregator(workers=2, slots=slots, chunk=chunk, quorum=0.5) as server:
        busy, lazy = native_client(server, 0, 2), connect(server)
        lazy.join(1, 2)
        busy.combine(0, codes_of_many, sums, counts)
        before = most_memory()
        for _ in range(40):  # 100 MB of sums
            busy.combine(0, codes_of_many, sums, counts)
        assert most_memory() - before < 10e6
        lazy.send(codes(1, 0, slots, size=chunk))
        while (found := lazy.read()).type == RESULT:
            assert found.worker == 1
        assert (found.type, found.epoch, found.slot) == (GONE, 0, 0)
        assert server.stats().gone == 1


def hostile(random, valid):
    """Bytes of no use: noise, or a valid frame with a few bytes changed, cut, or after it something else."""
    kind = random.integers(4)
    if kind == 0:
        return random.bytes(int(random.integers(1, 200)))
    chosen = bytearray(valid[random.integers(len(valid))])
    if kind == 1:
        return bytes(chosen[: random.integers(1, len(chosen))])
    for _ in range(random.integers(1, 5)):
        chosen[random.integers(len(chosen))] ^= random.integers(1, 256)
    return bytes(chosen) + (random.bytes(30) if kind == 3 else b"")


def test_thousands_of_hostile_peers_neither_stop_the_others_nor_take_memory(connect):
    random = np.random.default_rng(0)
    valid = [frames.hello(0, 2), frames.hello(1, 2), frame(GATHER, b"norm"), codes(0, 0, 4)]
    with Aggregator(workers=2, slots=4, chunk=CHUNK) as server:
        ours = [native_client(server, rank, 2) for rank in range(2)]
        size = 40 * CHUNK
        given = [np.concatenate([packed(rank, chunk) for chunk in range(40)]) for rank in range(2)]
        found, counts = [np.empty(size, np.uint8) for _ in ours], np.empty((2, 40), np.uint16)
        wanted = b"".join(expected_sum([0, 1], chunk) for chunk in range(40))
        before = None
        for each in range(3000):
            peer = connect(server)
            peer.send(hostile(random, valid))
            if each % 200:
                peer.close()
                continue
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(_native.AggregatorClient.combine, ours, (0, 0), given, found, counts))
            assert found[0].tobytes() == found[1].tobytes() == wanted
            assert (counts == 2).all()
            peer.close()
            before = before or most_memory()
        assert most_memory() - before < 10e6
        assert server.stats().refused > 1500
