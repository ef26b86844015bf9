"""The laws of every gradient codec: one line in CODECS brings them all."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    Aggregator,
    AggregatorClient,
    BlockFloat8,
    BlockInt,
    Cast,
    Gather,
    Layout,
    LowRank,
    Switch,
    TernGrad,
    TopK,
    TopKChunked,
    correlation,
    drive,
    drive_local,
    simulate,
    vnmse,
)
from beforehand.gradients.local import exchange_all

CODECS = {
    "THC": THC(seed=1),
    "THC, 2 bits": THC(bits=2, truncation=1 / 16),
    "THC, 3 bits, full feedback": THC(bits=3, feedback="full"),
    "THC, truncation feedback": THC(feedback="truncation", truncation=1 / 32),
    "THC, wide lanes": THC(lanes=16, granularity=300),
    "THC, lane": THC(bits="lane"),
    "THC, lane of 6": THC(bits="lane", lanes=6, feedback="full"),
    "THC, lane of 10": THC(bits="lane", lanes=10),
    "float32": Cast("float32"),
    "float16": Cast("float16"),
    "bfloat16": Cast("bfloat16"),
    "TopK": TopK(density=0.1),
    "TopK, both ways": TopK(density=0.1, both_ways=True, feedback="none"),
    "TopK, bitmap": TopK(density=0.2, index="auto", value_dtype="float32"),
    "TopK-Chunked": TopKChunked(),
    "int8": BlockInt(bits=8),
    "int4": BlockInt(bits=4, block=32, scale_dtype="bfloat16", feedback="full"),
    "int8, stochastic": BlockInt(bits=8, rounding="stochastic"),
    "e4m3": BlockFloat8(),
    "e5m2": BlockFloat8(format="e5m2", block=64, feedback="full"),
    "QSGD": QSGD(),
    "QSGD, 8 bits of the largest": QSGD(bits=8, norm="max", bucket=64),
    "Adaptive": Adaptive(),
    "Adaptive, 3 bits": Adaptive(bits=3, block=256, method="exact"),
    "TernGrad": TernGrad(),
    "TernGrad, clipped": TernGrad(clip=2.5),
    "low rank": LowRank(rank=2, start_step=0),
    "low rank, cold": LowRank(rank=2, start_step=0, warm_start=False),
}
CASES = [pytest.param(codec, reduction, id=f"{name}, {reduction}") for name, codec in CODECS.items()
         for reduction in codec.reductions]  # fmt: skip
SIZES = [1, 511, 512, 513, 1023, 2**14 - 1, 2**14 + 1]
WORKERS = 3


def gradients(size, workers=WORKERS, seed=0):
    random = np.random.default_rng(seed)
    common, own = random.standard_normal(size), random.standard_normal((workers, size))
    return ((common + own) * random.lognormal(size=size)).astype(np.float32)


def draws(codec):
    return hasattr(codec, "seed") and getattr(codec, "rounding", "stochastic") == "stochastic"


def layout_of(size):
    side = math.isqrt(size // 3)
    return Layout([("head", (side, side)), ("tail", (size - side * side,))])


def opened(codec, reduction, size, workers=WORKERS, **options):
    layout = layout_of(size)
    return [codec.open(layout, rank=rank, workers=workers, reduction=reduction, **options) for rank in range(workers)]


def ordered_round(encoders, rows, order):
    """The bits of one round whose sums run in this order; gathers keep the order of ranks."""
    running = [encoders[rank].reduce(rows[rank]) for rank in order]
    exchanges, by_rank = [next(each) for each in running], np.argsort(order)
    while True:
        if isinstance(exchanges[0], Gather):
            answers, _ = exchange_all([exchanges[place] for place in by_rank])
        else:
            answers, _ = exchange_all(exchanges)
        try:
            exchanges = [each.send(answer) for each, answer in zip(running, answers, strict=True)]
        except StopIteration as done:
            return done.value.tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_all_workers_get_the_same_bits_near_the_mean(codec, reduction, size):
    rows = gradients(size)
    means, _ = drive_local(opened(codec, reduction, size), rows)
    assert all(mean.tobytes() == means[0].tobytes() for mean in means)
    assert means[0].dtype == np.float32
    assert vnmse(means[0], rows.mean(axis=0)) < (50 if isinstance(codec, TernGrad) else 1.5)
    assert not any(np.shares_memory(mean, rows) for mean in means)


@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_threads_change_no_bit(codec, reduction):
    size = 300_000 if draws(codec) and not isinstance(codec, Adaptive) else 30_000  # fewer are not worth a thread
    rows = gradients(size)
    found = [drive_local(opened(codec, reduction, size, threads=threads), rows).means[0] for threads in (1, 3)]
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.parametrize(("codec", "reduction"), [case for case in CASES if case.values[0].homomorphic])
def test_the_order_of_workers_makes_no_difference_to_a_homomorphic_sum(codec, reduction):
    found = set()
    for order in itertools.permutations(range(WORKERS)):
        found.add(ordered_round(opened(codec, reduction, 5000), gradients(5000), order))
    assert len(found) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "codec", [codec for codec in CODECS.values() if codec.homomorphic and "combine" in codec.reductions]
)
def test_a_switch_that_adds_integers_gives_the_bits_of_local_rounds(codec, size):
    switch = Switch(workers=WORKERS, slots=2, lanes=16, loss=0.1, duplicate=0.1, reorder=0.1)
    ours, theirs = opened(codec, "combine", size), opened(codec, "combine", size)
    for step in range(2):
        rows = gradients(size, seed=step)
        means = switch.drive(ours, list(rows)).means
        assert {mean.tobytes() for mean in means} == {drive_local(theirs, rows).means[0].tobytes()}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "codec", [codec for codec in CODECS.values() if codec.homomorphic and "combine" in codec.reductions]
)
def test_an_aggregator_that_adds_integers_gives_the_bits_and_bytes_foretold(codec, size):
    lanes = getattr(codec, "lanes", 8)
    ours, theirs = opened(codec, "combine", size), opened(codec, "combine", size)
    with Aggregator(workers=WORKERS, slots=2, lanes=lanes) as server, ThreadPoolExecutor(WORKERS) as pool:
        clients = [AggregatorClient(server.address, codec, rank=rank, workers=WORKERS) for rank in range(WORKERS)]
        for step in range(2):
            rows = gradients(size, seed=step)
            means = list(pool.map(drive, ours, rows, clients))
            assert {mean.tobytes() for mean in means} == {drive_local(theirs, rows).means[0].tobytes()}
        for each in clients:
            foretold = codec.wire_bytes(layout_of(size), workers=WORKERS, transport="aggregator")
            assert each.sent == pytest.approx(foretold.plus(foretold))
            each.close()


@pytest.mark.parametrize("size", [700, 5000, 85_002])
@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_the_bytes_on_the_wire_are_those_foretold(codec, reduction, size):
    _, sent = drive_local(opened(codec, reduction, size), gradients(size))
    ways = {"sum": "allreduce", "combine": "two_shot", "gather": "gather"}
    transport = ways[reduction]
    foretold = codec.wire_bytes(layout_of(size), workers=WORKERS, transport=transport)
    assert sent == pytest.approx(foretold)


@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_a_resumed_run_goes_on_with_the_same_bits(codec, reduction):
    whole = opened(codec, reduction, 5000)
    for step in range(3):
        drive_local(whole, gradients(5000, seed=step))
    resumed = opened(codec, reduction, 5000, step=whole[0].step)
    for before, after in zip(whole, resumed, strict=True):
        after.load(before.state())
    for step in range(3, 6):
        rows = gradients(5000, seed=step)
        assert drive_local(whole, rows).means[0].tobytes() == drive_local(resumed, rows).means[0].tobytes()


@pytest.mark.parametrize(("codec", "reduction"), [case for case in CASES if draws(case.values[0])])
def test_steps_and_buckets_draw_numbers_of_their_own(codec, reduction):
    rows, found = gradients(3000), set()
    for options in ({}, {"step": 1}, {"bucket": 1}):
        encoders = opened(codec, reduction, 3000, **options)
        found.add(drive_local(encoders, rows).means[0].tobytes())
        assert encoders[0].step == options.get("step", 0) + 1
    assert len(found) == 3


@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_one_worker_alone_keeps_its_gradient(codec, reduction):
    [encoder] = opened(codec, reduction, 100, workers=1)
    row = gradients(100, workers=1)[0]
    assert drive(encoder, row, None) is row
    assert encoder.step == 0


@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_zero_gradients_give_zero(codec, reduction):
    means, _ = drive_local(opened(codec, reduction, 3000), np.zeros((WORKERS, 3000), np.float32))
    assert not means[0].view(np.uint32).any()


@pytest.mark.parametrize(("codec", "reduction"), CASES)
def test_a_gradient_of_another_kind_is_refused(codec, reduction):
    encoder = opened(codec, reduction, 100)[0]
    for bad in (np.zeros(100), np.zeros(99, np.float32)):
        with pytest.raises(InvalidInput, match="gradient is"):
            next(encoder.reduce(bad))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_options_survive_json(codec):
    assert type(codec).from_json(codec.to_json()) == codec
    assert hash(type(codec).from_json(codec.to_json())) == hash(codec)


FORETOLD = {
    name: codec
    for name, codec in CODECS.items()
    if getattr(codec, "feedback", "none") == "none" and codec.expected_vnmse(4, correlation=0.5) is not None
}


@pytest.mark.parametrize("codec", FORETOLD.values(), ids=FORETOLD)
def test_the_error_is_the_one_foretold(codec):
    random = np.random.default_rng(5)
    rows = random.standard_normal((4, 2**14)).astype(np.float32) + random.standard_normal(2**14).astype(np.float32)
    expected = codec.expected_vnmse(4, correlation=correlation(rows))
    assert simulate(codec, rows, rounds=30).per_round[-10:].mean() == pytest.approx(expected, rel=0.1)
