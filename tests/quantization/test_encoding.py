import math
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Levels, decode, encode, levels
from tests.quantization.rounding_model import nearest, unbiased, words
from tests.quantization.tensors import Tensor

QUARTERS = np.arange(0, 4.25, 0.25, dtype=np.float32)
TABLE = [0, 1, 2, 4]


def test_golden_codes():
    codes = encode(QUARTERS, TABLE, seed=1)
    assert codes.indices().tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3]
    x = np.minimum(np.arange(2000) % 257 / np.float32(64), 4).astype(np.float32)
    indices = encode(x, TABLE, seed=2**40 + 5, stream=7).indices()
    assert (zlib.crc32(indices.tobytes()), indices.sum()) == (0xCD265A5B, 3441)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("s", [1, 2, 3, 16, 17, 100, 300])
@pytest.mark.parametrize("scale", [0, -126, 100])
def test_rounding_does_the_operations_of_the_model(dtype, s, scale):
    rng = np.random.default_rng(s)
    table = np.unique(np.ldexp(rng.standard_normal(s), scale).astype(dtype))
    x = np.clip(np.ldexp(rng.standard_normal(5000), scale).astype(dtype), table[0], table[-1])
    codes = encode(x, table, seed=2**63 + s, stream=2**55 + 1)
    assert (codes.indices() == unbiased(x, table, words(x.size, 2**63 + s, 2**55 + 1))).all()
    found = levels(x[:500], s, objective="mse")
    assert (encode(x, found).indices() == nearest(x, found.values)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gap_that_overflows_is_rounded_without_bias(dtype):
    most = np.finfo(dtype).max
    table = np.array([-most, most])
    x = np.repeat(np.array([-1, -0.5, 0, 0.5, 1], dtype) * most, 1000)
    codes = encode(x, table, seed=3).indices()
    assert (codes == unbiased(x, table, words(x.size, 3, 0))).all()
    assert np.abs(codes.reshape(5, 1000).mean(axis=1) - [0, 0.25, 0.5, 0.75, 1]).max() < 0.06


def test_rounding_is_unbiased_and_its_error_is_what_levels_promise():
    table = levels(np.random.default_rng(0).standard_normal(1000).astype(np.float32), 16).values
    middles, inside = (table[1:] + table[:-1]) / 2, np.nextafter(table[:-1], np.float32(np.inf))
    x = np.concatenate([table, middles, inside, np.nextafter(table[1:], -np.float32(np.inf)), table[:3] * 0.5])
    assert x.size == 64
    streams, repeats = 16, 62_500
    sums, square = np.zeros(64), []
    for stream in range(streams):
        noise = decode(encode(np.tile(x, repeats), table, seed=5, stream=stream)).reshape(repeats, 64).astype(float) - x
        sums += noise.sum(axis=0)
        square.append((noise**2).sum(axis=1))
    low, high = table[np.searchsorted(table, x, "right") - 1], table[np.searchsorted(table, x)]
    variance = (high.astype(float) - x) * (x - low.astype(float))
    n = streams * repeats
    random = variance > 0
    assert (sums[~random] == 0).all()
    assert (np.abs(sums[random]) < 4.5 * np.sqrt(n * variance[random])).all()
    squares = np.concatenate(square)
    assert abs(squares.mean() - variance.sum()) < 4 * squares.std() / math.sqrt(n)


@given(st.data())
def test_a_value_that_equals_a_level_is_kept_exactly(data):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    width = np.finfo(dtype).bits
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=width)
    table = np.array(sorted({x + 0.0 for x in data.draw(st.lists(numbers, min_size=1, max_size=40))}), dtype)
    x = data.draw(arrays(dtype, st.integers(0, 50), elements=st.sampled_from(table.tolist())))
    assert (decode(encode(x, table, seed=data.draw(st.integers(0, 2**64 - 1)))) == x).all()


def test_noise_of_neighbours_streams_and_seeds_is_not_correlated():
    n = 1 << 16
    x = np.full(n, 0.5, np.float32)
    noise = [
        encode(x, [0, 1], seed=seed, stream=stream).indices() - 0.5
        for seed, stream in [(1, 0), (2, 0), (1 << 32, 0), (1, 1), (1, 1 << 32), (1, 1 << 40)]
    ]
    pairs = [(a, b) for i, a in enumerate(noise) for b in noise[:i]]
    pairs += [(noise[0][lag:], noise[0][:-lag]) for lag in (1, 2, 255, 256, 257, 1024)]
    for a, b in pairs:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(a.size)


