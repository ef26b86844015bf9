"""Codes of scaled blocks: what may come in, rows and bytes."""

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
from tests.quantization.tensors import Tensor
from tests.quantization.test_codes_format import changed
from tests.quantization.test_scaled import NORMAL, RANDOM, lost, scaled

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
        "for s, goal in ((16, 'mse'), (40, 'mse'), (16, 'unbiased'), (256, 'unbiased'), (250, 'mse')):\n"
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
        ({"method": "histogram", "zero": True}, "zero is given"),
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
