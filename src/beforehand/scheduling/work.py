"""The work that a job brings: its size, and predictions that the same server makes."""

import math

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.laws import Joint
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.view import Row, StageTable

POINTS = 16
NODES, WEIGHTS = np.polynomial.legendre.leggauss(POINTS)


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


def _nodes(law: Joint, breaks: list[float]) -> tuple[Floats, Floats]:
    """Sizes and weights that sum to 1: Gauss-Legendre on panels of the cumulative hazard, which is exponential."""
    if law.size.atoms:
        return np.asarray(law.size.atoms), np.full(len(law.size.atoms), 1 / len(law.size.atoms))
    hazards = [float(law.size.hazard(at)) for at in breaks if 0 < at < math.inf]
    edges = np.unique([0.0, *np.geomspace(1e-10, 100.0, 60), *(h for h in hazards if 0 < h < 100)])
    half = np.diff(edges)[:, None] / 2
    h = (edges[:-1, None] + half * (1 + NODES)).ravel()
    weights = (half * WEIGHTS).ravel() * np.exp(-h)
    return law.size.inverse_hazard(h), weights / weights.sum()


def work_moments(table: StageTable | None, law: Joint | Log) -> tuple[float, float]:
    """The first two moments of the work of a job."""
    rows = () if table is None else (*table.short, *table.long)
    if table is None or not any(row.prediction for row in rows):
        return law.mean, law.moment(2)
    if isinstance(law, Log):
        size, weight = law.size, law.weight
        long = _is_long(table, size, law.cheap).astype(np.float64)
    else:
        size, weight = _nodes(law, [limit_of(table), table.threshold])
        has_classes = law.cheap is not None and not math.isnan(table.threshold)
        long = law.cheap.survival(table.threshold, size) if has_classes else np.ones(len(size))  # type: ignore[union-attr]
    short_work, long_work = size + _works(table.short, size), size + _works(table.long, size)
    moments = (float(np.sum(weight * ((1 - long) * short_work**k + long * long_work**k))) for k in (1, 2))
    return next(moments), next(moments)
