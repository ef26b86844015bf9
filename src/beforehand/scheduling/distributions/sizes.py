"""Distributions of job sizes."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.deprecation import warn_renamed
from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.inputs import finite, settle


class SizeDistribution(ABC):
    """How long jobs take: a distribution on the positive numbers, known by its cumulative hazard -ln P(S > x)."""

    __slots__ = ()

    @property
    @abstractmethod
    def mean(self) -> float:
        """E[S]."""

    @abstractmethod
    def moment(self, k: int) -> float:
        """E[S**k], k at least 1."""

    @abstractmethod
    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""

    @abstractmethod
    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h; with h exponential of mean 1, x follows the distribution."""

    def hazard(self, x: ArrayLike) -> Floats:
        """The earlier name of `cumulative_hazard`."""
        warn_renamed(f"{type(self).__name__}.hazard", "cumulative_hazard")
        return self.cumulative_hazard(x)

    def inverse_hazard(self, h: ArrayLike) -> Floats:
        """The earlier name of `inverse_cumulative_hazard`."""
        warn_renamed(f"{type(self).__name__}.inverse_hazard", "inverse_cumulative_hazard")
        return self.inverse_cumulative_hazard(h)

    @abstractmethod
    def density(self, x: ArrayLike) -> Floats:
        """The density at x; 0 for a distribution of atoms."""

    @abstractmethod
    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+], t at least 0."""

    @abstractmethod
    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2, t at least 0."""

    @property
    def edges(self) -> tuple[float, ...]:
        """Where the distribution is not smooth, 0 left out."""
        return ()

    @property
    def atoms(self) -> tuple[float, ...]:
        """The values of a distribution of atoms; empty for one with a density."""
        return ()

    @property
    def parts(self) -> "tuple[tuple[float, SizeDistribution], ...]":
        """The weights and distributions that this one is a mixture of."""
        return ((1.0, self),)

    def survival(self, x: ArrayLike) -> Floats:
        """P(S > x)."""
        return np.exp(-self.cumulative_hazard(x))

    def inverse_survival(self, u: ArrayLike) -> Floats:
        """The x that a share u of jobs exceed, 0 < u <= 1."""
        return self.inverse_cumulative_hazard(-np.log(u))


@final
@dataclass(frozen=True, slots=True)
class Exponential(SizeDistribution):
    """Exponential sizes.

    Example:
        >>> float(Exponential(2.0).inverse_survival(0.5) / math.log(2))
        2.0
    """

    mean: float = 1.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, mean=finite("mean", self.mean, above=True))

    def moment(self, k: int) -> float:
        """E[S**k]."""
        return math.factorial(k) * self.mean**k

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        return np.asarray(x, dtype=np.float64) / self.mean

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h."""
        return np.asarray(h, dtype=np.float64) * self.mean

    def density(self, x: ArrayLike) -> Floats:
        """The density at x."""
        return self.survival(x) / self.mean

    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+]."""
        return self.mean * self.survival(t)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2."""
        return self.mean**2 * self.survival(t)


@final
@dataclass(frozen=True, slots=True)
class Deterministic(SizeDistribution):
    """All jobs take the same time.

    Example:
        >>> Deterministic(3.0).moment(2)
        9.0
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, value=finite("value", self.value, above=True))

    @property
    def mean(self) -> float:
        """The value."""
        return self.value

    @property
    def edges(self) -> tuple[float, ...]:
        """The value."""
        return (self.value,)

    @property
    def atoms(self) -> tuple[float, ...]:
        """The value."""
        return (self.value,)

    def moment(self, k: int) -> float:
        """value**k."""
        return self.value**k

    def cumulative_hazard(self, x: ArrayLike) -> Floats:
        """0 below the value, else inf."""
        return np.where(np.asarray(x) < self.value, 0.0, math.inf)

    def inverse_cumulative_hazard(self, h: ArrayLike) -> Floats:
        """The value."""
        return np.full(np.shape(h), self.value)

    def density(self, x: ArrayLike) -> Floats:
        """0: the distribution is an atom."""
        return np.zeros(np.shape(x))

    def excess(self, t: ArrayLike) -> Floats:
        """(value - t)^+."""
        return np.maximum(self.value - np.asarray(t, dtype=np.float64), 0.0)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """((value - t)^+)^2 / 2."""
        return self.excess(t) ** 2 / 2
