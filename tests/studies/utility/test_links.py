import math

from beforehand.studies.claims import NotRun
from beforehand.studies.over_links import Ran
from beforehand.studies.utility import links

BASELINES = [Ran("float32", 1.2, math.inf, 2.8, 5.6), Ran("float16", 0.7, math.inf, 2.6, 2.8)]


def test_what_16_bits_leave_of_a_gain_decides():
    found = links.baseline_decides([*BASELINES, Ran("THC", 0.5, 50.0, 2.4, 1.1)])
    assert found.holds
    assert "THC: 2.40 and 1.40; at most 29 % of a gain is left" in found.figure
    fast = [BASELINES[0], BASELINES[1]._replace(step=1.1), Ran("THC", 0.5, 50.0, 2.4, 1.1)]
    assert (links.baseline_decides(fast).holds, links.baseline_decides(fast).direction) == (False, True)


def test_a_codec_that_is_slower_than_float32_gains_nothing():
    found = links.baseline_decides([*BASELINES, Ran("THC", 0.5, 50.0, 2.4, 1.1), Ran("slow", 1.3, 1.0, 1.0, 1.0)])
    assert "at most 29 %" in found.figure


def test_the_orders_are_compared():
    fast, exact = Ran("fast", 0.2, math.inf, 2.9, 0.1), Ran("exact", 0.3, 60.0, 2.4, 1.0)
    found = links.orders_differ([*BASELINES, fast, exact])
    assert found.holds
    assert "fast; exact; float16; float32" in found.figure
    assert "exact (60 s); float16 (2.60); float32 (2.80); fast (2.90)" in found.figure
    assert "tau 0.00" in found.figure
    assert not links.orders_differ([*BASELINES, exact]).holds


def test_kendall_counts_pairs():
    assert links.kendall(list("abc"), list("abc")) == 1
    assert links.kendall(list("abc"), list("cba")) == -1
    assert links.kendall(list("abc"), list("acb")) == 1 / 3


def test_ranks_are_judged_by_steps():
    ranks = [Ran("rank 1", 0.25, 1.0, 1.0, 0.08), Ran("rank 32", 0.5, 1.0, 1.0, 1.6)]
    found = links.rank_does_not_decide([*BASELINES, *ranks])
    assert found.holds
    assert "from rank 1 to rank 32 bytes grow 20.0 times, the time of a step 2.0 times" in found.figure
    slow = [ranks[0], ranks[1]._replace(step=3.0)]
    assert (
        links.rank_does_not_decide([*BASELINES, *slow]).holds,
        links.rank_does_not_decide([*BASELINES, *slow]).direction,
    ) == (False, True)


def test_what_did_not_run_stays_so_and_has_no_sheet():
    missing = NotRun("no root")
    for judged in (links.baseline_decides, links.orders_differ, links.rank_does_not_decide):
        assert judged(missing) == missing
    ran = [*BASELINES, Ran("rank 1", 0.25, 1.0, 1.0, 0.08)]
    assert [sheet.title for sheet in links.sheets(missing, ran, missing)] == ["LowRank over 200 Mb/s, by rank"]
