import numpy as np
import pytest

from beforehand.gradients import THC, simulate, vnmse
from beforehand.gradients.wire import WireBytes
from beforehand.studies.utility import overheads
from beforehand.studies.utility.overheads import Cost, OperatorsTHC
from beforehand.workloads.gradient_samples import gradients


def test_thc_in_operators_is_thc():
    rows = gradients("layers", size=2**12, seed=1)["gradient"]
    longest = float(np.linalg.norm(rows, axis=1).max())
    library = overheads.libraries()[0]
    worker = OperatorsTHC(library, rows.shape[1])
    sums = np.sum([worker.points(worker.encode(row, longest)) for row in rows], axis=0)
    error = vnmse(worker.decode(sums, longest, len(rows)), rows.mean(axis=0))
    ours = simulate(THC(granularity=30, truncation=1 / 32), rows, rounds=8).vnmse
    assert error == pytest.approx(ours, rel=0.15)


@pytest.fixture(scope="module")
def costs():
    return overheads.costs(quick=True)


def test_every_codec_is_timed_and_sends_what_it_says(costs):
    assert [each.codec for each in costs][: len(overheads.CODECS)] == list(overheads.CODECS)
    by_name = {each.codec: each for each in costs}
    assert by_name["float32"].sent.total == 2 * by_name["float16"].sent.total == 4 * 512**2
    assert by_name["THC, operators of numpy"].sent == by_name["THC, two-shot"].sent
    assert by_name["THC, operators of numpy"].compute > 2 * by_name["THC, two-shot"].compute
    assert {len(row) for row in overheads.costs_sheet(costs).rows} == {3 + len(overheads.RATES)}


def test_a_round_is_coding_then_the_wire():
    cost = Cost("x", 0.25, WireBytes(5e5, 5e5), "allreduce")
    assert cost.at(1e6) == pytest.approx(0.25 + 2 * overheads.LATENCY + 1.0)


def test_slow_coding_cancels_what_it_saves_on_a_fast_link():
    half = Cost("float16", 1e-3, WireBytes(1e6, 1e6), "allreduce")
    native, slow = (Cost(name, seconds, WireBytes(2e5, 5e5), "two_shot")
                    for name, seconds in (("THC, two-shot", 4e-3), ("THC, operators of numpy", 0.1)))  # fmt: skip
    assert overheads.overhead_cancels([half, native, slow]).holds
    fast = slow._replace(compute=5e-3)
    found = overheads.overhead_cancels([half, native, fast])
    assert (found.holds, found.direction) == (False, True)


def test_the_decoder_has_the_parameters_of_the_language_model_but_its_norms():
    assert overheads.decoder().size == 1_396_544 - 7 * 2 * 192


def test_ranks_send_more_and_more():
    found = overheads.low_rank(quick=True)
    sent = [each.sent.total for each in found]
    assert sent == sorted(sent)
    assert [row[0] for row in overheads.ranks_sheet(found).rows] == ["1", "2", "4", "8"]


def test_bytes_that_grow_faster_than_twice_the_time_do_not_decide():
    def ranks(last):
        return [
            Cost("rank 1", 0.02, WireBytes(1e4, 1e4), "allreduce"),
            Cost("rank 32", last, WireBytes(2e5, 2e5), "allreduce"),
        ]

    assert overheads.rank_does_not_decide(ranks(0.04)).holds
    assert "bytes grow 20.0 times" in overheads.rank_does_not_decide(ranks(0.04)).figure
    assert not overheads.rank_does_not_decide(ranks(0.5)).direction
