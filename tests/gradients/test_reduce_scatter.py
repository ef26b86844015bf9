import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
    split_power_of_two,
    vnmse,
)
from beforehand.gradients.reduce_scatter import open_rows
from tests.gradients.scattering import scatter_locally

CODECS = [
    Cast("float32"),
    Cast("float16"),
    Cast("bfloat16"),
    THC(),
    THC(bits=2, truncation=1 / 16),
    THC(bits=3),
    THC(lanes=16),
    BlockInt(),
    BlockInt(bits=4, block=32, rounding="stochastic"),
    BlockFloat8(),
]


def gradients(n, length, seed=0):
    """Correlated, and every row on a scale of its own."""
    random = np.random.default_rng(seed)
    shared = random.lognormal(size=(n, length)) * random.choice([-1, 1], (n, length))
    own = random.standard_normal((n, n, length))
    return ((shared + own) * 10.0 ** np.arange(n)[:, None]).astype(np.float32)


def opened(codec, n, length, **options):
    return [open_rows(codec, length, rank=rank, workers=n, **options) for rank in range(n)]


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [1, 511, 513, 5000])
def test_every_worker_gets_the_mean_of_its_row(codec, n, length):
    given = gradients(n, length)
    means, _ = scatter_locally(opened(codec, n, length), given)
    assert means.shape == (n, length)
    bound = {"Cast": 1e-4, "BlockFloat8": 0.01, "BlockInt": 0.05, "THC": 0.8}[codec.name]
    for mean, row in zip(means, given.astype(np.float64).mean(axis=0), strict=True):
        assert vnmse(mean, row) < bound


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_float32_of_a_row_is_its_mean_in_the_order_of_ranks(n):
    given = gradients(n, 700)
    means, _ = scatter_locally(opened(Cast("float32"), n, 700), given)
    total = given[0].copy()
    for each in given[1:]:
        total += each
    assert np.array_equal(means, total / np.float32(n))


@pytest.mark.parametrize(
    ("codec", "length", "message"),
    [
        (Cast("float32"), 1000, 4000),
        (Cast("bfloat16"), 1000, 2000),
        (BlockInt(), 1000, 1024 + 4 * 4),
        (BlockInt(bits=4, block=32, scale_dtype="bfloat16"), 1000, 512 + 32 * 2),
        (BlockFloat8(), 1000, 1024 + 4 * 4),
        (THC(), 2**20, 2**19),
        (THC(bits=3), 5000, 3 * 5120 // 8),
    ],
)
@pytest.mark.parametrize("n", [2, 4])
def test_a_worker_sends_one_message_to_each_other_one_and_with_thc_norms_before(codec, length, message, n):
    given = gradients(n, length)
    _, sent = scatter_locally(opened(codec, n, length), given)
    norms = 4 * n * len(split_power_of_two(length)) + 2 if codec.name == "THC" else 0
    assert sent == (n - 1) * (message + norms)


def test_rows_and_their_pieces_have_ranges_of_their_own():
    """The last row is 1,000 times as long as the first; under one range the first would be lost."""
    codec, given = THC(truncation=1 / 32), gradients(4, 85_002)
    means, _ = scatter_locally(opened(codec, 4, 85_002), given)
    for rank, mean in enumerate(means):
        expected = codec.foretell(given[:, rank])
        assert vnmse(mean, given[:, rank].mean(axis=0)) == pytest.approx(expected, rel=0.05)


def test_sums_of_codes_are_exact_in_any_order_of_workers():
    given, found = gradients(3, 5000), set()
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        encoders = opened(THC(seed=3), 3, 5000)
        rounds = []
        for one, rows in zip(encoders, given, strict=True):
            padded = np.zeros((3, one.padded), np.float32)
            padded[:, :5000] = rows
            rounds.append(one.reduce(padded))
        norms = np.stack([next(each).payload for each in rounds])
        messages = np.stack([each.send(norms).messages for each in rounds])
        with pytest.raises(StopIteration) as done:
            rounds[0].send(messages[order, 0])
        found.add(done.value.value.tobytes())
    assert len(found) == 1


def test_the_table_follows_the_agreement_of_the_first_worker_s_row():
    row = np.random.default_rng(5).standard_normal((1, 2, 4096)).astype(np.float32)
    encoders, given = opened(THC(), 2, 4096), np.repeat(row, 2, axis=0)
    scatter_locally(encoders, given)
    assert {one.last.truncation for one in encoders} == {2.0**-5}
    scatter_locally(encoders, given)
    assert {one.last.truncation for one in encoders} == {2.0**-7}
    assert encoders[0].last.rho == pytest.approx(1, rel=0.1)  # truncation shortens the mean


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e36])
def test_under_thc_one_number_that_is_not_finite_makes_the_round_exact_for_all(bad):
    given = gradients(3, 2000)
    encoders = opened(THC(), 3, 2000)
    given[1, 2, 7] = bad
    means, _ = scatter_locally(encoders, given)
    exact, _ = scatter_locally(opened(Cast("float32"), 3, 2000), given)
    assert np.array_equal(means, exact, equal_nan=True)
    assert {one.last.fallback for one in encoders} == {"nonfinite"}
    scatter_locally(encoders, gradients(3, 2000))
    assert {one.last.fallback for one in encoders} == {None}


