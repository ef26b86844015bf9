"""How users call this library, read by mypy (`make lint`) and never run: what is right passes, what is wrong is noted.

A call that mypy must refuse carries `type: ignore` with the name of the error; once it passes, that is an error.
"""

import math
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Plan, Price, Report, Trace, load_plan
from beforehand.gradients import THC, BlockInt, GradientPlan, Link, codec_from_json
from beforehand.gradients import Codec as GradientCodec
from beforehand.gradients import plan as plan_gradients
from beforehand.quantization import Codec, Codes, Histogram, Levels, QuantizationPlan, decode, encode, levels
from beforehand.quantization import plan as plan_levels
from beforehand.scheduling import (
    FCFS,
    SPJF,
    Expectation,
    Exponential,
    Joint,
    Log,
    Policy,
    QueuePlan,
    Replay,
    Simulation,
    SkipPredict,
    Ticket,
    View,
    expect,
    plan_queue,
    replay,
    simulate,
)
from beforehand.streams import (
    Evaluation,
    KeyBits,
    SlidingWindow,
    SpaceSaving,
    StreamPlan,
    Top,
    TopRow,
    evaluate,
)
from beforehand.streams import plan as plan_stream


def arrays(x: NDArray[np.float32]) -> None:
    table = levels(x, 16, method="exact", objective="mse")
    assert_type(table, Levels)
    assert_type(levels([1.0, 2.0, 4.0], 2), Levels)
    assert_type(encode(x, table, seed=0), Codes)
    assert_type(encode(x, [0.0, 1.0]), Codes)
    assert_type(decode(encode(x, table), rows=slice(3)), NDArray[Any])
    assert_type(encode(x, table).to_bytes(), bytes)
    assert_type(Codes.from_bytes(b""), Codes)
    assert_type(Histogram.from_bytes(b"").levels(16), Levels)
    assert_type(plan_levels(x, bits=4), QuantizationPlan)
    assert_type(plan_levels(x, bits=4).build(), Codec)

    levels(x, 16, method="fastest")  # type: ignore[arg-type]
    levels(x, "16")  # type: ignore[arg-type]
    encode(x, table, 0)  # type: ignore[call-arg]
    decode(b"")  # type: ignore[arg-type]


def queues(log: Log) -> None:
    assert_type(expect(SkipPredict(1.0), log, load=0.9), Expectation)
    assert_type(expect(FCFS(), Joint(Exponential(1.0)), load=0.9).response_time, float)
    assert_type(simulate(SPJF(), log, load=0.9), Simulation)
    assert_type(replay(SPJF(), log), Replay)
    assert_type(plan_queue(log, load=0.9, cheap_cost=0.1, expensive_cost=1.0), QueuePlan)

    simulate("SPJF", log, load=0.9)  # type: ignore[arg-type]
    expect(SPJF(), [1.0, 2.0], load=0.9)  # type: ignore[arg-type]


def streams(keys: NDArray[np.uint64], words: list[str], trace: Trace) -> None:
    summary = SpaceSaving(memory="24KiB", policy="gated")
    summary.update(keys)
    summary.update(words, [1] * len(words))
    assert_type(summary.estimate("a key"), float)
    assert_type(summary.bounds(7), tuple[int, int])
    assert_type(summary.top(3), Top)
    assert_type(next(iter(summary.top(3))), TopRow)
    assert_type(summary | summary, SpaceSaving)
    assert_type(SlidingWindow(1000, memory="24KiB").heavy_hitters(0.01), Top)
    assert_type(KeyBits().fit(keys), KeyBits)
    assert_type(plan_stream(trace, memory="24KiB", predictors=[KeyBits()]), StreamPlan)
    assert_type(evaluate(summary, keys), Evaluation)

    SpaceSaving(memory="24KiB", policy="fastest")  # type: ignore[arg-type]
    SpaceSaving(1024)  # type: ignore[call-arg]
    summary.update(1.5)  # type: ignore[arg-type]
    summary.estimate("a key", estimator="best")  # type: ignore[call-overload]
    SlidingWindow(memory="24KiB")  # type: ignore[call-arg]


class LastComeFirstServed:
    """A policy of one's own is any object with these four methods."""

    def rank(self, view: View) -> float:
        return -view.arrival

    def review_age(self, view: View) -> float:
        return math.inf

    def asks(self, view: View) -> None:
        return None

    def stages(self) -> None:
        return None


OWN: Policy = LastComeFirstServed()
NOT_ONE: Policy = object()  # type: ignore[assignment]


async def served(plan: QueuePlan) -> None:
    queue = plan.build()
    await queue.put("a job")
    assert_type(await queue.get(), Ticket[Any])


def plans(path: Path, holdout: Trace) -> None:
    chosen = load_plan(path)
    assert_type(chosen, Plan)
    assert_type(chosen.price, Price)
    assert_type(chosen.audit(holdout), Report)
    assert_type(chosen.explain(), str)


def gradient_codecs(trace: Trace, link: Link) -> None:
    chosen = plan_gradients(
        trace, link=link, workers=4, compute_seconds=0.1, candidates=[THC(bits=4), (BlockInt(), "two_shot")]
    )
    assert_type(chosen, GradientPlan)
    codec, transport = chosen.build()
    assert_type(codec, GradientCodec)
    assert_type(codec_from_json(codec.to_json()), GradientCodec)
    assert_type(chosen.audit(trace, measured={"choice": [0.1], "baseline": [0.2]}), Report)
    plan_gradients(trace, link=link, workers=4, compute_seconds=0.1, candidates=[(THC(), "ring")])  # type: ignore[list-item]
    assert transport != "ring"  # type: ignore[comparison-overlap]
