"""Bytes: compressed, piped, damaged."""

import bz2
import errno
import gzip
import lzma
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import CorruptData, InvalidInput, MissingDependency
from beforehand.workloads.reading import look, read_table

TEXT = b"arrival,size\n" + b"".join(b"%d,%d\n" % (row, row % 7) for row in range(30_000))


def zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd)])
@pytest.mark.parametrize("parts", [1, 3])
def test_compressed_files_are_read_as_what_is_inside_whatever_they_are_called(tmp_path, engine, ending, pack, parts):
    cut = len(TEXT) // parts + 1
    packed = b"".join(pack(TEXT[first : first + cut]) for first in range(0, len(TEXT), cut))
    for name in (f"t.csv.{ending}", "t.csv"):
        (tmp_path / name).write_bytes(packed)
        table = read_table(tmp_path / name, ["size"])
        assert table.numbers("size").tolist() == [row % 7 for row in range(30_000)]
        assert look(tmp_path / name).names == ("arrival", "size")


def test_parquet_may_be_compressed_or_come_by_stdin(tmp_path, monkeypatch):
    pq.write_table(pa.table({"size": [1, 2]}), tmp_path / "t.parquet")
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress((tmp_path / "t.parquet").read_bytes()))
    with open(tmp_path / "t.parquet") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        for path in (tmp_path / "t.parquet.gz", "-"):
            assert read_table(path, ["size"]).numbers("size").tolist() == [1, 2]


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_damage_is_named(tmp_path, pack):
    packed = pack(TEXT)
    (tmp_path / "t.csv").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CorruptData, match=r"t\.csv (cannot be decompressed|has)"):
        read_table(tmp_path / "t.csv", ["size"])
    (tmp_path / "t.csv").write_bytes(packed[:20] + b"damaged" * 99)
    with pytest.raises(CorruptData, match=r"t\.csv cannot be decompressed"):
        read_table(tmp_path / "t.csv", ["size"])


def test_what_cannot_be_opened_is_named(tmp_path):
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(InvalidInput, match=r"cannot be read: .*; check the path"):
            look(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="is a pipe, which can be read only once; pass -"):
        look(tmp_path / "pipe")


def test_a_full_disk_below_what_is_kept_of_stdin_is_named_not_stdin(monkeypatch, tmp_path):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "t.csv").write_text("a\n1\n")
    with open(tmp_path / "t.csv") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("shutil.copyfileobj", full)
        with pytest.raises(InvalidInput, match=r"cannot hold what is read \(No space left.*set TMPDIR to a folder"):
            look("-")


def test_a_closed_stdin_is_named(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidInput, match="stdin is closed"):
        look("-")


def test_without_a_library_for_it_zstd_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(zstd(TEXT))
    for name in ("compression.zstd", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match=r"zstd, which needs Python 3\.14 or pyarrow"):
        look(tmp_path / "t.csv")


@pytest.mark.parametrize(("pack", "name"), [(bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_compression_that_is_not_read_is_named(tmp_path, pack, name):
    (tmp_path / "t.csv").write_bytes(pack(TEXT))
    with pytest.raises(InvalidInput, match=f"is compressed by {name}, but only gzip and zstd are read; decompress it"):
        look(tmp_path / "t.csv")
