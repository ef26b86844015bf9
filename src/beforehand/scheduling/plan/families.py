"""The families of policies that a plan searches: one for each policy, which differ in one parameter."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import numpy as np

from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.drawn_jobs import QUANTA
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import By

FRACTIONS: Final = (0.0, 0.2, 0.5, 0.8, 1.0)


@final
@dataclass(frozen=True, slots=True)
class Family:
    """Policies that differ in one parameter: one compared with a `column` of the log, or one with few `values`."""

    name: str
    make: Callable[[float], Stock]
    column: Floats | None = None
    values: Sequence[float] = (0.0,)


def families(log: Log, setting: Setting) -> list[Family]:
    """All that the log and the setting allow, those that need no prediction first.

    Thresholds are searched among the predictions that there are; a column without any is none.
    """
    cheap_work, expensive_work = setting.works
    allowed = [Family("FCFS", lambda _: FCFS())]
    if setting.preemptive and not setting.memory_weight:
        allowed.append(Family("LAS", lambda _: LAS(quantum=log.mean / QUANTA)))
    cheap, expensive = (_known(column) for column in (log.cheap, log.expensive))
    predictions: tuple[tuple[By, Floats | None, float], ...]
    predictions = (("expensive", expensive, expensive_work), ("cheap", cheap, cheap_work))
    for by, column, work in predictions:
        if column is not None:
            allowed += _keyed(by, work, setting)
    if cheap is not None:
        one_bit = partial(OneBit, preemptive=setting.preemptive, cheap_work=cheap_work)
        allowed.append(Family("1-bit", one_bit, cheap))
    if cheap is not None and expensive is not None:
        skip = partial(SkipPredict, preemptive=setting.preemptive, cheap_work=cheap_work, expensive_work=expensive_work)
        allowed.append(Family("SkipPredict", skip, cheap))
        if setting.preemptive:
            allowed.append(Family("SkipPredict, size", partial(skip, long_order="size"), cheap))
    if expensive is not None and setting.preemptive:
        delay = partial(DelayPredict, expensive_work=expensive_work)
        allowed.append(Family("DelayPredict", delay, log.size))
        allowed.append(Family("DelayPredict, size", partial(delay, long_order="size"), log.size))
    return allowed


def _known(column: Floats | None) -> Floats | None:
    if column is None:
        return None
    known: Floats = column[~np.isnan(column)]
    return known if known.size else None


def _keyed(by: By, work: float, setting: Setting) -> Iterable[Family]:
    if not setting.preemptive:
        yield Family(f"SPJF {by}", lambda _: SPJF(by=by))
        return
    yield Family(f"SPRPT {by}", lambda _: SPRPT(by=by, work=work))
    if setting.charge == "external":
        yield Family(f"PSPJF {by}", lambda _: PSPJF(by=by))
        if setting.memory_weight or setting.simulated:
            yield Family(f"TRAIL {by}", lambda fraction: TRAIL(fraction, by=by), values=FRACTIONS)
