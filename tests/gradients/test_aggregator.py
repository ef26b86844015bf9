"""Real workers, as threads of this process, through a real server."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, Closed, InvalidInput, TimedOut
from beforehand.gradients import (
    QSGD,
    THC,
    Aggregator,
    AggregatorClient,
    Gather,
    Layout,
    Sum,
    TernGrad,
    drive,
    drive_local,
)
from tests.gradients.rounds import layout_of, lognormal, opened

CODECS = [THC(), THC(truncation=1 / 32, lanes=16), THC(bits=3), THC(bits=2, feedback="full"), TernGrad()]


def together(work, workers):
    """What each worker's thread returns, by rank."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def rounds(server, codec, rows, *, ranks=None, **options):
    """Every worker's means of these rounds, (rounds, n, d)."""
    workers, size = rows.shape[1:]

    def work(rank):
        encoder = codec.open(layout_of(size), rank=rank, workers=workers, reduction="combine")
        with AggregatorClient(server.address, codec, rank=rank, workers=workers, **options) as client:
            return [drive(encoder, each[rank], client) for each in rows]

    return np.array(together(work, workers)).swapaxes(0, 1)


def several(workers, size, count=3):
    return np.stack([lognormal(workers, size, seed) for seed in range(count)])


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("size", [1, 513, 70_000])
def test_means_have_the_bits_of_local_rounds(codec, size):
    rows = several(3, size)
    with Aggregator(workers=3, slots=5, lanes=getattr(codec, "lanes", 8)) as server:
        means = rounds(server, codec, rows)
        stats = server.stats()
    encoders = opened(codec, layout_of(size), 3, reduction="combine")
    for each, found in zip(rows, means, strict=True):
        expected = drive_local(encoders, each).means[0]
        assert all(mean.tobytes() == expected.tobytes() for mean in found)
    assert (stats.refused, stats.lost, stats.gone) == (0, 0, 0)


@pytest.mark.parametrize(("slots", "chunk", "lanes"), [(1, 512, 8), (1, 65_536, 16), (2, 1536, 16), (300, 1024, 8)])
def test_slots_chunks_and_lanes_change_no_bit(slots, chunk, lanes):
    rows = several(2, 9000)
    with Aggregator(workers=2, slots=slots, chunk=chunk, lanes=lanes) as server:
        means = rounds(server, CODECS[2], rows)
    expected = drive_local(opened(CODECS[2], layout_of(9000), 2, reduction="combine"), rows[0]).means[0]
    assert np.array_equal(means[0, 0], expected)


def test_the_next_job_begins_when_the_last_has_left():
    with Aggregator(workers=2) as server:
        for job, codec in enumerate([TernGrad(), THC(), TernGrad()]):
            means = rounds(server, codec, several(2, 3000), job=job)
            assert np.array_equal(means[2, 0], means[2, 1])
        until(lambda: server.stats().connections == 0)
        assert server.stats().lost == 0


def until(true, seconds=20):
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def client(server, rank, workers=3, *, codec=TernGrad(), **options):  # noqa: B008
    return AggregatorClient(server.address, codec, rank=rank, workers=workers, **options)


def gather(one, text=b"norm"):
    return one.answer(Gather(np.frombuffer(text, np.uint8)))


def test_a_gather_waits_for_those_who_have_not_come_yet():
    with Aggregator(workers=3) as server:
        ours = [client(server, rank) for rank in range(2)]
        with ThreadPoolExecutor(3) as pool:
            first = [pool.submit(gather, each) for each in ours]
            time.sleep(0.1)
            assert not any(each.done() for each in first)
            last = gather(client(server, 2), b"last")
            assert [row.tobytes() for row in last] == [b"norm", b"norm", b"last"]
            assert all(np.array_equal(each.result(), last) for each in first)


def test_a_worker_that_vanishes_ends_the_wait_of_the_others():
    with Aggregator(workers=3) as server:
        ours = [client(server, rank) for rank in range(3)]
        with ThreadPoolExecutor(2) as pool:
            waits = [pool.submit(gather, each) for each in ours[:2]]
            until(lambda: server.stats().frames == 5)
            ours[2].close()
            for each in waits:
                with pytest.raises(Closed, match="worker 2 has left, and 2 of 3 workers are fewer than the 3"):
                    each.result()
        with pytest.raises(Closed, match="this worker has left the aggregator"):
            gather(ours[0])


def test_with_a_quorum_the_others_go_on_without_it():
    codec, rows = THC(truncation=1 / 32, seed=3), several(3, 20_000)
    with Aggregator(workers=3, quorum=0.6) as server:

        def work(rank):
            encoder = codec.open(layout_of(20_000), rank=rank, workers=3, reduction="combine")
            with client(server, rank, codec=codec) as one:
                return [drive(encoder, each[rank], one) for each in (rows[:1] if rank == 1 else rows)]

        means = together(work, 3)
    assert len(means[1]) == 1
    for step in (1, 2):
        assert np.array_equal(means[0][step], means[2][step])
        there = rows[step][[0, 2]].mean(axis=0)
        assert np.linalg.norm(means[0][step] - there) < 0.4 * np.linalg.norm(there)


