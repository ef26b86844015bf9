import functools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Codes, decode, encode, levels
from tests.quantization.bhq_reader import chunks, crc32c, read
from tests.quantization.rounding_model import words

GOLDEN = bytes.fromhex(
    "89424856430d0a1a0100030001010201 00ff0100040000000100000000000000 00000000000000000100000000000000"
    "00000000000000000500000000000000 11000000000000000000000000000000 000000000000803f0000004000008040"
    "4095aafa03 db0d931f"
)


ROTATED = encode(np.arange(150.0), levels(np.arange(150.0), 4, method="rotation", block=128), seed=1).to_bytes()


def signed(data):
    return bytes(data) + struct.pack("<I", crc32c(data))


def changed(data, at, new):
    """The bytes with others at one place, and a CRC that fits."""
    return signed(data[:at] + new + data[at + len(new) : -4])


def test_golden_bytes():
    codes = encode(np.arange(0, 4.25, 0.25, dtype=np.float32), [0, 1, 2, 4], seed=1)
    assert codes.to_bytes() == GOLDEN
    assert Codes.from_bytes(GOLDEN) == codes


@pytest.mark.parametrize("kwargs", [{}, {"axis": 0}, {"axis": 1}, {"block": 4}])
@pytest.mark.parametrize(("dtype", "code"), [("f8", 0), ("f4", 1), ("f2", 2), ("i1", 4), ("u2", 7), ("i8", 9)])
@pytest.mark.parametrize("s", [2, 3, 16, 60])
def test_anybody_can_read_the_format(kwargs, dtype, code, s):
    x = np.random.default_rng(s).integers(0, 100, (6, 11)).astype(dtype)
    codes = encode(x, levels(x, s, **kwargs), seed=2**64 - 1, stream=2**56 - 1)
    header, tables, indices = read(codes.to_bytes())
    assert (header["dtype"], header["s"], header["bits"]) == (code, codes.n_levels, codes.bits)
    assert (header["method"], header["seed"], header["stream"]) == (2, 2**64 - 1, 2**56 - 1)
    assert header["grouping"] == (0 if not kwargs else 1 if "axis" in kwargs else 2)
    assert header["axis"] == kwargs.get("axis", 255)
    assert header["block"] == kwargs.get("block", 0)
    assert header["flags"] == (not kwargs)
    assert (indices == codes.indices()).all()
    assert (tables.reshape(codes.levels.shape) == codes.levels).all()


@functools.cache
def signs(seed, stream, domain):
    """The words of the first 2**13 counters, one after the other."""
    return words(1 << 15, seed, stream, domain)


def turned_back(x, seed, stream, position):
    """What a rotation of two rounds made `x` of: signs by position, and the transform as a matrix."""
    n = len(x)
    matrix = np.array([[1.0]])
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    i = np.arange(position, position + n)
    for domain in (3, 2):
        counter, word = i >> 7, i >> 5 & 3
        drawn = signs(seed, stream, domain)[(counter >> 8 << 10) + word * 256 + (counter & 255)]
        bit = drawn >> (i & 31).astype(np.uint32) & 1
        x = (1.0 - 2.0 * bit) * (matrix @ x) / np.sqrt(n)
    return x


