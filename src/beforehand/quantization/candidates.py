"""Designs weighed against each other: from errors and bytes to a frontier, to bits a value, and a choice."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, final

import numpy as np

from beforehand.core.predictor import Price
from beforehand.core.report import FEW_DRAWS, Outcome
from beforehand.quantization.codec import Codec
from beforehand.quantization.designs import Design, knows_nothing, lies_across
from beforehand.quantization.theory import Floats, net_bits
from beforehand.quantization.vectors import Vectors

WORTH_IT = 0.1  # net bits a value
STEP = 1.1  # errors of neighbors on a frontier are apart by this factor at least
PROMISING = 1.25  # times the least error of a first look that a design may have
AS_GOOD = 1.02  # errors that differ by less count as equal, and the smaller or faster design wins
OVER = 1.01  # share of a budget of bits that headers and tables may take on top
RESAMPLES = 200
PARTS = 8  # of the vectors, whose extremes are compared
QUARTERS = 4  # of the vectors, whose scales and tables are compared
LEAST_QUARTERED = 256  # vectors: the resamples of fewer differ by more than tables do
TURNS = 8  # rotations that are tried, whose errors differ more than those of vectors
MOST_DRAWN = 1024  # vectors that are resampled; of more, neighbors stay together
TIMED_VALUES, TIMED_VECTORS, TIMES = 2**17, 2**9, 3
MOST_LOG = 50.0  # of a factor on an error
LEAST_SHARE = 2.0**-64  # of the baseline's error that counts


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One design on a sample: its error, its price, and what it is worth against the baseline.

    Args:
        codec: What does it.
        vnmse: The error.
        price: Seconds and bytes a value; bytes are all that is kept: codes, tables, scales and header.
        gain_bits: How many bits a value more the baseline would need for the same error, if each divides it by four.
        net_bits: What the price leaves of them.
    """

    codec: Codec
    vnmse: Outcome
    price: Price
    gain_bits: Outcome
    net_bits: Outcome

    @property
    def design(self) -> str:
        """Its name."""
        return self.vnmse.design

    @property
    def bits(self) -> float:
        """Bits that are kept for a value, all counted."""
        return 8 * self.price.bytes

    @property
    def knows_nothing(self) -> bool:
        """Whether it would be the same for other data, so that it can be the baseline."""
        return knows_nothing(self.codec)


@final
@dataclass(frozen=True, eq=False)
class Tried:
    """One design on a sample before it is weighed.

    Args:
        name: Of the design.
        codec: What does it.
        bits: That are kept for a value.
        errors: Its vNMSE, from `Draws`.
        seconds: A value.
    """

    name: str
    codec: Codec
    bits: float
    errors: Floats
    seconds: float

    @property
    def vnmse(self) -> Outcome:
        """The error and its interval."""
        return outcome(self.name, self.errors)


class Point(Protocol):
    """What has bits and an error."""

    @property
    def bits(self) -> float:
        """A value."""

    @property
    def vnmse(self) -> Outcome:
        """The error."""


P = TypeVar("P", bound=Point)


