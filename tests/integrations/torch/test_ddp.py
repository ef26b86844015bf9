"""The communication hook on two processes with gloo."""

import numpy as np
import pytest

from beforehand.gradients import THC, Cast, LowRank, vnmse

pytestmark = pytest.mark.torch

FOUR_BITS, LANES, FACTORS = THC(bits=4), THC(bits="lane", lanes=10, truncation=2**-13), LowRank(rank=2)


@pytest.mark.parametrize(
    ("codec", "transport", "error"),
    [
        (FOUR_BITS, "two_shot", 0.03),
        (LANES, "allreduce", 1e-4),
        (FACTORS, "auto", 0.9),
        (Cast("float32"), "auto", 1e-12),
    ],
    ids=str,
)
def test_gradients_are_exact_at_first_and_then_within_the_error_of_the_codec(pair, codec, transport, error):
    options = {"vnmse_every": 1, "smallest_bucket": 0}
    (first, exact, stats), (second, _, _) = pair.run("ddp_scenarios.means", codec.to_json(), 6, transport, options, {})
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(first, second, strict=True))
    for step, (mine, truth) in enumerate(zip(first, exact, strict=True)):
        assert vnmse(mine, truth) < (1e-12 if step < 3 else error)
    assert stats.steps == 6
    assert stats.vnmse < error
    assert stats.fallbacks == {}
    assert min(stats.encode, stats.exchange, stats.decode) > 0
