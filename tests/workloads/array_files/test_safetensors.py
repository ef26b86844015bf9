"""The safetensors format against its own package, and damaged."""

import io
import json
import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors
from safetensors.numpy import load, save

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.workloads.array_files.safetensors import OWN, read_safetensors, write_safetensors
from beforehand.workloads.array_files.stored import Stored


def read(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with open(tmp_path / "x", "rb") as stream:
        return read_safetensors(stream)


def written(arrays, labels=None):
    stream = io.BytesIO()
    write_safetensors(stream, arrays, labels or {})
    return stream.getvalue()


def file(header, size=0):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize("dtype", sorted(set(OWN) - {"bfloat16", "float8_e4m3fn", "float8_e5m2"}))
def test_files_of_the_package_are_read_and_ours_are_read_by_it(tmp_path, dtype):
    arrays = {
        "a b/ö": np.arange(6).reshape(2, 3).astype(dtype),
        "0-d": np.ones((), dtype),
        "none": np.zeros((2, 0), dtype),
    }
    found, labels = read(tmp_path, save(arrays, {"format": "pt"}))
    assert labels == {"format": "pt"}
    assert {each.name: each.dtype for each in found} == dict.fromkeys(arrays, dtype)
    again = load(written(found, labels))
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_dtypes_that_numpy_lacks_come_as_bits_and_go_back(tmp_path, name):
    array = np.arange(-3, 3).astype(getattr(ml_dtypes, name)).reshape(3, 2)
    data = save({"w": array})
    (found,), _ = read(tmp_path, data)
    assert found.dtype == name
    np.testing.assert_array_equal(found.all().view(array.dtype).astype("f4"), array.astype("f4"))
    assert written([found]) == data


def test_dtypes_that_only_the_format_has_are_kept_as_bytes(tmp_path):
    header = {"q": {"dtype": "F4", "shape": [3, 2], "data_offsets": [0, 3]}}
    data = struct.pack("<Q", 64) + json.dumps(header, separators=(",", ":")).encode().ljust(64) + b"abc"
    (found,), _ = read(tmp_path, data)
    assert (found.dtype, found.shape) == ("F4", (3, 2))
    again = written([found])
    assert again[-3:] == b"abc"
    assert safetensors.deserialize(again) == safetensors.deserialize(data)


def test_arrays_at_odd_places_are_read(tmp_path):
    header = {
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]},
    }
    found, _ = read(tmp_path, file(header) + b"\x07" + np.float32([1, 2]).tobytes())
    assert found[1].all().tolist() == [1, 2]
    assert found[1].all().flags.aligned


def test_every_prefix_is_refused(tmp_path):
    whole = save({"a": np.arange(3.0), "b": np.ones(2, "i1")})
    for length in range(len(whole)):
        with pytest.raises(CorruptData):
            read(tmp_path, whole[:length])


def test_every_flipped_byte_gives_arrays_or_an_error_of_ours(tmp_path):
    whole = save({"a": np.arange(3, dtype="f4"), "b": np.ones(2, "i1")})
    for place in range(len(whole)):
        for flip in (1, 0x20, 0x80):
            damaged = bytearray(whole)
            damaged[place] ^= flip
            try:
                found, _ = read(tmp_path, bytes(damaged))
            except BeforehandError:
                continue
            assert sum(each.all().nbytes for each in found) <= 14


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": ENTRY | {"data_offsets": [8, 0]}},
        {"a": ENTRY | {"data_offsets": [-8, 0]}},
        {"a": ENTRY | {"shape": [2**61, 8]}},
        {"a": ENTRY | {"shape": [-2]}},
        {"a": ENTRY | {"shape": [True, 2]}},
        {"a": ENTRY | {"dtype": 3}},
        {"a": {"dtype": "F32"}},
        {"a": ENTRY, "b": ENTRY},
        {"a": ENTRY | {"data_offsets": [1, 9]}},
        {"a": 3},
        [],
        {},
    ],
    ids=str,
)
def test_places_that_cannot_be_are_refused(tmp_path, header):
    with pytest.raises(CorruptData):
        read(tmp_path, file(header, 8))


def test_a_name_that_comes_twice_and_json_without_end_are_refused(tmp_path):
    entry = json.dumps(ENTRY)
    for text in (f'{{"a":{entry},"a":{entry}}}', "[" * 100_000, "{" * 8):
        with pytest.raises(CorruptData, match="its header cannot be read"):
            read(tmp_path, struct.pack("<Q", len(text)) + text.encode() + bytes(8))


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    for size in (2**63, 10**8 + 1):
        with open(tmp_path / "x", "wb") as stream:
            stream.write(struct.pack("<Q", size))
            stream.truncate(2 * 10**8)
        with open(tmp_path / "x", "rb") as stream, pytest.raises(CorruptData, match=f"its header has {size} bytes"):
            read_safetensors(stream)


def test_text_is_not_written():
    with pytest.raises(InvalidInput, match=r"array names is <U1, which safetensors cannot hold; write it to .npz"):
        written([Stored.of(np.array(["a"]), "names")])
