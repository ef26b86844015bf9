"""FSDP2 under a codec, in two processes."""

import numpy as np
import pytest

from beforehand.gradients import THC, BlockFloat8, BlockInt, Cast, split_power_of_two, vnmse
from beforehand.gradients.reduce_scatter import open_rows
from tests.gradients.scattering import scatter_locally

pytestmark = pytest.mark.torch

LENGTHS = (8192, 8193, 9632, 20_000)  # of a row; a bucket of two has 16,384 coordinates at least


@pytest.mark.parametrize("force_sum", [False, True], ids=["mean", "sum"])
@pytest.mark.parametrize("alone", [False, True], ids=["two", "alone"])
def test_an_uncompressed_codec_gives_the_mean_gradient_of_any_number_of_processes(pair, alone, force_sum):
    for worst, stats in pair.run("fsdp2_scenarios.mean_gradient", 2, alone, force_sum):
        assert worst < 1e-6
        assert stats.steps == (0 if alone else 20)


@pytest.mark.nightly
@pytest.mark.parametrize("force_sum", [False, True], ids=["mean", "sum"])
def test_an_uncompressed_codec_gives_the_mean_gradient_of_four_processes(four, force_sum):
    for worst, stats in four.run("fsdp2_scenarios.mean_gradient", 4, False, force_sum):
        assert worst < 1e-6
        assert stats.steps == 20


@pytest.mark.nightly
@pytest.mark.parametrize(("codec", "least", "most"), [(Cast("float32"), 0, 1e-12), (THC(), 1e-3, 0.02)], ids=str)
def test_shards_that_are_replicated_are_averaged_by_torch(four, codec, least, most):
    for error, stats in four.run("fsdp2_scenarios.replicated_shards", codec.to_json()):
        assert least <= error < most
        assert stats.steps == 1


def rows_of(length):
    draw = np.random.default_rng(length)
    return (draw.choice([-1, 1], (2, 2, length)) * draw.lognormal(size=(2, 2, length))).astype(np.float32)


@pytest.mark.parametrize(
    "codec",
    [THC(), THC(bits=3, lanes=16), BlockInt(rounding="stochastic"), BlockFloat8(), Cast("bfloat16"), Cast("float32")],
    ids=str,
)
def test_the_bits_are_those_of_one_process(pair, codec):
    given = {length: rows_of(length) for length in LENGTHS}
    found = pair.run("fsdp2_scenarios.scattered", codec.to_json(), LENGTHS, given)
    step = 0
    for index, length in enumerate(LENGTHS):
        rows = [open_rows(codec, length, rank=rank, workers=2, bucket=1) for rank in range(2)]
        for factor in (1, 2):
            for each in rows:
                each.step = step
            means, _ = scatter_locally(rows, given[length])
            for rank in range(2):
                assert np.array_equal(found[rank][2 * index + factor - 1], factor * means[rank])
            step += 1