@pytest.mark.parametrize(("axis", "block"), [(None, None), (0, None), (1, None), (2, None), (None, 7), (None, 4000)])
@pytest.mark.parametrize("s", [16, 6])
def test_codes_do_not_depend_on_threads(axis, block, s):
    x = np.random.default_rng(1).standard_normal((13, 11, 601)).astype(np.float32)
    table = levels(x, s, method="uniform", axis=axis, block=block)
    one, two, eight = (encode(x, table, seed=4, threads=threads) for threads in (1, 2, 8))
    assert one == two == eight
    assert (decode(one) == decode(one, threads=3)).all()


@pytest.mark.parametrize(("axis", "block"), [(0, None), (1, None), (-1, None), (None, 7), (None, 1), (None, 99)])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_groups_are_coded_as_each_by_itself(axis, block, objective):
    x = np.random.default_rng(2).standard_normal((5, 6, 23))
    table = levels(x, 5, axis=axis, block=block, objective=objective)
    codes = encode(x, table, seed=6, stream=1)
    drawn = words(x.size, 6, 1).reshape(x.shape)
    where = np.arange(x.size).reshape(x.shape)
    if block is None:
        groups = [g.reshape(-1) for g in np.moveaxis(where, axis, 0)]
    else:
        groups = [run[j : j + block] for run in where.reshape(-1, 23) for j in range(0, 23, block)]
    assert len(groups) == len(table.values)
    for g, place in enumerate(groups):
        own = table.values[g, : table.counts[g]]
        values = x.reshape(-1)[place]
        wanted = unbiased(values, own, drawn.reshape(-1)[place]) if objective == "unbiased" else nearest(values, own)
        assert (codes.indices().reshape(-1)[place] == wanted).all()
        assert (decode(codes).reshape(-1)[place] == own[wanted]).all()
    assert codes.levels.tolist() == table.values.tolist()


def test_layout_and_entrance_do_not_matter():
    x = np.random.default_rng(3).standard_normal((40, 60)).astype(np.float32)
    table = levels(x, 9)
    wanted = encode(x, table, seed=1)
    spread = np.zeros((80, 180), np.float32)
    spread[::2, ::3] = x
    assert encode(spread[::2, ::3], table, seed=1) == wanted
    assert encode(np.asfortranarray(x), table, seed=1) == wanted
    assert encode(Tensor(x), table, seed=1) == wanted
    assert encode(x.astype(">f4"), table, seed=1) == wanted
    assert encode(np.frombuffer(b"." + x.tobytes(), np.float32, offset=1).reshape(x.shape), table, seed=1) == wanted


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "int16", "uint16", "int32", "int64"])
def test_each_dtype_is_rounded_as_its_values_in_floats(dtype):
    x = (np.random.default_rng(4).standard_normal(3000) * 30 + 100).clip(0, 127).astype(dtype)
    wide = x.astype(np.float64 if dtype in ("int32", "int64") else np.float32)
    codes, same = encode(x, [0, 50, 100, 127], seed=1), encode(wide, [0, 50, 100, 127], seed=1)
    assert (codes.indices() == same.indices()).all()
    assert codes.dtype == dtype
    assert decode(codes).dtype == (np.float16 if dtype == "float16" else wide.dtype)
    assert (decode(codes) == decode(same)).all()


def test_bfloat16_comes_and_goes_as_bits():
    wide = np.random.default_rng(5).standard_normal((20, 30)).astype(np.float32)
    bits = (wide.view(np.uint32) >> 16).astype(np.uint16)
    x = (bits.astype(np.uint32) << 16).view(np.float32)
    codes = encode(Tensor(bits, bfloat16=True), [-5, 1 / 3, 5], seed=1)
    assert codes.dtype == "bfloat16"
    assert (codes.indices() == encode(x, [-5, 1 / 3, 5], seed=1).indices()).all()
    assert decode(codes).dtype == np.float32
    out = Tensor(np.zeros((20, 30), np.uint16), bfloat16=True)
    assert decode(codes, out=out) is out
    nearest_third = 0x3EAB  # 0.333984375
    assert set(np.unique(out.array).tolist()) == {0x40A0, nearest_third, 0xC0A0}


def test_a_constant_needs_no_bits_and_no_seed():
    x = np.full((3, 1000), 7.5)
    codes = encode(x, levels(x, 4))
    assert (codes.bits, codes.n_levels, codes.seed, codes.nbytes) == (0, 1, 0, 64 + 16 + 8 + 8 + 4)
    assert (decode(codes) == x).all()
    with pytest.raises(InvalidInput, match="outside"):
        encode([7.0, 7.5], codes.levels)


