"""The communication hook on two processes with gloo."""

import itertools

import numpy as np
import pytest

from beforehand.gradients import THC, BlockInt, Cast, LowRank, TopKChunked, vnmse

pytestmark = pytest.mark.torch

FOUR_BITS, LANES, FACTORS = THC(bits=4), THC(bits="lane", lanes=10, truncation=2**-13), LowRank(rank=2)
EXACT = Cast("float32")


def same(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("codec", "transport", "error"),
    [(FOUR_BITS, "two_shot", 0.03), (LANES, "allreduce", 1e-4), (FACTORS, "auto", 0.9), (EXACT, "auto", 1e-12)],
    ids=str,
)
def test_gradients_are_exact_at_first_and_then_within_the_error_of_the_codec(pair, codec, transport, error):
    options = {"vnmse_every": 1, "smallest_bucket": 0}
    (first, exact, stats), (second, _, _) = pair.run("ddp_scenarios.means", codec.to_json(), 6, transport, options, {})
    assert same(first, second)
    for step, (mine, truth) in enumerate(zip(first, exact, strict=True)):
        assert vnmse(mine, truth) < (1e-12 if step < 3 else error)
        assert codec == EXACT or step < 3 or vnmse(mine, truth) > 1e-9
    assert stats.steps == 6
    assert stats.vnmse < error
    assert stats.fallbacks == {}
    assert min(stats.encode, stats.exchange, stats.decode) > 0


def test_bytes_are_those_that_the_codec_names_and_exact_sums(pair):
    options = {"warmup_steps": 3, "smallest_bucket": 20_000}
    (_, _, stats), _ = pair.run("ddp_scenarios.means", FOUR_BITS.to_json(), 5, "auto", options, {"bucket_cap_mb": 25})
    in_pieces = 65_536 + 16_384 + 2_048 + 1_024 + 1_024
    assert stats.sent.up == 3 * 4 * 85_002 / 2 + 2 * (in_pieces / 4 + 4 * 5 + 2)
    assert stats.sent.down == 3 * 4 * 85_002 / 2 + 2 * (in_pieces / 2)
    assert stats.plain == 5 * 4 * 85_002
    assert stats.explain().startswith(
        "0.23 MB sent in each of 5 steps, where float32 sends 0.34 (1.48 times as much); "
    )


@pytest.mark.parametrize("wrapping", [{"gradient_as_bucket_view": True}, {"static_graph": True}], ids=str)
def test_results_are_written_into_the_buckets_of_every_kind(pair, wrapping):
    given = (FOUR_BITS.to_json(), 5, "auto", {"smallest_bucket": 0})
    (first, exact, _), (second, _, _) = pair.run("ddp_scenarios.means", *given, wrapping)
    assert same(first, second)
    assert all(vnmse(mine, truth) < 0.03 for mine, truth in zip(first, exact, strict=True))


def test_small_buckets_are_exact(pair):
    given = (FOUR_BITS.to_json(), 5, "auto", {"smallest_bucket": 10**6})
    (first, exact, _), _ = pair.run("ddp_scenarios.means", *given, {})
    assert all(vnmse(mine, truth) < 1e-12 for mine, truth in zip(first, exact, strict=True))


@pytest.mark.parametrize(("name", "error"), [("float16", 0.03), ("bfloat16", 0.03), ("float64", 1e-25)])
def test_buckets_of_16_bits_are_averaged_in_float32_and_others_by_torch(pair, name, error):
    (pairs, dtype), _ = pair.run("ddp_scenarios.dtypes", FOUR_BITS.to_json(), name)
    assert dtype == f"torch.{name}"
    for step, (mine, plain) in enumerate(pairs):
        assert vnmse(mine, plain) < (1e-4 if step < 2 and name != "float64" else error)


def test_a_pause_sums_as_torch_does_to_the_bit(pair):
    (pairs, sent), _ = pair.run("ddp_scenarios.paused", FOUR_BITS.to_json())
    exact = [np.array_equal(mine, plain) for mine, plain in pairs]
    assert exact == [True, True, False, True, False, False]
    bytes_sent = np.diff([0.0, *sent])
    assert bytes_sent[3] == bytes_sent[0] == 4 * 85_002
    assert bytes_sent[4] < bytes_sent[0] / 4