@pytest.mark.parametrize(
    ("codec", "bound"),
    [(THC(), 0.03), (BlockInt(bits=8), 1e-4), (Cast("bfloat16"), 1e-5), (Cast("float32"), 1e-12)],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradients_err_as_much_as_the_codec_in_every_dtype(pair, codec, bound, dtype):
    rounding = {"float32": 0, "bfloat16": 2e-5, "float16": 1e-6}[dtype]
    for (coded, own, exact), stats in pair.run("fsdp2_scenarios.compared", codec.to_json(), dtype):
        assert vnmse(own, exact) <= max(rounding, 1e-12)
        assert vnmse(coded, exact) < bound + 2 * rounding
        if codec.name == "THC":
            assert vnmse(coded, exact) > 1e-3
        assert stats.fallbacks == {"small": 1}


def test_the_bytes_are_counted(pair):
    """Rows of 9,664 and 9,455 parameters with padding, and 155 of the last layer exactly."""
    for codec, bits, norms in ((THC(), 4, 4 * 2), (BlockInt(), 8, 0)):
        _, stats = pair.run("fsdp2_scenarios.compared", codec.to_json(), "float32")[0]
        expected = 4 * (3 * 61 + 3)
        for row in (151 * 63 + 151, 31 * 301 + 31):
            if norms:
                pieces = split_power_of_two(row)
                expected += sum(piece.length for piece in pieces) * bits // 8 + norms * len(pieces) + 2
            else:
                blocks = -(-row // 256)
                expected += blocks * (256 + 4)
        assert tuple(stats.sent) == (expected, 0)


def test_only_the_backward_pass_that_synchronizes_reduces(pair):
    for error, steps in pair.run("fsdp2_scenarios.accumulated"):
        assert error < 1e-6
        assert steps == 1


def test_layers_without_gradients_are_left_out(pair):
    for errors, stats in pair.run("fsdp2_scenarios.unused"):
        assert max(errors) < 0.01
        assert min(errors) > 0
        assert (stats.steps, stats.fallbacks) == (4, {"small": 2})


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_step_that_is_not_finite_arrives_as_without_compression(pair, bad):
    for (coded, own, next_coded, next_own), stats in pair.run("fsdp2_scenarios.not_finite", bad):
        assert not np.isfinite(own).all()
        assert np.array_equal(np.isnan(coded), np.isnan(own))
        assert np.isfinite(next_coded).all()
        assert 1e-3 < vnmse(next_coded, next_own) < 0.03
        assert stats.fallbacks == {"small": 2, "nonfinite": 2}


def test_a_paused_codec_is_exact(pair):
    for exact, stats in pair.run("fsdp2_scenarios.paused"):
        assert exact == [False, True, False]
        assert stats.fallbacks == {"small": 2, "paused": 3}
        assert 0 < stats.rho <= 1
        assert set(stats.truncation) == {"first", "second"}
        assert min(stats.encode, stats.exchange, stats.decode) > 0


def test_a_resumed_run_goes_on_with_the_same_bits(pair):
    for rank, (same, steps, said) in enumerate(pair.run("fsdp2_scenarios.resumed")):
        assert same
        assert steps == 4
        assert said[0].startswith(f"state is of rank {1 - rank} of 2, but this is rank {rank} of 2: what was left")
        assert said[1].startswith(f"InvalidInput: state is of rank {1 - rank}")
        assert said[2].startswith("InvalidInput: state is of {}, but attached is")
        assert said[3].startswith("InvalidInput: state and module differ in what is sharded, , first, second, x")


def test_what_cannot_work_is_refused_on_all_ranks_before_the_first_step(pair):
    words = {
        "plain": "InvalidInput: module is a Net, but must be sharded first; call fully_shard",
        "replicated": "InvalidInput: module is replicated, not sharded",
        "several": "InvalidInput: module has several groups of parameters",
        "empty": "InvalidInput: module has no parameters",
        "codec": "InvalidInput: codec is LowRank, but a reduce-scatter takes THC",
        "lanes": "CapacityExceeded: 2 workers x granularity 200 = 400 > 255",
        "threads": "InvalidInput: threads is 0, but must be a whole number of at least 1",
        "twice": "InvalidInput: module is attached already; attach once",
        "own": "InvalidInput: second reduces by a FSDPNet, but must have torch's default",
        "memory": "InvalidInput: module reduces by a ProcessGroupAllocReduceScatter, but",
        "group": "InvalidInput: process_group has ranks [{rank}], but module is sharded over [0, 1]",
        "codecs": "InvalidInput: codec of rank 1 is {{",
        "models": "InvalidInput: the digest of the parameters of rank 1 is ",
        "units": "InvalidInput: what is sharded for itself of rank 1 is",
    }
    for rank, found in enumerate(pair.run("fsdp2_scenarios.refused")):
        for name, said in words.items():
            assert found[name].startswith(said.format(rank=rank)), found[name]
        assert "codec is LowRank" in found["one"]
        assert found["one"].startswith(
            "InvalidInput: rank 1 cannot take part" if rank == 0 else "InvalidInput: codec is"
        )


def test_a_divide_factor_that_only_nccl_applies_is_refused_with_the_remedy(pair):
    for said in pair.run("fsdp2_scenarios.divided"):
        assert said.startswith("InvalidInput: the divide factor is not the number of ranks")
        assert "set_force_sum_reduction_for_comms(True)" in said


def test_a_dtype_that_no_codec_carries_goes_torch_s_own_way(pair):
    for same, stats in pair.run("fsdp2_scenarios.doubled"):
        assert same
        assert stats.fallbacks == {"dtype": 1}


def test_nobody_waits_for_ever_for_a_process_that_failed(pair):
    (said, seconds), (own, _) = pair.run("fsdp2_scenarios.left_alone", timeout=20)
    assert own == "ValueError: no gradient today"
    assert said.startswith("RuntimeError: ")
    assert seconds < 40
