import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.bounds import Range, exact, key_of
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.ranges.bounds import encode_bounds

MOMENT = dt.datetime(2024, 2, 29, 12, 30, 15, 123456)
NANOSECONDS = (MOMENT - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) * 1000


class Stamp(dt.datetime):
    """A point in time as pandas has them, with nanoseconds."""

    def to_datetime64(self):
        return np.datetime64(7, "ns")


class Lasting(dt.timedelta):
    def to_timedelta64(self):
        return np.timedelta64(7, "ns")


def of(name):
    return ColumnType.parse(name)


@pytest.mark.parametrize(
    ("name", "bound", "number"),
    [
        ("int8", 5, 5),
        ("int64", np.int32(-5), -5),
        ("uint64", 2**70, 2**70),
        ("double", 1.5, 1.5),
        ("double", 2**53 + 1, 2**53 + 1),
        ("float", np.float32(0.5), 0.5),
        ("date32[day]", dt.date(1970, 1, 11), 10),
        ("date32[day]", dt.datetime(1970, 1, 11, 12), Fraction(21, 2)),
        ("date64[ms]", dt.date(1970, 1, 2), 86_400_000),
        ("timestamp[ns]", MOMENT, NANOSECONDS),
        ("timestamp[us]", MOMENT, NANOSECONDS // 1000),
        ("timestamp[ms]", MOMENT, Fraction(NANOSECONDS, 10**6)),
        ("timestamp[s]", np.datetime64("1970-01-01T00:00:01.500", "ms"), Fraction(3, 2)),
        ("timestamp[s]", np.datetime64("1970-03"), 59 * 86400),
        ("timestamp[ns]", Stamp(1970, 1, 1), 7),
        ("timestamp[us, tz=Asia/Tokyo]", dt.datetime(1970, 1, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=9))), 0),
        ("timestamp[us, tz=UTC]", np.datetime64(5, "us"), 5),
        ("time32[s]", dt.time(1, 0, 1), 3601),
        ("time64[us]", np.timedelta64(3, "ns"), Fraction(3, 1000)),
        ("duration[ms]", dt.timedelta(seconds=2), 2000),
        ("duration[ns]", Lasting(0), 7),
        ("decimal128(10, 2)", Decimal("1.005"), Fraction(201, 2)),
        ("decimal128(38, 3)", 7, 7000),
        ("string", "ü", "ü".encode()),
        ("binary", b"\xff", b"\xff"),
        ("fixed_size_binary[4]", b"ab", b"ab"),
        ("timestamp[ns]", pa.scalar(7, pa.timestamp("ns")), 7),
        ("timestamp[us]", pa.scalar(7, pa.timestamp("ms")), 7000),
        ("date32[day]", pa.scalar(dt.date(1970, 1, 3)), 2),
        ("time64[ns]", pa.scalar(dt.time(0, 0, 1)), 10**9),
        ("int64", pa.scalar(7), 7),
        ("string", pa.scalar("a"), b"a"),
    ],
)
def test_bounds_are_taken_exactly(name, bound, number):
    assert exact(of(name), bound, "lo") == number


@pytest.mark.parametrize(
    ("name", "bound", "words"),
    [
        ("int64", 1.5, r"lo is 1\.5, but the column holds int64; pass a bound of that kind"),
        ("int64", True, "lo is True, but the column holds int64"),
        ("int64", np.timedelta64(3, "s"), "but the column holds int64"),
        ("double", "1", "lo is '1', but the column holds double"),
        ("double", float("nan"), "lo is nan, which bounds no range"),
        ("string", b"a", "lo is b'a', but the column holds string"),
        ("binary", "a", "lo is 'a', but the column holds binary"),
        ("timestamp[us]", 5, "lo is 5, but the column holds timestamp"),
        ("timestamp[us]", MOMENT.replace(tzinfo=dt.UTC), "drop its time zone"),
        ("timestamp[us, tz=UTC]", MOMENT, "give it a time zone"),
        ("timestamp[us]", np.datetime64("NaT"), "lo is NaT, which bounds no range"),
        ("duration[s]", np.timedelta64(3, "M"), "whose unit has no fixed length"),
        ("duration[s]", dt.time(1), "but the column holds duration"),
        ("time32[s]", dt.time(1, tzinfo=dt.UTC), "but the column holds time32"),
        ("decimal128(10, 2)", 1.5, "but the column holds decimal128"),
        ("decimal128(10, 2)", Decimal("NaN"), "lo is NaN, which bounds no decimals"),
        ("int64", pa.scalar(None, pa.int64()), "lo is None"),
    ],
)
def test_bounds_of_another_kind_are_refused(name, bound, words):
    with pytest.raises(InvalidInput, match=words):
        exact(of(name), bound, "lo")


