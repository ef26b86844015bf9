"""The queue in native code, for policies with stages."""

from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np

from beforehand import _native
from beforehand.scheduling.policies.stages import Order, Stage, Stages
from beforehand.scheduling.simulation.draws import Jobs
from beforehand.scheduling.simulation.estimate import FIGURES, Batching, Measured, Sums

ORDERS = get_args(Order)  # as the engine numbers them


def _numbers(passed: tuple[Stage, ...]) -> list[tuple[int, int, float, float, bool]]:
    return [(each.band, ORDERS.index(each.order), each.fixed, each.per_key, each.prediction) for each in passed]


def serve(
    stages: Stages,
    stream: Iterable[Jobs],
    *,
    servers: int,
    switch_cost: tuple[float, float],
    batching: Batching,
    shares: Sequence[float] = (),
    keep: bool = False,
) -> Measured:
    """Serve all jobs of a stream; if `keep`, note each one's times."""
    engine = _native.Mg1(
        stages.threshold,
        stages.by == "cheap",
        stages.start_pins,
        _numbers(stages.short),
        _numbers(stages.long),
        servers,
        *switch_cost,
        *batching,
    )
    start, completion = np.empty(batching.jobs * keep), np.empty(batching.jobs * keep)
    for jobs in stream:
        engine.arrive(*jobs, start, completion)
    engine.finish(start, completion)
    engine.tallies(sums := np.empty((batching.batches + 2) * len(FIGURES)))
    return Measured(
        sums=Sums(sums.reshape(-1, len(FIGURES))),
        quantiles=tuple(engine.quantile(share) for share in shares),
        slowest=engine.slowest,
        peak_memory=engine.peak_memory,
        start=start,
        completion=completion,
    )
