import numpy as np
import pytest

from beforehand.cli.serving_options import (
    lengths_of,
    profile_of,
    read_requests,
    slo_of,
)
from beforehand.core import Trace
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving import PROFILES


def test_a_profile_is_a_published_one_or_a_file(tmp_path):
    shipped = PROFILES["llama3-8b-a100-80g"]
    shipped.save(tmp_path / "mine.json")
    assert profile_of("llama3-8b-a100-80g") == profile_of(str(tmp_path / "mine.json")) == shipped
    with pytest.raises(InvalidInput, match=r"must be llama3-8b-a100-80g, gptj-6b-a100-40g or a file that `beforehand"):
        profile_of("llama4")
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(CorruptData, match=r"mine\.json"):
        profile_of(str(tmp_path / "mine.json"))


def test_lengths_are_exact_or_off_by_so_many_tokens_on_average():
    assert lengths_of(None, 0) is None
    assert lengths_of("exact", 0) == "exact"
    noisy = lengths_of("noisy:46.1", 7)
    assert abs(np.abs(noisy.predict(np.full(10_000, 5000.0)) - 5000).mean() / 46.1 - 1) < 0.03


@pytest.mark.parametrize("text", ["", "noisy", "noisy:", "noisy:x", "noisy:-1", "noisy:nan", "exactly", "exact:1"])
def test_lengths_that_mean_nothing_are_refused(text):
    with pytest.raises(InvalidInput, match="lengths is"):
        lengths_of(text, 0)


def test_limits_are_named():
    assert slo_of(None) is None
    assert slo_of("ttft=0.5") == {"ttft": 0.5}
    assert slo_of("itl=0.05, ttft=2") == {"itl": 0.05, "ttft": 2.0}


@pytest.mark.parametrize(
    "text", ["", "ttft", "ttft=", "ttft=0", "ttft=-1", "ttft=nan", "ttft=inf", "tpot=1", "itl=1,itl=2"]
)
def test_limits_that_mean_nothing_are_refused(text):
    with pytest.raises(InvalidInput, match="slo is"):
        slo_of(text)


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


def test_a_table_that_is_out_of_order_is_named(tmp_path):
    (tmp_path / "mine.csv").write_text("arrival,prompt_tokens,output_tokens\n1.5,10,20\n0.5,11,21\n")
    with pytest.raises(InvalidInput, match=r"mine\.csv: arrival falls at row 1"):
        read_requests(tmp_path / "mine.csv")
