"""Exact means from a log: one sweep over its sorted rows for each policy, with no distribution and no simulation."""

import math
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas import soap
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.log_rows import Column, LogRows
from beforehand.scheduling.formulas.soap import Discipline, Gate, Moments, Sums, in_turn
from beforehand.scheduling.inputs import checked
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.view import By


@final
class LogFormula:
    """The exact mean response time of any stock policy on the jobs of a log, for as many policies and rates as you ask.

    One server, Poisson arrivals, jobs that are rows of the log drawn by weight. The rows are sorted when a policy first
    needs them in order, and stay sorted for other thresholds, limits, rates and weights.

    Args:
        log: Sizes and predictions.

    Guarantee:
        Exact to rounding, ties and any dependence between predictions and sizes included. The relative error is some
        1e-15 / (1 - load): 1e-14 at load 0.9, 1e-12 at 0.999, where the last digit of the rate already counts as much.

    Cost:
        O(n log n) for the first policy on a column, about 0.2 us a row; then O(n), about 0.05 us a row, and twice that
        with `per_job`. Keeps 32 to 40 bytes a row and order. The GIL is released above 10,000 rows.

    Example:
        >>> from beforehand.scheduling import Log, SPRPT
        >>> formula = LogFormula(Log([1, 2, 0.5, 4, 1, 1.5], expensive=[1, 1, 1, 3, 2, 0]))
        >>> round(formula.expect(SPRPT(), 0.48).response_time, 4)
        4.5345
        >>> formula.expect(SPRPT(), 0.48, per_job=True).per_job.round(2)
        array([ 2.01,  3.01,  1.44, 15.15,  3.91,  1.69])

    Reference:
        Scully, Harchol-Balter, Scheller-Wolf: SOAP: One Clean Analysis of All Age-Based Scheduling Policies.
        SIGMETRICS 2018.
    """

    __slots__ = ("_rows",)

    def __init__(self, log: Log) -> None:
        if not isinstance(log, Log):
            raise InvalidInput(f"log is {type(log).__name__}, but must be a Log; see Log.read")
        self._rows = LogRows(log)

    def reweighted(self, weight: ArrayLike) -> Self:
        """The same rows with other weights (in a bootstrap, how often each was drawn); shares all that is sorted.

        Raises:
            InvalidInput: not one finite weight for each row, one is negative, or all are 0.
        """
        formula = object.__new__(type(self))
        formula._rows = self._rows.reweighted(weight)
        return formula

    @property
    def mean(self) -> float:
        """The mean size, by weight."""
        return self._rows.all.work

    def processor_sharing(self, rate: float) -> Expectation:
        """What sharing the server among all jobs gives; inf if it cannot keep up."""
        return soap.shared(LogJobs(self._rows), checked("rate", rate, above=True))

    def expect(self, policy: Any, rate: float, *, per_job: bool = False) -> Expectation:
        """The means of a policy at a rate of arrivals; predictions made elsewhere are not in its cost.

        Args:
            policy: A stock policy; `LAS(quantum=0)` for its limit.
            rate: Arrivals in a unit of time. What the server cannot keep up with is infinite, and no error.
            per_job: Also say what to expect for each row.

        Raises:
            InvalidInput: the policy has no formula, or asks for a prediction that the log or a row lacks.
        """
        times = np.full(len(self._rows.log), math.inf) if per_job else None
        return soap.expectation(policy, LogJobs(self._rows, times), checked("rate", rate, above=True), times)


@final
@dataclass(frozen=True, slots=True)
class LogJobs:
    """The rows of a log as the jobs of a formula; the response time of each is written to `times`, if given."""

    rows: LogRows
    times: Floats | None = None

    @property
    def all(self) -> Moments:
        """The moments of all rows together."""
        return self.rows.all

    def split(self, discipline: Discipline) -> tuple[Moments, Moments]:
        """The moments of the short and of the long rows."""
        if discipline.threshold is not None:
            self._require("cheap", None)
        if discipline.keyed:
            self._require(discipline.by, discipline.gate)
        return (Moments(), self.rows.all) if discipline.gate is None else self.rows.split(*_least(discipline.gate))

    def in_turn(self, discipline: Discipline, jobs: Moments, wait: float, slowdown: float, *, long: bool) -> Sums:
        """A class whose rows all wait equally long."""
        if self.times is not None and jobs.share:
            size = self.rows.log.size
            if discipline.gate is None:
                self.times[:] = wait + slowdown * size
            else:
                np.copyto(self.times, wait + slowdown * size, where=self._is_short(discipline.gate) ^ long)
        return in_turn(jobs, wait, slowdown)

    def competing(
        self, discipline: Discipline, jobs: Moments, rate: float, *, base: float, others: float, before: float
    ) -> Sums:
        """The long rows, which compete by key or by age."""
        if discipline.order == "attained":
            return Sums(self.rows.attained(rate, self.times), math.nan, math.nan)
        return self.rows.sweep(
            discipline.by,
            discipline.order,
            rate,
            self.times,
            base=base,
            others=others,
            before=before,
            gate=("size", 0.0) if discipline.gate is None else _least(discipline.gate),
            attained=discipline.limit,
            fraction=discipline.fraction,
            preemptive=discipline.preemptive,
        )

    def _is_short(self, gate: Gate) -> NDArray[np.bool_]:
        return self.rows.below(*_least(gate))

    def _require(self, by: By, gate: Gate | None) -> None:
        """Raise unless every row, or every long one, has the prediction."""
        log, column = self.rows.log, getattr(self.rows.log, by)
        if column is not None and self.rows.complete(by):
            return
        asked = np.ones(len(log), np.bool_) if gate is None else ~self._is_short(gate)
        missing = asked if column is None else asked & np.isnan(column)
        if missing.any():
            if column is None:
                raise InvalidInput(f"the log has no column {by!r}, but the policy asks for it; pass {by}= to Log")
            row = int(np.argmax(missing))
            raise InvalidInput(f"{by} is nan in row {row}, but the policy asks for it; drop the row or fill it in")


def _least(gate: Gate) -> tuple[Column, float]:
    """The column and the least value of long rows: a size is above the limit if it is not below the next float."""
    return gate.column, gate.at if gate.column == "cheap" else float(np.nextafter(gate.at, math.inf))
