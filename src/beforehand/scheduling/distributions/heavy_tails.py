"""Distributions of job sizes with more variation than the exponential one can have."""

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.sizes import Exponential, SizeDistribution
from beforehand.scheduling.distributions.special import Floats, gamma_tail, normal_quantile, normal_tail
from beforehand.scheduling.inputs import checked, finite, listed, settle

# Beyond these a distribution is an atom for all purposes, or its moments leave the range of floats.
LEAST_SHAPE: Final = 0.1
MOST_SHAPE: Final = 100.0
LEAST_SCV: Final = 1e-8
MOST_SCV: Final = 1e6
MOST_SPREAD: Final = 1e12  # the largest over the smallest


class PartialMoments(SizeDistribution):
    """A distribution known by its partial moments."""

    __slots__ = ()

    @abstractmethod
    def beyond(self, k: int, t: ArrayLike) -> Floats:
        """E[S**k; S > t]."""

    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+]."""
        t = np.asarray(t, dtype=np.float64)
        return np.maximum(self.beyond(1, t) - t * self.beyond(0, t), 0.0)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2."""
        t = np.asarray(t, dtype=np.float64)
        return np.maximum(self.beyond(2, t) - 2 * t * self.beyond(1, t) + t**2 * self.beyond(0, t), 0.0) / 2


@final
@dataclass(frozen=True, slots=True)
class Weibull(PartialMoments):
    """Weibull sizes: a heavy tail for a shape below 1.

    Example:
        >>> Weibull(0.5).moment(2)
        6.0
    """

    shape: float
    mean: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        """Validate the fields."""
        shape = checked("shape", self.shape, least=LEAST_SHAPE, most=MOST_SHAPE)
        settle(self, shape=shape, mean=finite("mean", self.mean, above=True))

    @property
    def scale(self) -> float:
        """The size that a share 1/e of jobs exceed."""
        return self.mean / math.gamma(1 + 1 / self.shape)

    def moment(self, k: int) -> float:
        """E[S**k]."""
        return self.scale**k * math.gamma(1 + k / self.shape)

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        return (np.asarray(x, dtype=np.float64) / self.scale) ** self.shape

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h."""
        return self.scale * np.asarray(h, dtype=np.float64) ** (1 / self.shape)

    def density(self, x: ArrayLike) -> Floats:
        """The density at x."""
        share = np.asarray(x, dtype=np.float64) / self.scale
        return self.shape / self.scale * share ** (self.shape - 1) * np.exp(-(share**self.shape))

    def beyond(self, k: int, t: ArrayLike) -> Floats:
        """E[S**k; S > t]."""
        return self.moment(k) * gamma_tail(1 + k / self.shape, self.cumulative_hazard(t))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal(PartialMoments):
    """Lognormal sizes, by their mean and squared coefficient of variation.

    Example:
        >>> round(LogNormal(scv=4.0).moment(2), 12)
        5.0
    """

    mean: float = 1.0
    scv: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        scv = checked("scv", self.scv, least=LEAST_SCV, most=MOST_SCV)
        settle(self, mean=finite("mean", self.mean, above=True), scv=scv)

    @property
    def sigma(self) -> float:
        """The standard deviation of ln S."""
        return math.sqrt(math.log1p(self.scv))

    @property
    def median(self) -> float:
        """The size that half of the jobs exceed."""
        return self.mean / math.sqrt(1 + self.scv)

    def moment(self, k: int) -> float:
        """E[S**k]."""
        return float(self.mean**k * (1 + self.scv) ** (k * (k - 1) / 2))

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        with np.errstate(divide="ignore"):
            z = self._z(x)
            return np.where(z < 0, -np.log1p(-normal_tail(-z)), -np.log(normal_tail(z)))

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h."""
        h = np.asarray(h, dtype=np.float64)
        z = np.where(h < 0.5, normal_quantile(-np.expm1(-h)), -normal_quantile(np.exp(-h)))
        return self.median * np.exp(self.sigma * z)

    def density(self, x: ArrayLike) -> Floats:
        """The density at x."""
        z = self._z(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            height = np.exp(-z * z / 2) / (np.asarray(x) * self.sigma * math.sqrt(2 * math.pi))
        return np.where(np.isinf(z), 0.0, height)

    def _z(self, x: ArrayLike) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(x, dtype=np.float64) / self.median) / self.sigma

    def beyond(self, k: int, t: ArrayLike) -> Floats:
        """E[S**k; S > t]."""
        return self.moment(k) * normal_tail(self._z(t) - k * self.sigma)


