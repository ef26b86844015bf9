import pytest

from beforehand.studies.thc import scaling


def test_lanes_are_as_narrow_as_the_workers_permit():
    assert [scaling.narrowest(workers, 15) for workers in (2, 17, 18, 64)] == [8, 8, 9, 10]
    assert [scaling.narrowest(workers, 30) for workers in (8, 9, 64)] == [8, 9, 12]


def test_errors_are_the_known_ones_at_the_scale_of_a_test():
    found = scaling.scaled(quick=True)
    assert [each.workers for each in found] == [2, 4, 8, 16]
    for each in found:
        best, _, published, _, adaptive = scaling.KNOWN[each.workers]
        assert (each.best, each.published, each.adaptive) == pytest.approx((best, published, adaptive), rel=0.15)
    assert [len(row) for row in scaling.sheet(found).rows] == [7] * 4


def test_the_verdict_wants_known_errors_and_time_that_grows_with_workers():
    known = [
        scaling.Scaled(n, *(scaling.KNOWN[n][place] for place in (1, 0, 3, 2, 4)), 1e-3 * n) for n in scaling.KNOWN
    ]
    assert scaling.scales(known).holds
    assert "grows as n^1.00" in scaling.scales(known).figure
    assert not scaling.scales([each._replace(adding=1e-3 * each.workers**2) for each in known]).holds
    assert not scaling.scales([known[0]._replace(published=0.02), *known[1:]]).holds
