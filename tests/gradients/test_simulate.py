import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    Layout,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
    correlation,
    simulate,
    vnmse,
)

ROWS = np.random.default_rng(0).standard_normal((3, 2000)).astype(np.float32)
CODECS = (
    THC(),
    Cast("float16"),
    TopK(),
    TopKChunked(),
    LowRank(),
    BlockInt(),
    BlockFloat8(),
    QSGD(),
    TernGrad(),
    Adaptive(),
)


def test_the_same_rows_every_round_are_the_rows_of_each():
    repeated = simulate(THC(), np.broadcast_to(ROWS, (4, 3, 2000)))
    given = simulate(THC(), ROWS, rounds=4)
    assert np.array_equal(repeated.mean, given.mean)
    assert len(given.per_round) == 4
    assert given.vnmse == pytest.approx(given.per_round.mean())
    assert given.per_round[-1] == pytest.approx(vnmse(given.mean, ROWS.mean(axis=0, dtype=np.float64)))


def test_the_cumulative_error_falls_with_rounds_of_unbiased_rounding():
    found = simulate(THC(truncation=1e-6, granularity=80), ROWS, rounds=20)
    assert found.cumulative == pytest.approx(found.vnmse / 20, rel=0.2)


def test_with_feedback_a_round_is_judged_by_what_was_encoded():
    found = simulate(THC(feedback="full", truncation=1 / 32), ROWS, rounds=20)
    assert found.per_round.max() < 0.03
    assert found.cumulative < 0.001


def test_a_layout_changes_nothing_but_names():
    layout = Layout([("a", (1500,)), ("b", (500,))])
    assert np.array_equal(simulate(THC(), ROWS, layout=layout).mean, simulate(THC(), ROWS).mean)


def test_one_worker_is_encoded_all_the_same():
    found = simulate(THC(truncation=1 / 32), ROWS[:1])
    assert 0.01 < found.vnmse < 0.03
    assert found.bytes == (0, 0)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5), (4, 3, 5)])
def test_another_shape_is_refused(shape):
    with pytest.raises(InvalidInput, match="gradients have shape"):
        simulate(THC(), np.zeros(shape), rounds=3)


@pytest.mark.parametrize(
    "given", ["abc", [["a", "b"]], [[1, 2], [3]], None, ROWS.astype(complex), np.ma.masked_less(ROWS, 0)]
)
def test_what_is_no_array_of_numbers_is_refused(given):
    for ask in (lambda: simulate(THC(), given), lambda: vnmse(given, ROWS), lambda: correlation(given)):
        with pytest.raises(InvalidInput, match=r"real numbers|masked"):
            ask()


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (2, 0, 5)])
def test_rows_without_workers_or_coordinates_are_refused(shape):
    with pytest.raises(InvalidInput, match="need at least one"):
        simulate(THC(), np.zeros(shape, np.float32))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38], ids=["nan", "inf", "overflow"])
def test_what_is_not_finite_arrives_as_in_a_plain_sum_and_without_a_warning(codec, bad):
    rows = ROWS.copy()
    rows[:, 7] = bad, bad, 1
    with np.errstate(all="ignore"):
        plain = rows.sum(axis=0)[7]
    mean = simulate(codec, rows).mean
    assert np.isnan(mean[7]) if np.isnan(plain) else np.isinf(mean[7])
