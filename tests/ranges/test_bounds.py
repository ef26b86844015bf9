from bisect import bisect_left, bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.ranges.bounds import encode_bounds
from beforehand.ranges.keys import KeyType, encode_keys

TRICKY = st.lists(st.sampled_from([0, 1, 2, 127, 128, 254, 255]), max_size=5).map(bytes)
WHOLE = st.one_of(st.integers(-3, 3), st.integers(-(2**66), 2**66), st.sampled_from([2**63, 2**64, -(2**63)]))
FLOAT = st.one_of(st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 5e-324, np.inf, -np.inf]))
U64, I64, F64 = KeyType("uint64"), KeyType("int64"), KeyType("float64")


def holds(bounds, codes):
    """Whether a code lies in the only range."""
    lo, hi = int(bounds.lo[0]), int(bounds.hi[0])
    return not bounds.empty[0] and any(lo <= int(code) <= hi for code in codes)


def last_code(bounds, width):
    last = int.from_bytes(bounds.hi[0].ljust(width, b"\0"))
    return last - 1 if bounds.before[0] else last


def in_range(keys, lo, hi, closed):
    ordered = sorted(keys)
    return bisect_left(ordered, lo) < (bisect_right if closed == "both" else bisect_left)(ordered, hi)


@pytest.mark.parametrize("closed", ["both", "left"])
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), WHOLE, WHOLE, st.data())
def test_a_range_of_integers_holds_what_it_should_and_nothing_else(closed, keys, one, other, data):
    near = data.draw(st.integers(-2, 2)) + keys[0]
    lo, hi = sorted((one, data.draw(st.sampled_from([other, near, keys[0]]))))
    for shift, kind in ((0, U64), (2**63, I64)):
        found = encode_bounds(kind, 64, lo - shift, hi - shift, closed=closed)
        codes = encode_keys(np.array(keys, np.uint64)).codes
        assert holds(found, codes) == in_range(keys, lo, hi, closed)


@pytest.mark.parametrize("closed", ["both", "left"])
@given(st.lists(FLOAT, min_size=1, max_size=5), st.one_of(FLOAT, WHOLE), st.one_of(FLOAT, WHOLE), st.data())
def test_a_range_of_floats_holds_what_it_should_and_nothing_else(closed, keys, one, other, data):
    lo, hi = sorted((one, data.draw(st.sampled_from([other, keys[0]]))))
    found = encode_bounds(F64, 64, lo, hi, closed=closed)
    assert holds(found, encode_keys(keys).codes) == in_range(keys, lo, hi, closed)