def test_whoever_is_silent_for_too_long_is_named():
    with Aggregator(workers=3, timeout=0.3) as server:
        ours = [client(server, rank) for rank in range(2)]
        begin = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(gather, one) for one in ours]:
                with pytest.raises(TimedOut, match=r"worker 2 sent nothing for 0.3 seconds; see what keeps them"):
                    each.result()
        assert time.monotonic() - begin < 5


def test_with_a_quorum_whoever_is_silent_is_left_behind_and_told_so():
    with Aggregator(workers=3, timeout=0.3, quorum=0.5) as server:
        ours = [client(server, rank) for rank in range(3)]
        rows = together(lambda rank: gather(ours[rank]) if rank else None, 3)
        assert [row.tobytes() for row in rows[1]] == [bytes(4), b"norm", b"norm"]
        with pytest.raises(TimedOut, match=r"worker 0 sent nothing for 0.3 seconds, and the job went on"):
            gather(ours[0])
        with pytest.raises(InvalidInput, match="worker 0 has left this job, which went on without it"):
            client(server, 0)
        assert server.stats().lost == 1


def test_a_client_gives_up_on_a_server_that_does_not_answer():
    with Aggregator(workers=2) as server, client(server, 0, 2, timeout=0.3) as one:
        with pytest.raises(TimedOut, match=r"sent nothing for 0.3 seconds; see whether it and all workers still run"):
            gather(one)
        with pytest.raises(Closed):
            gather(one)


def test_a_server_that_closes_ends_the_wait():
    server = Aggregator(workers=2)
    one = client(server, 0, 2)
    threading.Timer(0.2, server.close).start()
    with pytest.raises(Closed, match="has closed the connection"):
        gather(one)
    server.close()  # again
    with pytest.raises(Closed, match="has closed the connection"):
        client(server, 0, 2)


def test_a_signal_ends_the_wait_of_the_main_thread():
    def raise_it(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, raise_it)
    try:
        with Aggregator(workers=2) as server, client(server, 0, 2) as one:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                gather(one)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_interpreter_ends_while_a_thread_still_waits():
    program = """if True:
        import threading, time
        import numpy as np
        from beforehand.gradients import Aggregator, AggregatorClient, Gather, TernGrad
        server = Aggregator(workers=2)
        one = AggregatorClient(server.address, TernGrad(), rank=0, workers=2)
        wait = lambda: one.answer(Gather(np.zeros(4, np.uint8)))
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.3)
        """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert done.returncode == 0  # not aborted


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"token": "guess"}, InvalidInput, "the token is wrong"),
        ({"token": None}, InvalidInput, "the token is wrong"),
        ({"workers": 4}, InvalidInput, "says that there are 4 workers, but the aggregator was started for 3"),
        ({"rank": 0}, InvalidInput, "worker 0 is connected already"),
        ({"job": 8}, InvalidInput, "the aggregator serves another job"),
        ({"codec": THC()}, InvalidInput, "worker 1 has other tables than those before it"),
        ({"codec": THC(granularity=100, lanes=16)}, CapacityExceeded, "3 workers x granularity 100 = 300 > 255"),
    ],
)
def test_whoever_does_not_belong_to_the_job_is_refused_and_the_others_go_on(options, error, message):
    shared = {"token": "secret", "job": 7}
    with Aggregator(workers=3, token="secret") as server:
        ours = [client(server, 0, **shared)]
        given = {"rank": 1, "workers": 3, "codec": TernGrad()} | shared | options
        with pytest.raises(error, match=message):
            AggregatorClient(server.address, given.pop("codec"), **given)
        ours += [client(server, rank, **shared) for rank in (1, 2)]
        assert len(together(lambda rank: gather(ours[rank]), 3)) == 3
        assert server.stats().refused == 1


def test_codecs_that_an_aggregator_cannot_carry_are_refused_before_it_is_asked():
    for codec in (QSGD(), THC(bits="lane")):
        with pytest.raises(InvalidInput, match=r"sends no codes of integers.*or TernGrad"):
            AggregatorClient("127.0.0.1:1", codec, rank=0, workers=2)
    with pytest.raises(CapacityExceeded, match="9 workers x granularity 30 = 270 > 255"):
        AggregatorClient("127.0.0.1:1", THC(granularity=30), rank=0, workers=9)


def test_with_a_quorum_the_table_must_be_fixed():
    with Aggregator(workers=2, quorum=0.5) as server:
        with pytest.raises(InvalidInput, match='completes sums with 1 of 2 workers, but with truncation="auto"'):
            client(server, 0, 2, codec=THC())
        client(server, 1, 2, codec=THC(truncation=1 / 128)).close()


