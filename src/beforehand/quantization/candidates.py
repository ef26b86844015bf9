"""Designs weighed against each other: from errors and prices to bits a value, a choice and a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, Verdict
from beforehand.quantization.codec import Codec
from beforehand.quantization.theory import ROTATION_SIZES, SIZES, Floats, equivalent_levels, net_bits

WORTH_IT = 0.1  # net bits a value
AS_GOOD = 1.02  # errors that differ by less count as equal, and the faster design wins
FEW_VECTORS = 8  # with fewer, each stands for itself
RESAMPLES = 200


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

    @property
    def design(self) -> str:
        """Its name."""
        return self.vnmse.design

    @property
    def table_bytes(self) -> float:
        """The part of the price that level tables take."""
        return self.price.bytes - self.bits / 8


def draws(values: Floats, seed: int) -> Floats:
    """The mean over vectors, followed by what it could have been: means of resamples, or each of a few vectors itself.

    One seed draws the same vectors every time, so that differences between designs are differences of designs.
    """
    mean = values.mean(keepdims=True)
    if len(values) < FEW_VECTORS:
        return np.concatenate([mean, values])
    random = np.random.default_rng(seed)
    resampled = [values[random.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    return np.concatenate([mean, resampled])


def outcome(design: str, drawn: Floats) -> Outcome:
    """What `draws` gave, as a value and its interval."""
    value, others = float(drawn[0]), drawn[1:]
    low, high = (others.min(), others.max()) if len(others) < FEW_VECTORS else np.percentile(others, (5, 95))
    return Outcome(design, value, min(value, float(low)), max(value, float(high)))


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


def choose(candidates: Sequence[Candidate], bytes_per_second: float | None) -> Candidate:
    """The largest net gain; where time is not weighed: fewest bits, then smallest error, then least time of equals."""
    if bytes_per_second is not None:
        return max(candidates, key=lambda candidate: candidate.net_bits.value)
    bits = min(candidate.bits for candidate in candidates)
    short = [candidate for candidate in candidates if candidate.bits == bits]
    least = min(candidate.vnmse.value for candidate in short)
    good = [candidate for candidate in short if candidate.vnmse.value <= AS_GOOD * least]
    return min(good, key=lambda candidate: candidate.price.seconds)


def judge(net: Outcome) -> Verdict:
    """Whether net bits a value are worth it, judged by the whole interval."""
    if net.low > WORTH_IT:
        return "worth it"
    return "don't bother" if net.high < WORTH_IT else "unclear"
