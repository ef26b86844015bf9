import contextlib
import os
import stat
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput, MissingDependency
from beforehand.core.files import writing

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_file_appears_whole_with_the_usual_rights(tmp_path):
    with writing(tmp_path / "a") as stream:
        stream.write(b"whole")
        assert not (tmp_path / "a").exists()
    (tmp_path / "b").touch()
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [
        stat.S_IMODE((tmp_path / "b").stat().st_mode)
    ] * 2


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_leaves_everything_as_it_was(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def fail():
        with writing(tmp_path / "a") as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to("a")
    with writing(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.jsonl", b"{", "Expecting property name"),
        ("a.npz", b"no zip", "not a zip file"),
        ("a.parquet", b"no parquet", "magic bytes"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_in_one_line(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorruptData, match=f"cannot be read: .*{reason}.*; check that it is whole") as found:
        Trace.load(tmp_path / name, kind="jobs")
    assert "\n" not in str(found.value)


def test_a_device_is_written_to_and_never_replaced():
    with writing(os.devnull) as stream:
        stream.write(b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_folder_cannot_be_written_to(tmp_path):
    with (
        pytest.raises(InvalidInput, match="cannot be written: Is a directory; choose another place"),
        writing(tmp_path),
    ):
        pass
    assert tmp_path.is_dir()


def example():
    return Trace(
        "requests",
        {"arrival": np.array([0.5, 1.5], dtype=np.float32), "tenant": ["a", "é,\n"]},
        children={"calls": ([0, 0, 2], {"seconds": [1.0, np.nan], "tool": ["x", ""]})},
        meta={"hour": 7},
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("t.csv", "cannot hold the 2-D column values"),
        ("t.jsonl", "cannot hold the 2-D column values"),
        ("t.txt", "must end in one of .npz, .csv"),
        ("gone/t.npz", "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_no_file(tmp_path, name, words):
    with pytest.raises(InvalidInput, match=words):
        Trace("vectors", {"values": np.ones((2, 2))}).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_text_refuses_byte_strings(tmp_path, ending):
    with pytest.raises(InvalidInput, match="cannot hold the byte column key; save as npz or parquet"):
        Trace("stream", {"key": [b"a"]}).save(tmp_path / f"t.{ending}")


def test_csv_refuses_child_tables(tmp_path):
    with pytest.raises(InvalidInput, match="cannot hold the child table calls"):
        example().save(tmp_path / "t.csv")


@pytest.mark.parametrize(("name", "words"), [("gone.npz", "No such file"), ("t", "must end in one of")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        Trace.load(tmp_path / name)
    assert name in str(caught.value)


def test_without_pyarrow_parquet_says_how_to_get_it(tmp_path, monkeypatch):
    example().save(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"pip install 'beforehand\[parquet\]'"):
        Trace.load(tmp_path / "t.parquet")
    with pytest.raises(ImportError, match="pyarrow"):
        example().save(tmp_path / "u.parquet")
    assert not (tmp_path / "u.parquet").exists()


@pytest.mark.parametrize("ending", ["npz", "parquet", "jsonl"])
def test_a_file_cut_anywhere_is_corrupt_or_still_a_trace(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    example().save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, max(1, len(whole) // 150)):
        path.write_bytes(whole[:size])
        with contextlib.suppress(CorruptData):
            Trace.load(path, kind="requests")


@pytest.mark.parametrize("ending", ["npz", "jsonl", "parquet"])
@same_folder
@given(place=st.integers(0, 10**6), noise=st.binary(min_size=1, max_size=8))
def test_a_file_with_foreign_bytes_is_refused_or_still_a_trace(tmp_path, ending, place, noise):
    path = tmp_path / f"t.{ending}"
    example().save(path)
    whole = bytearray(path.read_bytes())
    place %= len(whole)
    whole[place : place + len(noise)] = noise
    path.write_bytes(whole)
    with contextlib.suppress(BeforehandError):
        Trace.load(path, kind="requests")


@pytest.mark.parametrize("ending", ["npz", "parquet", "jsonl", "csv"])
@same_folder
@given(noise=st.binary(max_size=64))
def test_any_bytes_are_refused_or_read(tmp_path, ending, noise):
    (tmp_path / f"t.{ending}").write_bytes(noise)
    with contextlib.suppress(CorruptData):
        Trace.load(tmp_path / f"t.{ending}", kind="jobs")
