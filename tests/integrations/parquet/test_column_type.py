import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.ranges.bounds import encode_bounds
from beforehand.ranges.keys import encode_keys
from tests.integrations.parquet.every_type import COLUMNS, MEMBER, with_nulls

PLAIN = [name for name in COLUMNS if name not in MEMBER]


@pytest.mark.parametrize("name", PLAIN)
def test_keys_have_the_order_of_the_values_and_nulls_are_none(name):
    column = with_nulls(COLUMNS[name])
    type_ = ColumnType.of(column.type, "x")
    assert ColumnType.parse(type_.name) == type_
    held = type_.keys(pa.chunked_array([column.slice(0, 150), column.slice(150)]))
    values = [each for each in column.to_pylist() if each is not None]
    assert (held.nulls, held.has_nan) == (column.null_count, False)
    keys = held.keys if isinstance(held.keys, list) else held.keys.tolist()
    assert len(keys) == len(values)
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [keys[i] for i in order] == sorted(keys)
    assert len(set(keys)) == len(set(values))
    assert encode_keys(held.keys).type == type_.key_type


def test_nan_is_remembered_and_no_key():
    held = ColumnType.parse("float").keys(pa.chunked_array([pa.array([1.5, float("nan"), None], pa.float32())]))
    assert held.keys.tolist() == [1.5]
    assert (held.nulls, held.has_nan) == (1, True)


@pytest.mark.parametrize("name", PLAIN)
def test_a_column_without_values_has_keys_of_the_same_kind(name):
    type_ = ColumnType.of(COLUMNS[name].type, "x")
    for column in (pa.chunked_array([], COLUMNS[name].type), pa.chunked_array([pa.nulls(3, COLUMNS[name].type)])):
        held = type_.keys(column)
        assert len(held.keys) == 0
        assert held.nulls == len(column)
        assert (
            isinstance(held.keys, list) or held.keys.dtype == type_.keys(pa.chunked_array([COLUMNS[name]])).keys.dtype
        )


def test_the_lowest_point_in_time_is_found_though_numpy_takes_it_for_none():
    column = pa.chunked_array([pa.array([-(2**63), 5], pa.int64()).cast(pa.timestamp("ns"))])
    keys = ColumnType.parse("timestamp[ns]").keys(column).keys
    assert not np.isnat(keys).any()
    assert keys.view(np.int64).tolist() == [-(2**63) + 1, 5]


@pytest.mark.parametrize("digits", [1, 9, 18, 19, 38])
def test_decimals_of_any_precision_keep_their_order(digits):
    most = 10**digits - 1
    column = pa.array([pa.scalar(n).as_py() for n in (-1, 0, 1)]).cast(
        pa.decimal128(digits, 0) if digits > 18 else pa.int64()
    )
    type_ = ColumnType.parse(f"decimal128({digits}, 0)")
    assert (type_.least, type_.most) == (-most, most)
    if digits > 18:
        keys = type_.keys(pa.chunked_array([column])).keys
        assert keys.tolist() == sorted(keys.tolist())


@pytest.mark.parametrize("name", ["bool", "list<item: int64>", "decimal128(5, -2)", "int128", "interval", "null", ""])
def test_other_types_are_refused(name):
    with pytest.raises(InvalidInput, match=r"the column is of type .*choose another column"):
        ColumnType.parse(name)


def test_types_with_the_same_codes_are_alike():
    like = {name: ColumnType.parse(name).like for name in ("int8", "int64", "uint64", "date64[ms]", "timestamp[ms]")}
    assert like["int8"] == like["int64"] != like["uint64"]
    assert ColumnType.parse("string").like == ColumnType.parse("large_binary").like
    assert ColumnType.parse("timestamp[ms]").like != ColumnType.parse("timestamp[us]").like
    assert ColumnType.parse("timestamp[ms]").like != ColumnType.parse("timestamp[ms, tz=UTC]").like
    assert ColumnType.parse("decimal128(9, 2)").like != ColumnType.parse("decimal128(9, 3)").like


def test_bounds_of_the_filters_take_the_keys_of_every_type():
    for name in PLAIN:
        type_ = ColumnType.of(COLUMNS[name].type, "x")
        keys = type_.keys(pa.chunked_array([COLUMNS[name]])).keys
        codes = encode_keys(keys)
        encode_bounds(codes.type, codes.width, keys[:1], keys[:1])