@final
@dataclass(frozen=True, slots=True)
class Hyperexponential(SizeDistribution):
    """A mixture of exponential distributions.

    Args:
        means: Of the parts, above 0.
        weights: Of the parts, above 0; normalized to sum 1.

    Example:
        >>> Hyperexponential((1.0, 10.0), (0.9, 0.1)).mean
        1.9
    """

    means: tuple[float, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Validate the fields."""
        means, weights = listed("means", self.means), listed("weights", self.weights)
        if not 0 < len(means) == len(weights):
            raise InvalidInput(
                f"means has {len(means)} parts and weights {len(weights)}, but both must have the same, at "
                "least one; give each part both"
            )
        check_spread(*(finite("means", mean, above=True) for mean in means))
        weights = tuple(finite("weights", weight, above=True) for weight in weights)
        total = math.fsum(weights)
        settle(self, means=tuple(map(float, means)), weights=tuple(weight / total for weight in weights))

    @property
    def mean(self) -> float:
        """E[S]."""
        return self.moment(1)

    @property
    def parts(self) -> tuple[tuple[float, SizeDistribution], ...]:
        """The exponential distributions."""
        return tuple((w, Exponential(m)) for m, w in zip(self.means, self.weights, strict=True))

    def moment(self, k: int) -> float:
        """E[S**k]."""
        return math.factorial(k) * math.fsum(w * m**k for m, w in zip(self.means, self.weights, strict=True))

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        x = np.asarray(x, dtype=np.float64)
        slowest = max(self.means)  # taken out of the sum, which would underflow
        rates = [1 / m - 1 / slowest for m in self.means]
        parts = [w * np.exp(-x * r) for w, r in zip(self.weights, rates, strict=True)]
        return np.asarray(x / slowest - np.log(np.sum(parts, axis=0)))

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h."""
        # The hazard is concave, so that Newton's steps from the left never pass the root.
        h = np.asarray(h, dtype=np.float64)
        starts = [m * (h + math.log(w)) for m, w in zip(self.means, self.weights, strict=True)]
        x = np.maximum(np.max(starts, axis=0), 0.0)
        for _ in range(100):
            hazard = self.cumulative_hazard(x)
            step = (h - hazard) * np.exp(-hazard) / np.maximum(self.density(x), 1e-300)
            x = x + np.maximum(step, 0.0)
            if np.all(step <= 1e-9 * x):  # the error after a step is its square
                break
        return np.asarray(x)

    def density(self, x: ArrayLike) -> Floats:
        """The density at x."""
        return self._sum(x, -1)

    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+]."""
        return self._sum(t, 1)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2."""
        return self._sum(t, 2)

    def _sum(self, x: ArrayLike, power: int) -> Floats:
        x = np.asarray(x, dtype=np.float64)
        parts = [w * m**power * np.exp(-x / m) for m, w in zip(self.means, self.weights, strict=True)]
        return np.sum(parts, axis=0)  # type: ignore[no-any-return]


def check_spread(*sizes: float) -> None:
    """Raise unless the sizes are within a factor of 1e12.

    Raises:
        InvalidInput: they are not.
    """
    if max(sizes) > MOST_SPREAD * min(sizes):
        raise InvalidInput(
            f"sizes spread from {min(sizes)} to {max(sizes)}, but must be within a factor of {MOST_SPREAD:g}; leave "
            "out the smallest, which do not count"
        )
