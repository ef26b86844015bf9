"""The .npy format against numpy itself, and damaged."""

import io

import ml_dtypes
import numpy as np
import pytest

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.workloads.array_files.npy import npy_pieces, read_npy
from beforehand.workloads.array_files.stored import Stored

DTYPES = "f2 f4 f8 >f4 i1 i2 i4 i8 >i8 u1 u2 u4 u8 ? c8 U3 S4 M8[s]".split()


def saved(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    return read(tmp_path)


def read(tmp_path, **options):
    with open(tmp_path / "x.npy", "rb") as stream:
        return read_npy(stream, **options)


def written(array):
    return b"".join(bytes(piece) for piece in npy_pieces(array))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 5), (2, 0, 3), (2, 3, 4)])
def test_what_numpy_saved_is_read_and_written_alike(tmp_path, dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    for order in (array, array.copy("F")):
        found = saved(tmp_path, order)
        assert found.shape == shape
        assert found.all().flags.c_contiguous
        np.testing.assert_array_equal(found.all(), array)
        again = np.load(io.BytesIO(written(found)))
        np.testing.assert_array_equal(again, array)
        assert again.dtype == array.dtype.newbyteorder("=")


def test_what_is_written_is_what_numpy_writes(tmp_path):
    for array in (np.arange(6.0).reshape(2, 3), np.float32(3), np.zeros((0, 4), "f2")):
        stream = io.BytesIO()
        np.save(stream, array)
        assert written(Stored.of(np.asarray(array))) == stream.getvalue()


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_dtypes_of_ml_dtypes_are_told_apart_as_far_as_the_file_tells(tmp_path, name):
    array = np.arange(-4, 4).astype(getattr(ml_dtypes, name)).reshape(2, 4)
    if name == "float8_e4m3fn":
        with pytest.raises(InvalidInput, match=r"which float8 they are; pass --dtype float8_e4m3fn"):
            saved(tmp_path, array)
        found = read(tmp_path, unnamed=name)
    else:
        found = _saved_somehow(tmp_path, array)
    assert (found.dtype, found.shape) == (name, (2, 4))
    np.testing.assert_array_equal(found.all().view(array.dtype).astype("f4"), array.astype("f4"))
    assert written(found) == (tmp_path / "x.npy").read_bytes()


def _saved_somehow(tmp_path, array):
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    with open(tmp_path / "x.npy", "wb") as stream:  # numpy.save does the same, but some versions check what they write
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(array.tobytes())
    return read(tmp_path)


def test_every_prefix_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(5.0))
    whole = (tmp_path / "x.npy").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "x.npy").write_bytes(whole[:length])
        with pytest.raises(CorruptData):
            read(tmp_path)


def test_every_flipped_byte_gives_an_array_or_an_error_of_ours(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3, dtype="f4"))
    whole = (tmp_path / "x.npy").read_bytes()
    for place in range(len(whole)):
        for flip in (1, 0x20, 0x80):
            damaged = bytearray(whole)
            damaged[place] ^= flip
            (tmp_path / "x.npy").write_bytes(damaged)
            try:
                found = read(tmp_path)
            except BeforehandError:
                continue
            assert found.all().nbytes <= 12


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}", "ends after"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 16)}", "its header says shape"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "its header says shape"),
        ("{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}", "fortran_order 1"),
        ("{'descr': '<f8', 'shape': (1,)}", "its header cannot be read: KeyError"),
        ("[" * 9000, "its header cannot be read"),
        ("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}", "dtype 'nonsense'"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "objects of Python"),
        ("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,)}", "must hold numbers"),
    ],
)
def test_a_header_that_promises_nonsense_is_refused(tmp_path, header, words):
    text = header.encode()
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text)
    with pytest.raises(BeforehandError, match=words):
        read(tmp_path)


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "x.npy", "wb") as stream:
        stream.write(b"\x93NUMPY\x03\x00" + (2**32 - 1).to_bytes(4, "little"))
        stream.truncate(2**32 + 100)
    with pytest.raises(CorruptData, match=r"its header has 4294967295 bytes, more than the 65536"):
        read(tmp_path)


def test_two_arrays_one_after_the_other_are_not_taken_for_one(tmp_path):
    with open(tmp_path / "x.npy", "wb") as stream:
        np.save(stream, np.zeros(3))
        np.save(stream, np.ones(3))
    with pytest.raises(CorruptData, match=r"152 bytes follow its array; save several arrays by numpy.savez"):
        read(tmp_path)