def test_the_most_levels_there_can_be():
    x = np.random.default_rng(8).permutation(65536).astype(np.float32)
    codes = encode(x, np.arange(65536), seed=1)
    assert (codes.bits, codes.indices().dtype) == (16, np.uint16)
    assert (decode(codes) == x).all()
    with pytest.raises(InvalidInput, match="65536"):
        encode(x, np.arange(65537), seed=1)


def test_the_seed_belongs_to_what_is_random():
    with pytest.raises(InvalidInput, match="seed is None"):
        encode(QUARTERS, TABLE)
    for name, value in [("seed", -1), ("seed", 2**64), ("seed", 1.5), ("stream", 2**56), ("stream", -1)]:
        with pytest.raises(InvalidInput, match=f"{name} is {value}"):
            encode(QUARTERS, TABLE, **{"seed": 1, name: value})
    codes = encode(QUARTERS, levels(QUARTERS, 4, objective="mse"), seed=5, stream=6)
    assert (codes.seed, codes.stream) == (0, 0)


def test_values_outside_are_refused_or_clipped_and_counted():
    x = np.array([[0.0, -1.0], [9.0, 2.5]])
    with pytest.raises(InvalidInput, match=r"2 value\(s\) outside .* first is -1 at flat index 1, .* levels.cover"):
        encode(x, TABLE, seed=1)
    codes = encode(x, TABLE, seed=1, outside="clip")
    assert codes.clipped == 2
    assert decode(codes).reshape(-1)[:3].tolist() == [0, 0, 4]
    assert encode(x, levels([0.0, 1.0, 2.0], 3, objective="mse")).clipped == 0
    with pytest.raises(InvalidInput, match="outside is 'wrap'"):
        encode(x, TABLE, seed=1, outside="wrap")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_and_infinity_are_refused_whatever_is_asked(bad, dtype):
    x = np.zeros((200, 100), dtype)
    x[150, 3] = x[199, 99] = bad
    for table in (TABLE, levels([0.0, 1.0], 2, objective="mse")):
        with pytest.raises(InvalidInput, match=r"2 NaN or infinite value\(s\).* flat index 15003"):
            encode(x, table, seed=1, outside="clip", threads=2)


def test_levels_that_do_not_fit_are_refused():
    x = np.zeros(3, np.float32)
    for table, word in [
        ([[0, 1]], r"shape \(1, 2\)"),
        ([], r"shape \(0,\)"),
        ([1, 0], "ascend"),
        ([0, 0], "ascend"),
        ([0, math.nan], "finite"),
        ([0, 1e300], "float32"),
        ("levels", "str"),
    ]:
        with pytest.raises(InvalidInput, match=word):
            encode(x, table, seed=1)
    with pytest.raises(InvalidInput, match="cannot represent"):
        encode(np.zeros(3, np.float16), [0, 1e6], seed=1)
    with pytest.raises(InvalidInput, match="cannot represent"):
        encode(Tensor(np.zeros(3, np.uint16), bfloat16=True), [0, 3.4e38], seed=1)
    with pytest.raises(InvalidInput, match="9 axes"):
        encode(np.zeros((1,) * 9), TABLE, seed=1)
    with pytest.raises(InvalidInput, match="threads is 0"):
        encode(x, TABLE, seed=1, threads=0)


def test_tables_of_an_axis_fit_what_has_as_many_indices_there():
    corpus = np.random.default_rng(6).standard_normal((50, 8)).astype(np.float32)
    queries = np.linspace(-1, 1, 3 * 8, dtype=np.float64).reshape(3, 8)
    for axis in (1, -1):
        table = levels(corpus, 16, axis=axis)
        codes = encode(queries, table, seed=1, outside="clip")
        assert (codes.shape, codes.dtype, codes.levels.shape) == ((3, 8), "float64", (8, 16))
        for column in range(8):
            alone = Levels(values=table.values[column], method="exact", objective="unbiased", shape=(50,))
            near = encode(queries[:, column], alone, seed=9, outside="clip").indices()
            assert abs(codes.indices()[:, column].astype(int) - near).max() <= 1  # noise depends on the position
    by_last = levels(corpus, 16, axis=-1, objective="mse")
    one = encode(queries[0], by_last)
    assert one.indices().tolist() == encode(queries, by_last).indices()[0].tolist()
    cube = encode(queries.reshape(3, 1, 8), by_last)
    assert (cube.shape, cube.levels.shape) == ((3, 1, 8), (8, 16))
    assert decode(encode(queries[:0], by_last)).shape == (0, 8)