def test_without_sync_gradients_add_up_and_are_sent_once(pair):
    (found, exact, steps), _ = pair.run("ddp_scenarios.accumulated", FOUR_BITS.to_json())
    assert steps == 4
    assert all(vnmse(*both) < 0.03 for both in zip(found, exact, strict=True))


def test_unused_parameters_count_as_zero(pair):
    for found, exact in pair.run("ddp_scenarios.branches", THC(bits="lane", lanes=10, truncation=2**-13).to_json()):
        assert all(vnmse(*both) < 1e-3 for both in zip(found, exact, strict=True))


@pytest.mark.parametrize("codec", [THC(bits=2, feedback="full"), TopKChunked(bits_per_coordinate=2)], ids=str)
def test_what_is_left_of_earlier_rounds_survives_the_cutting_of_new_buckets(pair, codec):
    (total, first, last, rest), (_, _, _, other) = pair.run("ddp_scenarios.rebuilt", codec.to_json())
    assert first != last
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*last))
    left = {name: (value + other[name]) / 2 for name, value in rest.items() if name.startswith("feedback/")}
    order = [f"feedback/{layer}.{kind}" for layer in (0, 2, 4) for kind in ("weight", "bias")]
    mean_left = np.concatenate([left[name].ravel() for name in order])
    assert vnmse(total[0] + mean_left, total[1]) < 1e-6  # nothing is lost: what was not sent is still there


@pytest.mark.parametrize(
    ("codec", "value"),
    [(FOUR_BITS, np.inf), (FOUR_BITS, np.nan), (FOUR_BITS, 1e38), (FACTORS, np.inf), (FACTORS, np.nan)],
    ids=str,
)
def test_what_is_not_finite_arrives_on_all_ranks_and_spoils_no_later_step(pair, codec, value):
    for found, exact, fallbacks in pair.run("ddp_scenarios.not_finite", codec.to_json(), value):
        assert not np.isfinite(found[3]).all() or abs(found[3]).max() > 1e30
        assert fallbacks.get("nonfinite", 0) > 0
        for step in (4, 5):
            assert vnmse(found[step], exact[step]) < (0.03 if codec == FOUR_BITS else 0.9)


@pytest.mark.parametrize("codec", [FOUR_BITS, FACTORS, TopKChunked(feedback="none")], ids=str)
def test_gradients_that_are_zero_stay_zero_and_spoil_no_later_step(pair, codec):
    for found, exact in pair.run("ddp_scenarios.zero", codec.to_json()):
        assert not found[2].any()
        assert not found[3].any()
        assert vnmse(found[4], exact) < 0.9


def test_what_is_left_does_not_change_with_the_loss_scale_when_it_is_known(pair):
    codec = THC(bits=2, feedback="full").to_json()
    (known, warned, asked), _ = pair.run("ddp_scaling_scenarios.scaled", codec, True)
    assert warned == []
    assert asked == 18  # once in each step that is compressed
    (unknown, warned, _), _ = pair.run("ddp_scaling_scenarios.scaled", codec, False)
    assert len(warned) == 1
    assert "gradients jumped by 2**-5" in warned[0]
    assert vnmse(*known) < 0.01 < vnmse(*unknown) / 10


def test_norms_that_jump_all_the_time_are_no_sign_of_a_loss_scale(pair):
    assert pair.run("ddp_scaling_scenarios.restless", THC(bits=2, feedback="full").to_json()) == [[], []]


def test_a_grad_scaler_sees_infinity_and_skips_the_step(pair):
    (scales, moved, first), (_, _, second) = pair.run("ddp_scaling_scenarios.scaler", FOUR_BITS.to_json())
    assert np.array_equal(first, second)
    assert any(moved)
    assert not all(moved)
    skipped = [now < before for before, now in zip([2.0**127, *scales], scales, strict=False)]
    assert skipped == [not each for each in moved]


