"""Tables apart from the data: their bytes, their files, and what is refused."""

import pickle
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Histogram, Levels, encode, levels
from tests.quantization.bhq_reader import crc32c
from tests.threads import parallelize

X = np.random.default_rng(3).standard_normal((6, 40))
SEEN = Histogram.like(X)
SEEN.update(X)
TABLES = {
    "one": levels(X, 16),
    "not certified": levels(X, 16, method="histogram"),
    "float32": levels(X.astype(np.float32), 5, objective="mse"),
    "uniform": levels(X, 4, method="uniform"),
    "by axis": levels(X, 4, axis=0),
    "by the last axis": levels(X, 16, axis=-1),
    "by block": levels(X, 3, block=7),
    "on a grid": levels(X, 3, axis=1, grid=np.linspace(-5, 5, 41)),
    "rotation": levels(X, 16, method="rotation"),
    "rotation by axis": levels(X, 16, method="rotation", axis=0, block=64),
    "scaled": levels(X, 16, method="scaled", scale="e8m0", block=8, objective="mse"),
    "of a histogram": SEEN.levels(7),
    "one level": levels(np.full((2, 3), -0.0), 1, objective="mse"),
    "short tables": levels([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]], 3, axis=0),
    "a squared error beyond float64": levels([0.0, 1e200, 3e200], 2),
    "a scalar": levels(2.0, 3),
    "given": Levels(values=np.array([1.0, 2.0]), method="given", objective="unbiased", shape=(2,)),
    "float16 levels": Levels(values=np.array([1.0, 2.0], np.float16), method="given", objective="mse", shape=(2,)),
}


def sealed(data):
    """Bytes whose checksum is right."""
    return bytes(data[:-4]) + struct.pack("<I", crc32c(bytes(data[:-4])))


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


def test_bytes_hold_every_field(table):
    again = Levels.from_bytes(table.to_bytes())
    assert again.to_bytes() == table.to_bytes()
    assert again == table
    assert hash(again) == hash(table)
    for field in fields(Levels):  # a new one must get into the bytes, or an old reader would not know what it misses
        found, kept = getattr(again, field.name), getattr(table, field.name)
        np.testing.assert_equal(found, kept)
        assert type(found) is type(kept), field.name
    if table.dtype != np.float16:
        assert again.dtype == table.dtype


def test_files_hold_every_field(table, tmp_path):
    table.save(tmp_path / "table.bhl")
    assert Levels.load(tmp_path / "table.bhl") == table == pickle.loads(pickle.dumps(table))


def test_tables_that_were_read_encode_alike():
    for name, kwargs in {"by axis": {}, "by the last axis": {}, "rotation": {}, "scaled": {}, "by block": {}}.items():
        again = Levels.from_bytes(TABLES[name].to_bytes())
        assert encode(X, again, seed=4, **kwargs) == encode(X, TABLES[name], seed=4, **kwargs)


def test_bytes_are_as_documented():
    data = TABLES["by axis"].to_bytes()
    assert data[:8] == bytes.fromhex("894248 564C 0D0A1A")
    head = struct.unpack_from("<HBBBBbBHHIQQdddQQ2Q", data, 8)
    table = TABLES["by axis"]
    error, groups = table.squared_error, table.group_squared_error.tolist()
    assert head == (1, 2, 0, 0, 0, 0, 2, 3, 0, 4, 6, 0, error, table.vnmse, 0.0, 6, 0, 6, 40)
    assert struct.unpack_from("<24d", data, 96) == tuple(table.values.ravel())
    assert struct.unpack_from("<6I", data, 96 + 192) == (4,) * 6
    assert list(struct.unpack_from("<6d", data, 96 + 192 + 24)) == groups
    assert len(data) == 96 + 192 + 24 + 48 + 4


@pytest.mark.parametrize("name", ["by axis", "scaled", "on a grid", "given"])
def test_bytes_that_end_early_or_late_are_corrupt(name):
    data = TABLES[name].to_bytes()
    for wrong in [*(data[:size] for size in range(len(data))), data + b"\0"]:
        with pytest.raises(CorruptData, match="not a valid Levels buffer"):
            Levels.from_bytes(wrong)