def test_several_tables_do_not_fit_another_number_of_groups():
    x = np.arange(12.0).reshape(3, 4)
    with pytest.raises(InvalidInput, match=r"3 tables, but axis=0 and block=None cut data of shape \(4, 3\) into 4"):
        encode(x.T, levels(x, 2, axis=0), seed=1)
    with pytest.raises(InvalidInput, match=r"x has shape \(4,\), but levels are 4 tables for axis 1; pass x with"):
        encode(x[0], levels(x, 2, axis=1), seed=1)
    with pytest.raises(InvalidInput, match=r"x has shape \(6, 2\), but .* 6 tables for blocks of shape \(3, 4\)"):
        encode(x.reshape(6, 2), levels(x, 2, block=2), seed=1)
    assert encode(x.T, levels(x, 12), seed=1).shape == (4, 3)
    assert decode(encode(x[:1] + 1, levels(x[:1], 2, axis=0), seed=1, outside="clip")).max() == 3


ROWS = np.random.default_rng(5).standard_normal((16, 32))
BY_ROW, BY_BLOCK = levels(ROWS, 4, axis=0), levels(ROWS, 4, block=8)
ONE, ROTATED = levels(ROWS, 4), levels(ROWS, 4, method="rotation")
CHANGED = {
    "axis": (BY_ROW, {"axis": 1}, r"16 tables, but axis=1 and block=None cut data of shape \(16, 32\) into 32 groups"),
    "axis from the end": (BY_ROW, {"axis": -1}, "into 32 groups"),
    "no such axis": (BY_ROW, {"axis": 9}, "16 tables for axis 9"),
    "axis of letters": (BY_ROW, {"axis": "a"}, "axis is 'a'"),
    "axis left out": (BY_ROW, {"axis": None}, "into 1 groups"),
    "block": (BY_BLOCK, {"block": 4}, "64 tables, but axis=None and block=4 .* into 128 groups"),
    "block of 0": (BY_BLOCK, {"block": 0}, "block is 0"),
    "negative block": (BY_BLOCK, {"block": -1}, "block is -1"),
    "block beyond 64 bits": (BY_BLOCK, {"block": 2**64}, "block is 18446744073709551616"),
    "block left out": (BY_BLOCK, {"block": None}, "into 1 groups"),
    "axis and block": (BY_BLOCK, {"axis": 1}, "only one of them"),
    "values in three axes": (BY_ROW, {"values": np.zeros((2, 3, 4))}, r"values of shape \(2, 3, 4\)"),
    "no values": (ONE, {"values": np.array([])}, r"values of shape \(1, 0\)"),
    "values of letters": (ONE, {"values": np.array(["a"])}, "dtype <U1"),
    "values that are nan": (ONE, {"values": np.array([np.nan, 2, 3])}, "must be finite and ascend"),
    "values that descend": (ONE, {"values": np.array([3.0, 2.0, 1.0])}, "must be finite and ascend"),
    "too many values": (ONE, {"values": np.arange(70_000.0)}, r"values of shape \(1, 70000\)"),
    "too many in each": (
        BY_ROW, {"values": np.zeros((16, 70_000)), "counts": np.full(16, 70_000)}, r"values of shape \(16, 70000\)"
    ),
    "counts": (BY_ROW, {"counts": np.array([9, 9])}, "levels have counts"),
    "counts of letters": (BY_ROW, {"counts": "x"}, "levels have counts 'x'"),
    "counts of 0": (BY_ROW, {"counts": np.zeros(16, int)}, "levels have counts"),
    "shape": (BY_BLOCK, {"shape": None}, r"x has shape \(16, 32\)"),
    "method": (ONE, {"method": "best"}, "method 'best'"),
    "objective": (ONE, {"objective": "mae"}, "objective is 'mae'"),
    "chunk": (ROTATED, {"block": 2**64}, "block is 18446744073709551616"),
    "rotated axis": (ROTATED, {"axis": "a"}, "axis is 'a'"),
    "rotated axis beyond": (ROTATED, {"axis": 2}, "levels have axis 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_levels_whose_fields_were_replaced_fit_or_are_refused(case):
    made, fields, words = CHANGED[case]
    with pytest.raises(InvalidInput, match=words):
        encode(ROWS, replace(made, **fields), seed=1)
    with pytest.raises(InvalidInput, match=words):
        replace(made, **fields).cover(ROWS)
