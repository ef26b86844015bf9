import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Codec, Codes, decode, encode, levels
from beforehand.quantization.dtypes import narrow, widen
from tests.quantization.brute_force import _shortest
from tests.quantization.tensors import Tensor
from tests.quantization.test_codes_format import changed

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.standard_normal((500, 256)).astype(np.float32)
DRAWN = {
    "normal": NORMAL,
    "student": RANDOM.standard_t(4, (500, 256)).astype(np.float32),
    "laplace": RANDOM.laplace(size=(500, 256)).astype(np.float32) * np.exp(RANDOM.standard_normal((500, 1))),
    "skewed": RANDOM.exponential(size=(500, 256)).astype(np.float32) - 0.5,
    "uneven": NORMAL * np.exp(2 * RANDOM.standard_normal((500, 256))).astype(np.float32),
}
NF4 = np.float32(
    [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
     -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
     0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
)  # fmt: skip
IQ4_NL = np.float32([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]) / 127


def scaled(x, s=16, objective="mse", **kwargs):
    return levels(x, s, method="scaled", objective=objective, **kwargs)


def lost(decoded, x):
    x = np.asarray(x, np.float64)
    return float(((np.asarray(decoded, np.float64) - x) ** 2).sum() / (x**2).sum())


def rounded(x, scales, table):
    """Every block of 64 rounded to the nearest level of a table times its scale, kept as float16."""
    blocks, s = np.asarray(x, np.float64).reshape(-1, 64), scales.astype(np.float16).astype(np.float64)[:, None]
    y = np.divide(blocks, s, out=np.zeros_like(blocks), where=s != 0)
    return (s * table[abs(y[:, :, None] - table).argmin(axis=2)]).reshape(x.shape)


def largest(x):
    return abs(np.asarray(x, np.float64).reshape(-1, 64)).max(axis=1)


def signed_largest(x):
    blocks = np.asarray(x, np.float64).reshape(-1, 64)
    return np.take_along_axis(blocks, abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]


# --- the error


@pytest.mark.parametrize("name", DRAWN)
def test_the_error_is_at_most_nine_tenths_of_nf4_and_below_other_formats_of_as_many_bits(name):
    x = DRAWN[name][:200]
    ours = lost(decode(encode(x, scaled(x))), x)
    assert ours <= 0.9 * lost(rounded(x, largest(x), NF4), x)
    assert ours <= lost(rounded(x, largest(x) / 7, np.arange(-8.0, 8)), x)  # absmax int4
    assert ours <= lost(rounded(x, signed_largest(x) / -8, np.arange(-8.0, 8)), x)  # Q4_0
    assert ours <= lost(rounded(x, -signed_largest(x), IQ4_NL), x)


@pytest.mark.parametrize("name", DRAWN)
def test_with_eight_bits_the_error_is_below_that_of_int8(name):
    x = DRAWN[name][:100]
    assert lost(decode(encode(x, scaled(x, 256))), x) <= lost(rounded(x, largest(x) / 127, np.arange(-127.0, 128)), x)


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize("name", DRAWN)
def test_losses_fall_and_the_last_is_what_encoding_costs(name, objective):
    x = DRAWN[name]
    table = scaled(x[:200], objective=objective)
    assert all(a > b for a, b in itertools.pairwise(table.losses))
    assert table.vnmse == table.losses[-1]
    assert table.squared_error == pytest.approx(table.vnmse * (x[:200].astype(np.float64) ** 2).sum())
    tolerance = 1e-5 if objective == "mse" else 0.15
    assert lost(decode(encode(x[:200], table, seed=1)), x[:200]) == pytest.approx(table.vnmse, rel=tolerance)
    many = np.tile(x, (2, 1))  # of which a sample of blocks settles the table
    table = scaled(many, objective=objective)
    assert lost(decode(encode(many, table, seed=1)), many) == pytest.approx(table.vnmse, rel=tolerance)


@pytest.mark.parametrize("s", [2, 3, 5])
def test_a_table_is_the_optimum_for_its_scales(s):
    x = RANDOM.standard_normal((6, 16)).astype(np.float32)
    table = scaled(x, s, block=16)
    assert table.exact
    codes = encode(x, table)
    scale = np.repeat(codes.scales, 16)
    y = x.reshape(-1) / scale
    order = np.argsort(y)
    y, w = y[order], scale[order] ** 2
    costs = np.zeros((len(y) + 1, len(y) + 1))
    for k in range(len(y)):
        for j in range(k + 1, len(y) + 1):
            mean = (w[k:j] * y[k:j]).sum() / w[k:j].sum()
            costs[k, j] = (w[k:j] * (y[k:j] - mean) ** 2).sum()
    least = _shortest(costs, s, len(y) + 1)
    assert least * (1 - 1e-6) <= table.squared_error <= least * 1.05


@pytest.mark.parametrize("s", [4, 16, 64])
def test_scales_are_close_to_the_best_of_all(s):
    x = NORMAL[:4]
    table = scaled(NORMAL[:100], s)
    every = np.arange(1, 2**15, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every) & (every > 0.5) & (every < 8)].astype(np.float64)
    blocks, q = x.reshape(-1, 64).astype(np.float64), table.values.astype(np.float64)
    best = np.full(len(blocks), np.inf)
    for scale in np.concatenate([every[::4], -every[::4]]):
        near = np.searchsorted((q[1:] + q[:-1]) / 2, blocks / scale)
        best = np.minimum(best, ((blocks - scale * q[near]) ** 2).sum(axis=1))
    off = (decode(encode(x, table)).astype(np.float64) - x).reshape(-1, 64)
    ours = (off**2).sum(axis=1)
    assert (ours >= best * 0.98).all()
    assert ours.sum() <= best.sum() * 1.08


