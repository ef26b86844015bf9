import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from beforehand.cli.inputs import keep_input, naming, read_array, read_bytes, read_sample, read_trace
from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput


def test_naming_keeps_the_class_and_adds_the_file(tmp_path):
    def fail():
        with naming(tmp_path / "x.bhq"):
            raise CorruptData("cut")

    with pytest.raises(CorruptData, match=r"x\.bhq: cut"):
        fail()


@pytest.mark.parametrize("name", ["x.npy", "gone/../x.npy", "soft", "soft_of_soft", "hard", "folder/x.npy"])
def test_an_output_that_is_the_input_is_refused_by_every_name(tmp_path, name):
    (tmp_path / "x.npy").write_bytes(b"data")
    (tmp_path / "gone").mkdir()
    (tmp_path / "soft").symlink_to("x.npy")
    (tmp_path / "soft_of_soft").symlink_to("soft")
    (tmp_path / "hard").hardlink_to(tmp_path / "x.npy")
    (tmp_path / "folder").symlink_to(tmp_path)
    for path, output in ((tmp_path / "x.npy", tmp_path / name), (tmp_path / name, tmp_path / "x.npy")):
        with pytest.raises(InvalidInput, match=r"are one file, .*; choose another place"):
            keep_input(path, None, tmp_path / "new", output)


def test_an_output_apart_from_the_input_is_fine_even_if_the_content_is_alike(tmp_path):
    for name in ("x.npy", "y.npy"):
        (tmp_path / name).write_bytes(b"data")
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("y.npy", "new.npy", "dangling"):
        keep_input(tmp_path / "x.npy", tmp_path / name)
    keep_input(tmp_path / "missing.npy", tmp_path / "missing.npy")  # its reader says so
    keep_input(Path(os.devnull), Path(os.devnull))
    keep_input(tmp_path / "x.npy", None)


@pytest.mark.parametrize("read", [read_array, read_bytes])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(InvalidInput, match=r"x\.npy cannot be read: No such file"):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 2)])
def test_the_rows_of_an_array_are_the_samples_and_any_other_shape_is_one(tmp_path, shape):
    np.save(tmp_path / "x.npy", np.ones(shape))
    sample = read_sample(tmp_path / "x.npy", None)
    assert np.shape(sample) == (shape if len(shape) == 2 else (1, np.prod(shape, dtype=int)))


def test_anything_else_is_a_trace(tmp_path):
    Trace("jobs", {"size": [1.0]}).save(tmp_path / "t.csv")
    assert read_sample(tmp_path / "t.csv", "jobs").kind == "jobs"


def test_arrays_are_never_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(CorruptData, match="allow_pickle=False"):
        read_array(tmp_path / "x.npy")


def test_a_public_log_is_known_by_its_header_and_needs_no_kind(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,10\n")
    assert read_trace(path, None).kind == read_sample(path, "jobs").kind == "jobs"
    with pytest.raises(InvalidInput, match=r"kind is 'vectors'.*'jobs' \(Azure LLM inference trace\); leave kind out"):
        read_trace(path, "vectors")
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,48,ten\n")
    with pytest.raises(CorruptData, match=r"t\.csv has 'ten' in column GeneratedTokens, line 2"):
        read_trace(path, None)


def test_packets_from_tshark_are_known_by_their_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("frame.time_epoch,ip.src,ip.dst,frame.len\n1.5,10.0.0.1,10.0.0.2,40\n")
    assert read_trace(path, None).kind == read_trace(path, "stream").kind == "stream"
    with pytest.raises(InvalidInput, match=r"kind is 'jobs'.*'stream' \(tshark\); leave kind out"):
        read_trace(path, "jobs")


def test_reading_files_imports_no_area():
    program = "import beforehand.cli.inputs, sys; sys.exit('beforehand.scheduling' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