def test_what_must_be_summed_exactly_goes_another_way():
    values = np.arange(3, dtype=np.float32)
    with Aggregator(workers=2) as server:
        with client(server, 0, 2) as one, pytest.raises(InvalidInput, match=r"must be summed exactly.*pass exact="):
            one.answer(Sum(values))
        with client(server, 1, 2, exact=lambda given: 2 * given) as one:
            assert np.array_equal(one.answer(Sum(values)), 2 * values)


def test_an_encoder_of_another_codec_is_refused_and_leaves_the_job():
    layout = Layout([("weight", (2000,))])
    with Aggregator(workers=2) as server, client(server, 0, 2) as one, client(server, 1, 2) as other:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(gather, other, bytes(6))
            encoder = THC().open(layout, rank=0, workers=2, reduction="combine")
            with pytest.raises(InvalidInput, match="has another table than the client's codec"):
                drive(encoder, np.ones(2000, np.float32), one)
        with pytest.raises(Closed):
            gather(one)


def test_workers_that_gather_different_things_are_told():
    with Aggregator(workers=2) as server, client(server, 0, 2) as one, client(server, 1, 2) as other:
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(gather, one)
            until(lambda: server.stats().frames == 3)
            with pytest.raises(InvalidInput, match="worker 1 gathers 5 bytes, but those before it 4"):
                gather(other, b"norms")
            with pytest.raises(Closed, match="worker 1 has left"):
                waits.result()
    with Aggregator(workers=1) as server, client(server, 0, 1) as one:
        with pytest.raises(InvalidInput, match="an aggregator gathers at most 4096 bytes"):
            gather(one, bytes(5000))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bind": "5000"}, InvalidInput, "bind is '5000', but must be a host and a port"),
        ({"bind": "127.0.0.1:70000"}, InvalidInput, "bind is '127.0.0.1:70000'"),
        ({"bind": "192.0.2.1:0"}, InvalidInput, "nothing can listen at 192.0.2.1:0"),
        ({"bind": "no.such.host.invalid:0"}, InvalidInput, "'no.such.host.invalid', which is not known"),
        ({"workers": 0}, InvalidInput, "workers is 0"),
        ({"timeout": 0.0}, InvalidInput, "timeout is 0.0"),
        ({"chunk": 100}, InvalidInput, "chunk is 100, but must be a multiple of 512"),
        ({"token": 5}, InvalidInput, "token is a int, but must be a string"),
        ({"max_bytes": 1000}, CapacityExceeded, "slots of these chunks need 532480 bytes, but max_bytes is 1000"),
    ],
)
def test_a_server_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Aggregator(**{"workers": 2} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "localhost"}, "address is 'localhost', but must be a host and a port"),
        ({"rank": 2}, "rank is 2 of 2 workers"),
        ({"job": -1}, "job is -1"),
        ({"on_missing": "wait"}, "on_missing is 'wait'"),
        ({"timeout": float("inf")}, "timeout is inf"),
    ],
)
def test_a_client_that_cannot_be_is_refused(options, message):
    given = {"address": "127.0.0.1:1", "codec": TernGrad(), "rank": 0, "workers": 2} | options
    with pytest.raises(InvalidInput, match=message):
        AggregatorClient(given.pop("address"), given.pop("codec"), **given)


def test_two_servers_cannot_share_a_port():
    with Aggregator(workers=1) as server, pytest.raises(InvalidInput, match="nothing can listen"):
        Aggregator(workers=1, bind=server.address)


def test_arrays_that_do_not_fit_are_refused_by_the_kernel():
    options = {"rank": 0, "job": 0, "timeout": 1.0, "workers": 1, "bits": 2, "token": bytes(32)}
    with Aggregator(workers=1) as server:
        port = int(server.address.rsplit(":", 1)[1])
        for change in ({"tables": [[0, 1]]}, {"tables": []}, {"token": b""}, {"bits": 5}):
            with pytest.raises(InvalidInput, match="do not fit"):
                _native.AggregatorClient("127.0.0.1", port, **{"tables": [[0, 1, 2, 2]]} | options | change)
        one = _native.AggregatorClient("127.0.0.1", port, tables=[[0, 1, 2, 2]], **options)
        fits = {"packed": np.zeros(256, np.uint8), "sums": np.zeros(1024, np.uint8), "counts": np.zeros(1, np.uint16)}
        one.combine(0, **fits)
        for name, bad in (
            ("packed", np.zeros(255, np.uint8)),
            ("sums", np.zeros(1024, np.uint16)),
            ("sums", np.zeros(1000, np.uint8)),
            ("counts", np.zeros(2, np.uint16)),
        ):
            with pytest.raises(InvalidInput, match="do not fit"):
                one.combine(0, **fits | {name: bad})
        with pytest.raises(InvalidInput, match="do not fit"):
            one.gather(np.zeros(4, np.uint8), np.zeros(4, np.uint8))
