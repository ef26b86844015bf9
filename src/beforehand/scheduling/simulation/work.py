"""The work that a job brings: its size, and predictions that the same server makes."""

import math

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.distributions.joint import Joint
from beforehand.scheduling.distributions.quadrature import SizeGrid
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.stages import Row, StageTable

POINTS = 16  # of a panel


def prediction_spans(table: StageTable, size: float, cheap: float, expensive: float) -> list[tuple[float, float]]:
    """The ages at which prediction work begins and ends, as far as the job lives to see them."""
    key = expensive if table.by == "expensive" else cheap
    age = served = 0.0
    spans = []
    for row in table.short if cheap < table.threshold else table.long:
        length = row.fixed + row.per_key * key if row.per_key else row.fixed
        if row.prediction:
            spans.append((age, age + length))
        else:
            served += length
            if served >= size:
                break
        age += length
    return spans


def _is_long(table: StageTable, size: Floats, cheap: Floats | None) -> NDArray[np.bool_]:
    if math.isnan(table.threshold) or cheap is None:
        return np.ones(len(size), np.bool_)
    return ~(cheap < table.threshold)


def _works(rows: tuple[Row, ...], size: Floats) -> Floats:
    """Prediction work; no key changes the length of a row before it."""
    works, served = np.zeros(len(size)), 0.0
    for row in rows:
        if row.prediction:
            works += np.where(size > served, row.fixed, 0.0)
        else:
            served += row.fixed
    return works


def works_of(table: StageTable, size: Floats, cheap: Floats | None) -> Floats:
    """The prediction work of each job."""
    return np.where(_is_long(table, size, cheap), _works(table.long, size), _works(table.short, size))


def limit_of(table: StageTable) -> float:
    """The service below which jobs are the short ones, if that makes the classes; else nan."""
    first = table.long[0]
    limited = math.isnan(table.threshold) and len(table.long) > 1 and first.order == "fcfs" and not first.prediction
    return first.fixed if limited else math.nan


def is_short(table: StageTable | None, size: Floats, cheap: Floats | None) -> NDArray[np.bool_]:
    """Which jobs are of the first of two classes; none without classes."""
    if table is None:
        return np.zeros(len(size), np.bool_)
    return ~_is_long(table, size, cheap) | (size <= limit_of(table))


def work_moments(table: StageTable | None, law: Joint | Log) -> tuple[float, float]:
    """The first two moments of the work of a job."""
    rows = () if table is None else (*table.short, *table.long)
    if table is None or not any(row.prediction for row in rows):
        return law.mean, law.moment(2)
    if isinstance(law, Log):
        size, weight = law.size, law.weight
        long = _is_long(table, size, law.cheap).astype(np.float64)
    else:
        classes = law.cheap if not math.isnan(table.threshold) else None
        grid = SizeGrid(
            law.size, [limit_of(table)] if classes is None else classes.breakpoints(table.threshold), POINTS
        )
        size, weight = grid.x, grid.weights
        long = np.ones(len(size)) if classes is None else classes.survival(table.threshold, size)
    short_work, long_work = size + _works(table.short, size), size + _works(table.long, size)
    moments = (float(np.sum(weight * ((1 - long) * short_work**k + long * long_work**k))) for k in (1, 2))
    return next(moments), next(moments)