@pytest.mark.parametrize("kwargs", [{}, {"axis": 0}, {"axis": 1}, {"block": 64}, {"axis": 0, "block": 128}], ids=str)
@pytest.mark.parametrize("s", [2, 16])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_anybody_can_read_and_turn_back_rotated_arrays(kwargs, s, objective):
    x = np.random.default_rng(s).standard_normal((2, 300))
    codes = encode(x, levels(x, s, method="rotation", objective=objective, **kwargs), seed=2**40 + 1, stream=2**33 + 5)
    header, table, indices, scales = read(codes.to_bytes())
    assert (header["method"], header["flags"], header["s"]) == (4, 1 | 2 << 1, s)
    assert (header["axis"], header["block"]) == (kwargs.get("axis", 255), kwargs.get("block", 65536))
    axis = kwargs.get("axis")
    groups = [x.reshape(-1)] if axis is None else list(np.moveaxis(x, axis, 0))
    found, position, each = [], 0, iter(scales)
    for group in groups:
        parts = []
        for n in chunks(group.size, header["block"]):
            rotated = next(each) * table[0][indices[position : position + n]]
            parts.append(turned_back(rotated, header["seed"], header["stream"], position))
            position += n
        found.append(np.concatenate(parts)[: group.size])
    read_back = found[0].reshape(x.shape) if axis is None else np.stack(found, axis=axis)
    np.testing.assert_allclose(decode(codes), read_back, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (0,), (4, 0), (0, 4)])
def test_anybody_can_read_arrays_without_axes_and_without_values(shape):
    header, _, indices = read(encode(np.ones(shape), [0.0, 1.0, 2.0], seed=1).to_bytes())
    assert header["shape"] == indices.shape == shape
    assert (indices == 1).all()


def test_bytes_that_end_too_early_or_too_late_are_refused():
    for data in (GOLDEN, encode(np.zeros((3, 5)), [0.0, 1.0, 2.0], seed=1).to_bytes(), ROTATED):
        for end in range(len(data)):
            with pytest.raises(CorruptData, match="not a valid Codes buffer"):
                Codes.from_bytes(data[:end])
            if end != len(data) - 4:
                with pytest.raises(CorruptData, match="not a valid Codes buffer"):
                    Codes.from_bytes(signed(data[:end]))
        with pytest.raises(CorruptData, match="length"):
            Codes.from_bytes(data + b"\0")


@given(st.integers(0, 8 * len(GOLDEN) - 1))
def test_every_flipped_bit_is_seen(bit):
    data = bytearray(GOLDEN)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptData):
        Codes.from_bytes(data)


@pytest.mark.parametrize(
    ("at", "new", "field"),
    [
        (0, b"\x88", "magic"),
        (3, b"VH", "magic"),
        (8, b"\2", "version is 2"),
        (10, b"\6", "method is 6"),
        (10, b"\4", "flags"),
        (11, b"\2", "objective"),
        (12, b"\x0c", "dtype"),
        (13, b"\0", "level dtype"),
        (14, b"\x11", "bits is 17"),
        (14, b"\3", "bits is 3"),
        (15, b"\x09", "number of axes"),
        (16, b"\3", "grouping"),
        (16, b"\1", "axis"),
        (16, b"\2", "block"),
        (17, b"\0", "axis"),
        (18, b"\0", "flags"),
        (18, b"\5", "flags"),
        (20, struct.pack("<I", 0), "n_levels is 0"),
        (20, struct.pack("<I", 65537), "n_levels is 65537"),
        (24, struct.pack("<Q", 2**63), "groups is 9223372036854775808"),
        (24, struct.pack("<Q", 0), "groups is 0"),
        (32, struct.pack("<Q", 1), "block"),
        (48, struct.pack("<Q", 2**56), "stream"),
        (56, struct.pack("<Q", 2**64 - 1), "payload bytes"),
        (64, struct.pack("<Q", 2**63), "shape"),
        (64, struct.pack("<Q", 21), "payload bytes is 5"),
        (72, struct.pack("<Q", 18), "clipped"),
        (80, struct.pack("<f", np.nan), "levels"),
        (80, struct.pack("<f", 1.5), "levels descend"),
        (92, struct.pack("<f", np.inf), "levels"),
        (100, b"\x07", "padding"),
    ],
)
def test_each_field_is_checked_and_named(at, new, field):
    with pytest.raises(CorruptData, match=field):
        Codes.from_bytes(changed(GOLDEN, at, new))


