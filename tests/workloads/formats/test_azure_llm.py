import os
from pathlib import Path

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.formats import azure_llm

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
    trace = azure_llm.read(small)
    assert trace.kind == "jobs"
    np.testing.assert_allclose(trace["arrival"], [0.0, 0.25, 0.25])
    np.testing.assert_array_equal(trace["size"], [10, 8, 9])
    np.testing.assert_array_equal(trace["prompt_tokens"], [4808, 3180, 7])
    assert trace.meta["dropped"] == 1


def test_any_such_file_is_read_whole(small):
    for path in [small, *REAL]:  # the real ones where AZURE_LLM_TRACES names their folder
        rows = len(path.read_text().split("\n")) - 1 - path.read_text().endswith("\n")
        trace = azure_llm.read(path)
        assert azure_llm.recognize(path)
        assert len(trace) + trace.meta["dropped"] == rows
        assert trace["arrival"][0] == 0
        assert (np.diff(trace["arrival"]) >= 0).all()
        assert (trace["size"] >= 1).all()


@pytest.mark.parametrize("text", ["", "size\n1\n", "TIMESTAMP,ContextTokens,GeneratedTokens,more\n", "\0" * 999])
def test_other_files_are_not_taken_for_one(tmp_path, text):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    assert not azure_llm.recognize(path)
    assert not azure_llm.recognize(tmp_path / "missing.csv")


def test_a_header_with_a_byte_order_mark_is_recognized(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert azure_llm.recognize(path)
    assert len(azure_llm.read(path)) == 3


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("3180,8", "3180,eight", "column size has 'eight' in row 2, counting from 0, which is not a number"),
        ("2023-11-16 18:17:05.9799600", "yesterday", "column arrival has 'yesterday' in row 1.*not a time"),
        ("3180,8", "3180", "line 4 has 2 cells"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(small, wrong, right, words):
    small.write_text(SMALL.replace(wrong, right, 1))
    with pytest.raises(CorruptData, match=words):
        azure_llm.read(small)


def test_other_columns_and_a_log_without_jobs_are_refused(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("size\n1\n")
    with pytest.raises(InvalidInput, match="this trace has TIMESTAMP"):
        azure_llm.read(path)
    path.write_text(SMALL.partition("\n")[0])
    with pytest.raises(InvalidInput, match="none of the 0 rows"):
        azure_llm.read(path)


def test_the_old_spelling_works_for_one_release(tmp_path):
    with pytest.warns(FutureWarning, match=r"recognise is now called .*recognize"):
        found = azure_llm.recognise(tmp_path / "missing.csv")
    assert not found
