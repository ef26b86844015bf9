"""The jobs of a simulation, each a function of seed and number alone, so that all policies see the same ones."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

import numpy as np

from beforehand import _native
from beforehand._native import Stream
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.job_distribution import Distribution
from beforehand.scheduling.distributions.prediction_errors import ExactError, ExponentialError
from beforehand.scheduling.inputs import MOST
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.stages import Stages
from beforehand.scheduling.policies.view import By

BLOCK = 2**14  # jobs drawn at once: enough to hide the calls, few enough for the caches
SMALLEST = np.finfo(np.float64).tiny  # size: a heavy tail may have some that round to 0


class Jobs(NamedTuple):
    """Consecutive jobs, in order of arrival."""

    arrival: Floats
    size: Floats
    expensive: Floats | None
    cheap: Floats | None

    def part(self, rows: slice) -> "Jobs":
        """Some of them."""
        expensive = None if self.expensive is None else self.expensive[rows]
        return Jobs(self.arrival[rows], self.size[rows], expensive, None if self.cheap is None else self.cheap[rows])


def together(stream: Iterable[Jobs]) -> Jobs:
    """All jobs of a stream in one block."""
    arrival, size, expensive, cheap = zip(*stream, strict=True)
    return Jobs(
        np.concatenate(arrival),
        np.concatenate(size),
        None if expensive[0] is None else np.concatenate(expensive),
        None if cheap[0] is None else np.concatenate(cheap),
    )


class Block(NamedTuple):
    """Consecutive jobs, whose random numbers are those of the seed."""

    seed: int
    first: int
    jobs: int

    def uniform(self, stream: Stream) -> Floats:
        """Above 0, at most 1."""
        _native.uniforms(self.seed, stream, self.first, out := np.empty(self.jobs))
        return out

    def exponential(self, stream: Stream) -> Floats:
        """With mean 1."""
        _native.exponentials(self.seed, stream, self.first, out := np.empty(self.jobs))
        return out


def _predictions(error: Any, size: Floats, block: Block, stream: Stream) -> Floats:
    if isinstance(error, ExactError):
        return size
    if isinstance(error, ExponentialError):
        return size * block.exponential(stream)
    return np.ascontiguousarray(error.inverse_survival(block.uniform(stream), size), dtype=np.float64)


def _rows(log: Log) -> Any:
    """What turns uniform numbers into rows of the log."""
    if (log.weight == log.weight[0]).all():
        return lambda u: np.ceil(u * len(log)).astype(np.int64) - 1
    cumulative = np.cumsum(log.weight)
    return lambda u: np.searchsorted(cumulative, u * cumulative[-1])


def draw(
    distribution: Distribution, rate: float, jobs: int, seed: int, wanted: set[By], block: int = BLOCK
) -> Iterator[Jobs]:
    """Jobs with Poisson arrivals, block by block; their bits do not depend on the blocks."""
    row_of = _rows(distribution) if isinstance(distribution, Log) else None
    now = 0.0
    for first in range(0, jobs, block):
        numbers = Block(seed, first, min(block, jobs - first))
        arrival = numbers.exponential(Stream.gap) / rate
        arrival[0] += now
        np.cumsum(arrival, out=arrival)
        now = float(arrival[-1])
        if isinstance(distribution, Log):
            rows = row_of(numbers.uniform(Stream.size))  # type: ignore[misc]
            held = {
                name: getattr(distribution, name)[rows] if name in wanted else None for name in ("expensive", "cheap")
            }
            yield Jobs(arrival, distribution.size[rows], held["expensive"], held["cheap"])
        else:
            size = np.clip(
                distribution.size.inverse_cumulative_hazard(numbers.exponential(Stream.size)), SMALLEST, MOST
            )
            drawn = {
                name: _predictions(getattr(distribution, name), size, numbers, stream) if name in wanted else None
                for name, stream in (("expensive", Stream.expensive), ("cheap", Stream.cheap))
            }
            yield Jobs(arrival, size, drawn["expensive"], drawn["cheap"])


def wanted_predictions(policy: Policy, stages: Stages | None, distribution: Distribution) -> set[By]:
    """The predictions that a policy goes by; without stages all that there are, as the policy asks as it goes.

    Raises:
        InvalidInput: the distribution, or a row of the log that the policy would ask about, lacks one.
    """
    if stages is None:
        return {name for name in get_args(By) if getattr(distribution, name) is not None}
    for name in stages.wanted:
        column = getattr(distribution, name)
        if column is None:
            raise InvalidInput(
                f"{type(policy).__name__} asks for {name} predictions, but there are none; pass a distribution or log "
                f"with them (--{name} names their column, --assume-{name} draws some), or take another policy"
            )
        if isinstance(distribution, Log):
            missing = np.isnan(column)
            if missing.any() and (missing := missing & stages.needs(name, distribution.size, distribution.cheap)).any():
                raise InvalidInput(
                    f"{name} is nan in row {int(np.argmax(missing))}, but {type(policy).__name__} asks for it; "
                    "drop the row or fill it in"
                )
    return set(stages.wanted)