@final
class Draws:
    """The vNMSE of all vectors together, followed by that of 200 bootstrap resamples; of each vector if under 8.

    Equal seeds draw the same vectors for every design, so that designs are compared on common random numbers. Of more
    than 1,024 vectors, neighbors are drawn together.

    Args:
        norms: The squared length of each vector.
        seed: Of the resampling.
        ahead: Whether they shall tell what other vectors, as many, will get. Those vary as much as these do, so that
            the variance is twice that of a mean: that of resamples of half as many.
        most: How many are drawn at most.
    """

    def __init__(self, norms: Floats, seed: int, *, ahead: bool = False, most: int = MOST_DRAWN) -> None:
        count = min(len(norms), most, MOST_DRAWN)
        self._starts = np.arange(count) * len(norms) // count
        self._norms = np.add.reduceat(norms, self._starts)
        random = np.random.default_rng(seed)
        drawn = random.integers(count, size=(RESAMPLES, count // 2 if ahead else count))
        self._drawn = np.arange(count)[:, None] if count < FEW_DRAWS else drawn
        self._turns = random.integers(TURNS, size=self._drawn.shape)

    def __call__(self, squared_errors: Floats) -> Floats:
        """From the squared error of each vector, or a row of them for each of up to 8 turns, of which any is drawn."""
        turns = np.add.reduceat(np.atleast_2d(squared_errors), self._starts, axis=1)
        drawn_errors = turns[self._turns % len(turns), self._drawn]
        errors = np.concatenate([[turns.mean(axis=0).sum()], drawn_errors.sum(axis=1)])
        norms = np.concatenate([[self._norms.sum()], self._norms[self._drawn].sum(axis=1)])
        drawn: Floats = np.divide(errors, norms, out=np.zeros_like(errors), where=norms > 0)
        return drawn


def measured(
    vectors: Vectors,
    every: Sequence[Design | Tried],
    size: int,
    seed: int,
    *,
    turns: int = TURNS,
    columns: Vectors | None = None,
) -> list[Tried]:
    """Every design, encoded and decoded, with errors that tell what other vectors will get.

    Args:
        vectors: The sample, or a part of it.
        every: The designs.
        size: How many values the whole has.
        seed: Of rounding and resampling.
        turns: How many rotations are tried where there are any: the errors of one differ more than those of vectors.
        columns: What tables for columns are tried on; else on the sample.
    """
    draws = Draws(vectors.norms, seed, ahead=True)
    by_column = draws if columns is None else Draws(columns.norms, seed, ahead=True, most=len(vectors))
    tried = []
    for design in every:
        across = lies_across(vectors, design.codec)
        of, drawn = (columns, by_column) if columns is not None and across else (vectors, draws)
        seeds = [(seed + turn) % 2**64 for turn in range(turns if design.codec.method == "rotation" else 1)]
        done = [of.measure(design.codec, each, size=size) for each in seeds]
        errors = drawn(np.stack([each.errors for each in done]))
        if design.codec.method == "uniform" and shares_range(vectors, design.codec):
            errors[1:] *= by_range(vectors, design.codec, done[0].errors, seed)
        if turns > 1 and searches(vectors, design.codec):
            errors[1:] *= by_luck(vectors, design.codec, done[0].errors, seed)
        tried.append(Tried(design.name, design.codec, done[0].bits, errors, min(each.seconds for each in done)))
    return tried


def shares_range(vectors: Vectors, codec: Codec) -> bool:
    """Whether the extremes among all vectors decide the error of each."""
    alone = vectors.kept == "alone" or codec.block is not None
    return len(vectors) >= FEW_DRAWS and not alone and (codec.axis is None or lies_across(vectors, codec))


def by_range(vectors: Vectors, codec: Codec, squared_errors: Floats, seed: int) -> Floats:
    """Factors on the error, drawn, by which it differs for other vectors, whose extremes differ.

    Those of eight parts of the vectors tell by how much: of heavy tails they differ as much as those of the whole do.
    """
    own = [part.measure(codec, seed).errors.sum() for part in vectors.parts(PARTS)]
    shared = np.add.reduceat(squared_errors, [i * len(vectors) // PARTS for i in range(PARTS)])
    both = zip(own, shared, strict=True)
    moved = [math.log(one / other) for one, other in both if 0 < one < math.inf and 0 < other < math.inf]
    if len(moved) < 2:
        return np.ones(RESAMPLES)
    drawn = np.random.default_rng(seed).standard_t(len(moved) - 1, size=RESAMPLES)
    factors: Floats = np.exp(np.clip(math.sqrt(2) * np.std(moved, ddof=1) * drawn, -MOST_LOG, MOST_LOG))
    return factors


def searches(vectors: Vectors, codec: Codec) -> bool:
    """Whether scales and table are searched for in turn, in many vectors at once."""
    together = vectors.kept != "alone" and len(vectors) >= LEAST_QUARTERED
    return together and codec.method == "scaled" and codec.levels is None


def by_luck(vectors: Vectors, codec: Codec, squared_errors: Floats, seed: int) -> Floats:
    """Factors on the error, drawn, by which it differs as searches in other vectors end elsewhere.

    How much better or worse than the whole's each quarter's own scales and table are, tells by how much.
    """
    own = [part.measure(codec, seed).errors.sum() for part in vectors.parts(QUARTERS, dealt=True)]
    shared = [squared_errors[part::QUARTERS].sum() for part in range(QUARTERS)]
    if not all(0 < each < math.inf for each in (*own, *shared)):
        return np.ones(RESAMPLES)
    drawn = np.random.default_rng(seed).standard_t(QUARTERS - 1, size=RESAMPLES)
    spread = math.sqrt(2) * np.std(np.log(np.divide(own, shared)), ddof=1) * drawn
    factors: Floats = np.exp(np.clip(spread, -MOST_LOG, MOST_LOG))
    return factors


def outcome(design: str, drawn: Floats) -> Outcome:
    """What `Draws` returned, as a value and its interval."""
    return Outcome.of(design, float(drawn[0]), drawn[1:])


def gain_bits(design: Tried, baseline: Tried) -> Floats:
    """How many bits a value more the baseline would need for the error of the design, in each draw.

    A bit more divides an error by four, as for all levels where there are many of them.
    """
    least = np.maximum(LEAST_SHARE * baseline.errors, np.finfo(np.float64).tiny)
    ratio = np.maximum(baseline.errors, least) / np.maximum(design.errors, least)
    gained: Floats = np.log2(ratio) / 2 + baseline.bits - design.bits
    return gained


def weigh(
    tried: Tried, baseline: Tried, bytes_per_second: float | None, *, max_vnmse: float | None = None
) -> Candidate:
    """Turn errors, bytes and seconds into bits a value.

    Args:
        tried: The design.
        baseline: That it is weighed against, perhaps itself, which gains nothing.
        bytes_per_second: The link, if time counts.
        max_vnmse: The error allowed, if one was: a design within it gains at least the bits that it saves.
    """
    gain = np.zeros(tried.errors.shape) if tried is baseline else gain_bits(tried, baseline)
    if max_vnmse is not None and tried.errors[0] <= max_vnmse:
        gain = np.maximum(gain, baseline.bits - tried.bits)
    seconds = tried.seconds - baseline.seconds
    net = net_bits(gain, extra_seconds=seconds, extra_table_bytes=0, bytes_per_second=bytes_per_second)
    return Candidate(
        codec=tried.codec,
        vnmse=tried.vnmse,
        price=Price(seconds=tried.seconds, bytes=tried.bits / 8, per="value"),
        gain_bits=outcome(tried.name, gain),
        net_bits=outcome(tried.name, net),
    )


def frontier(tried: Iterable[P]) -> list[P]:
    """Designs by their bits, each with a smaller error, by a tenth or so, than all that take as many or fewer."""
    best: list[P] = []
    for each in sorted(tried, key=lambda each: (each.bits, each.vnmse.value)):
        if not best or each.vnmse.value * STEP < best[-1].vnmse.value:
            best.append(each)
    return best


def promising(tried: Sequence[Tried]) -> list[Tried]:
    """Those that may turn out best for their bits, among all or among those that know nothing."""
    kept = []
    for each in tried:
        rivals = [other for other in tried if other.bits <= each.bits]
        if knows_nothing(each.codec):
            rivals = [other for other in rivals if knows_nothing(other.codec)]
        if each.errors[0] <= PROMISING * min(other.errors[0] for other in rivals):
            kept.append(each)
    return kept


def choose(tried: Sequence[Tried], bits: float) -> Tried:
    """The smallest error that fits into so many bits, and of equals the fewest; else what comes closest."""
    able = [each for each in tried if each.bits <= bits] or [min(tried, key=lambda each: each.bits)]
    least = min(each.errors[0] for each in able)
    good = [each for each in able if each.errors[0] <= AS_GOOD * least]
    return min(good, key=lambda each: (each.bits, each.errors[0]))


def fewest(tried: Sequence[Tried], max_vnmse: float) -> Tried | None:
    """The fewest bits with an interval below the error allowed, and of equals the smallest error; None without one."""
    able = [each for each in tried if each.vnmse.high < max_vnmse]
    return min(able, key=lambda each: (each.bits, each.errors[0]), default=None)


def timed(vectors: Vectors, tried: Sequence[Tried], seed: int) -> list[Tried]:
    """The same with their seconds, the best of three in turns, so that a slow moment of the machine hits all."""
    first = vectors.spread(values=TIMED_VALUES, alone=TIMED_VECTORS)
    codecs = [each.codec for each in tried]
    seconds = seconds_per_value(lambda codec: first.measure(codec, seed).seconds, codecs)
    return [
        Tried(each.name, each.codec, each.bits, each.errors, time) for each, time in zip(tried, seconds, strict=True)
    ]


def seconds_per_value(measure: Callable[[Codec], float], codecs: Sequence[Codec]) -> list[float]:
    """The least of three times of each codec, taken in turns."""
    rounds = [[measure(codec) for codec in codecs] for _ in range(TIMES)]
    return [min(times, default=math.inf) for times in zip(*rounds, strict=True)]
