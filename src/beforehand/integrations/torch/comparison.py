"""What `compare` found, training by training, and what follows from it."""

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self, final

import numpy as np

from beforehand.core.report import Outcome, Verdict, judge
from beforehand.integrations.torch.errors_of import Errors
from beforehand.integrations.torch.orders import Point, Trained

MARGIN = 0.1  # the least gain worth having
LIMITS = ("steps", "seconds")


@final
@dataclass(frozen=True, kw_only=True)
class Run:
    """One training.

    Args:
        method: What carried the gradients.
        repeat: From 0.
        steps: Taken.
        seconds: Of all steps.
        step_seconds: Median of a step, without the first 5.
        least: The shortest such step.
        mean: Of such steps.
        curve: Each evaluation: steps, seconds and metrics.
        reached: The one that met the target; None if none did, or there was none.
        bytes: That a worker sent in a step: by the links with headers, or else by the codec without; None if neither
            counts.
        phases: Seconds of a step spent on encoding, exchange and decoding, by the thread that exchanges; None for
            methods that are not ours.
    """

    method: str
    repeat: int
    steps: int
    seconds: float
    step_seconds: float
    least: float
    mean: float
    curve: tuple[Point, ...]
    reached: Point | None
    bytes: float | None
    phases: Mapping[str, float] | None

    @classmethod
    def of(cls, method: str, repeat: int, trained: Trained, wire_bytes: float | None, warm: int) -> Self:
        """What a training amounts to."""
        taken = trained.step_seconds
        counted = taken[warm:] or taken
        return cls(
            method=method,
            repeat=repeat,
            steps=len(taken),
            seconds=sum(taken),
            step_seconds=statistics.median(counted),
            least=min(counted),
            mean=statistics.mean(counted),
            curve=trained.curve,
            reached=trained.reached,
            bytes=trained.sent if wire_bytes is None else wire_bytes,
            phases=trained.phases,
        )


