"""When a range filter is worth having."""

import pytest

from beforehand.core.report import Verdict
from beforehand.ranges.verdicts import few_empty, judged


@pytest.mark.parametrize(
    ("saved", "more", "empty", "verdict", "words"),
    [
        ((0.6, 0.55, 0.65), 0.05, 900, "worth it", "60.0% of a read"),
        ((0.6, 0.55, 0.65), 0.01, 900, "don't bother", "take that"),
        ((0.01, 0.005, 0.015), 0.01, 900, "don't bother", "take no filter"),
        ((-0.2, -0.3, -0.1), 0.0, 900, "don't bother", "take no filter"),
        ((0.01, 0.0, 0.03), 0.01, 900, "don't bother", "less than 2%"),
        ((0.6, 0.4, 0.8), 0.05, 49, "unclear", "only 49 queries"),
        ((0.6, 0.55, 0.65), -0.03, 900, "don't bother", "not more than the 63.0% of prefix-bloom; take that"),
        ((0.01, 0.005, 0.015), -0.3, 900, "don't bother", "not more than the 31.0% of prefix-bloom; take that"),
        ((-0.08, -0.08, -0.08), -0.5, 1, "unclear", "only 1 query is empty"),
        ((-0.001, -0.002, 0.0), 0.0, 0, "don't bother", "each query holds a key"),
        ((0.004, 0.001, 0.01), 0.01, 10, "don't bother", "take no filter"),
        ((0.03, 0.01, 0.05), 0.03, 100, "unclear", "less than 5%"),
        ((0.1, -0.1, 0.3), 0.03, 100, "unclear", "about 401 empty queries"),
        ((-1e-6, -0.001, 0.001), 0.0, 900, "don't bother", "proteus saves 0.0% (-0.1% to 0.1%)"),
    ],
)
def test_the_verdict_follows_from_what_is_saved(
    saved: tuple[float, float, float], more: float, empty: int, verdict: Verdict, words: str
) -> None:
    """All are shares of a read."""
    cost = 1e-4
    value, low, high = (each * cost for each in saved)
    found, why = judged(
        saved=(value, low, high), over_baseline=more * cost, read_cost=cost, empty=empty, name="proteus"
    )
    assert found == verdict
    assert words in why


def test_the_baseline_is_not_compared_with_itself() -> None:
    """An audit judges the filter of the plan, which is the baseline where no other paid."""
    found, why = judged(saved=(9e-5, 8e-5, 1e-4), over_baseline=0.0, read_cost=1e-4, empty=900, name="prefix-bloom")
    assert found == "don't bother"
    assert why == "prefix-bloom saves 90.0% of a read for each query; keep it"


def test_a_single_query_is_told_in_the_singular() -> None:
    assert [few_empty(count) for count in (0, 1, 2)] == [
        "no query is empty",
        "only 1 query is empty",
        "only 2 queries are empty",
    ]
