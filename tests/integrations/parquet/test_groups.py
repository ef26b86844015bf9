import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.groups import Groups
from beforehand.integrations.parquet.layout import Column, Group, after
from beforehand.ranges import FILTERS, Proteus

INT, TEXT = ColumnType.parse("int64"), ColumnType.parse("string")
NUMBERS = [[1, 5, 9], [], [100, 200], [-7]]
WORDS = [[b"a", b"ab", b"b\0"], [], [b"zz"], [b"\xff" * 40]]


def made(type_, keys, build=Proteus.build, nan=()):
    """The groups of a column with these keys."""
    stored, groups = bytearray(), []
    for place, each in enumerate(keys):
        data = build(each, bits_per_key=100).to_bytes() if each else b""
        groups.append(Group(0, place in nan, len(stored), len(data)))
        stored += data + bytes(after(len(data)) - len(data))
    return Groups(Column("x", type_, tuple(groups)), memoryview(bytes(stored)))


def kept(groups, lo, hi, closed="both"):
    return groups.may_hold(Range.read(groups.column.type, lo, hi, closed)).nonzero()[0].tolist()


@pytest.mark.parametrize("name", FILTERS)
def test_every_kind_of_filter_is_asked(name):
    build = FILTERS[name].build
    options = {"queries": ([20], [30])} if name in ("two-prefix-bloom",) else {}
    groups = made(INT, NUMBERS, lambda keys, bits_per_key: build(keys, bits_per_key=bits_per_key, **options))
    assert {0} <= set(kept(groups, 5, 5))
    assert {2} <= set(kept(groups, 150, 200))
    assert 1 not in kept(groups, -(2**63), 2**63 - 1)


def test_numbers_are_found_where_they_are():
    groups = made(INT, NUMBERS)
    assert kept(groups, 5, 5) == [0]
    assert kept(groups, 9, 100) == [0, 2]
    assert kept(groups, None, -1) == [3]
    assert kept(groups, 10, 99) == []
    assert kept(groups, None, None) == [0, 1, 2, 3]


def test_strings_are_found_where_they_are_and_strict_bounds_are_outside():
    groups = made(TEXT, WORDS)
    assert kept(groups, "ab", "ab") == [0]
    assert kept(groups, "c", "zz") == [2]
    assert 2 not in kept(groups, "c", "zz", "left")
    assert 3 in kept(groups, "zzz", None)
    assert 0 in kept(groups, "b", "b\0\0", "left")  # codes do not tell zeros at the end apart
    assert kept(groups, None, "", "left") == []


def test_row_groups_with_nan_are_kept_where_there_is_no_upper_bound():
    groups = made(ColumnType.parse("double"), [[1.5], [], [2.5]], nan=(1, 2))
    assert kept(groups, 9.0, None) == [1, 2]
    assert kept(groups, 2.0, 3.0) == [2]


def test_a_filter_that_was_damaged_or_swapped_is_named_when_it_is_first_asked():
    groups = made(INT, NUMBERS)
    data = bytearray(groups._data)
    data[groups.column.groups[2].offset + 70] ^= 1
    damaged = Groups(groups.column, memoryview(bytes(data)))
    assert kept(damaged, None, None) == [0, 1, 2, 3]
    with pytest.raises(CorruptData, match=r"filter 2 of column x is damaged: .*build the index anew"):
        kept(damaged, 1, 2)
    other = Groups(Column("x", ColumnType.parse("uint64"), groups.column.groups), groups._data)
    with pytest.raises(CorruptData, match="filter 0 of column x is of int64, but the column holds uint64"):
        kept(other, 1, 2)


def test_the_native_side_refuses_what_is_no_filter_of_such_keys():
    native = Proteus.build([1, 2], bits_per_key=100)._native
    with pytest.raises(InvalidInput, match="no filter of such keys"):
        _native.RangeGroups([native, 5], False)
    with pytest.raises(InvalidInput, match="no filter of such keys"):
        _native.RangeGroups([native], True)
    groups = _native.RangeGroups([native, None], False)
    assert groups.numbers(0, 2**64 - 1).tolist() == [True, False]
    with pytest.raises(InvalidInput, match="these filters are of numbers"):
        groups.text(np.zeros(1, np.uint8), np.zeros(1, np.uint8), False)
    text = _native.RangeGroups([Proteus.build([b"a"])._native], True)
    with pytest.raises(InvalidInput, match="these filters are of text"):
        text.numbers(1, 2)
    with pytest.raises(InvalidInput, match="no code comes before such a bound"):
        text.text(np.zeros(0, np.uint8), np.zeros(0, np.uint8), True)


def test_the_filters_outlive_the_objects_they_came_from():
    groups = _native.RangeGroups([Proteus.build([n], bits_per_key=100)._native for n in range(50)], False)
    half = 2**63
    assert groups.numbers(half + 7, half + 7).tolist() == [n == 7 for n in range(50)]
