import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Layout, LowRank

LAYOUT = Layout([("conv", (32, 16, 3, 3)), ("bias", (32,)), ("small", (4, 4)), ("head", (100, 50))])


def test_only_matrices_that_get_shorter_are_compressed():
    assert LowRank(rank=4).compressed(LAYOUT) == ("conv", "head")
    assert LowRank(rank=4, minimum_rate=7).compressed(LAYOUT) == ("head",)
    assert LowRank(rank=40).compressed(LAYOUT) == ()


def test_bytes_are_those_of_the_factors_and_of_the_rest():
    sent = LowRank(rank=4).wire_bytes(LAYOUT, workers=2)
    assert sent.total == 4 * (4 * (32 + 144 + 100 + 50) + 32 + 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank is 0"),
        ({"rank": 2.5}, "rank is 2.5"),
        ({"start_step": -1}, "start_step is -1"),
        ({"minimum_rate": 0}, "minimum_rate is 0"),
        ({"minimum_rate": "2"}, "minimum_rate is '2', but must be a number"),
        ({"minimum_rate": float("nan")}, "minimum_rate is nan"),
        ({"feedback": "truncation"}, "feedback is 'truncation'"),
        ({"warm_start": 1}, "warm_start is 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        LowRank(**options)
