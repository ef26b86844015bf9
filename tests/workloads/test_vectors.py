import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.vectors import flat, skewed


@pytest.mark.parametrize("make", [flat, skewed])
def test_a_seed_names_one_workload(make):
    trace = make(3, 50, seed=1)
    assert (trace.kind, trace["values"].shape, trace["values"].dtype) == ("vectors", (3, 50), np.float32)
    assert trace.fingerprint == make(3, 50, seed=1).fingerprint
    assert trace.fingerprint != make(3, 50, seed=2).fingerprint


def test_skewed_has_a_long_tail_and_flat_fills_its_range():
    long, even = skewed(1, 20_000, seed=0)["values"], flat(1, 20_000, seed=0)["values"]
    assert long.min() > 0
    assert long.max() > 15 * np.median(long)
    counts, _ = np.histogram(even, bins=10, range=(0, 2 * np.pi))
    assert counts.sum() == even.size
    assert counts.min() > 0.9 * 2_000


@pytest.mark.parametrize("make", [flat, skewed])
def test_nothing_to_draw_is_refused(make):
    with pytest.raises(InvalidInput, match="count is 0 and length 5, but both must be at least 1"):
        make(0, 5, seed=0)
