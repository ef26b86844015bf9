import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from beforehand.cli.range_bounds import read_bound
from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.column_type import ColumnType


@pytest.mark.parametrize(
    ("name", "text", "bound"),
    [
        ("int64", "-5", -5),
        ("float", "1e3", 1000.0),
        ("decimal128(10, 2)", "1.25", Decimal("1.25")),
        ("date32[day]", "2024-02-29", np.datetime64("2024-02-29")),
        ("timestamp[ns]", "2024-02-29T12:00:00.000000001", np.datetime64("2024-02-29T12:00:00.000000001")),
        ("timestamp[us, tz=UTC]", "2024-02-29T12:00+01:00", dt.datetime(2024, 2, 29, 11, tzinfo=dt.UTC)),
        ("time64[us]", "12:30", dt.time(12, 30)),
        ("duration[ms]", "1.5", np.timedelta64(1_500_000_000, "ns")),
        ("string", "0xff", "0xff"),
        ("binary", "0xff00", b"\xff\x00"),
        ("fixed_size_binary[2]", "ab", b"ab"),
    ],
)
def test_a_bound_is_read_as_the_column_has_them(name, text, bound):
    assert read_bound(ColumnType.parse(name), text) == bound
    Range.read(ColumnType.parse(name), bound, bound)


@pytest.mark.parametrize(
    ("name", "text"),
    [("int64", "1.5"), ("double", "one"), ("decimal128(5, 2)", "x"), ("date32[day]", "29.2.2024"), ("binary", "0xf")],
)
def test_what_is_no_bound_is_named(name, text):
    with pytest.raises(InvalidInput, match=f"'{text}' is no bound for a column of {name[:5]}"):
        read_bound(ColumnType.parse(name), text)


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("int64", "abc", "a whole number, such as 15"),
        ("double", "one", "a number, such as 1.5"),
        ("decimal128(5, 2)", "x", "a number, such as 1.5"),
        ("date32[day]", "yesterday", "a date, such as 2026-01-31"),
        ("date32[day]", "19000", "a date, such as 2026-01-31"),
        ("timestamp[us]", "1700000000", "a date and a time, such as 2026-01-31T12:30:00"),
        ("timestamp[us, tz=UTC]", "2026-01-31T12:30:00", "a date and a time, such as 2026-01-31T12:30:00+00:00"),
        ("time64[us]", "noon", "a time, such as 12:30:00"),
        ("duration[ms]", "long", "seconds, such as 1.5"),
        ("binary", "0xf", "text, or 0x and two hex digits for each byte"),
    ],
)
def test_the_message_shows_how_a_bound_is_written(name, text, remedy):
    with pytest.raises(InvalidInput) as caught:
        read_bound(ColumnType.parse(name), text)
    assert str(caught.value) == f"{text!r} is no bound for a column of {name}; write {remedy}"