@pytest.mark.parametrize(
    "codec", [THC(bits=4, feedback="full"), FACTORS, TopKChunked(), BlockInt(rounding="stochastic")], ids=str
)
def test_a_run_that_is_resumed_goes_on_with_the_same_bits(pair, tmp_path, codec):
    uninterrupted = pair.run("ddp_state_scenarios.checkpoint", codec.to_json(), str(tmp_path), 6, 10)
    for (again, steps), whole in zip(
        pair.run("ddp_state_scenarios.resume", codec.to_json(), str(tmp_path), 6, 10), uninterrupted, strict=True
    ):
        assert steps == 10
        assert np.array_equal(again, whole)


def test_the_state_of_others_is_refused_or_dropped(pair, tmp_path):
    codec = TopKChunked().to_json()
    pair.run("ddp_state_scenarios.checkpoint", codec, str(tmp_path), 5, 5)
    args = ("ddp_state_scenarios.loads", codec, str(tmp_path))
    (_, mine, silent), (step, kept, warned) = pair.run(*args, 0, {}, False)
    assert mine
    assert silent == []
    assert (step, kept) == (5, [])
    assert "state is of rank 0 of 2, but this is rank 1 of 2: what was left of earlier rounds is dropped" in warned[0]
    for changes, strict, message in [
        ({"workers": 3}, True, "InvalidInput: state is of rank 0 of 3, but this is rank 0 of 2; load each rank's own"),
        ({"codec": FOUR_BITS.to_json()}, False, "attach the same codec"),
        ({"version": 2}, False, "CorruptData: state has version 2, but this library reads 1"),
        ({"step": -1}, False, "CorruptData: state holds what no encoder keeps (step is -1"),
        ({"kept": {"feedback/4.bias": np.full(10, np.nan, np.float32)}}, False, "holds values that are not finite"),
        ({"kept": {"feedback/4.bias": np.zeros(3, np.float32)}}, False, "InvalidInput: state has feedback/4.bias of"),
        ({"kept": {"feedback/other": np.zeros(3, np.float32)}}, False, "in the model that parameter is none"),
        ({"kept": {"feedback/4.bias": "x"}}, False, "CorruptData: state holds what no encoder keeps"),
        ({"step": "5"}, False, "CorruptData: state has step='5'; pass what state_dict"),
        ({"buckets": [["0.weight"]]}, False, "state has other parameters than the model"),
    ]:
        told, _ = pair.outcomes(*args, 0, changes, strict)
        assert message in told[1]


def test_complex_parameters_lie_in_buckets_as_pairs(pair):
    (first, truth), (second, _) = pair.run("ddp_scenarios.complex_parameters", FOUR_BITS.to_json())
    assert np.array_equal(first, second)
    assert 1e-9 < vnmse(first.reshape(-1), truth.reshape(-1)) < 0.03


def test_two_models_at_once_do_not_mix(pair):
    for both, first, second in pair.run("ddp_scenarios.two_models", FOUR_BITS.to_json()):
        assert same(both[0], first[0])
        assert same(both[1], second[1])


def test_a_compiled_model_gets_the_same_bits(pair):
    for pairs in pair.run("ddp_scenarios.compiled", FOUR_BITS.to_json()):
        assert all(np.array_equal(*both) for both in pairs)


def test_the_thread_ends_with_the_model(pair):
    for during, after in pair.run("ddp_state_scenarios.ended", FOUR_BITS.to_json()):
        assert during > after


def test_a_profile_shows_the_phases_of_each_bucket(pair):
    for found in pair.run("ddp_state_scenarios.profiled", FOUR_BITS.to_json()):
        assert {f"beforehand.{phase}[0]" for phase in ("encode", "exchange", "decode")} <= set(found)


def test_parameters_are_those_of_rank_0_once_in_so_many_steps(pair):
    first, second = pair.run("ddp_scenarios.resynced", FOUR_BITS.to_json())
    assert [mine == theirs for mine, theirs in zip(first, second, strict=True)] == [False, False, True, False]


def test_one_rank_alone_is_left_as_it_is(pair):
    for pairs, sent, told in pair.run("ddp_scenarios.alone", FOUR_BITS.to_json()):
        assert all(np.array_equal(*both) for both in pairs)
        assert sent == 0
        assert told == "nothing was sent in 4 steps"
