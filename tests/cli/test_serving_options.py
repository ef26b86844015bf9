import numpy as np
import pytest

from beforehand.cli.serving_options import (
    read_lengths,
    read_policy,
    read_profile,
    read_requests,
    read_slo,
)
from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving import FCFS, PROFILES, Boosted, ShortestWork


def test_a_profile_is_a_published_one_or_a_file(tmp_path):
    shipped = PROFILES["llama3-8b-a100-80g"]
    shipped.save(tmp_path / "mine.json")
    assert read_profile("llama3-8b-a100-80g") == read_profile(str(tmp_path / "mine.json")) == shipped
    with pytest.raises(InvalidInput, match=r"a file that calibrate wrote, or one of llama3"):
        read_profile("llama4")
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(CorruptData, match=r"mine\.json"):
        read_profile(str(tmp_path / "mine.json"))


def test_a_policy_is_named_or_written_out():
    assert read_policy("default") == Boosted(ShortestWork())
    assert read_policy("fcfs") == FCFS()
    assert read_policy('{"policy": "boosted", "inner": {"policy": "shortestwork"}}') == Boosted(ShortestWork())
    with pytest.raises(InvalidInput, match="policy is 'lifo'"):
        read_policy("lifo")


def test_lengths_are_exact_or_off_by_a_factor():
    assert read_lengths(None, 0) is None
    assert read_lengths("exact", 0) == "exact"
    noisy = read_lengths("noisy:0.5", 7)
    assert abs(np.log(noisy.predict(np.full(10_000, 1e6)) / 1e6).std() - 0.5) < 0.02


@pytest.mark.parametrize("text", ["", "noisy", "noisy:", "noisy:x", "noisy:-1", "noisy:nan", "exactly", "exact:1"])
def test_lengths_that_mean_nothing_are_refused(text):
    with pytest.raises(InvalidInput, match="lengths is"):
        read_lengths(text, 0)


def test_limits_are_named():
    assert read_slo(None) is None
    assert read_slo("ttft=0.5") == {"ttft": 0.5}
    assert read_slo("itl=0.05, ttft=2") == {"itl": 0.05, "ttft": 2.0}


@pytest.mark.parametrize(
    "text", ["", "ttft", "ttft=", "ttft=0", "ttft=-1", "ttft=nan", "ttft=inf", "tpot=1", "itl=1,itl=2"]
)
def test_limits_that_mean_nothing_are_refused(text):
    with pytest.raises(InvalidInput, match="slo is"):
        read_slo(text)


def test_requests_come_from_tables_and_from_public_logs(tmp_path):
    (tmp_path / "mine.csv").write_text("arrival,prompt_tokens,output_tokens\n0.5,10,20\n1.5,11,21\n")
    (tmp_path / "azure.csv").write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,10,20\n")
    for name in ("mine.csv", "azure.csv"):
        trace = read_requests(tmp_path / name)
        assert trace.kind == "requests"
        assert (trace["prompt_tokens"][0], trace["output_tokens"][0]) == (10, 20)
    Trace("jobs", {"size": [1.0]}).save(tmp_path / "jobs.npz")
    with pytest.raises(InvalidInput, match="holds 'jobs'"):
        read_requests(tmp_path / "jobs.npz")