class Row(NamedTuple):
    """What one method's trainings amount to.

    Args:
        method: What carried the gradients.
        step_seconds: Median of a step in each repeat.
        seconds: Of training until the target was met, in each repeat; infinite where it was not. Empty without a
            target.
        bytes: That a worker sends in a step, mean over repeats; None if nothing counts them.
        equal_steps: The metric after as many steps as every training took, mean over repeats.
        equal_seconds: The metric at the last evaluation within the seconds that every training took, likewise.
        errors: Of 20 steps; None for methods that are not ours.
    """

    method: str
    step_seconds: tuple[float, ...]
    seconds: tuple[float, ...]
    bytes: float | None
    equal_steps: float
    equal_seconds: float
    errors: Errors | None


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` found. Printed, it is a table with the verdict below.

    Args:
        job: Its name.
        about: What the job says of its data.
        workers: Processes.
        link: Their links' rate, or "loopback".
        until: When trainings ended.
        methods: What was compared; the first two are the baselines.
        runs: All trainings, in the order in which they ran.
        errors: Of each codec over 20 steps.

    Guarantee:
        The verdict compares seconds to the target, or without one seconds of a step: those of the method with the least
        against the better of float32 and 16 bits, repeat by repeat. A method that missed the target in a repeat is
        behind all that met it in more.
    """

    job: str
    about: Mapping[str, str]
    workers: int
    link: str
    until: Mapping[str, float]
    methods: tuple[str, ...]
    runs: tuple[Run, ...]
    errors: Mapping[str, Errors]

    @property
    def target(self) -> str | None:
        """The metric that trainings were to reach."""
        return next((name for name in self.until if name not in LIMITS), None)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One for each method, the soonest first."""
        found = [self._row(method) for method in self.methods]
        return tuple(sorted(found, key=_order))

    @property
    def gain(self) -> Outcome:
        """By how much more time the better baseline takes than the first row's method; 0 if it is that itself."""
        choice = self.rows[0]
        rival = next(row for row in self.rows if row.method in self.methods[:2])
        theirs, ours = _decisive(rival), _decisive(choice)
        limit = self.until.get("seconds", max(run.seconds for run in self.runs))
        gains = [min(slow, limit) / min(fast, limit) - 1 for slow, fast in zip(theirs, ours, strict=True)]
        return Outcome.of(choice.method, statistics.mean(gains), np.array(gains))

    @property
    def verdict(self) -> Verdict:
        """Whether the first row's method is worth having, at least 10 % sooner than plain sums in all repeats."""
        if math.inf in _decisive(self.rows[0]):
            return "unclear"
        return judge(self.gain, MARGIN)

    def to_json(self) -> str:
        """All that was measured, and the verdict."""
        found = asdict(self) | {"verdict": self.verdict, "gain": asdict(self.gain)}
        return json.dumps(found, indent=2)

    def __str__(self) -> str:
        """The table, and the verdict."""
        metric = self.target or next(iter(self.runs[0].curve[-1].metrics))
        head = ["method", f"seconds to {self.target} {self.until[self.target]:g}"] if self.target else ["method"]
        head += ["step, ms", "KB/step", f"{metric} at equal steps", "at equal time", "vNMSE", "over 20 steps"]
        lines = [head, *([row.method, *self._cells(row)] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        first = f"{self.job}, {self.workers} workers, {self.link}"
        return "\n".join([first, *(line.rstrip() for line in table), f"{self.verdict}: {self._reason()}"])

    def _reason(self) -> str:
        soonest = self.rows[0].method
        if math.inf in _decisive(self.rows[0]):
            return "no method met the target in every repeat"
        if soonest in self.methods[:2]:
            return f"nothing is sooner than {soonest}"
        gain = f"{self.gain.value:.0%} ({self.gain.low:.0%} to {self.gain.high:.0%})"
        return f"the better of {' and '.join(self.methods[:2])} takes {gain} more than {soonest}"

    def _row(self, method: str) -> Row:
        runs = [run for run in self.runs if run.method == method]
        steps, seconds = min(run.steps for run in self.runs), min(run.seconds for run in self.runs)
        sent = [run.bytes for run in runs if run.bytes is not None]
        at_steps = [_metric(run, self.target, lambda point: point.steps <= steps) for run in runs]
        at_seconds = [_metric(run, self.target, lambda point: point.seconds <= seconds) for run in runs]
        reached = (math.inf if run.reached is None else run.reached.seconds for run in runs)
        return Row(
            method=method,
            step_seconds=tuple(run.step_seconds for run in runs),
            seconds=tuple(reached) if self.target else (),
            bytes=statistics.mean(sent) if sent else None,
            equal_steps=statistics.mean(at_steps),
            equal_seconds=statistics.mean(at_seconds),
            errors=self.errors.get(method),
        )

    def _cells(self, row: Row) -> list[str]:
        cells = [_reached(row.seconds, self.until.get("seconds"))] if self.target else []
        steps = [1e3 * seconds for seconds in row.step_seconds]
        cells.append(_spread(steps))
        cells.append("" if row.bytes is None else f"{row.bytes / 1e3:,.1f}")
        cells += [f"{row.equal_steps:.4g}", f"{row.equal_seconds:.4g}"]
        return cells + (["", ""] if row.errors is None else [f"{error:.2g}" for error in row.errors])


def _metric(run: Run, metric: str | None, allowed: Any) -> float:
    """At the last evaluation that is allowed; the first one always is."""
    point = [each for each in run.curve if allowed(each)][-1]
    return point.metrics[metric] if metric else next(iter(point.metrics.values()))


def _decisive(row: Row) -> tuple[float, ...]:
    return row.seconds or row.step_seconds


def _order(row: Row) -> tuple[int, float]:
    """How often the target was missed, then the mean time."""
    met = [seconds for seconds in _decisive(row) if math.isfinite(seconds)]
    return len(_decisive(row)) - len(met), statistics.mean(met) if met else math.inf


def _spread(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.3g}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3g} to {max(values):.3g})"


def _reached(seconds: tuple[float, ...], limit: float | None) -> str:
    met = [each for each in seconds if math.isfinite(each)]
    missed = len(seconds) - len(met)
    words = f"not in {limit:g} s" if limit else "not reached"
    if not met:
        return words
    return _spread(met) + (f", {missed} of {len(seconds)} {words}" if missed else "")
