import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.quantization import levels
from beforehand.quantization.groups import grouping


@pytest.mark.parametrize(
    ("shape", "axis", "block", "count", "largest"),
    [
        ((), None, None, 1, 1),
        ((3, 4, 5), None, None, 1, 60),
        ((3, 4, 5), 0, None, 3, 20),
        ((3, 4, 5), 1, None, 4, 15),
        ((3, 4, 5), -1, None, 5, 12),
        ((3, 4, 5), None, 5, 12, 5),
        ((3, 4, 5), None, 2, 36, 2),  # 2, 2 and 1 in each row of 5
        ((3, 4, 5), None, 99, 12, 5),
        ((), None, 4, 1, 1),
        ((4, 0), 0, None, 4, 0),
        ((4, 0), None, 2, 0, 0),
    ],
)
def test_groups_are_counted_and_measured(shape, axis, block, count, largest):
    groups = grouping(shape, axis, block)
    assert (groups.count, groups.largest) == (count, largest)


@pytest.mark.parametrize(
    ("axis", "block", "parts"),
    [
        (None, None, [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]),
        (0, None, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]),
        (1, None, [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]),
        (2, None, [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]),
        (None, 2, [[0, 1], [2], [3, 4], [5], [6, 7], [8], [9, 10], [11]]),
    ],
)
def test_each_group_has_its_own_values(axis, block, parts):
    table = levels(np.arange(12.0).reshape(2, 2, 3), 12, axis=axis, block=block)
    counts = [table.n_levels] if table.counts is None else table.counts
    assert [row[:n].tolist() for row, n in zip(np.atleast_2d(table.values), counts, strict=True)] == parts


@pytest.mark.parametrize(
    ("axis", "block", "words"),
    [
        (0, 2, "axis is 0 and block is 2, but only one of them"),
        (2, None, "axis is 2, but x has 2 dimensions; take one from 0 to 1"),
        (-3, None, "axis is -3, but x has 2 dimensions"),
        (0.0, None, "axis is 0.0, but must be a whole number"),
        (None, 0, "block is 0, but must be at least 1"),
        (None, "4", "block is '4', but must be a whole number"),
    ],
)
def test_a_grouping_that_breaks_a_rule_is_refused(axis, block, words):
    with pytest.raises(InvalidInput, match=words):
        grouping((3, 4), axis, block)


def test_a_group_can_have_2_to_the_31_less_1_values():
    assert grouping((2**31 - 1,), None, None).largest == 2**31 - 1
    for shape, axis, block in [((2**31,), None, None), ((2, 2**31), 0, None), ((2**40,), None, 2**31)]:
        with pytest.raises(CapacityExceeded, match=r"at most 2\*\*31 - 1 can share a table; use block="):
            grouping(shape, axis, block)
    assert grouping((2**40,), None, 2**20).count == 2**20
