"""The queue in native code, for policies with stages."""

from collections.abc import Iterable, Sequence

import numpy as np

from beforehand import _native
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.simulation.draws import Jobs
from beforehand.scheduling.simulation.estimate import FIGURES, Batching, Measured, Sums


def _list(stages: tuple[Stage, ...]) -> list[_native.Stage]:
    return [
        _native.Stage(
            band=stage.band,
            order=_native.Order[stage.order],
            fixed=stage.fixed,
            per_key=stage.per_key,
            prediction=stage.prediction,
        )
        for stage in stages
    ]


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
    engine = _native.Engine(
        _native.Stages(
            long=_list(stages.long),
            short=_list(stages.short),
            threshold=stages.threshold,
            by_cheap=stages.by == "cheap",
            start_pins=stages.start_pins,
        ),
        servers=servers,
        switch_fixed=switch_cost[0],
        switch_per_age=switch_cost[1],
        jobs=batching.jobs,
        warmup=batching.warmup,
        batches=batching.batches,
    )
    start, completion = np.empty(batching.jobs * keep), np.empty(batching.jobs * keep)
    for jobs in stream:
        engine.arrive(
            arrival=jobs.arrival,
            size=jobs.size,
            expensive=jobs.expensive,
            cheap=jobs.cheap,
            start=start,
            completion=completion,
        )
    engine.finish(start=start, completion=completion)
    tallies = engine.tallies
    return Measured(
        sums=Sums(np.array([getattr(tallies, name) for name in FIGURES]).T),
        quantiles=tuple(engine.quantile(share) for share in shares),
        slowest=engine.slowest,
        peak_memory=engine.peak_memory,
        start=start,
        completion=completion,
    )
