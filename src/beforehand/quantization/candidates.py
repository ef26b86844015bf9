"""Designs weighed against each other: from errors and prices to bits a value, and a choice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import FEW_DRAWS, Outcome
from beforehand.quantization.codec import Codec
from beforehand.quantization.options import whole
from beforehand.quantization.theory import ROTATION_SIZES, SIZES, Floats, equivalent_levels, net_bits
from beforehand.quantization.vectors import Vectors, measured

MOST_BITS = 16  # of a code
WORTH_IT = 0.1  # net bits a value
AS_GOOD = 1.02  # errors that differ by less count as equal, and the faster design wins
RESAMPLES = 200
TIMED_VALUES, TIMED_VECTORS = 2**20, 2**10  # whichever comes first


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One design on a sample: its error, its price, and what it is worth against the baseline.

    Args:
        codec: What does it.
        bits: A value.
        vnmse: The error.
        price: Seconds and bytes a value.
        gain_bits: How many bits a value more the baseline would need for the same error.
        net_bits: What the price leaves of them.
    """

    codec: Codec
    bits: int
    vnmse: Outcome
    price: Price
    gain_bits: Outcome
    net_bits: Outcome

    def __post_init__(self) -> None:
        """Validate the number of bits, of which 2**bits are made."""
        if not 0 <= whole("bits", self.bits) <= MOST_BITS:
            raise InvalidInput(f"bits is {self.bits}, but must be from 0 to {MOST_BITS}")

    @property
    def design(self) -> str:
        """Its name."""
        return self.vnmse.design

    @property
    def table_bytes(self) -> float:
        """The part of the price that level tables take."""
        return self.price.bytes - self.bits / 8


def draws(values: Floats, seed: int) -> Floats:
    """The mean over vectors, followed by the means of 200 bootstrap resamples; by the values themselves if under 8.

    Equal seeds draw the same vectors for every design, so that designs are compared on common random numbers.
    """
    mean = values.mean(keepdims=True)
    if len(values) < FEW_DRAWS:
        return np.concatenate([mean, values])
    random = np.random.default_rng(seed)
    resampled = [values[random.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    return np.concatenate([mean, resampled])


def outcome(design: str, drawn: Floats) -> Outcome:
    """What `draws` returned, as a value and its interval."""
    return Outcome.of(design, float(drawn[0]), drawn[1:])


def weigh(
    design: str,
    codec: Codec,
    bits: int,
    errors: Floats,
    price: Price,
    *,
    against: tuple[Candidate, Callable[[int], Floats]] | None = None,
    bytes_per_second: float | None = None,
) -> Candidate:
    """Turn errors and a price into bits a value.

    Args:
        design: Its name.
        codec: What does it.
        bits: A value.
        errors: Its vNMSE, from `draws`.
        price: Seconds and bytes a value.
        against: The baseline, and its vNMSE by the number of levels, from `draws`; left out for the baseline itself,
            which gains nothing.
        bytes_per_second: The link, if time counts.
    """
    gain, seconds, table_bytes = np.zeros(errors.shape), 0.0, 0.0
    if against:
        baseline, curve = against
        sizes = ROTATION_SIZES if baseline.codec.method == "rotation" else SIZES
        gain = np.log2(equivalent_levels(errors, 2**bits, curve, sizes=sizes)) - bits
        seconds = price.seconds - baseline.price.seconds
        table_bytes = price.bytes - bits / 8 - baseline.table_bytes
    net = net_bits(gain, extra_seconds=seconds, extra_table_bytes=table_bytes, bytes_per_second=bytes_per_second)
    return Candidate(
        codec=codec,
        bits=bits,
        vnmse=outcome(design, errors),
        price=price,
        gain_bits=outcome(design, gain),
        net_bits=outcome(design, net),
    )


def weigh_all(
    vectors: Vectors,
    tried: Sequence[tuple[str, Codec, int, Floats]],
    curve: Callable[[int], Floats],
    bytes_per_second: float | None,
    seed: int,
) -> list[Candidate]:
    """Weigh designs against the first of them, the baseline.

    Args:
        vectors: What each is timed on.
        tried: Name, codec, bits and errors, from `draws`, of each.
        curve: The baseline's vNMSE by the number of levels, from `draws`.
        bytes_per_second: The link, if time counts.
        seed: Of the rounding while time is taken.
    """
    candidates: list[Candidate] = []
    seconds = seconds_per_value(vectors, [codec for _, codec, _, _ in tried], seed)
    for (design, codec, bits, errors), time in zip(tried, seconds, strict=True):
        side_bytes = vectors.side_bytes(codec, 2**bits) / vectors.size
        price = Price(seconds=time, bytes=bits / 8 + side_bytes, per="value")
        against = (candidates[0], curve) if candidates else None
        candidates.append(weigh(design, codec, bits, errors, price, against=against, bytes_per_second=bytes_per_second))
    return candidates


def seconds_per_value(vectors: Vectors, codecs: Sequence[Codec], seed: int) -> list[float]:
    """Seconds a value of each codec, the best of five in turns, so that a slow moment of the machine hits all."""
    first = vectors.first(values=TIMED_VALUES, vectors=TIMED_VECTORS)
    rounds = [[measured(first, codec, seed)[1] for codec in codecs] for _ in range(5)]
    return [min(times) for times in zip(*rounds, strict=True)]


def choose(candidates: Sequence[Candidate], bytes_per_second: float | None) -> Candidate:
    """The largest net gain; where time is not weighed: fewest bits, then smallest error, then least time of equals."""
    if bytes_per_second is not None:
        return max(candidates, key=lambda candidate: candidate.net_bits.value)
    bits = min(candidate.bits for candidate in candidates)
    short = [candidate for candidate in candidates if candidate.bits == bits]
    least = min(candidate.vnmse.value for candidate in short)
    good = [candidate for candidate in short if candidate.vnmse.value <= AS_GOOD * least]
    return min(good, key=lambda candidate: candidate.price.seconds)