# --- unbiased


def test_the_mean_over_streams_is_the_value():
    x = np.concatenate([NORMAL[0, :100], [0.0, 1e-3]]).astype(np.float32)
    table = scaled(NORMAL, 8, "unbiased")
    rows = np.tile(np.pad(x, (0, 128 - len(x))), (20_000, 1))
    back = decode(encode(rows, table, seed=3)).astype(np.float64)
    off = back.mean(axis=0) - rows[0]
    noise = back.std(axis=0) / math.sqrt(len(rows))
    assert (abs(off) <= 4.5 * noise + 1e-6).all()


def test_rounding_at_random_needs_a_seed_and_depends_on_it():
    x = NORMAL[:10]
    table = scaled(x, 16, "unbiased")
    with pytest.raises(InvalidInput, match="seed is None"):
        encode(x, table)
    assert encode(x, table, seed=1) == encode(x, table, seed=1)
    assert encode(x, table, seed=1) != encode(x, table, seed=2)
    assert encode(x, table, seed=1) != encode(x, table, seed=1, stream=1)


# --- a level at 0


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize("scale", ["float16", "bfloat16", "e8m0"])
def test_zeros_stay_zeros_where_zero_is_a_level(objective, scale):
    pruned = np.where(abs(NORMAL) < 0.7, 0, NORMAL)
    table = scaled(pruned, 16, objective, zero=True, scale=scale)
    assert (table.values == 0).sum() == 1
    back = decode(encode(pruned, table, seed=1))
    assert (back[pruned == 0] == 0).all()
    relu = np.maximum(NORMAL, 0)
    back = decode(encode(relu, scaled(relu, 16, objective, zero=True, scale=scale), seed=1))
    assert (back[relu == 0] == 0).all()


def test_a_level_at_zero_costs_little_and_gains_where_many_values_are_zero():
    assert scaled(NORMAL, zero=True).vnmse <= scaled(NORMAL).vnmse * 1.03
    pruned = np.where(abs(NORMAL) < 1, 0, NORMAL)
    assert scaled(pruned, zero=True).vnmse <= scaled(pruned).vnmse * 1.001


# --- data of all kinds


