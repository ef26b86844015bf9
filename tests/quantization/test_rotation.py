import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Codes, decode, encode, hadamard, levels, rotate
from beforehand.quantization.dtypes import narrow, widen
from beforehand.quantization.theory import lloyd_max_normal, rotation_vnmse
from tests.quantization.tensors import Tensor

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.standard_normal(1024)


def rotated(x, s=16, *, seed=1, stream=0, objective="unbiased", **kwargs):
    return encode(x, levels(x, s, method="rotation", objective=objective, **kwargs), seed=seed, stream=stream)


def error(decoded, x):
    x = np.asarray(x, np.float64)
    return float(((decoded - x) ** 2).sum() / (x**2).sum())


def repeated(x, s, objective="unbiased", repeats=4000):
    """The same vector under as many rotations: in one array each row has signs of its own."""
    rows = np.tile(np.asarray(x, np.float32), (repeats, 1))
    return decode(rotated(rows, s, objective=objective, axis=0, seed=7)).astype(np.float64)


# --- the rotation


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 32, 64, 512, 2**15])
def test_a_rotation_keeps_lengths_and_dot_products_and_has_an_inverse(rounds, n):
    x = RANDOM.standard_normal((3, n))
    turned = rotate(x, seed=5, stream=9, rounds=rounds)
    np.testing.assert_allclose(turned @ turned.T, x @ x.T, atol=1e-9 * n)
    np.testing.assert_allclose(rotate(turned, seed=5, stream=9, rounds=rounds, inverse=True), x, atol=1e-12)
    if n >= 32:
        assert abs(rotate(x, seed=6, stream=9, rounds=rounds) - turned).max() > 0.1
        assert abs(rotate(x, seed=5, stream=8, rounds=rounds) - turned).max() > 0.1


def test_a_rotation_of_one_value_in_many_looks_normal():
    x = np.zeros((1, 4096))
    x[0, 77] = 64.0
    turned = rotate(x, seed=3)[0]
    assert abs((turned**2).mean() - 1) < 1e-12
    assert abs((turned**4).mean() - 3) < 0.5
    np.testing.assert_array_equal(abs(rotate(x, seed=3, rounds=1)), 1)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint16, np.int64])
def test_other_dtypes_are_rotated_as_their_values(dtype):
    x = RANDOM.integers(0, 100, 128).astype(dtype)
    wide = np.float64 if dtype == np.int64 else np.float32
    np.testing.assert_array_equal(rotate(x, seed=1), rotate(x.astype(wide), seed=1))
    np.testing.assert_array_equal(hadamard(x), hadamard(x.astype(wide)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": 1, "stream": 2**56}, "stream is"),
        ({"seed": 1, "rounds": 3}, "rounds is 3, but must be 1 or 2"),
    ],
    ids=str,
)
def test_options_of_a_rotation_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        rotate(NORMAL, **options)


# --- levels


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_levels_are_those_of_lloyd_and_max_and_their_error_is_the_theorys(objective):
    x = RANDOM.lognormal(size=(4, 1000))
    table = levels(x, 8, method="rotation", objective=objective)
    np.testing.assert_array_equal(table, lloyd_max_normal(8))
    assert (table.method, table.n_levels, table.block, table.axis, table.counts) == ("rotation", 8, 65536, None, None)
    assert table.vnmse == pytest.approx(rotation_vnmse(8, objective))
    assert table.squared_error == pytest.approx(rotation_vnmse(8, objective) * (x**2).sum())
    assert (table.gap, table.exact, table.group_squared_error) == (None, False, None)
    rows = levels(x, 8, method="rotation", objective=objective, axis=0, block=256)
    np.testing.assert_allclose(rows.group_squared_error, rotation_vnmse(8, objective) * (x**2).sum(axis=1))
    assert rows.values.shape == (8,)