@pytest.mark.parametrize("codec", [BlockInt(), BlockFloat8()], ids=str)
def test_in_blocks_one_number_that_is_not_finite_spoils_its_block_on_its_owner(codec):
    given = gradients(2, 2000)
    given[1, 1, 300] = np.inf
    means, _ = scatter_locally(opened(codec, 2, 2000), given)
    assert np.isfinite(means[0]).all()
    assert np.array_equal(np.flatnonzero(np.isnan(means[1])), np.arange(256, 512))


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_the_row_of_a_worker_may_be_zero(codec):
    """As with fewer rows of a parameter than workers."""
    given = gradients(3, 1500)
    given[:, 2] = 0
    means, _ = scatter_locally(opened(codec, 3, 1500), given)
    assert not means[2].view(np.uint32).any()
    assert vnmse(means[:2], given[:, :2].mean(axis=0)) < 0.8


def test_zeros_stay_zeros():
    for codec in CODECS:
        means, _ = scatter_locally(opened(codec, 3, 1500), np.zeros((3, 3, 1500), np.float32))
        assert not means.view(np.uint32).any()


@pytest.mark.parametrize("codec", [THC(), BlockInt(rounding="stochastic")], ids=str)
def test_draws_differ_by_row_by_step_by_bucket_and_by_worker(codec):
    row = np.random.default_rng(2).standard_normal(4096).astype(np.float32)
    given = np.broadcast_to(row, (2, 2, 4096))
    encoders = opened(codec, 2, 4096)
    first, _ = scatter_locally(encoders, given)
    second, _ = scatter_locally(encoders, given)
    other, _ = scatter_locally(opened(codec, 2, 4096, bucket=1), given)
    found = {each.tobytes() for each in (*first, *second, *other)}
    assert len(found) == 6
    if codec.name == "BlockInt":
        errors = [codec.rounding_at(0, rank=rank, bucket=0).encode(row, 0).tobytes() for rank in range(2)]
        assert errors[0] != errors[1]


@pytest.mark.parametrize("codec", [THC(truncation=2.0**-9), BlockInt(bits=4, rounding="stochastic")], ids=str)
def test_errors_of_groups_average_out_if_their_draws_differ(codec):
    given = np.repeat(gradients(1, 20_000), 2, axis=1)
    given = np.repeat(given, 2, axis=0)
    errors = []
    for apart in (0, 2):
        groups = [
            [open_rows(codec, 20_000, rank=rank, workers=2, draws=rank + apart * group) for rank in range(2)]
            for group in range(2)
        ]
        means = [scatter_locally(group, given)[0] for group in groups]
        errors.append(vnmse((means[0] + means[1])[0] / 2, given[0, 0]))
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.1)


def test_the_same_step_and_state_give_the_same_bits():
    given = gradients(3, 3000)
    running, threaded = opened(THC(), 3, 3000), opened(THC(), 3, 3000, threads=4)
    for _ in range(4):
        scatter_locally(running, given)
    for one, kept in zip(threaded, running, strict=True):
        one.load(kept.state())
        one.step = kept.step
    means = [scatter_locally(each, given)[0] for each in (running, threaded)]
    assert np.array_equal(*means)
    fresh = opened(THC(), 3, 3000)
    fresh[0].load({})
    assert not np.array_equal(scatter_locally(fresh, given)[0], means[0])


@pytest.mark.parametrize("codec", [BlockInt(rounding="stochastic"), BlockFloat8(), THC()], ids=str)
def test_threads_change_nothing(codec):
    given = gradients(2, 2_200_000)
    one, four = (scatter_locally(opened(codec, 2, 2_200_000, threads=threads), given)[0] for threads in (1, 4))
    assert np.array_equal(one, four)


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        (TopK(), "codec is TopK, but a reduce-scatter takes THC, BlockInt, BlockFloat8 or Cast"),
        (TopKChunked(), "codec is TopKChunked"),
        (LowRank(), "codec is LowRank"),
        (QSGD(), "codec is QSGD"),
        (TernGrad(), "codec is TernGrad"),
        (Adaptive(), "codec is Adaptive"),
        (THC(bits="lane"), "take bits=4"),
        (THC(feedback="truncation"), "feedback is 'truncation', but a reduce-scatter takes 'none'"),
        (BlockInt(feedback="full"), "feedback is 'full'"),
        (BlockFloat8(feedback="full"), "feedback is 'full'"),
    ],
)
def test_what_cannot_scatter_is_refused(codec, message):
    with pytest.raises(InvalidInput, match=message):
        open_rows(codec, 1000, rank=0, workers=2)


def test_an_overflow_and_too_many_pieces_are_refused_before_the_first_round():
    with pytest.raises(CapacityExceeded, match="leave 18 workers a granularity of 14"):
        open_rows(THC(), 1000, rank=0, workers=18)
    with pytest.raises(CapacityExceeded, match="piece is 4096"):
        open_rows(THC(bits=2, lanes=16), 1000, rank=0, workers=4097)
    with pytest.raises(CapacityExceeded, match="bucket is 4096"):
        open_rows(BlockInt(rounding="stochastic"), 1000, rank=0, workers=2, bucket=4096)
