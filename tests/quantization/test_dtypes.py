import ml_dtypes
import numpy as np
import pytest

from beforehand import _native
from beforehand.quantization import Codes, decode, encode
from beforehand.quantization.dtypes import DTYPES, as_bits, narrow, widen
from tests.quantization.bhq_reader import read

BY_NUMPY = sorted(DTYPES.keys() - {"bfloat16", "float8_e4m3fn", "float8_e5m2"})


def test_the_table_has_every_dtype_that_the_bytes_number():
    assert [dtype.code for dtype in DTYPES.values()] == list(_native.Dtype)
    assert all(dtype.name == name == dtype.code.name for name, dtype in DTYPES.items())


@pytest.mark.parametrize("name", BY_NUMPY)
def test_levels_hold_every_value_exactly(name):
    if name.startswith("float"):
        x = np.array([np.finfo(name).max, np.finfo(name).smallest_subnormal, 1 / 3], name)
    else:
        x = np.array([np.iinfo(name).min, 1, min(np.iinfo(name).max, 2**53)], name)
    assert (x.astype(DTYPES[name].levels).astype(name) == x).all()


@pytest.mark.parametrize("name", BY_NUMPY)
def test_bytes_and_decoding_follow_the_table(name):
    dtype = DTYPES[name]
    codes = encode(np.array([0, 1, 2, 1], name), [0, 1, 2], seed=1)
    header, tables, _ = read(codes.to_bytes())
    assert header["dtype"] == dtype.code.value
    assert tables.dtype == dtype.levels == codes.levels.dtype
    assert decode(Codes.from_bytes(codes.to_bytes())).dtype == dtype.decoded


@pytest.mark.parametrize("name", [name for name in BY_NUMPY if DTYPES[name].keyed])
def test_each_key_stands_for_the_number_with_its_bits(name):
    lookup = DTYPES[name].lookup
    keys = np.arange(lookup.size).astype(f"u{np.dtype(name).itemsize}")
    np.testing.assert_array_equal(lookup, keys.view(name).astype(np.float32))


def test_what_is_not_keyed_has_no_lookup():
    assert {name for name, dtype in DTYPES.items() if dtype.lookup is None} == {"float32", "float64", "int32", "int64"}


def test_bfloat16_is_the_upper_half_of_float32():
    lookup = DTYPES["bfloat16"].lookup
    bits = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(lookup, widen(bits))
    finite = np.isfinite(lookup)
    assert (narrow(lookup[finite]) == bits[finite]).all()


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_numbers_of_8_bits_are_those_of_ml_dtypes(name):
    patterns = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(DTYPES[name].lookup, patterns.view(getattr(ml_dtypes, name)).astype(np.float32))
    x = patterns[np.isfinite(DTYPES[name].lookup)].view(getattr(ml_dtypes, name))
    codes = encode(x, np.unique(x.astype(np.float32)), seed=0)
    assert (codes.dtype, decode(codes).dtype) == (name, np.float32)
    np.testing.assert_array_equal(decode(Codes.from_bytes(codes.to_bytes())), x.astype(np.float32))


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "bfloat16"])
def test_bits_are_the_nearest_ties_to_even_and_never_infinite(name):
    kind = getattr(ml_dtypes, name)
    largest = float(ml_dtypes.finfo(kind).max)
    held = DTYPES[name].lookup
    held = np.unique(held[np.isfinite(held)])
    middles = (held[1:] / 2 + held[:-1] / 2).astype(np.float32)
    draws = np.random.default_rng(0).standard_normal(10_000).astype(np.float32) * np.float32(largest / 8)
    x = np.concatenate([held, middles, np.nextafter(middles, np.float32(0)), draws, np.float32([0, -0.0, 3e38, -3e38])])
    wanted = np.clip(x, -largest, largest).astype(kind)
    np.testing.assert_array_equal(as_bits(x, name), wanted.view(as_bits(x, name).dtype))


def test_narrowing_rounds_to_the_nearest_ties_to_even():
    below, above = np.float32(1), np.nextafter(widen(np.array([0x3F80], np.uint16))[0], np.float32(2))
    step = np.float32(2**-7)  # between 1 and the next bfloat16
    values = np.array([below, below + step / 2, above + step / 2, below + 3 * step / 2, -below - step], np.float32)
    assert narrow(values).tolist() == [0x3F80, 0x3F80, 0x3F81, 0x3F82, 0xBF81]


@pytest.mark.parametrize(
    ("name", "largest", "beyond"),
    [("float16", 65519.0, 65520.0), ("bfloat16", 3.39e38, 3.4e38)],  # half a step above the largest number
)
def test_a_narrow_dtype_holds_what_stays_finite_in_it(name, largest, beyond):
    assert DTYPES[name].holds(np.array([0, largest], np.float32))
    assert not DTYPES[name].holds(np.array([0, beyond], np.float32))


def test_a_wide_dtype_holds_all_of_its_levels():
    for name in ("float32", "float64", "int8", "int64"):
        dtype = DTYPES[name]
        assert dtype.holds(np.array([np.finfo(dtype.levels).max], dtype.levels))