@pytest.mark.parametrize("closed", ["both", "left"])
@given(st.lists(TRICKY, min_size=1, max_size=8), TRICKY, TRICKY)
def test_a_range_of_bytes_never_loses_a_key_to_padding_or_cutting(closed, keys, one, other):
    lo, hi = sorted((one, other))
    codes = encode_keys(keys)
    width = codes.width // 8
    found = encode_bounds(KeyType("bytes"), codes.width, lo, hi, closed=closed)
    first, last = int.from_bytes(found.lo[0].ljust(width, b"\0")), last_code(found, width)
    every = [int.from_bytes(codes.codes[i].ljust(width, b"\0")) for i in range(len(codes))]
    answer = not found.empty[0] and any(first <= code <= last for code in every)
    assert answer or not in_range(keys, lo, hi, closed)
    assert found.empty[0] or first <= last


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "s", "ms", "ns"])
@pytest.mark.parametrize("asked", ["Y", "M", "D", "h", "us"])
@pytest.mark.parametrize("closed", ["both", "left"])
def test_a_range_of_datetimes_in_another_unit_holds_exactly_its_keys(unit, asked, closed):
    start = np.datetime64("1969-12-30", unit)
    keys = start + np.arange(40).astype(f"m8[{unit}]")
    codes = encode_keys(keys).codes
    step = max(int((keys[-1].astype("M8[us]") - keys[0].astype("M8[us]")).astype(np.int64) // 40), 1)
    for first in range(-2, 42, 5):
        for length in (0, 1, 3):
            base = keys[0].astype("M8[us]") + np.timedelta64(first * step + 7, "us")
            lo, hi = base.astype(f"M8[{asked}]"), (base + np.timedelta64(length * step, "us")).astype(f"M8[{asked}]")
            found = encode_bounds(KeyType("datetime64", unit), 64, lo, hi, closed=closed)
            exact = keys.astype("M8[ns]")
            low, high = lo.astype("M8[ns]"), hi.astype("M8[ns]")
            inside = (exact >= low) & ((exact <= high) if closed == "both" else (exact < high))
            assert holds(found, codes) == inside.any()


@pytest.mark.parametrize("unit", ["M", "Y"])
@pytest.mark.parametrize("key_unit", ["W", "D", "s", "ns"])
def test_points_in_time_beyond_those_of_the_keys_are_above_or_below_all(key_unit, unit):
    key_type = KeyType("datetime64", key_unit)
    for closed in ("both", "left"):
        bounds = encode_bounds(key_type, 64, np.datetime64(0, key_unit), np.datetime64(2**59, unit), closed=closed)
        assert (bounds.lo[0], bounds.hi[0], bounds.empty[0]) == (2**63, 2**64 - 1, False)
        bounds = encode_bounds(key_type, 64, np.datetime64(-(2**59), unit), np.datetime64(7, key_unit), closed=closed)
        assert bounds.lo[0] == 0
        assert not bounds.empty[0]


def test_golden_bounds():
    assert encode_bounds(U64, 64, -5, -3).empty.all()
    assert encode_bounds(U64, 64, 2**64, 2**70).empty.all()
    assert encode_bounds(U64, 64, 0, 0, closed="left").empty.all()
    whole = encode_bounds(U64, 64, -5, 2**64, closed="left")
    assert (int(whole.lo[0]), int(whole.hi[0])) == (0, 2**64 - 1)
    assert int(encode_bounds(F64, 64, -1, -0.0, closed="left").hi[0]) == 2**63 - 1
    assert encode_bounds(KeyType("bytes"), 8, b"", b"", closed="left").empty.all()
    beside = encode_bounds(F64, 64, 2.0**53, 2**53 + 1, closed="left")  # which float64 cannot tell apart
    assert not beside.empty.any()


def test_bounds_are_broadcast_and_two_scalars_are_one_range():
    assert encode_bounds(I64, 64, [1, 2, 3], 5).shape == (3,)
    assert encode_bounds(I64, 64, [[1], [2]], [5, 6, 7]).shape == (2, 3)
    assert encode_bounds(I64, 64, 1, 5).shape == ()
    assert len(encode_bounds(I64, 64, [], [])) == 0
    with pytest.raises(InvalidInput, match="do not broadcast"):
        encode_bounds(I64, 64, [1, 2, 3], [5, 6])


@pytest.mark.parametrize(
    ("key_type", "lo", "hi", "message"),
    [
        (U64, 1.5, 2, "lo is 1.5, but the keys are uint64"),
        (U64, 1, np.array([2.0]), "hi is an array of float64"),
        (I64, True, 2, "lo is True"),
        (I64, "1", 2, "lo is '1'"),
        (F64, 1.0, float("nan"), "hi is NaN"),
        (F64, [1.0, float("nan")], 2.0, r"lo\[1\] is NaN"),
        (F64, np.datetime64(1, "s"), 2.0, "lo is"),
        (KeyType("bytes"), "a", "b", "lo is 'a', but must be bytes"),
        (KeyType("str"), "a", b"b", "hi is b'b', but must be str"),
        (KeyType("str"), 1, 2, "lo is 1, but the keys are str"),
        (KeyType("datetime64", "s"), 1, 2, r"lo is 1, but the keys are datetime64\[s\]"),
        (KeyType("datetime64", "s"), np.timedelta64(1, "s"), np.timedelta64(2, "s"), "lo is"),
        (KeyType("datetime64", "s"), np.datetime64("NaT"), np.datetime64(2, "s"), "lo is NaT"),
        (U64, 2, 1, "lo is 2, above hi, which is 1"),
        (U64, 2**70, 2**69, f"lo is {2**70}, above hi, which is {2**69}"),
        (U64, [1, 5], [2, 3], r"lo\[1\] is 5, above hi\[1\], which is 3"),
        (
            KeyType("datetime64", "h"),
            np.datetime64(1001, "us"),
            np.datetime64(1, "ms"),
            "above hi, which is 1970-01-01T00:00:00.001",
        ),
        (KeyType("bytes"), b"a\0", b"a", r"above hi, which is b'a'"),
    ],
)
def test_bounds_of_another_kind_or_order_are_refused(key_type, lo, hi, message):
    with pytest.raises(InvalidInput, match=message):
        encode_bounds(key_type, 64, lo, hi)


def test_a_range_is_closed_on_both_sides_or_on_the_left():
    with pytest.raises(InvalidInput, match="closed is 'right'"):
        encode_bounds(U64, 64, 1, 2, closed="right")
