"""A table for each column: codes by stripes of columns are those of one value after the other."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Codes, decode, encode, levels
from tests.quantization.tensors import Tensor
from tests.threads import parallelize

RANDOM = np.random.default_rng(21)


def one_by_one(x, table, **options):
    """Codes of the same values with the same noise, which an axis of one index after the tables makes the slow way."""
    return encode(x[..., None], replace(table, axis=table.axis % x.ndim), **options)


def check(x, table, **options):
    codes, slow = encode(x, table, **options), one_by_one(x, table, **options)
    assert codes.clipped == slow.clipped
    assert np.array_equal(codes.indices(), slow.indices()[..., 0])
    assert np.array_equal(codes.levels, slow.levels)
    assert Codes.from_bytes(codes.to_bytes()) == codes
    back = decode(codes)
    assert np.array_equal(back, decode(slow)[..., 0])
    return codes, back


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("n_levels", [1, 2, 3, 5, 8, 16, 17, 33, 100, 128, 129, 255, 256, 257])
def test_codes_are_those_of_values_one_by_one(objective, n_levels):
    if n_levels == 1 and objective == "unbiased":
        return
    for rows, columns in [(2, 2), (3, 1), (300, 15), (2, 16), (7, 17), (401, 40), (2, 1030)]:
        x = RANDOM.standard_normal((rows, columns)).astype(np.float32)
        x[:, columns // 2] = 3.5  # a table of one level
        x[:, -1] = np.round(x[:, -1])
        table = levels(x, n_levels, axis=1, objective=objective)
        codes, _ = check(x, table, seed=5, stream=7)
        assert encode(x, table, seed=5, stream=7, threads=2) == codes


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint16", "float64", "int32"])
def test_other_dtypes_have_the_same_codes_either_way(dtype):
    x = (RANDOM.standard_normal((120, 21)) * 50 + 60).clip(0, 120).astype(dtype)
    for n_levels in (4, 16, 200):
        for objective in ("unbiased", "mse"):
            check(x, levels(x, n_levels, axis=-1, objective=objective), seed=1)


def test_bfloat16_has_the_same_codes_either_way():
    x = Tensor(RANDOM.integers(0x3F00, 0x4000, (60, 19)).astype(np.uint16), bfloat16=True)
    table = levels(x, 9, axis=1, objective="mse")
    codes = encode(x, table)
    out = Tensor(np.zeros((60, 19), np.uint16), bfloat16=True)
    assert np.array_equal(decode(codes), np.take_along_axis(table.values, codes.indices().T.astype(int), axis=1).T)
    assert decode(codes, out=out) is out


def test_three_axes_have_the_same_codes_either_way():
    x = RANDOM.standard_normal((6, 5, 33)).astype(np.float32)
    codes, back = check(x, levels(x, 16, axis=-1), seed=3)
    assert np.array_equal(decode(codes, rows=[4, 1]), back[[4, 1]])


@settings(max_examples=60)
@given(data=st.data(), rows=st.integers(2, 90), columns=st.integers(2, 40), n_levels=st.integers(2, 70))
def test_some_rows_are_those_of_all(data, rows, columns, n_levels):
    x = np.random.default_rng(columns).standard_normal((rows, columns)).astype(np.float32)
    codes, back = check(x, levels(x, n_levels, axis=1, objective="mse"))
    first, last = sorted(data.draw(st.tuples(st.integers(0, rows), st.integers(0, rows))))
    assert np.array_equal(decode(codes, rows=slice(first, last)), back[first:last])
    chosen = data.draw(st.lists(st.integers(-rows, rows - 1), max_size=9))
    assert np.array_equal(decode(codes, rows=chosen, threads=2), back[chosen])


def test_what_lies_outside_is_counted_once_and_refused_by_name():
    x = RANDOM.standard_normal((50, 18)).astype(np.float32)
    table = levels(x, 16, axis=1)
    wide = x * 2
    below = (wide < table.values[:, 0]) | (wide > table.values[:, -1])
    codes, _ = check(wide, table, seed=2, outside="clip")
    assert codes.clipped == below.sum() > 0
    words = rf"{below.sum()} value\(s\) outside .* flat index {below.ravel().argmax()},"
    with pytest.raises(InvalidInput, match=words):
        encode(wide, table, seed=2)
    near = levels(x, 16, axis=1, objective="mse")
    assert check(wide, near)[0].clipped == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (49, 17), (20, 16)])
@pytest.mark.parametrize("n_levels", [16, 40])
def test_what_is_not_finite_is_refused_wherever_it_stands(bad, at, n_levels):
    x = RANDOM.standard_normal((50, 18)).astype(np.float32)
    for objective in ("unbiased", "mse"):
        table = levels(x, n_levels, axis=1, objective=objective)
        wrong = x.copy()
        wrong[at] = bad
        with pytest.raises(InvalidInput, match=rf"1 NaN or infinite value\(s\).* flat index {at[0] * 18 + at[1]};"):
            encode(wrong, table, seed=1, outside="clip")


def test_levels_that_float32_cannot_tell_apart_are_rounded_all_the_same():
    x = RANDOM.standard_normal((40, 20)).astype(np.float32)
    x[:, 3] *= np.float32(1e-41)
    x[0, 5], x[1, 5] = np.float32(-3e38), np.float32(3e38)
    check(x, levels(x, 16, axis=1), seed=4)


def test_empty_and_not_contiguous_arrays():
    x = RANDOM.standard_normal((40, 2, 20)).astype(np.float32)
    table = levels(x[:, 0], 16, axis=1)
    assert encode(x[:, 0], table, seed=1) == encode(x[:, 0].copy(), table, seed=1)
    assert encode(x[::-2, 1, :], table, seed=1, outside="clip").shape == (20, 20)
    assert decode(encode(x[:0, 0], table, seed=1)).shape == (0, 20)


def test_threads_that_encode_at_once_get_the_same_bytes():
    x = RANDOM.standard_normal((3000, 30)).astype(np.float32)
    table = levels(x, 64, axis=1)
    one = encode(x, table, seed=1)
    assert all(codes == one for codes in parallelize(lambda _: encode(x, table, seed=1, threads=2), 2))


PRINT_CODES = """
import hashlib, numpy as np
from beforehand.quantization import decode, encode, levels
x = np.random.default_rng(0).standard_normal((200, 50)).astype(np.float32)
digest = hashlib.sha256()
for n_levels in (5, 16, 100, 256):
    for objective in ("unbiased", "mse"):
        codes = encode(x, levels(x, n_levels, axis=1, objective=objective), seed=8)
        digest.update(codes.to_bytes() + decode(codes).tobytes())
print(digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bytes():
    found = {
        subprocess.run(
            [sys.executable, "-c", PRINT_CODES],
            env=os.environ | {"BEFOREHAND_ISA": isa},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for isa in ("v1", "v3", "v4")
    }
    assert len(found) == 1
