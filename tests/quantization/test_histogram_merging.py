"""Histograms of parts, put together."""

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Histogram
from tests.quantization.draws import DRAW


def test_parts_merge_into_the_whole():
    x = np.random.default_rng(6).standard_cauchy(40_000)
    whole = Histogram.like(x)
    parts = [Histogram(center=whole.center, scale=whole.scale) for _ in range(4)]
    whole.update(x)
    for part, values in zip(parts, np.split(x, 4), strict=True):
        part.update(values)
    first, second, third, fourth = parts
    third.merge(fourth)
    first.merge(third)
    first.merge(second)
    assert (first.count, first.minimum, first.maximum) == (40_000, x.min(), x.max())
    assert first.buckets == whole.buckets
    assert first.levels(16).squared_error == pytest.approx(whole.levels(16).squared_error, rel=1e-9)


@pytest.mark.parametrize("name", [*DRAW, "outliers", "offset", "tiny"])
@pytest.mark.parametrize("bins", [258, 4096])
def test_no_parting_and_no_order_of_merging_changes_a_bit(name, bins):
    random = np.random.default_rng(14)
    if name in DRAW:
        x = DRAW[name](random, 20_000)
    else:
        x = random.standard_normal(20_000)
        x[:2] = (-1e30, 1e8) if name == "outliers" else x[:2]
        x = x * 1e-9 if name == "tiny" else x + 1e5 * (name == "offset")
    whole = Histogram(center=0.3, scale=0.7, bins=bins)
    whole.update(x)
    for _ in range(4):
        parts = []
        for values in np.split(random.permutation(x), np.sort(random.integers(0, x.size, random.integers(1, 9)))):
            parts.append(Histogram(center=0.3, scale=0.7, bins=bins))
            parts[-1].update(values)
        while len(parts) > 1:
            one = parts.pop(int(random.integers(len(parts))))
            parts[int(random.integers(len(parts)))].merge(Histogram.from_bytes(one.to_bytes()))
        assert parts[0].to_bytes() == whole.to_bytes()
    assert whole.squared_norm == pytest.approx((x**2).sum(), rel=1e-12 if name != "tiny" else 1e-3)


def test_who_has_seen_one_value_takes_the_center_and_scale_of_the_other():
    x = np.random.default_rng(11).standard_normal(5000)
    whole, one, two = Histogram.like(x), Histogram.like([0.25]), Histogram.like([7.0, 7.0])
    for seen, values in ((whole, x), (one, [0.25]), (two, [7.0, 7.0, 7.0])):
        seen.update(values)
    there, back = Histogram.from_bytes(whole.to_bytes()), Histogram.from_bytes(one.to_bytes())
    there.merge(one)
    back.merge(whole)
    assert there.to_bytes() == back.to_bytes()
    assert there.center == whole.center
    both = Histogram.from_bytes(two.to_bytes())
    both.merge(one)
    one.merge(two)
    assert both.to_bytes() == one.to_bytes()
    assert one.levels(2).values.tolist() == [0.25, 7.0]
    assert one.count == 4
    with pytest.raises(InvalidInput, match="make both with the same"):
        one.merge(whole)
