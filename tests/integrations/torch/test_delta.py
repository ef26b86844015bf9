"""Pseudo-gradients of outer loops on two processes with gloo."""

import json
import sys

import numpy as np
import pytest

from beforehand.core.errors import MissingDependency
from beforehand.gradients import THC, BlockInt, Cast, LowRank, TopKChunked, vnmse
from beforehand.integrations.torch import compress_delta
from beforehand.workloads.shaped_links import ShapedLinks
from tests.areas import ROOT

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(
    ("codec", "error"),
    [(Cast("float32"), 1e-12), (THC(bits=4), 0.03), (LowRank(rank=40), 0.7), (TopKChunked(), 0.9)],
    ids=str,
)
def test_the_mean_of_all_ways_arrives_within_the_error_of_the_codec(pair, codec, error, small):
    (found, state), (other, _) = pair.run("delta_scenarios.calls", codec.to_json(), 1, small)
    assert np.array_equal(found, other)
    assert vnmse(*found) < error
    assert error < 1e-9 or vnmse(*found) > 1e-6
    assert (state["step"], state["workers"], state["rank"]) == (1, 2, 0)


def test_what_a_call_did_not_send_comes_with_the_next_ones(pair):
    (one, _), _ = pair.run("delta_scenarios.calls", TopKChunked().to_json(), 1, True)
    (many, state), _ = pair.run("delta_scenarios.calls", TopKChunked().to_json(), 40, True)
    assert vnmse(*many) < vnmse(*one) / 10
    assert state["step"] == 40


def test_a_state_that_was_saved_goes_on_with_the_same_bits(pair, tmp_path):
    for found, again in pair.run("delta_scenarios.resumed", THC(bits=3, feedback="full").to_json(), str(tmp_path)):
        assert np.array_equal(found, again)


def test_means_have_the_dtype_of_parameters(pair):
    assert pair.run("delta_scenarios.halves", Cast("bfloat16").to_json()) == ["torch.bfloat16"] * 2


@pytest.mark.parametrize(
    ("codecs", "calls", "shorter", "message"),
    [
        ((THC(), THC(bits=3)), 0, (0, 0), 'codec of rank 1 is {"codec": "THC", "bits": 3'),
        ((THC(), THC()), 1, (0, 0), "the number of calls of rank 1 is 0, but of rank 0 1"),
        ((THC(), THC()), 0, (0, 1), "parameters have the shapes [(300,), (0, 5), (7, 5, 64), ()] before and [(300, 20"),
        ((Cast(), THC()), 1, (0, 0), "codec of rank 1"),
    ],
)
def test_what_ranks_do_not_agree_on_is_refused_on_all(pair, codecs, calls, shorter, message):
    told = pair.run("delta_scenarios.refused", [codec.to_json() for codec in codecs], calls, shorter)
    assert all(name == "InvalidInput" and message in text for name, text in told)


def test_one_rank_alone_gets_its_own_way(pair):
    for mean, way in pair.run("delta_scenarios.alone", THC().to_json()):
        assert np.array_equal(mean, way)


def trained_over_a_slow_link(codec, folder):
    """Of float32 and of the codec: seconds in all, seconds of an exchange, and the loss that was reached."""
    argv = [sys.executable, "-m", "tests.integrations.torch.outer_loops"]
    texts = [each.to_json() for each in (Cast("float32"), codec)]
    with ShapedLinks(2, "25mbit") as links:
        running = [
            links.start(rank, [*argv, str(rank), links.address, str(folder / str(rank)), *texts], cwd=ROOT)
            for rank in range(2)
        ]
        assert [process.wait(timeout=300) for process in running] == [0, 0]
    return json.loads((folder / "0").read_text())


@pytest.mark.links
@pytest.mark.parametrize("codec", [THC(), BlockInt()], ids=str)
def test_over_a_shaped_link_an_outer_loop_learns_as_much(codec, tmp_path):
    (*_, plain), (*_, coded) = trained_over_a_slow_link(codec, tmp_path)
    assert coded < 1.02 * plain


@pytest.mark.links
@pytest.mark.nightly
@pytest.mark.parametrize("codec", [THC(), BlockInt()], ids=str)
def test_over_a_slow_link_an_outer_loop_is_sooner(codec, tmp_path):
    plain, coded = trained_over_a_slow_link(codec, tmp_path)
    assert plain[0] > coded[0]  # all of it, which the steps in between dominate on a slow machine
    assert plain[1] > 2 * coded[1]


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"compress_delta needs torch; pip install 'beforehand\[torch\]'"):
        compress_delta([], [], THC(), state={})