def test_levels_that_cover_other_data_are_the_same_levels_scored_anew():
    table = levels(NORMAL, 4, method="rotation")
    other = table.cover(10 * NORMAL[:100])
    np.testing.assert_array_equal(other, table)
    assert other.squared_error == pytest.approx(table.vnmse * 100 * (NORMAL[:100] ** 2).sum())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"s": 3}, "s is 3, but must be a power of two from 2 to 256"),
        ({"s": 512}, "s is 512, but must be a power of two"),
        ({"s": 1, "objective": "mse"}, "s is 1"),
        ({"weights": NORMAL**2}, "weights are given, but rotation mixes"),
        ({"grid": [-9.0, 9.0]}, "grid is given with method='rotation'"),
        ({"bins": 100}, "bins is 100, but method='rotation'"),
        ({"block": 32}, "block is 32, but must be a power of two of at least 64"),
        ({"block": 96}, "block is 96"),
        ({"block": 0}, "block is 0"),
        ({"axis": 1}, "axis is 1"),
        ({"threads": 0}, "threads is 0"),
        ({"objective": "mae"}, "objective is 'mae'"),
    ],
    ids=str,
)
def test_options_of_levels_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        levels(NORMAL, options.pop("s", 4), method="rotation", **options)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    x = NORMAL.copy()
    x[[5, 7]] = bad
    with pytest.raises(InvalidInput, match=r"2 .*first"):
        levels(x, 4, method="rotation")
    with pytest.raises(InvalidInput, match=r"2 .*first"):
        encode(x, levels(NORMAL, 4, method="rotation"), seed=1)


# --- statistics


@pytest.mark.parametrize("s", [2, 4, 8, 16, 32, 256])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_the_error_is_that_of_the_table(s, objective):
    decoded = repeated(NORMAL, s, objective)
    measured = ((decoded - NORMAL.astype(np.float32)) ** 2).sum(axis=1).mean() / (NORMAL**2).sum()
    assert measured == pytest.approx(rotation_vnmse(s, objective), rel=0.02)


SPARSE = {"one-hot": [1], "two": [1, 0.5], "three": [1, 0.7, 0.2], "constant": np.ones(64), "normal": NORMAL[:64]}


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("s", [2, 4])
def test_two_rounds_leave_no_bias(name, s):
    x = np.zeros(64)
    x[: len(SPARSE[name])] = SPARSE[name]
    decoded = repeated(x, s, repeats=20_000)
    noise = decoded.var(axis=0).sum() / len(decoded)  # what the mean of so many errs by
    bias = ((decoded.mean(axis=0) - x) ** 2).sum()
    assert bias < 2 * noise  # 64 values: their sum is within 4 standard errors of 1


@pytest.mark.parametrize(
    ("x", "most"),  # of the norm, at 2, 4 and 16 levels
    [
        ([1, 1.05], (0.15, 0.05, 0.01)),
        ([1, 1.05, *[0] * 62], (0.15, 0.05, 0.01)),
        ([100, *[1] * 63], (0.15, 0.05, 0.01)),
        ([1, 1.05, *[0] * 1022], (0.012, 0.012, 0.012)),
        ([1, 1.05, 0.9, *[0] * 61], (0.004, 0.004, 0.004)),
        (range(1, 65), (0.004, 0.004, 0.004)),
    ],
    ids=["two", "two of 64", "one of 64", "two of 1024", "three of 64", "many"],
)
def test_the_bias_of_dominated_rows_is_as_small_as_promised(x, most):
    x, seeds = np.array(list(x), float), 3000
    for s, bound in zip((2, 4, 16), most, strict=True):
        table = levels(x, s, method="rotation")
        decoded = np.stack([decode(encode(x, table, seed=seed)) for seed in range(seeds)])
        noise = decoded.var(axis=0).sum() / seeds  # of the squared distance below
        bias = ((decoded.mean(axis=0) - x) ** 2).sum()
        assert bias <= (bound * np.linalg.norm(x)) ** 2 + noise * (1 + 4.5 * np.sqrt(2 / x.size))


def test_one_round_is_biased_on_a_sparse_vector():
    x = np.zeros(64)
    x[:2] = 1, 0.5
    decoded = []
    for seed in range(300):
        turned = rotate(x, seed=seed, rounds=1)
        signs = np.sign(turned) * lloyd_max_normal(2)[1]
        scale = (x**2).sum() / (turned @ signs)
        decoded.append(rotate(scale * signs, seed=seed, rounds=1, inverse=True))
    bias = ((np.mean(decoded, axis=0) - x) ** 2).sum()
    assert bias == pytest.approx(0.25 * (x**2).sum(), rel=0.05)
    assert np.mean([error(each, x) for each in decoded]) == pytest.approx(0.25, rel=0.05)


@given(st.integers(1, 700), st.sampled_from([2, 4, 16]), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=50)
def test_what_is_decoded_projects_onto_the_vector_with_its_own_length(n, s, seed):
    x = np.random.default_rng(n).lognormal(size=n)
    decoded = decode(rotated(x, s, seed=seed, block=128))
    assert decoded @ x == pytest.approx(x @ x, rel=1e-9)


