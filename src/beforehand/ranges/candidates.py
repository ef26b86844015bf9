"""What a plan of range filters chooses between: how often each errs, what it costs, and what it saves."""

import math
import time
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import Outcome
from beforehand.ranges.codes import distinct
from beforehand.ranges.design import Design
from beforehand.ranges.filters import FILTERS
from beforehand.ranges.keys import key_array
from beforehand.ranges.native_filter import with_room
from beforehand.ranges.prefix_bloom import best_length
from beforehand.ranges.prefix_model import DRAWS, PrefixModel
from beforehand.ranges.proteus import Proteus

NO_FILTER: Final = "none"
BASELINE: Final = "prefix-bloom"  # the strongest practical filter that is one library call away
TIMED_KEYS: Final = 200_000
TIMED_QUERIES: Final = 2_000
ROUNDS: Final = 5


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A filter that was considered, with its figures for one query.

    Args:
        design: Its name in `FILTERS`, or `"none"`.
        parts: The design of `proteus`, or the prefixes of `prefix-bloom`; None for the others.
        false_positive_rate: The share of empty ranges that it would look for in vain; without a filter, of those that
            reach between the smallest and the largest key.
        useless_reads: Reads for nothing, for each query.
        saving: Seconds for each query against no filter, its own time and building included.
        filter_seconds: For each query.
        build_seconds: For all keys.
        bytes: Memory.
    """

    design: str
    parts: Design | None = None
    false_positive_rate: Outcome
    useless_reads: Outcome
    saving: Outcome
    filter_seconds: float
    build_seconds: float
    bytes: int

    def __post_init__(self) -> None:
        """Validate the fields."""
        if self.design not in (NO_FILTER, *FILTERS):
            raise InvalidInput(f"design is {self.design!r}, but must be one of {', '.join((NO_FILTER, *FILTERS))}")
        for name in ("filter_seconds", "build_seconds", "bytes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise InvalidInput(f"{name} is {value!r}, but must be at least 0 and finite")

    def price(self, queries_per_build: int) -> Price:
        """Time for each query, with its share of the building and of the memory."""
        return Price(
            seconds=self.filter_seconds + self.build_seconds / queries_per_build,
            bytes=self.bytes / queries_per_build,  # all queries of a build share the filter's memory
            per="query",
        )


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all candidates have in common."""

    bits_per_key: float
    read_cost: float
    queries_per_build: int
    max_probes: int | None
    worst_case: tuple[int, float] | None
    seed: int


