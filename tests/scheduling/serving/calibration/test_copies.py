import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving import fit_copies

SIZES = np.repeat([2.0**20, 2.0**22, 2.0**24, 2.0**26, 2.0**28], 10)


def test_latency_and_bandwidth_are_found_although_some_copies_are_disturbed():
    random = np.random.default_rng(0)
    seconds = (30e-6 + SIZES / 25e9) * random.lognormal(sigma=0.02, size=50)
    seconds[random.random(50) < 0.2] *= 10
    found = fit_copies(SIZES, seconds)
    assert abs(found.latency / 30e-6 - 1) < 0.2
    assert abs(found.bytes_per_second / 25e9 - 1) < 0.05


def test_a_latency_is_never_negative():
    assert fit_copies([1e6, 2e6, 3e6], [0.001, 0.0025, 0.004]).latency == 0


@pytest.mark.parametrize(
    ("sizes", "seconds", "words"),
    [
        ([1e6, 1e6], [0.1, 0.2], "copies of 1 sizes"),
        ([], [], "copies of 0 sizes"),
        ([1e6, 2e6], [0.1], "both need a number a copy"),
        ([1e6, 0], [0.1, 0.2], "sizes is 0 in copy 1"),
        ([1e6, 2e6], [0.1, float("nan")], "seconds is nan in copy 1"),
        ([1e6, 1e9], [0.2, 1e-9], "take no longer"),
    ],
)
def test_copies_that_make_no_line_are_refused(sizes, seconds, words):
    with pytest.raises(InvalidInput, match=words):
        fit_copies(sizes, seconds)
