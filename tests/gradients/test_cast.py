import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Cast, vnmse
from tests.gradients.rounds import lognormal, one_round

ROWS = lognormal(4, 10_000)


def test_float32_is_the_plain_mean():
    mean, sent = one_round(Cast("float32"), ROWS)
    assert np.array_equal(mean, (ROWS[0] + ROWS[1] + ROWS[2] + ROWS[3]) / np.float32(4))
    assert sent.total == 2 * 3 / 4 * 40_000
    assert Cast("float32").expected_vnmse(4, correlation=0.5) == 0


@pytest.mark.parametrize(("dtype", "error"), [("float16", 4e-8), ("bfloat16", 3e-6)])
def test_sixteen_bits_cost_their_rounding(dtype, error):
    one, _ = one_round(Cast(dtype), ROWS[:1])
    assert vnmse(one, ROWS[0]) == pytest.approx(error, rel=0.3)
    mean, sent = one_round(Cast(dtype), ROWS)
    assert vnmse(mean, ROWS.mean(axis=0, dtype=np.float64)) < 4 * error
    assert sent.total == 2 * 3 / 4 * 20_000
    assert Cast(dtype).expected_vnmse(4, correlation=0.5) is None


def test_the_gradient_is_only_read_and_the_mean_is_new():
    for dtype in ("float32", "float16"):
        row = ROWS[:1].copy()
        mean, _ = one_round(Cast(dtype), row)
        assert np.array_equal(row, ROWS[:1])
        assert not np.shares_memory(mean, row)


def test_other_dtypes_are_refused():
    with pytest.raises(InvalidInput, match="dtype is 'float8'"):
        Cast("float8")
