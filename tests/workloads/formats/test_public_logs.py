"""Which module reads a public log, and that each reads the jobs that are in it."""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import BeforehandError
from beforehand.scheduling import plan_queue
from beforehand.workloads import formats
from beforehand.workloads.formats.public_logs import LOGS, recognized
from beforehand.workloads.job_log import read_job_log
from beforehand.workloads.reading import Reading, look
from tests.workloads.formats.samples import SAMPLES

EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=str)


@pytest.fixture
def file(tmp_path, sample):
    path = tmp_path / sample.name
    path.write_text(sample.text)
    return path


@EVERY
def test_a_public_log_is_recognized_by_its_beginning(sample, file):
    assert recognized(look(str(file))) is sample.log
    assert formats.recognize(file) is sample.log


@EVERY
def test_its_rows_are_the_jobs_of_the_file_and_what_is_none_is_left_out_by_reason(sample, file):
    jobs = sample.log.read(str(file), Reading())
    keep = np.ones(len(jobs.table), bool)
    for reason, rows in jobs.left_out.items():
        assert (rows & keep).sum() == sample.left_out.get(reason, 0), reason
        keep &= ~rows
    for name in ("arrival", "size", "cheap"):
        wanted = getattr(sample, name)
        assert (name in jobs.columns) == (wanted is not None)
        if wanted is not None:
            order = np.argsort(jobs.columns["arrival"][keep], kind="stable")
            np.testing.assert_allclose(jobs.columns[name][keep][order], wanted, rtol=1e-9, atol=1e-6)
    assert all(len(column) == len(jobs.table) for column in jobs.columns.values())


@EVERY
def test_the_plan_is_that_of_the_same_log_as_a_clean_csv(sample, file, tmp_path):
    clean = tmp_path / "clean.csv"
    columns = {"arrival": sample.arrival, "size": sample.size, "cheap": sample.cheap}
    columns = {name: column for name, column in columns.items() if column is not None}
    cells = ([repr(float(cell)) for cell in column] for column in columns.values())
    clean.write_text("\n".join([",".join(columns), *map(",".join, zip(*cells, strict=True))]) + "\n")
    units = {"size_unit": sample.log.SIZE_UNIT, "time_unit": sample.log.TIME_UNIT}
    assume = {"expensive": 0.3} if sample.cheap is not None else {"cheap": 1.0, "expensive": 0.3}
    logs = [read_job_log(file, assume=assume), read_job_log(clean, assume=assume, **units)]
    assert logs[0].meta["source"] == sample.log.SOURCE
    assert [log.meta["unit"] for log in logs] == [sample.log.SIZE_UNIT] * 2
    np.testing.assert_allclose(logs[0]["size"], logs[1]["size"], rtol=1e-12)
    np.testing.assert_allclose(logs[0]["arrival"], logs[1]["arrival"] - logs[1]["arrival"][0] + logs[0]["arrival"][0])
    ours, theirs = (plan_queue(log, load=0.8, cheap_cost=0.01, bootstrap=0) for log in logs)
    assert ours.policy == theirs.policy
    assert ours.expected.value == pytest.approx(theirs.expected.value, rel=1e-9)
    assert ours.baseline.value == pytest.approx(theirs.baseline.value, rel=1e-9)


@EVERY
def test_compressed_it_is_read_alike(sample, tmp_path):
    path = tmp_path / f"{sample.name}.gz"
    path.write_bytes(gzip.compress(sample.text.encode()))
    assert recognized(look(str(path))) is sample.log
    np.testing.assert_allclose(np.sort(read_job_log(path)["size"]), np.sort(sample.size))


@pytest.mark.parametrize(
    "text",
    ["", "size\n1\n", "size,arrival\n1,2\n", '{"timestamp": 1, "input_length": 2}\n', "\0" * 999, "a b c\n1 2 3\n"],
)
def test_other_files_are_not_taken_for_one(tmp_path, text):
    path = tmp_path / "some.csv"
    path.write_text(text)
    assert formats.recognize(path) is None
    assert formats.recognize(tmp_path / "missing.csv") is None


PIECES = [
    "",
    "-",
    "|",
    ",",
    '"',
    "\n",
    "\\",
    "nan",
    "1e999",
    "9" * 30,
    "{",
    "]",
    "null",
    "\0",
    "é",
    "-1",
    "Unknown",
    "24:61:99",
]
PLACES = st.floats(0, 1)


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(PLACES, st.integers(0, 9), st.sampled_from(PIECES)), max_size=4),
    PLACES,
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(sample, changes, end):
    text = sample.text[: round(len(sample.text) * end)]
    for place, length, piece in changes:
        begin = round(len(text) * place)
        text = text[:begin] + piece + text[begin + length :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / sample.name
        path.write_text(text)
        try:
            log = recognized(look(path))
            if log is not None:
                log.read(str(path), Reading())
        except BeforehandError:
            return


def test_every_public_log_has_a_name_a_source_and_units():
    assert len({log.NAME for log in LOGS}) == len(LOGS)
    for log in LOGS:
        assert log.NAME == log.__name__.rpartition(".")[2]
        assert log.SOURCE
        assert log.SIZE_UNIT in ("tokens", "seconds")
        assert log.TIME_UNIT == "seconds"


def test_every_module_of_a_public_log_has_a_sample():
    assert {sample.log for sample in SAMPLES} == set(LOGS)


def test_recognizing_imports_no_area():
    program = "import beforehand.workloads.formats, sys; sys.exit('beforehand.scheduling' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
