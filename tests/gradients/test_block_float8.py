import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import BlockFloat8, BlockInt, vnmse
from tests.gradients.rounds import layout_of, lognormal, one_round


def values_of(mantissa, bias, largest):
    """Every finite number of the format that is not negative."""
    found = []
    for code in range(128):
        exponent, digits = code >> mantissa, code & ((1 << mantissa) - 1)
        size = (exponent > 0) + digits / (1 << mantissa)
        found.append(math.ldexp(size, max(exponent, 1) - bias))
    return np.array([value for value in found if value <= largest])


FORMATS = {"e4m3": values_of(3, 7, 448), "e5m2": values_of(2, 15, 57344)}


@pytest.mark.parametrize(("name", "numbers"), FORMATS.items(), ids=FORMATS)
def test_every_value_becomes_the_nearest_number_of_the_format(name, numbers):
    draw = np.random.default_rng(0)
    x = (draw.choice([-1, 1], 4096) * numbers[-1] * 2.0 ** draw.uniform(-34, 0, 4096)).astype(np.float32)
    midpoints = (numbers[:-1] + numbers[1:]) / 2
    x[: len(midpoints)] = midpoints
    x[-1] = numbers[-1]  # the scale is 1
    mean, _ = one_round(BlockFloat8(format=name, block=4096), x[None])
    size = abs(x.astype(np.float64))
    distance = abs(size[:, None] - numbers)
    first = distance.argmin(axis=1)
    tie = np.count_nonzero(distance == distance.min(axis=1, keepdims=True), axis=1) == 2
    places = first + (tie & (first % 2 == 1))  # an odd place has an odd mantissa
    assert np.array_equal(mean, np.copysign(numbers[places], x).astype(np.float32))


def test_floats_keep_small_values_beside_large_ones():
    row = lognormal(1, 2**14) ** 3
    floats, _ = one_round(BlockFloat8(), row)
    integers, _ = one_round(BlockInt(), row)
    small = abs(row[0]) < 1
    assert 10 * vnmse(floats[small], row[0][small]) < vnmse(integers[small], row[0][small])


def test_a_byte_and_a_share_of_a_scale_go_both_ways():
    sent = BlockFloat8().wire_bytes(layout_of(2**20), workers=2)
    assert sent.total / (4 * 2**20) == pytest.approx(0.254, rel=0.01)  # of a ring in float32: 0.508 of bfloat16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "e8m0"}, "format is 'e8m0'"),
        ({"block": 0}, "block is 0"),
        ({"feedback": 1}, "feedback is 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        BlockFloat8(**options)