@pytest.mark.parametrize("scale", ["float16", "bfloat16", "e8m0"])
@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize(
    "x",
    [
        np.zeros((3, 70)),
        np.full((3, 70), 0.1),
        np.full((3, 70), -7.0),
        np.array(2.5),
        np.array([3.0]),
        np.arange(70.0),
        np.arange(140.0).reshape(2, 70) * 1e-44,
        np.arange(140.0).reshape(2, 70) * 1e36,
        np.concatenate([np.full(64, 1e-20), np.full(64, 1e10)]),
    ],
    ids=["zeros", "constant", "negative", "scalar", "one", "short", "subnormal", "huge", "uneven"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_data_are_too_odd(x, dtype, objective, scale):
    x = x.astype(dtype)
    table = scaled(x, 16, objective, scale=scale)
    back = decode(encode(x, table, seed=1))
    assert back.shape == x.shape
    assert back.dtype == x.dtype
    norm = (x.astype(np.float64) ** 2).sum()
    assert ((back.astype(np.float64) - x) ** 2).sum() <= 0.02 * norm


@pytest.mark.parametrize("exponent", [-300, -150, 150, 300])
def test_powers_of_two_change_levels_and_scales_alone(exponent):
    x = NORMAL[:20].astype(np.float64)
    plain, moved = scaled(x), scaled(np.ldexp(x, exponent))
    assert moved.vnmse == pytest.approx(plain.vnmse, rel=1e-3)
    back = decode(encode(np.ldexp(x, exponent), moved))
    assert lost(np.ldexp(back, -exponent), x) == pytest.approx(moved.vnmse, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint16, np.int32])
def test_dtypes_are_read_as_their_values(dtype):
    x = (NORMAL[:50] * 30).astype(dtype) if dtype != np.uint16 else (abs(NORMAL[:50]) * 30).astype(dtype)
    single = x.astype(np.float32)
    codes, same = encode(x, scaled(x)), encode(single, scaled(single))
    assert (codes.indices() == same.indices()).all()
    assert (codes.scales == same.scales).all()
    back = decode(codes)
    assert back.dtype == (dtype if np.dtype(dtype).kind == "f" else np.float64 if dtype == np.int32 else np.float32)
    np.testing.assert_allclose(back.astype(np.float64), decode(same), rtol=1e-3, atol=1e-3)


def test_bfloat16_comes_in_and_goes_out_as_tensors():
    bits = narrow(NORMAL[:20])
    codes = encode(Tensor(bits, bfloat16=True), scaled(Tensor(bits, bfloat16=True)))
    out = np.zeros_like(bits)
    decode(codes, out=Tensor(out, bfloat16=True))
    assert codes.dtype == "bfloat16"
    assert (out == narrow(decode(codes))).all()
    assert lost(widen(out), widen(bits)) < 0.01


def test_the_largest_float16_does_not_become_infinite():
    x = np.full((2, 64), 65504, np.float16)
    x[0, ::2] = -65504
    x[1, 3] = 5
    assert np.isfinite(decode(encode(x, scaled(x, 4)))).all()


@pytest.mark.parametrize("shape", [(7, 100), (100,), (3, 5, 72), (4, 8), (2, 65), (9, 1)])
@pytest.mark.parametrize("s", [1, 2, 3, 16, 17, 200, 256])
def test_rows_decode_by_themselves_and_bytes_come_back(shape, s):
    x = RANDOM.standard_normal(shape).astype(np.float32)
    codes = encode(x, scaled(x, s, block=24))
    whole = decode(codes)
    assert Codes.from_bytes(codes.to_bytes()) == codes
    assert len(codes.scales) == math.prod(shape[:-1]) * -(-shape[-1] // 24)
    for rows in (0, [1, 0, 1], slice(1, 3), slice(None, None, -2)):
        assert (decode(codes, rows=rows) == whole[rows]).all()
    q, at = codes.levels, codes.indices()
    spread = np.repeat(codes.scales.reshape(*shape[:-1], -1), 24, axis=-1)[..., : shape[-1]]
    assert (whole == spread.astype(np.float32) * q[at]).all()


def test_a_block_as_long_as_a_row_gives_each_row_a_scale():
    codes = encode(NORMAL, scaled(NORMAL, block=256))
    assert codes.scales.shape == (500,)
    assert codes == encode(NORMAL, scaled(NORMAL, block=256), threads=3)


def test_layout_and_threads_make_no_difference():
    table = scaled(NORMAL, threads=3)
    assert (table.values == scaled(np.asfortranarray(NORMAL)).values).all()
    assert table.losses == scaled(NORMAL).losses
    codes = encode(NORMAL, table)
    assert codes == encode(NORMAL, table, threads=4)
    assert codes == encode(np.asfortranarray(NORMAL), table)
    assert (decode(codes, threads=4) == decode(codes)).all()


@pytest.mark.parametrize("isa", ["v1", "v3", "v4"])
def test_instruction_sets_make_no_difference(isa):
    program = (
        "import numpy as np\n"
        "from beforehand.quantization import encode, levels\n"
        "x = np.random.default_rng(5).standard_t(4, (60, 200)).astype(np.float32)\n"
        "for s, goal in ((16, 'mse'), (40, 'mse'), (16, 'unbiased'), (16, 'mse')):\n"
        "    table = levels(x, s, method='scaled', objective=goal)\n"
        "    print(hash(encode(x, table, seed=1).to_bytes()), table.losses)\n"
    )
    here = dict(os.environ, PYTHONHASHSEED="0", PYTHONPATH=os.pathsep.join(sys.path))
    runs = [
        subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
        for env in (here, here | {"BEFOREHAND_ISA": isa})
    ]
    assert runs[0] == runs[1]


def test_a_table_serves_data_of_other_shapes():
    table = scaled(NORMAL)
    other = RANDOM.standard_normal((3, 5, 100)).astype(np.float32)
    assert lost(decode(encode(other, table)), other) < 0.008
    covered = table.cover(other)
    assert (covered.values == table.values).all()
    assert covered.gap is None
    assert covered.vnmse == pytest.approx(lost(decode(encode(other, table)), other), rel=1e-5)
    empty = encode(np.zeros((0, 64), np.float32), table)
    assert decode(Codes.from_bytes(empty.to_bytes())).shape == (0, 64)
    assert decode(encode(np.zeros((4, 0), np.float32), table)).shape == (4, 0)


@pytest.mark.parametrize("factor", [1e-290, 1e290])
def test_a_table_for_data_of_quite_another_size_does_no_harm(factor):
    x = NORMAL[:9].astype(np.float64)
    table = scaled(x * factor)
    assert table.cover(x / factor).vnmse > 0.9
    assert lost(decode(encode(x, table)), x) > 0.9


def test_values_beyond_the_largest_scale_are_refused_or_clipped():
    table = scaled(NORMAL, 16, "unbiased")
    far = np.full((1, 64), 1e9, np.float32)
    with pytest.raises(InvalidInput, match="64 value"):
        encode(far, table, seed=1)
    codes = encode(far, table, seed=1, outside="clip")
    assert codes.clipped == 64
    assert decode(codes).max() == 65504 * table.values[-1]


def test_a_codec_makes_the_same_codes():
    codec = Codec(method="scaled", n_levels=16, objective="mse", block=32, scale="bfloat16")
    assert Codec.from_dict(codec.to_dict()) == codec
    made = codec.encode(NORMAL[:9], seed=0)
    assert made == encode(NORMAL[:9], scaled(NORMAL[:9], block=32, scale="bfloat16"))
    assert (codec.decode(made) == decode(made)).all()


# --- refusals


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_levels": 257}, "at most 256"),
        ({"block": 7}, "multiple of 8"),
        ({"block": 0}, "multiple of 8"),
        ({"scale": "int8"}, "scale is 'int8'"),
        ({"weights": np.ones(64)}, "weights or axis"),
        ({"axis": 0}, "weights or axis"),
        ({"grid": [0.0, 1.0]}, "grid is given"),
        ({"bins": 4096}, "no histogram"),
        ({"certify": True}, "certify is given"),
        ({"method": "exact", "scale": "float16"}, "has no scales"),
        ({"method": "exact", "zero": True}, "has no scales"),
    ],
)
def test_options_that_do_not_go_together_are_refused(kwargs, message):
    with pytest.raises(InvalidInput, match=message):
        levels(NORMAL, **({"n_levels": 16, "method": "scaled", "objective": "mse"} | kwargs))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_what_is_not_finite_is_refused(bad, objective):
    table = scaled(NORMAL, 16, objective)
    for at in (0, 77, 199):
        x = np.ones(200, np.float32)
        x[at] = bad
        with pytest.raises(InvalidInput, match=f"flat index {at}"):
            scaled(x, 16, objective)
        with pytest.raises(InvalidInput, match=f"flat index {at}"):
            encode(x, table, seed=1)


