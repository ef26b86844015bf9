"""Laws of job sizes, and `Joint`, which adds predictions to them."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.scheduling.inputs import finite, kind_of, settle
from beforehand.scheduling.special import Floats

if TYPE_CHECKING:
    from beforehand.scheduling.prediction_errors import PredictionError


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


@final
@dataclass(frozen=True, slots=True)
class Joint:
    """Sizes, and two predictions of each, independent of one another given the size.

    Args:
        size: The law of sizes.
        expensive: How the expensive prediction errs; None if there is none.
        cheap: How the cheap one does.

    Example:
        >>> from beforehand.scheduling import ExactError, ExponentialError, SkipPredict, expect
        >>> law = Joint(Exponential(), expensive=ExactError(), cheap=ExponentialError())
        >>> round(expect(SkipPredict(1.0), law, load=0.8).response_time, 6)
        2.792271
    """

    size: SizeLaw
    expensive: "PredictionError | None" = None
    cheap: "PredictionError | None" = None

    def __post_init__(self) -> None:
        """Refuse what are no laws."""
        from beforehand.scheduling.prediction_errors import PredictionError

        kind_of("size", self.size, SizeLaw, "one such as Exponential(2.0), or a Log in place of the Joint")
        for name, error in (("expensive", self.expensive), ("cheap", self.cheap)):
            if error is not None:
                kind_of(name, error, PredictionError, "one such as ExponentialError()")

    @property
    def mean(self) -> float:
        """The mean size."""
        return self.size.mean

    def moment(self, k: int) -> float:
        """The mean of the k-th power of the size."""
        return self.size.moment(k)
