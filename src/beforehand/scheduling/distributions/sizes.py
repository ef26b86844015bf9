"""Laws of job sizes."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.inputs import finite, settle


class SizeLaw(ABC):
    """How long jobs take: a law on the positive numbers, known by its cumulative hazard -ln P(S > x)."""

    __slots__ = ()

    @property
    @abstractmethod
    def mean(self) -> float:
        """E[S]."""

    @abstractmethod
    def moment(self, k: int) -> float:
        """E[S**k], k at least 1."""

    @abstractmethod
    def hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""

    @abstractmethod
    def inverse_hazard(self, h: ArrayLike) -> Floats:
        """The x whose cumulative hazard is h; with h exponential of mean 1, x follows the law."""

    @abstractmethod
    def density(self, x: ArrayLike) -> Floats:
        """The density at x; 0 for a law of atoms."""

    @abstractmethod
    def excess(self, t: ArrayLike) -> Floats:
        """E[(S - t)^+], t at least 0."""

    @abstractmethod
    def half_square_excess(self, t: ArrayLike) -> Floats:
        """E[((S - t)^+)^2] / 2, t at least 0."""

    @property
    def edges(self) -> tuple[float, ...]:
        """Where the law is not smooth, 0 left out."""
        return ()

    @property
    def atoms(self) -> tuple[float, ...]:
        """The values of a law of atoms; empty for one with a density."""
        return ()

    @property
    def parts(self) -> "tuple[tuple[float, SizeLaw], ...]":
        """The weights and laws that this one is a mixture of."""
        return ((1.0, self),)

    def survival(self, x: ArrayLike) -> Floats:
        """P(S > x)."""
        return np.exp(-self.hazard(x))

    def inverse_survival(self, u: ArrayLike) -> Floats:
        """The x that a share u of jobs exceed, 0 < u <= 1."""
        return self.inverse_hazard(-np.log(u))


@final
@dataclass(frozen=True, slots=True)
class Exponential(SizeLaw):
    """Exponential sizes.

    Example:
        >>> float(Exponential(2.0).inverse_survival(0.5) / math.log(2))
        2.0
    """

    mean: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no mean."""
        settle(self, mean=finite("mean", self.mean, above=True))

    def moment(self, k: int) -> float:
        """E[S**k]."""
        return math.factorial(k) * self.mean**k

    def hazard(self, x: ArrayLike) -> Floats:
        """-ln P(S > x)."""
        return np.asarray(x, dtype=np.float64) / self.mean

    def inverse_hazard(self, h: ArrayLike) -> Floats:
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
class Deterministic(SizeLaw):
    """All jobs take the same time.

    Example:
        >>> Deterministic(3.0).moment(2)
        9.0
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no size."""
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

    def hazard(self, x: ArrayLike) -> Floats:
        """0 below the value, else inf."""
        return np.where(np.asarray(x) < self.value, 0.0, math.inf)

    def inverse_hazard(self, h: ArrayLike) -> Floats:
        """The value."""
        return np.full(np.shape(h), self.value)

    def density(self, x: ArrayLike) -> Floats:
        """0: the law is an atom."""
        return np.zeros(np.shape(x))

    def excess(self, t: ArrayLike) -> Floats:
        """(value - t)^+."""
        return np.maximum(self.value - np.asarray(t, dtype=np.float64), 0.0)

    def half_square_excess(self, t: ArrayLike) -> Floats:
        """((value - t)^+)^2 / 2."""
        return self.excess(t) ** 2 / 2