@pytest.mark.parametrize(
    ("at", "new", "field"),
    [
        (10, b"\3", "flags is 5"),
        (14, b"\3", "bits is 3"),
        (16, b"\1", "axis"),
        (16, b"\2", "grouping"),
        (18, b"\1", "flags is 1"),
        (18, b"\4", "flags is 4"),
        (18, b"\7", "flags is 7"),
        (18, b"\x0d", "flags is 13"),
        (20, struct.pack("<I", 512), "bits"),
        (24, struct.pack("<Q", 2), "groups is 2"),
        (32, struct.pack("<Q", 0), "block is 0"),
        (32, struct.pack("<Q", 32), "block is 32"),
        (32, struct.pack("<Q", 192), "block is 192"),
        (32, struct.pack("<Q", 2**63), "block"),
        (32, struct.pack("<Q", 64), "ends inside its payload"),
        (64, struct.pack("<Q", 193), "payload bytes"),
        (64, struct.pack("<Q", 2**60), "scales"),
        (80, struct.pack("<d", -17.0), "levels are too far from 0"),
        (80, struct.pack("<d", 1.0), "levels descend"),
        (112, struct.pack("<d", np.inf), "scales contain NaN or infinity at index 0"),
        (120, struct.pack("<d", np.nan), "scales contain NaN or infinity at index 1"),
    ],
)
def test_each_field_of_rotated_codes_is_checked_and_named(at, new, field):
    assert Codes.from_bytes(ROTATED).to_bytes() == ROTATED
    with pytest.raises(CorruptData, match=field):
        Codes.from_bytes(changed(ROTATED, at, new))


def test_the_number_of_levels_must_be_a_power_of_two_for_rotation():
    data = changed(ROTATED, 20, struct.pack("<I", 3))
    with pytest.raises(CorruptData, match="n_levels is 3, but must be a power of two from 2 to 256 for rotation"):
        Codes.from_bytes(data)


def test_one_round_is_read_as_one():
    codes = Codes.from_bytes(changed(ROTATED, 18, b"\3"))
    assert np.isfinite(decode(codes)).all()
    assert (decode(codes) != decode(Codes.from_bytes(ROTATED))).any()


def test_a_wrong_checksum_is_named():
    with pytest.raises(CorruptData, match="CRC"):
        Codes.from_bytes(GOLDEN[:-1] + b"\0")


def test_a_code_without_a_level_is_refused():
    data = encode(np.zeros(4), [0.0, 1.0, 2.0], seed=1).to_bytes()
    with pytest.raises(CorruptData, match="payload is 3, but codes must be below n_levels = 3"):
        Codes.from_bytes(changed(data, len(data) - 5, b"\x30"))


def test_shapes_whose_product_wraps_are_refused():
    data = bytearray(encode(np.zeros((2, 2)), [0.0, 1.0], seed=1).to_bytes())
    for shape in ((2**32, 2**32), (2**63, 2), (2**62, 0), (0, 2**61)):
        with pytest.raises(CorruptData, match="shape"):
            Codes.from_bytes(changed(bytes(data), 64, struct.pack("<QQ", *shape)))


def test_levels_that_the_dtype_cannot_hold_are_refused():
    data = encode(np.zeros(4, np.float16), [0.0, 1.0], seed=1).to_bytes()
    with pytest.raises(CorruptData, match="float16"):
        Codes.from_bytes(changed(data, 84, struct.pack("<f", 1e6)))


def test_only_bytes_are_read():
    for data in (5, "text", [1, 2], None):
        with pytest.raises(InvalidInput, match="must be bytes"):
            Codes.from_bytes(data)
    assert Codes.from_bytes(memoryview(GOLDEN)) == Codes.from_bytes(np.frombuffer(GOLDEN, np.uint8))


def test_what_was_read_decodes_alike():
    x = np.random.default_rng(0).standard_normal((20, 30))
    codes = encode(x, levels(x, 7, axis=1), seed=1)
    assert (decode(Codes.from_bytes(codes.to_bytes())) == decode(codes)).all()