def test_crossed_bounds_and_unknown_ends_are_refused():
    with pytest.raises(InvalidInput, match="lo is 5 and above hi, 4; swap them"):
        Range.read(of("int64"), 5, 4)
    with pytest.raises(InvalidInput, match="closed is 'right', but must be one of both, left"):
        Range.read(of("int64"), 4, 5, "right")


def outwards(name, lo, hi, closed="both"):
    return Range.read(of(name), lo, hi, closed).outwards()


def test_whole_numbers_are_rounded_outwards_and_kept_in_the_domain():
    half = np.datetime64(1500, "ms"), np.datetime64(2500, "ms")
    assert outwards("timestamp[s]", *half) == (1, 3)
    assert outwards("timestamp[s]", *half, "left") == (1, 2)
    assert outwards("int8", -1000, 1000) == (-128, 127)
    assert outwards("int8", 128, 1000) is None
    assert outwards("int8", None, -128, "left") is None
    assert outwards("int8", 5, 5, "left") is None
    assert outwards("uint64", None, None) == (0, 2**64 - 1)
    assert outwards("decimal128(4, 2)", Decimal("0.001"), Decimal("0.001")) == (0, 1)


def test_floats_are_rounded_outwards_to_what_engines_compare_with():
    lo, hi = outwards("float", 0.7, 0.3 + 0.6)
    assert (lo, hi) == (float(np.float32(0.7)), 0.3 + 0.6)
    assert lo < 0.7
    assert outwards("double", 0.7, 0.9) == (0.7, 0.9)
    assert outwards("double", 2**53 + 1, 2**53 + 1) == (2.0**53, 2.0**53 + 2)
    assert outwards("double", 10**400, None) == (np.finfo(float).max, math.inf)
    assert outwards("double", 1.0, 2.0, "left")[1] == math.nextafter(2.0, 0)
    assert outwards("double", 1.0, 1.0, "left") is None
    assert outwards("float", 1e300, None) == (1e300, math.inf)
    assert outwards("halffloat", 0.1, 0.1)[0] == float(np.float16(0.1))


def test_strings_keep_their_bounds():
    assert outwards("string", "a", "b", "left") == (b"a", b"b")
    assert outwards("string", None, "b") == (b"", b"b")
    assert outwards("string", None, "", "left") is None
    assert outwards("binary", b"a", None) == (b"a", b"\xff" * 4096)


@pytest.mark.parametrize(
    ("name", "lo", "hi"),
    [
        ("int64", -5, 7),
        ("uint64", 5, 2**64 - 1),
        ("double", -1.5, -0.0),
        ("double", 0.0, math.inf),
        ("timestamp[us]", MOMENT, MOMENT),
        ("time32[s]", dt.time(1), dt.time(2)),
    ],
)
def test_codes_are_those_of_the_filters(name, lo, hi):
    type_ = of(name)
    asked = Range.read(type_, lo, hi)
    keys = [key_of(type_, each) for each in (asked.lo, asked.hi)]
    bounds = encode_bounds(type_.key_type, 64, *keys)
    assert asked.codes() == (int(bounds.lo[0]), int(bounds.hi[0]), False)


def test_the_last_code_is_the_one_before_a_strict_bound_that_shares_its_own_with_no_key():
    assert Range.read(of("string"), "a", "b", "left").codes() == (b"a", b"b", True)
    assert Range.read(of("string"), "a", "b\0", "left").codes() == (b"a", b"b\0", False)
    assert Range.read(of("string"), "a", "b").codes() == (b"a", b"b", False)
    assert Range.read(of("string"), "a", None, "left").codes() == (b"a", b"\xff" * 4096, False)
    wide = Range.read(of("decimal128(38, 0)"), 5, 6, "left").codes()
    assert wide[0] == wide[1]
    assert not wide[2]


def test_wide_decimals_keep_their_order_as_bytes():
    numbers = [Decimal(-(10**30)), Decimal(-1), Decimal(0), Decimal("0.01"), Decimal(10**30)]
    keys = [key_of(of("decimal128(38, 2)"), exact(of("decimal128(38, 2)"), each, "lo")) for each in numbers]
    assert keys == sorted(keys)
    assert {len(key) for key in keys} == {16}


def test_keys_of_a_sample_stay_in_the_domain():
    assert key_of(of("int8"), 1000) == 127
    assert key_of(of("date32[day]"), Fraction(21, 2)) == np.datetime64(10, "D")
    assert key_of(of("double"), 5) == 5.0
