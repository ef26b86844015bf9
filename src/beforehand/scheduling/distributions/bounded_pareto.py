"""Sizes whose density falls as a power, between a smallest and a largest one."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.heavy_tails import check_spread
from beforehand.scheduling.distributions.quadrature import panels
from beforehand.scheduling.distributions.sizes import SizeDistribution
from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.inputs import checked, finite, settle

LEAST_ALPHA: Final = 1e-6
MOST_ALPHA: Final = 100.0


@final
@dataclass(frozen=True, slots=True)
class BoundedPareto(SizeDistribution):
    """Sizes from `low` to `high` whose density falls as x**(-alpha - 1).

    Args:
        alpha: From 1e-6 to 100.
        low: The smallest size.
        high: The largest, at most 1e12 times as large.

    Guarantee:
        Relative errors of some 1e-14, up to `high` and for sizes in any unit: no difference of close numbers, and no
        power of a size alone, enters a figure.

    Example:
        >>> round(BoundedPareto(1.0, 1.0, 100.0).mean, 12) == round(100 / 99 * math.log(100), 12)
        True
    """

    alpha: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        alpha = checked("alpha", self.alpha, least=LEAST_ALPHA, most=MOST_ALPHA)
        settle(self, alpha=alpha, low=finite("low", self.low, above=True), high=finite("high", self.high))
        if not self.high > self.low:
            raise InvalidInput(f"high is {self.high}, but must be above low, which is {self.low}")
        check_spread(self.low, self.high)

    @property
    def mean(self) -> float:
        """E[S]."""
        return self.moment(1)

    @property
    def edges(self) -> tuple[float, ...]:
        """Both ends."""
        return (self.low, self.high)

    def moment(self, k: int) -> float:
        """E[S**k]; 0 or inf where that is beyond the range of floats."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float64(self.low) ** k * self._height * _grown(k - self.alpha, self._span))

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        x = np.clip(np.asarray(x, dtype=np.float64), self.low, self.high)
        passed, left = self.alpha * np.log1p((x - self.low) / self.low), self.alpha * self._left(x)
        below = np.minimum(np.expm1(-passed) / math.expm1(-self.alpha * self._span), 1.0)  # rounding may pass it
        with np.errstate(divide="ignore"):
            above = passed - np.log(np.expm1(-left) / math.expm1(-self.alpha * self._span))
            return np.where(below < 0.5, -np.log1p(-below), above)

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h."""
        h = np.asarray(h, dtype=np.float64)
        most = self.alpha * self._span
        # With u = P(S > x), (low / x)**alpha is 1 - (1 - u)(1 - e**-most), and is u + (1 - u) e**-most.
        with np.errstate(divide="ignore"):
            near = np.log1p(math.expm1(-most) * -np.expm1(-h))
            far = np.logaddexp(-h, np.log(-np.expm1(-h)) - most)
        logs = np.where(near > -0.5, near, far) / self.alpha
        return np.asarray(np.clip(self.low * np.exp(-logs), self.low, self.high))

    def density(self, x: ArrayLike) -> Floats:
        """The density at x."""
        x = np.asarray(x, dtype=np.float64)
        inside = (x >= self.low) & (x <= self.high)
        share = np.where(inside, x, self.low) / self.low
        with np.errstate(under="ignore"):
            return np.where(inside, self._height / self.low * share ** (-self.alpha - 1), 0.0)

    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+]."""
        start, before = self._start(t)
        return before + self._over(start, 1)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2."""
        start, before = self._start(t)
        return before * (before / 2 + self._over(start, 1)) + self._over(start, 2) / 2

    @property
    def _span(self) -> float:
        """ln(high / low), to the last digit even if they are close."""
        return math.log1p((self.high - self.low) / self.low)

    @property
    def _height(self) -> float:
        """The density at `low`, times `low`."""
        return self.alpha / -math.expm1(-self.alpha * self._span)

    def _left(self, x: Floats) -> Floats:
        """ln(high / x)."""
        return np.log1p((self.high - x) / x)

    def _start(self, t: ArrayLike) -> tuple[Floats, Floats]:
        """Where sizes above t begin, and how far that is from t."""
        t = np.asarray(t, dtype=np.float64)
        start = np.clip(t, self.low, self.high)
        return start, np.maximum(start - t, 0.0)

    def _over(self, start: Floats, power: int) -> Floats:
        """E[((S - start)^+)**power], power 1 or 2."""
        with np.errstate(under="ignore"):
            share = (start / self.low) ** -self.alpha
            return np.asarray(self._height * share * start**power * _risen(self.alpha, self._left(start), power))


def _grown(power: float, logs: ArrayLike) -> Floats:
    """The integral of e**(power v) over v from 0 to `logs`."""
    logs = np.asarray(logs, dtype=np.float64)
    return np.asarray(np.expm1(power * logs) / power if power else logs)


def _risen(alpha: float, logs: Floats, power: int) -> Floats:
    """The integral of e**(-alpha v) (e**v - 1)**power over v from 0 to `logs`, power 1 or 2."""
    near = (logs < 1) & (alpha * logs < 2)  # where the closed forms would cancel
    if alpha <= 2:
        terms = [_grown(k - alpha, logs) for k in range(power + 1)]
        risen = terms[1] - terms[0] if power == 1 else terms[2] - 2 * terms[1] + terms[0]
    else:  # by parts, as these terms would cancel for a large alpha
        risen = _grown(power - alpha, logs)
        for k in range(1, power + 1):
            rate = alpha - power + k
            risen = (k * risen - np.exp(-rate * logs) * np.expm1(logs) ** k) / rate
    v, width = panels(np.zeros_like(logs[near]), logs[near], 16)
    risen = np.array(risen)
    risen[near] = np.sum(width * np.exp(-alpha * v) * np.expm1(v) ** power, axis=-1)
    return risen