@pytest.mark.parametrize(
    "options",
    [
        {"axis": 0},
        {"method": "scaled", "block": 8},
        {"method": "rotation", "axis": 0},
        {"block": 3},
        {"axis": -1, "grid": [-5, -1, 0, 1, 5]},
    ],
)
def test_a_flipped_byte_is_corrupt_and_with_a_right_checksum_gives_a_table_that_encodes_or_is_refused(options):
    x = X[:2, :4]
    data = levels(x, 2, **options).to_bytes()
    for place in range(len(data) - 4):
        for flip in (1, 0x80):
            wrong = bytearray(data)
            wrong[place] ^= flip
            with pytest.raises(CorruptData):
                Levels.from_bytes(bytes(wrong))
            try:
                read = Levels.from_bytes(sealed(wrong))
            except CorruptData:
                continue
            assert Levels.from_bytes(read.to_bytes()) == read
            try:
                encode(x, read, seed=1, outside="clip")
            except InvalidInput:
                pass


@settings(max_examples=200)
@given(data=st.binary(max_size=200), whole=st.booleans())
def test_any_other_bytes_are_corrupt(data, whole):
    head = TABLES["one"].to_bytes()[:10] if whole else b""
    with pytest.raises(CorruptData):
        Levels.from_bytes(sealed(head + data + b"1234"))


def test_claims_beyond_the_bytes_are_refused_before_memory_is_taken():
    data = bytearray(TABLES["by axis"].to_bytes())
    for offset, claim in [(24, 2**62), (24, 2**33), (64, 2**40), (72, 2**61), (80, 2**60), (20, 65536)]:
        wrong = data.copy()
        struct.pack_into("<I" if offset == 20 else "<Q", wrong, offset, claim)
        with pytest.raises(CorruptData):
            Levels.from_bytes(sealed(wrong))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"axis": 500}, "axis 500"),
        ({"shape": None}, "cannot hold"),
        ({"shape": (-1,)}, "cannot hold|-1"),
        ({"values": np.array([1.0, np.nan])}, "finite"),
        ({"values": np.array([1, 2], np.longdouble)}, "float128|longdouble"),
        ({"squared_error": "much"}, "cannot hold"),
        ({"method": "best"}, "method 'best'"),
        ({"scale": "int4"}, "cannot hold"),
        ({"grid_index": np.arange(3)}, "3 items for 2 levels"),
        ({"grid_index": "abc"}, "cannot hold"),
        ({"losses": 3}, "cannot hold"),
    ],
)
def test_fields_that_no_table_has_are_refused(changed, words):
    counts = np.array([2]) if "axis" in changed else None
    with pytest.raises(InvalidInput, match=words):
        replace(TABLES["given"], counts=counts, **changed).to_bytes()


@pytest.mark.parametrize("x", [X, np.float32(3.0)])
def test_scaled_blocks_with_an_axis_are_refused(x):
    with pytest.raises(InvalidInput, match="levels have axis 1, but scaled blocks have none"):
        encode(x, replace(TABLES["scaled"], axis=1))
    data = bytearray(TABLES["scaled"].to_bytes())
    assert data[14] == 0x80  # no axis
    data[14] = 1
    with pytest.raises(CorruptData):
        Levels.from_bytes(sealed(data))


def test_what_is_not_bytes_or_not_a_file_is_refused(tmp_path):
    for data in (7, "text", None, [1, 2]):
        with pytest.raises(InvalidInput, match="must be bytes"):
            Levels.from_bytes(data)
    assert Levels.from_bytes(memoryview(TABLES["one"].to_bytes())) == TABLES["one"]
    assert TABLES["one"] != TABLES["by axis"]
    assert TABLES["one"] != 5
    with pytest.raises(InvalidInput, match="cannot be read"):
        Levels.load(tmp_path / "missing.bhl")
    (tmp_path / "half.bhl").write_bytes(TABLES["one"].to_bytes()[:50])
    with pytest.raises(CorruptData, match=r"half\.bhl: not a valid Levels buffer \(50 bytes\)"):
        Levels.load(tmp_path / "half.bhl")
    with pytest.raises(CorruptData, match="belongs to another format"):
        Levels.from_bytes(encode(X, TABLES["one"], seed=1).to_bytes())


def test_threads_read_and_write_one_table():
    table = TABLES["by axis"]
    data = table.to_bytes()
    parallelize(lambda _: [Levels.from_bytes(data) == table for _ in range(20)], 2)
