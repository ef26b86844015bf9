"""Four processes learn the digits under each codec; `make nightly` runs it."""

import pytest

from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
)

pytestmark = [pytest.mark.torch, pytest.mark.nightly]

PLAIN = 115  # steps that exact sums take at most
HOOKS = [
    (Cast("float32"), "auto"),
    (Cast("float16"), "auto"),
    (Cast("bfloat16"), "auto"),
    (THC(), "two_shot"),
    (THC(bits=3), "two_shot"),
    (THC(bits=2), "two_shot"),
    (THC(feedback="full"), "two_shot"),
    (THC(feedback="truncation"), "two_shot"),
    (THC(bits="lane"), "allreduce"),
    (THC(bits="lane", lanes=10), "allreduce"),
    (BlockInt(), "two_shot"),
    (BlockInt(bits=4, block=32, rounding="stochastic"), "two_shot"),
    (BlockFloat8(), "two_shot"),
    (BlockFloat8(format="e5m2"), "two_shot"),
    (Adaptive(), "two_shot"),
    (Adaptive(), "gather"),
    (QSGD(), "two_shot"),
    (TernGrad(), "two_shot"),
    (TopK(density=0.1), "gather"),
    (TopK(), "gather"),
    (TopKChunked(), "allreduce"),
    (LowRank(), "allreduce"),
]


@pytest.mark.parametrize(("codec", "transport"), HOOKS, ids=str)
def test_replicas_stay_equal_and_learn_as_fast(four, codec, transport):
    found = four.run("training_scenarios.by_hook", codec.to_json(), 4, transport, 300, timeout=300)
    assert len(set(found)) == 1
    assert found[0][0] is not None
    assert found[0][0] <= 2.5 * PLAIN


@pytest.mark.parametrize("codec", [Cast("float32"), THC(), THC(bits=3), BlockInt(), BlockFloat8()], ids=str)
def test_shards_learn_as_fast(four, codec):
    found = four.run("training_scenarios.by_shards", codec.to_json(), 4, 300, timeout=300)
    assert len(set(found)) == 1
    assert found[0][0] <= 2.5 * PLAIN