def test_the_mean_of_many_workers_errs_by_one_over_their_number():
    decoded = repeated(NORMAL, 4, repeats=4096)
    errors = [
        ((decoded.reshape(-1, n, 1024).mean(axis=1) - NORMAL) ** 2).sum(axis=1).mean() / (NORMAL**2).sum()
        for n in (1, 4, 64)
    ]
    np.testing.assert_allclose(errors, rotation_vnmse(4) / np.array([1, 4, 64]), rtol=0.05)


def test_chunks_are_rotated_independently():
    same = np.tile(NORMAL[:64], 2000)
    noise = (decode(rotated(same, 2, block=64)) - same).reshape(2000, 64)
    correlation = np.mean(noise[:-1] * noise[1:]) / np.mean(noise**2)
    assert abs(correlation) < 4 / math.sqrt(noise.size)


# --- encoding and decoding


@pytest.mark.parametrize("shape", [(), (1,), (63,), (64,), (65,), (1000,), (3, 70), (2, 3, 40)])
@pytest.mark.parametrize("kwargs", [{}, {"block": 64}, {"axis": 0}, {"axis": -1, "block": 128}], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_shape_comes_back(shape, kwargs, dtype):
    if not shape and "axis" in kwargs:
        return
    x = RANDOM.standard_normal(shape).astype(dtype) + 3
    codes = rotated(x, 256, **kwargs)
    decoded = decode(codes)
    assert (decoded.shape, decoded.dtype) == (x.shape, x.dtype)
    np.testing.assert_allclose(decoded, x, atol=0.5)
    assert Codes.from_bytes(codes.to_bytes()) == codes
    assert codes.nbytes == len(codes.to_bytes())


@pytest.mark.parametrize("kwargs", [{}, {"block": 256}, {"axis": 1}, {"axis": 0, "block": 64}], ids=str)
def test_bytes_do_not_depend_on_threads_or_layout(kwargs):
    x = RANDOM.standard_normal((40, 500)).astype(np.float32)
    table = levels(x, 16, method="rotation", **kwargs)
    codes = encode(x, table, seed=3, stream=4)
    assert encode(x, table, seed=3, stream=4, threads=3) == codes
    assert encode(np.repeat(x, 2, axis=1)[:, ::2], table, seed=3, stream=4) == codes
    assert encode(x, table, seed=3, stream=5) != codes
    np.testing.assert_array_equal(decode(codes, threads=3), decode(codes))


def test_axes_are_groups_and_groups_are_chunked_one_by_one():
    x = RANDOM.standard_normal((3, 200, 2)).astype(np.float32)
    by_axis = decode(rotated(x, 16, axis=1))
    moved = decode(rotated(np.moveaxis(x, 1, 0).copy(), 16, axis=0))
    np.testing.assert_array_equal(by_axis, np.moveaxis(moved, 0, 1))


def test_the_first_of_many_rows_is_that_row_alone():
    x = RANDOM.standard_normal((5, 130))
    np.testing.assert_array_equal(decode(rotated(x, 16, axis=0))[0], decode(rotated(x[0], 16)))


ROWS = [0, -1, slice(1, 4), slice(None, None, -2), [], [3, 0, 3], np.array([[1], [2]])]


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("kwargs", [{"axis": 0}, {"axis": 0, "block": 64}, {"block": 128}], ids=str)
def test_rows_that_were_rotated_alone_can_be_decoded_alone(rows, kwargs):
    x = RANDOM.standard_normal((5, 4, 64)).astype(np.float32)
    codes = rotated(x, 16, **kwargs)
    np.testing.assert_array_equal(decode(codes, rows=rows, threads=2), decode(codes)[rows])


@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"block": 512}], ids=str)
def test_rows_that_were_rotated_together_cannot(kwargs):
    codes = rotated(RANDOM.standard_normal((5, 256)), 16, **kwargs)
    with pytest.raises(InvalidInput, match="rows are given, but were rotated together"):
        decode(codes, rows=1)


def test_a_single_row_can_be_asked_for_however_it_was_rotated():
    x = RANDOM.standard_normal((1, 100))
    for kwargs in ({}, {"axis": 0}, {"axis": 1}, {"block": 64}):
        codes = rotated(x, 16, **kwargs)
        np.testing.assert_array_equal(decode(codes, rows=[0, 0]), decode(codes)[[0, 0]])


def test_a_code_does_not_stand_for_a_single_value():
    codes = rotated(NORMAL)
    with pytest.raises(InvalidInput, match='method is "rotation"'):
        codes.indices()


