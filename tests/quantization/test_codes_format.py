import struct

import numpy as np
import pytest
from bhq_reader import crc32c, read
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Codes, decode, encode, levels

GOLDEN = bytes.fromhex(
    "89424856430d0a1a0100030001010201 00ff0100040000000100000000000000 00000000000000000100000000000000"
    "00000000000000000500000000000000 11000000000000000000000000000000 000000000000803f0000004000008040"
    "4095aafa03 db0d931f"
)


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
    assert (header["dtype"], header["s"], header["bits"]) == (code, codes.s, codes.bits)
    assert (header["method"], header["seed"], header["stream"]) == (2, 2**64 - 1, 2**56 - 1)
    assert header["grouping"] == (0 if not kwargs else 1 if "axis" in kwargs else 2)
    assert header["axis"] == kwargs.get("axis", 255)
    assert header["block"] == kwargs.get("block", 0)
    assert header["flags"] == (not kwargs)
    assert (indices == codes.indices()).all()
    assert (tables.reshape(codes.levels.shape) == codes.levels).all()


@pytest.mark.parametrize("shape", [(), (0,), (4, 0), (0, 4)])
def test_anybody_can_read_arrays_without_axes_and_without_values(shape):
    header, _, indices = read(encode(np.ones(shape), [0.0, 1.0, 2.0], seed=1).to_bytes())
    assert header["shape"] == indices.shape == shape
    assert (indices == 1).all()


def test_bytes_that_end_too_early_or_too_late_are_refused():
    for data in (GOLDEN, encode(np.zeros((3, 5)), [0.0, 1.0, 2.0], seed=1).to_bytes()):
        for end in range(len(data)):
            with pytest.raises(CorruptData, match="these"):
                Codes.from_bytes(data[:end])
            if end != len(data) - 4:
                with pytest.raises(CorruptData, match="these"):
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
        (10, b"\4", "method is 4"),
        (11, b"\2", "objective"),
        (12, b"\x0a", "dtype"),
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
        (20, struct.pack("<I", 0), "s is 0"),
        (20, struct.pack("<I", 65537), "s is 65537"),
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


def test_a_wrong_checksum_is_named():
    with pytest.raises(CorruptData, match="CRC"):
        Codes.from_bytes(GOLDEN[:-1] + b"\0")


def test_a_code_without_a_level_is_refused():
    data = encode(np.zeros(4), [0.0, 1.0, 2.0], seed=1).to_bytes()
    with pytest.raises(CorruptData, match=r"payload is 3, but codes must be below s = 3"):
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