class Trial:
    """Keys and a sample of queries, on which candidates are judged."""

    def __init__(self, keys: Any, queries: tuple[Any, Any], setting: Setting) -> None:
        self.setting = setting
        self.queries = queries
        self.model = PrefixModel(keys, queries, max_probes=setting.max_probes)
        self._keys = sorted_keys(keys)
        empty, asked = self.model.empty, self.model.asked
        draw = np.random.default_rng(setting.seed)
        self.empty_draws: NDArray[np.float64] = draw.beta(empty + 0.5, asked - empty + 0.5, DRAWS)
        self.empty = Outcome.of("empty", self.model.empty_fraction, self.empty_draws)
        reached = within_bounds(self._keys, queries) - (asked - empty)
        self._reached = reached / empty if empty else 1.0  # share of the empty ranges between smallest and largest key
        self._reached_draws = np.ones(DRAWS)
        if reached < empty:
            self._reached_draws = draw.beta(reached + 0.5, empty - reached + 0.5, DRAWS)

    def without(self) -> Candidate:
        """No filter at all: what the smallest and the largest key tell."""
        return self._candidate(NO_FILTER, None, self._reached, self._reached_draws, (0.0, 0.0, 0))

    def judged(self, name: str) -> Candidate:
        """One of the filters.

        Raises:
            InvalidInput: It cannot be built over these keys.
        """
        setting, model, bits_per_key = self.setting, self.model, self.setting.bits_per_key
        if name == "proteus":
            parts = model.best(bits_per_key=bits_per_key, worst_case=setting.worst_case)
        elif name == BASELINE:
            bits_per_key = with_room(bits_per_key, model.count)  # as it is built
            length = best_length(model, bits_per_key)
            parts = Design(approx="bloom", approx_bits=length, max_probes=setting.max_probes)
        else:
            return self._measured(name)
        rate, draws = 1.0, np.linspace(0, 1, DRAWS)  # nobody knows
        if model.empty:
            rate = model.expected(parts, bits_per_key=bits_per_key)
            draws = model.draws(parts, bits_per_key=bits_per_key, seed=setting.seed)
        return self._candidate(name, parts, rate, draws, self._timed(name, parts))

    def _measured(self, name: str) -> Candidate:
        """A filter without a model: it is built over all keys, and asked."""
        begin = time.perf_counter()
        filter = built(name, None, self._keys, self.queries, self.setting)
        build = time.perf_counter() - begin
        empty, asked = self.model.empty, self.model.asked
        wrong = int(np.sum(filter.may_intersect(*self.queries))) - (asked - empty)
        draws = np.random.default_rng(self.setting.seed).beta(wrong + 0.5, empty - wrong + 0.5, DRAWS)
        seconds = seconds_of(filter, self.queries)
        return self._candidate(name, None, wrong / max(1, empty), draws, (seconds, build, filter.nbytes))

    def _timed(self, name: str, parts: Design) -> tuple[float, float, int]:
        """Seconds for a query and for building over all keys, and bytes, from a run of the keys."""
        count = self.model.count
        first = max(0, (len(self._keys) - TIMED_KEYS) // 2)
        run = self._keys[first : first + TIMED_KEYS]
        begin = time.perf_counter()
        try:
            filter = built(name, parts, run, self.queries, self.setting)
        except InvalidInput:  # fewer keys lie less densely, and the exact part may not fit
            filter = built(name, None, run, self.queries, self.setting)
        scale = count / max(1, filter.count)
        build = (time.perf_counter() - begin) * scale
        return seconds_of(filter, self._inside(run)), build, round(filter.nbytes * scale)

    def _inside(self, run: Any) -> tuple[Any, Any]:
        """Queries that begin among these keys, or all where there are few: others are answered by the bounds alone."""
        if not len(run):
            return self.queries
        lo, hi = self.queries
        if isinstance(lo, list):
            rows = [row for row, end in enumerate(lo) if run[0] <= end <= run[-1]]
            inside = [lo[row] for row in rows], [hi[row] for row in rows]
        else:
            kept = (lo >= run[0]) & (lo <= run[-1])
            inside = lo[kept], hi[kept]
        return inside if len(inside[0]) >= TIMED_QUERIES // 20 else self.queries

    def _candidate(
        self, name: str, parts: Design | None, rate: float, draws: NDArray[np.float64], costs: tuple[float, float, int]
    ) -> Candidate:
        setting, (seconds, build, size) = self.setting, costs
        empty, own = self.model.empty_fraction, seconds + build / setting.queries_per_build
        saved = empty * (self._reached - rate) * setting.read_cost - own
        return Candidate(
            design=name,
            parts=parts,
            false_positive_rate=Outcome.of(name, rate, draws),
            useless_reads=Outcome.of(name, empty * rate, self.empty_draws * draws),
            saving=Outcome.of(name, saved, self.empty_draws * (self._reached_draws - draws) * setting.read_cost - own),
            filter_seconds=seconds,
            build_seconds=build,
            bytes=size,
        )


def within_bounds(keys: Any, queries: tuple[Any, Any]) -> int:
    """How many ranges reach between the first and the last of these keys: the others are told without a filter."""
    few = isinstance(keys, list) or len(keys) < 2  # bounds of strings are cut as the longest key says
    ends = keys if few else keys[[0, -1]]
    return int(np.sum(Proteus.build(ends, design=Design()).may_intersect(*queries)))


def sorted_keys(keys: Any) -> Any:
    """Distinct keys in order: an array, or a list of bytes or str."""
    array = key_array(keys)
    if array.dtype.kind in "SUTO":
        return sorted(set(array.tolist()))
    return distinct(array)


def built(name: str, parts: Design | None, keys: Any, queries: tuple[Any, Any], setting: Setting) -> Any:
    """A filter of that name over keys; of these parts, unless they are None.

    Raises:
        InvalidInput: It cannot be built so.
    """
    known: dict[str, Any] = {"bits_per_key": setting.bits_per_key, "seed": setting.seed}
    if name == "proteus":
        known |= {"max_probes": setting.max_probes, "worst_case": setting.worst_case, "design": parts}
    elif name in (BASELINE, "two-prefix-bloom"):
        known |= {"max_probes": setting.max_probes}
        if name == BASELINE:
            known |= {"prefix_bits": parts.approx_bits if parts else None}
    sample = () if name in ("surf", "locality-hash") else (queries,)
    return FILTERS[name].build(keys, *sample, **known)  # type: ignore[attr-defined]


def seconds_of(filter: Any, queries: tuple[Any, Any]) -> float:
    """Of one query: the quickest of five rounds over 2,000 of them."""
    lo, hi = (side[:TIMED_QUERIES] for side in queries)
    if not len(lo):
        return 0.0
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        filter.may_intersect(lo, hi)
        rounds.append(time.perf_counter() - begin)
    return min(rounds) / len(lo)
