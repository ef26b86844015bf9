import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import CountMin, CountSketch

SKETCHES = pytest.mark.parametrize("make", [CountMin, CountSketch])


def test_candidates_are_ranked_once_each():
    sketch = CountMin(width=1000)
    sketch.update(["a", "b", "a", "c", "a", "b"])
    top = sketch.heavy_hitters(0.2, keys=["c", "b", "a", "b", "z"])
    assert [tuple(row) for row in top] == [("a", 3, 0, 3, False), ("b", 2, 0, 2, False)]
    assert not top.complete  # another key might have come twice
    assert sketch.heavy_hitters(0.5, keys="a").complete
    assert len(sketch.heavy_hitters(0.2, keys=["a"], guarantee="no_false_positives")) == 0
    assert len(sketch.heavy_hitters(0.2, keys=[])) == 0
    numbers = CountMin(width=1000)
    numbers.update(np.array([-1, -1, 5]))
    assert numbers.heavy_hitters(0, keys=np.array([5, -1])).keys.tolist() == [-1, 5]
    with pytest.raises(InvalidInput, match=r"phi is 1\.5"):
        sketch.heavy_hitters(1.5, keys=["a"])
    with pytest.raises(InvalidInput, match="guarantee is 'none'"):
        sketch.heavy_hitters(0.5, keys=["a"], guarantee="none")
    with pytest.raises(InvalidInput, match="keys contain 1 nulls"):
        sketch.heavy_hitters(0.5, keys=["a", None])
    with pytest.raises(InvalidInput, match="holds str"):
        sketch.heavy_hitters(0.5, keys=[1])


@SKETCHES
def test_candidates_stand_in_the_order_of_estimates_and_then_of_ids(make):
    sketch = make(width=10_000)
    keys = np.array([2**64 - 1, 5, 0, 9, 5], np.uint64)
    sketch.update(keys)
    assert sketch.heavy_hitters(0, keys=keys).keys.tolist() == [5, 0, 9, 2**64 - 1]


@SKETCHES
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "both given or both left out"),
        ({"width": 5, "memory": 500}, "both given or both left out"),
        ({"width": 0}, "width is 0, but must be from 1 to"),
        ({"width": 2**40 + 1}, r"width is 1099511627777, but must be from 1 to 2\*\*40"),
        ({"width": True}, "width is True"),
        ({"width": 5, "depth": 0}, "depth is 0, but must be from 1 to 64"),
        ({"width": 5, "depth": 65}, "depth is 65"),
        ({"width": 5, "depth": True}, "depth is True"),
        ({"memory": 15}, "rows take at least"),
        ({"memory": "much"}, "memory is 'much'"),
    ],
)
def test_shapes_that_break_a_rule_are_refused(make, options, message):
    with pytest.raises(InvalidInput, match=message):
        make(**options)
