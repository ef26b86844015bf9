"""The communication hook on two processes through an aggregator."""

import numpy as np
import pytest

from beforehand.gradients import THC, BlockInt, TernGrad
from tests.integrations.torch.ranks import Ranks

pytestmark = pytest.mark.torch

FIXED = THC(truncation=1 / 128)


@pytest.mark.parametrize("codec", [THC(), TernGrad()], ids=str)
def test_gradients_have_the_bits_of_two_shot(pair, codec):
    text = codec.to_json()
    (ours, stats, shown), (theirs, _, _) = pair.run("aggregator_scenarios.gradients", text, 6, "aggregator", {})
    (expected, before, _), _ = pair.run("aggregator_scenarios.gradients", text, 6, "two_shot", {})
    for step in range(6):
        assert np.array_equal(ours[step], expected[step])
        assert np.array_equal(theirs[step], expected[step])
    assert shown.startswith("aggregator://127.0.0.1:")  # without the token
    assert (stats.vnmse, stats.steps) == (before.vnmse, 6)
    assert stats.sent != before.sent
    assert stats.exchange > 0


def test_under_a_quorum_ranks_may_differ_and_are_not_blamed_for_it(pair):
    service = {"quorum": 0.5}
    (ours, stats, _), _ = pair.run("aggregator_scenarios.gradients", FIXED.to_json(), 6, "aggregator", service)
    assert all(np.isfinite(each).all() for each in ours)
    assert stats.vnmse > 0


@pytest.mark.parametrize(
    ("codec", "token", "service", "message"),
    [
        (FIXED, "guess", {}, "InvalidInput: the token is wrong"),
        (BlockInt(), "secret", {}, "InvalidInput: BlockInt sends no codes of integers"),
        (THC(bits="lane"), "secret", {}, "InvalidInput: THC sends no codes of integers"),
        (
            THC(),
            "secret",
            {"quorum": 0.5},
            "InvalidInput: the aggregator completes sums with 1 of 2 workers, but with trunc",
        ),
        (THC(granularity=100, lanes=16), "secret", {}, None),
        (THC(granularity=200, lanes=16), "secret", {}, "CapacityExceeded: 2 workers x granularity 200 = 400 > 255"),
    ],
    ids=str,
)
def test_what_the_aggregator_cannot_serve_is_refused_on_all_ranks(pair, codec, token, service, message):
    found = pair.run("aggregator_scenarios.refusal", codec.to_json(), token, service)
    if message is None:
        assert found == [None, None]
    else:
        assert all(each.startswith(message) for each in found), found


def test_an_aggregator_that_is_not_there_is_missed_on_all_ranks(pair):
    assert pair.run("aggregator_scenarios.nobody_there", FIXED.to_json()) == ["Closed", "Closed"]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("quorum", "told"), [(1.0, "worker 1 has left, and 1 of 2 workers are fewer than the 2"), (0.5, None)]
)
def test_a_rank_that_is_killed_ends_training_or_does_not(quorum, told):
    with Ranks(2) as ranks:
        (kind, value), dead = ranks.outcomes("aggregator_scenarios.survivor", FIXED.to_json(), 10, quorum, 5.0)
    assert (kind, dead[0]) == ("returned", "died")
    found, error = value
    assert len(found) == (10 if told is None else 5)
    assert (told or "None") in str(error)
    assert all(np.isfinite(each).all() for each in found)
