"""The work that a job brings: its size, and predictions that the same server makes."""

import numpy as np

from beforehand.scheduling.distributions.job_distribution import Distribution
from beforehand.scheduling.distributions.quadrature import SizeGrid
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.stages import Stage, Stages

POINTS = 16  # of a panel


def prediction_spans(stages: Stages, size: float, cheap: float, expensive: float) -> list[tuple[float, float]]:
    """The ages at which prediction work begins and ends, as far as the job lives to see them."""
    key = expensive if stages.by == "expensive" else cheap
    age = served = 0.0
    spans = []
    for stage in stages.short if cheap < stages.threshold else stages.long:
        length = stage.fixed + stage.per_key * key if stage.per_key else stage.fixed
        if stage.prediction:
            spans.append((age, age + length))
        else:
            served += length
            if served >= size:
                break
        age += length
    return spans


def _works(passed: tuple[Stage, ...], size: Floats) -> Floats:
    """Prediction work; no key changes the length of a stage before it."""
    works, served = np.zeros(len(size)), 0.0
    for stage in passed:
        if stage.prediction:
            works += np.where(size > served, stage.fixed, 0.0)
        else:
            served += stage.fixed
    return works


def works_of(stages: Stages, size: Floats, cheap: Floats | None) -> Floats:
    """The prediction work of each job."""
    return np.where(stages.called_long(cheap, len(size)), _works(stages.long, size), _works(stages.short, size))


def work_rows(stages: Stages | None, distribution: Distribution) -> tuple[Floats, Floats]:
    """The work that jobs bring, and how likely each amount is: rows of a log, or the nodes of a quadrature."""
    cheap = None
    if isinstance(distribution, Log):
        size, weight = distribution.size, distribution.weight
    else:
        edges: tuple[float, ...] = ()
        if stages is not None and stages.predicts:
            cheap = distribution.cheap if stages.by_threshold else None
            edges = (stages.limit,) if cheap is None else cheap.breakpoints(stages.threshold)
        grid = SizeGrid(distribution.size, (*distribution.size.edges, *edges), POINTS)
        size, weight = grid.x, grid.weights
    if stages is None or not stages.predicts:
        return size, weight
    if isinstance(distribution, Log):
        long = stages.called_long(distribution.cheap, len(size)).astype(np.float64)
    else:
        long = np.ones(len(size)) if cheap is None else cheap.survival(stages.threshold, size)
    work = np.concatenate([size + _works(stages.short, size), size + _works(stages.long, size)])
    return work, np.concatenate([(1 - long) * weight, long * weight])


def work_moments(stages: Stages | None, distribution: Distribution) -> tuple[float, float]:
    """The first two moments of the work of a job."""
    if stages is None or not stages.predicts:
        return distribution.mean, distribution.moment(2)
    work, weight = work_rows(stages, distribution)
    return float(np.sum(weight * work)), float(np.sum(weight * work * work))
