import os
from pathlib import Path

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import azure_llm
from beforehand.workloads.formats.public_logs import recognized
from beforehand.workloads.job_log import read_job_log
from beforehand.workloads.reading import Reading, look

SMALL = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:05.9799600,10,0
2023-11-16 18:17:04.2299600,3180,8
2023-11-16 18:17:04.2299600,7,9
"""
REAL = sorted(Path(os.environ.get("AZURE_LLM_TRACES", "no such folder")).glob("AzureLLMInferenceTrace_*.csv"))


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(SMALL)
    return path


def test_requests_become_jobs_in_the_order_of_arrival_and_empty_answers_are_counted(small):
    trace = read_job_log(small)
    assert trace.kind == "jobs"
    np.testing.assert_allclose(trace["arrival"], [0.0, 0.25, 0.25])
    np.testing.assert_array_equal(trace["size"], [10, 8, 9])
    np.testing.assert_array_equal(trace["prompt_tokens"], [4808, 3180, 7])
    assert trace.meta["left_out"] == {"size not above 0": 1}


def test_any_such_file_is_read_whole(small):
    for path in [small, *REAL]:  # the real ones where AZURE_LLM_TRACES names their folder
        rows = len(path.read_text().split("\n")) - 1 - path.read_text().endswith("\n")
        assert recognized(look(path)) is azure_llm
        jobs = azure_llm.read(str(path), Reading())
        assert len(jobs.table) == rows
        assert jobs.columns["arrival"].min() == 0
        assert (jobs.columns["size"] >= 0).all()
        assert not jobs.left_out


def test_the_trace_of_2025_says_how_many_images_a_request_has(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-10-15T12:00:05.819Z,1,949,126\n")
    jobs = azure_llm.read(str(path), Reading())
    assert (jobs.columns["images"], jobs.columns["size"], jobs.columns["arrival"]) == (1, 126, 0)


def test_a_header_with_a_byte_order_mark_is_recognized(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert recognized(look(path)) is azure_llm
    assert len(azure_llm.read(str(path), Reading()).table) == 4


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("3180,8", "3180,eight", "eight"),
        ("2023-11-16 18:17:05.9799600", "yesterday", "yesterday"),
        ("3180,8", "3180", "line 4"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(small, wrong, right, words):
    small.write_text(SMALL.replace(wrong, right, 1))
    with pytest.raises(CorruptData, match=words):
        azure_llm.read(str(small), Reading())


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("size\n1\n")
    with pytest.raises(InvalidInput, match="TIMESTAMP"):
        azure_llm.read(str(path), Reading())


def test_what_it_was_until_the_last_release_still_works_and_warns(small, tmp_path):
    with pytest.warns(FutureWarning, match=r"azure_llm.recognize\(path\) is now called formats.recognize\(path\)"):
        assert azure_llm.recognize(small)
    with (
        pytest.warns(FutureWarning, match=r"recognise is now called"),
        pytest.warns(FutureWarning, match=r"is now called formats"),
    ):
        assert not azure_llm.recognise(tmp_path / "missing.csv")
    with pytest.warns(FutureWarning, match=r"azure_llm.read\(path\) is now called job_log.read_job_log\(path\)"):
        trace = azure_llm.read(small)
    np.testing.assert_array_equal(trace["size"], [10, 8, 9])
    assert trace.meta == {"source": "Azure LLM inference trace", "unit": "tokens", "dropped": 1}
    with pytest.warns(FutureWarning, match=r"azure_llm.columns\(path\) is now called azure_llm.read"):
        columns = azure_llm.columns(small)
    np.testing.assert_array_equal(columns["size"], [10, 0, 8, 9])