# --- bytes


SAMPLE = encode(NORMAL[:2, :70], scaled(NORMAL, 5, scale="bfloat16")).to_bytes()


@pytest.mark.parametrize(
    ("at", "new", "field"),
    [
        (10, b"\x03", "flags"),
        (12, b"\x00", "level dtype"),
        (14, b"\x04", "bits"),
        (16, b"\x00", "grouping"),
        (18, b"\x01\x00", "flags"),
        (18, b"\x31\x00", "flags"),
        (18, b"\x17\x00", "flags"),
        (24, b"\x05", "groups"),
        (32, b"\x41", "block"),
        (64 + 16 + 8 + 20, b"\x80\x7f", "scales"),
        (64 + 16 + 8, b"\x00\x00\xc0\x7f", "levels"),
    ],
)
def test_fields_that_do_not_fit_are_refused(at, new, field):
    assert Codes.from_bytes(changed(SAMPLE, 0, b"")).scales.shape == (4,)
    with pytest.raises(CorruptData, match=field):
        Codes.from_bytes(changed(SAMPLE, at, new))


@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_damaged_bytes_are_refused(at, flip):
    with pytest.raises(CorruptData):
        Codes.from_bytes(SAMPLE[:at])
    damaged = bytearray(SAMPLE)
    damaged[at] ^= flip
    with pytest.raises(CorruptData):
        Codes.from_bytes(bytes(damaged))
