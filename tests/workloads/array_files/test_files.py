"""What a file is, by its bytes; the formats that have no test module of their own."""

import gzip
import os
import threading

import numpy as np
import pytest

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.workloads.array_files import NothingToRound, format_of, read_arrays

X = np.random.default_rng(0).standard_normal((6, 3))


def test_endings_name_formats():
    assert [format_of(name) for name in ("a.npy", "b/A.PARQUET", "c.bhq", "-")] == ["npy", "parquet", None, None]


@pytest.mark.parametrize("ending", ["npy", "csv", ""])
def test_bytes_count_and_not_the_ending(tmp_path, ending):
    np.save(tmp_path / "x.npy", X)
    path = tmp_path / f"y.{ending}"
    (tmp_path / "x.npy").rename(path)
    assert read_arrays(str(path)).form == "npy"


def test_compressed_files_and_pipes_are_read(tmp_path):
    np.save(tmp_path / "x.npy", X)
    data = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(data))
    np.testing.assert_array_equal(read_arrays(str(tmp_path / "x.npy.gz")).arrays[0].all(), X)
    for content in (data, gzip.compress(data)):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
        writer.start()
        np.testing.assert_array_equal(read_arrays(str(tmp_path / "pipe")).arrays[0].all(), X)
        writer.join()
        (tmp_path / "pipe").unlink()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_numpy_have_names(tmp_path, save):
    save(tmp_path / "x.npz", **{"a/b": X, "ids": np.arange(3), "bias": X[0], "text": np.array(["a"])})
    file = read_arrays(str(tmp_path / "x.npz"))
    assert [(each.name, each.dtype) for each in file.arrays] == [
        ("a/b", "float64"), ("ids", "int64"), ("bias", "float64"), ("text", "<U1"),
    ]  # fmt: skip
    assert file.chosen == ["a/b"]
    assert read_arrays(str(tmp_path / "x.npz"), ["*s"]).chosen == ["ids", "bias"]
    with pytest.raises(InvalidInput, match="array text is <U1, but only"):
        read_arrays(str(tmp_path / "x.npz"), ["text"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_an_error_of_ours(tmp_path, save):
    save(tmp_path / "x.npz", a=X)
    whole = (tmp_path / "x.npz").read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 29)]
    for place in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 0x41
        damaged.append(bytes(flipped))
    for data in damaged:
        (tmp_path / "x.npz").write_bytes(data)
        try:
            found = read_arrays(str(tmp_path / "x.npz"))
        except BeforehandError:
            continue
        np.testing.assert_array_equal(found.arrays[0].all(), X)


def csv(tmp_path, text, *names, **options):
    (tmp_path / "x.csv").write_text(text)
    return read_arrays(str(tmp_path / "x.csv"), names, **options)


def test_csv_is_one_matrix_with_or_without_names(tmp_path):
    for text, names in (
        ("1.0,2\n3.0,4.5\n", []),
        ("a,b\n1e0,2\n3,4.5\n", ["a", "b"]),
        ("a;b\n1.;2\n3;4,5\n", ["a", "b"]),
    ):
        file = csv(tmp_path, text)
        assert (file.notes, file.rest) == ({"columns": names}, None)
        assert file.arrays[0].all().tolist() == [[1, 2], [3, 4.5]]
    assert csv(tmp_path, "a,t\n1,x\n2,y\n", "a").arrays[0].all().tolist() == [[1], [2]]


def test_text_and_empty_cells_of_csv_are_named_by_their_line(tmp_path):
    with pytest.raises(CorruptData, match=r"x\.csv has 'x' in column t, line 2.*or name other columns by --name"):
        csv(tmp_path, "a,t\n1,x\n", "t")
    with pytest.raises(CorruptData, match=r"x\.csv has 'x' in column t, line 3.*or name other columns by --name"):
        csv(tmp_path, "a,t\n1.5,2\n1,x\n")
    with pytest.raises(NothingToRound, match=r"it has text, but no column of floats; choose by --name what to round"):
        csv(tmp_path, "a,t\n1,x\n")
    with pytest.raises(InvalidInput, match=r"x\.csv has 1 rows with empty cells, the first in line 3; pass"):
        csv(tmp_path, "a,b\n1,2\n3,\n5,6\n")
    file = csv(tmp_path, "a,b\n1,2\n3,\n5,6\n", drop_nulls=True)
    assert (file.dropped, file.arrays[0].all().tolist()) == (1, [[1, 2], [5, 6]])


def test_csv_keeps_text_and_whole_numbers_beside_floats(tmp_path):
    text = "zip,price,who,empty,size\n00123,1.5,ann,,1.0\n04567,,bob,,2.0\n-,2,NA,,3.0\n"
    file = csv(tmp_path, text, drop_nulls=True)
    assert file.notes == {"columns": ["price", "size"], "others": ["zip", "who", "empty"], "places": [1, 4]}
    assert file.columns == ["zip", "who", "empty"]
    assert bytes(file.rest) == b'["00123", "ann", ""]\n["-", "NA", ""]\n'
    assert file.arrays[0].all().tolist() == [[1.5, 1], [2, 3]]
    assert csv(tmp_path, text, "zip", drop_nulls=True).columns == ["price", "who", "empty", "size"]
    assert csv(tmp_path, "7,1.5\n8,2.5\n").notes == {"columns": [], "others": [], "places": [1]}
    assert csv(tmp_path, "a,b\n1,2\n").rest is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.npy", b"", "it is empty"),
        ("x.npy", b"hello", "it is not npy, as its ending says"),
        ("x.safetensors", b"\x02\0\0\0\0\0\0\0{}", "no array of numbers, which is all"),
        ("x", b"\x00\x01\x02", r"it begins with b'\\x00\\x01\\x02', as no array does; pass .npy, npz"),
        ("x.npz", b"PK\x05\x06" + bytes(18), "no array of numbers"),
        ("x.parquet", b"PAR1PAR1", "cannot be read"),
        ("x.arrow", b"ARROW1\0\0", "cannot be read"),
    ],
)
def test_what_is_no_array_is_refused_by_name(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BeforehandError, match=words) as error:
        read_arrays(str(tmp_path / name))
    assert str(error.value).startswith(str(tmp_path / name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"gone\.npy cannot be read: No such file"):
        read_arrays(str(tmp_path / "gone.npy"))
