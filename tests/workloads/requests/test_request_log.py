import json
import os
from pathlib import Path

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving import check_requests
from beforehand.workloads.requests import read_request_log
from tests.workloads.formats import samples

TOKENS = [
    samples.azure_2023(), samples.azure_2024(), samples.azure_2025(), samples.burst_gpt_1(), samples.burst_gpt_3(),
    samples.mooncake_trace(), samples.qwen(),
]  # fmt: skip
REAL = sorted(Path(os.environ.get("AZURE_LLM_TRACES", "no such folder")).glob("AzureLLMInferenceTrace_*.csv"))


@pytest.fixture
def written(tmp_path):
    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("sample", TOKENS, ids=str)
def test_public_logs_become_requests(sample, written):
    trace = read_request_log(written(sample.text, sample.name))
    assert trace.kind == "requests"
    np.testing.assert_allclose(trace["arrival"], sample.arrival, atol=1e-3)
    np.testing.assert_array_equal(trace["output_tokens"], sample.size)
    assert trace["prompt_tokens"].dtype == trace["output_tokens"].dtype == np.int64
    assert trace["prompt_tokens"].min() >= 1
    assert trace.meta == {"source": sample.log.SOURCE, "left_out": dict(sample.left_out)}


def test_requests_are_sorted_and_those_that_were_not_answered_counted(written):
    text = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    text += "2023-11-16 18:17:01,9,0\n2023-11-16 18:17:05,4808,10\n2023-11-16 18:17:04,0,8\n2023-11-16 18:17:04,7,9\n"
    trace = read_request_log(written(text))
    np.testing.assert_array_equal(trace["arrival"], [0.0, 1.0])
    np.testing.assert_array_equal(trace["prompt_tokens"], [7, 4808])
    assert trace.meta["left_out"] == {"no prompt": 1, "no answer": 1}


def test_the_columns_of_vidurs_traces_are_read_too(written):
    trace = read_request_log(written("arrived_at,num_prefill_tokens,num_decode_tokens\n5.5,100,20\n5.0,30,40\n"))
    np.testing.assert_array_equal(trace["arrival"], [0.0, 0.5])
    np.testing.assert_array_equal(trace["output_tokens"], [40, 20])


def test_the_turns_of_a_conversation_are_kept_where_the_log_has_them(written):
    assert set(read_request_log(written(samples.qwen().text, "qwen.jsonl"))["turn"]) == {1}


def test_the_results_of_a_benchmark_are_requests(written):
    result = {"tokenizer_id": "x", "request_throughput": 1.0, "input_lens": [5, 6], "output_lens": [7, 8]}
    result |= {"start_times": [100.5, 100.0], "errors": ["", ""]}
    trace = read_request_log(written(json.dumps(result), "bench.json"))
    np.testing.assert_array_equal(trace["arrival"], [0.0, 0.5])
    np.testing.assert_array_equal(trace["prompt_tokens"], [6, 5])


def test_a_benchmark_without_times_is_refused(written):
    result = {"tokenizer_id": "x", "request_throughput": 1.0, "input_lens": [5, 6], "output_lens": [7, 8]}
    with pytest.raises(InvalidInput, match="has no arrival"):
        read_request_log(written(json.dumps(result), "bench.json"))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "arrival,prompt_tokens,output_tokens\n1,2,3\n"])
def test_a_table_that_is_no_public_log_is_refused_with_what_to_do(written, text):
    with pytest.raises(InvalidInput, match="name the columns of your own table"):
        read_request_log(written(text))


def test_a_log_of_jobs_without_tokens_is_refused(written):
    with pytest.raises(InvalidInput, match="no public log of requests with their tokens"):
        read_request_log(written(samples.sacct_raw().text, "raw.txt"))


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ("2023-11-16 18:17:04,0,8", InvalidInput, "none of the 1 rows"),
        ("2023-11-16 18:17:04,5.5,8", InvalidInput, "prompt_tokens is 5.5 in line 2"),
        ("2023-11-16 18:17:04,5,1e30", InvalidInput, "output_tokens is 1e.30 in line 2"),
        ("2023-11-16 18:17:04,five,8", CorruptData, "'five'"),
        ("yesterday,5,8", CorruptData, "'yesterday'"),
    ],
)
def test_damaged_rows_are_refused_by_line(written, row, error, words):
    with pytest.raises(error, match=words):
        read_request_log(written(f"TIMESTAMP,ContextTokens,GeneratedTokens\n{row}\n"))


def test_the_real_logs_are_read_whole():
    for path in REAL:  # where AZURE_LLM_TRACES names their folder
        trace = read_request_log(path)
        assert len(trace) in (8819, 19366)
        assert trace.meta["left_out"] == {}


def mooncake(*rows):
    keys = ("timestamp", "input_length", "output_length", "hash_ids")
    return "".join(f"{json.dumps(dict(zip(keys, row, strict=True)))}\n" for row in rows)


def test_blocks_that_prompts_share_become_prefixes(written):
    text = mooncake((0, 1030, 5, [0, 1, 2]), (3000, 900, 5, [0, 9]), (6000, 1030, 5, [0, 1, 2]), (9000, 512, 1, [7]))
    trace = read_request_log(written(text, "trace.jsonl"))
    np.testing.assert_array_equal(trace["prefix_id"], [0, 0, 0, -1])
    np.testing.assert_array_equal(trace["prefix_tokens"], [1030, 512, 1030, 0])
    check_requests(trace)


def test_prefixes_follow_their_requests_when_rows_are_sorted_or_left_out(written):
    text = mooncake((9000, 600, 5, [0, 4]), (0, 700, 5, [0, 5]), (5000, 512, 0, [0]), (3000, 100, 5, [8]))
    trace = read_request_log(written(text, "trace.jsonl"))
    np.testing.assert_array_equal(trace["prompt_tokens"], [700, 100, 600])
    np.testing.assert_array_equal(trace["prefix_tokens"], [512, 0, 512])


def test_blocks_whose_size_nobody_knows_are_no_prefixes(written):
    trace = read_request_log(written(mooncake((0, 1030, 5, [0]), (0, 70_000, 5, [0])), "trace.jsonl"))
    assert "prefix_id" not in trace.columns


def test_blocks_that_are_no_numbers_are_refused_by_line(written):
    text = mooncake((0, 1030, 5, [0, 1, 2]), (0, 900, 5, [0, "a"]))
    with pytest.raises(CorruptData, match=r"hash_ids, line 2, which is no list of whole numbers"):
        read_request_log(written(text, "trace.jsonl"))
