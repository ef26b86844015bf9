"""What finished answers say about those to come."""

import numpy as np
import pytest

from beforehand.scheduling.serving.predictors.answer_lengths import KEPT, ClaimedLengths, FinishedLengths


def test_the_mean_is_that_of_the_last_answers():
    lengths = FinishedLengths()
    assert lengths.mean == 256
    every = np.random.default_rng(1).integers(1, 500, KEPT + 700)
    for tokens in every:
        lengths.add(int(tokens))
    assert lengths.mean == every[-KEPT:].mean()


@pytest.mark.parametrize("share", [0.125, 0.5, 3.0])
def test_a_tenant_that_lies_by_a_constant_share_is_found_out_within_200_answers(share):
    claims = ClaimedLengths()
    for _ in range(220):
        claims.add("liar", 100 * share, 100)
    assert claims.corrected("liar", 100 * share) == pytest.approx(100, rel=0.21)
    assert claims.corrected("honest", 100.0) == 100


def test_a_correction_is_at_most_a_factor_of_eight():
    claims = ClaimedLengths()
    for _ in range(2_000):
        claims.add("liar", 1, 1_000)
    assert claims.corrected("liar", 1) == pytest.approx(8)