def test_a_seed_is_needed_for_both_objectives():
    for objective in ("unbiased", "mse"):
        with pytest.raises(InvalidInput, match="seed is None"):
            rotated(NORMAL, seed=None, objective=objective)
        codes = rotated(NORMAL, seed=2**64 - 1, stream=2**56 - 1, objective=objective)
        assert (codes.seed, codes.stream) == (2**64 - 1, 2**56 - 1)
        assert codes.objective == objective


def test_levels_for_one_shape_serve_another():
    table = levels(NORMAL, 16, method="rotation")
    assert error(decode(encode(NORMAL[:100], table, seed=1)), NORMAL[:100]) < 0.02
    with pytest.raises(InvalidInput, match="levels have axis 1, but x has 1 dimensions"):
        encode(NORMAL, levels(NORMAL.reshape(2, -1), 16, method="rotation", axis=1), seed=1)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0)])
def test_nothing_can_be_encoded_too(shape):
    for axis in (None, 0):
        codes = encode(np.ones(shape), levels(np.ones((2, 2)), 16, method="rotation", axis=axis), seed=1)
        assert Codes.from_bytes(codes.to_bytes()) == codes
        assert decode(codes).shape == shape


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_zeros_stay_zeros(objective):
    x = np.zeros((2, 300))
    x[1] = NORMAL[:300]
    decoded = decode(rotated(x, 4, axis=0, objective=objective))
    assert not decoded[0].any()
    assert decoded[1].any()
    assert levels(np.zeros(3), 4, method="rotation").vnmse == 0


@pytest.mark.parametrize("scale", [1e-308, 1e-300, 1e-30, 1e30, 1e300, 1e307])
def test_no_scale_is_too_large_or_too_small(scale):
    x = NORMAL * scale
    exponent = math.frexp(scale)[1]
    table = levels(x, 16, method="rotation")
    plain = decode(encode(np.ldexp(x, -exponent), table, seed=1))
    np.testing.assert_allclose(decode(encode(x, table, seed=1)), np.ldexp(plain, exponent), rtol=1e-6)


def test_subnormals_are_kept_as_far_as_their_scale_is():
    for dtype, tiny in ((np.float32, 1e-45), (np.float64, 5e-324)):
        x = np.full(4096, tiny, dtype)
        decoded = decode(rotated(x, 16))
        assert np.isfinite(decoded).all()


def test_values_near_the_largest_float_decode_to_finite_ones_or_are_refused():
    x = np.full(4096, np.finfo(np.float32).max, np.float32)
    with pytest.raises(InvalidInput, match="rotating them overflows; divide x by 4"):
        rotated(x, 2)
    one = np.zeros(4096, np.float32)
    one[3] = np.finfo(np.float32).max
    decoded = decode(rotated(one, 2))
    assert np.isfinite(decoded).all()
    assert decoded[3] > 1e38


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "int16", "uint16", "int32", "int64"])
def test_every_dtype_is_encoded_as_its_values(dtype):
    x = RANDOM.integers(0, 100, (3, 100)).astype(dtype)
    codes = rotated(x, 256)
    assert codes.dtype == dtype
    wide = np.float64 if dtype in ("int32", "int64") else np.float32
    reference = decode(rotated(x.astype(wide), 256))
    decoded = decode(codes)
    assert decoded.dtype == (np.float16 if dtype == "float16" else wide)
    np.testing.assert_array_equal(decoded, reference.astype(decoded.dtype))


def test_decoding_to_float16_stays_finite():
    x = np.zeros(1024, np.float16)
    x[0] = 65504
    decoded = decode(rotated(x, 2))
    assert np.isfinite(decoded).all()


def test_bfloat16_comes_back_as_float32_or_into_a_tensor():
    bits = narrow(NORMAL[:256].astype(np.float32))
    codes = rotated(Tensor(bits, bfloat16=True), 256)
    assert codes.dtype == "bfloat16"
    decoded = decode(codes)
    np.testing.assert_array_equal(decoded, decode(rotated(widen(bits), 256)))
    out = Tensor(np.empty(256, np.uint16), bfloat16=True)
    assert decode(codes, out=out) is out
    np.testing.assert_array_equal(out.array, narrow(decoded))


def test_decoding_can_write_to_an_array():
    codes = rotated(NORMAL.astype(np.float32), 16)
    out = np.empty(1024, np.float32)
    assert decode(codes, out=out) is out
    np.testing.assert_array_equal(out, decode(codes))
