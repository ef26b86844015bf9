"""How predictions err: distributions of the prediction Y of a job of size x.

The formulas need three functions of a distribution that fall with t, all given x: P(Y > t), E[(Y - t)^+] and
E[((Y - t)^+)^2] / 2. No density enters them, and nothing cancels at large t.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.deprecation import renamed_arguments, warn_renamed
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.sizes import SizeDistribution
from beforehand.scheduling.distributions.special import Floats, normal_quantile, normal_tail
from beforehand.scheduling.inputs import checked, finite, kind_of, listed, settle

LEAST_WIDTH: Final = 1e-4  # what is narrower is ExactError()
MOST_SIGMA: Final = 4.0  # predictions are typically off by a factor of e**4; beyond, quadrature is no longer accurate
MOST_BIAS: Final = 1e6
Tail = tuple[Floats, Floats, Floats]


class PredictionError(ABC):
    """The distribution of a prediction, given the size."""

    __slots__ = ()

    @abstractmethod
    def tail(self, t: Floats, x: Floats) -> Tail:
        """P(Y > t), E[(Y - t)^+] and E[((Y - t)^+)^2] / 2, all given x, in one go as they share their terms."""

    @abstractmethod
    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """The density of Y at t, given x; 0 for what is exact or an atom."""

    @abstractmethod
    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """The t with P(Y > t) = u, 0 < u < 1, given x."""

    @property
    def slopes(self) -> tuple[float, ...]:
        """The multiples of x at which `tail` is not smooth in t."""
        return ()

    @property
    def steps(self) -> tuple[float, ...]:
        """The values, the same for all x, at which `tail` is not smooth in t."""
        return ()

    @property
    def atoms(self) -> tuple[float, ...]:
        """Ascending, all values that Y can have, if they are the same for all x; else empty."""
        return ()

    def breakpoints(self, t: float) -> tuple[float, ...]:
        """The sizes at which `tail` is not smooth in x."""
        return tuple(t / slope for slope in self.slopes)

    def chance(self, atom: NDArray[np.int64], x: Floats) -> Floats:
        """The probability of one of `atoms`, by its number, given x."""
        at = np.array([-1.0, *self.atoms])
        return self.survival(at[atom], x) - self.survival(at[atom + 1], x)

    def survival(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """P(Y > t), given x."""
        return self.tail(np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64))[0]

    def excess(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """E[(Y - t)^+], given x."""
        return self.tail(np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64))[1]

    def half_square_excess(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """E[((Y - t)^+)^2] / 2, given x."""
        return self.tail(np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64))[2]


@final
@dataclass(frozen=True, slots=True)
class ExactError(PredictionError):
    """No error: the prediction is the size.

    Example:
        >>> float(ExactError().inverse_survival(0.3, 2.0))
        2.0
    """

    @property
    def slopes(self) -> tuple[float, ...]:
        """The size itself."""
        return (1.0,)

    def tail(self, t: Floats, x: Floats) -> Tail:
        """All of (x - t)^+."""
        excess = np.maximum(x - t, 0.0)
        return (excess > 0).astype(np.float64), excess, excess * excess / 2

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """0: there is none."""
        return np.zeros(np.broadcast_shapes(np.shape(t), np.shape(x)))

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """x."""
        return np.asarray(x, dtype=np.float64) + np.zeros(np.shape(u))


@final
@dataclass(frozen=True, slots=True)
class ExponentialError(PredictionError):
    """A prediction that is exponential with the size as its mean: unbiased and very noisy.

    Example:
        >>> round(float(ExponentialError().survival(2.0, 1.0)), 6)
        0.135335
    """

    def tail(self, t: Floats, x: Floats) -> Tail:
        """Multiples of exp(-t / x)."""
        survival = np.exp(t / -x)
        excess = x * survival
        return survival, excess, x * excess

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """exp(-t / x) / x."""
        return self.survival(t, x) / np.asarray(x, dtype=np.float64)

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """-x ln u."""
        return -np.asarray(x, dtype=np.float64) * np.log(u)


@final
@dataclass(frozen=True, slots=True)
class UniformError(PredictionError):
    """A prediction that is uniform between (1 - alpha) and (1 + alpha) times the size, 1e-4 <= alpha <= 1.

    Example:
        >>> UniformError(0.5).breakpoints(3.0)
        (6.0, 2.0)
    """

    alpha: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, alpha=checked("alpha", self.alpha, least=LEAST_WIDTH, most=1.0))

    @property
    def slopes(self) -> tuple[float, ...]:
        """Both ends, 0 left out."""
        return tuple(slope for slope in (1 - self.alpha, 1 + self.alpha) if slope)

    def tail(self, t: Floats, x: Floats) -> Tail:
        """Powers of what lies above t, then of what lies below the interval."""
        width = 2 * self.alpha * x
        above = np.clip((1 + self.alpha) * x - t, 0.0, width)
        below = np.maximum((1 - self.alpha) * x - t, 0.0)
        survival = above / width
        excess = above * survival / 2
        half_square = above * excess / 3
        return survival, excess + below, half_square + below * (excess + below / 2)

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """1 / (2 alpha x) inside."""
        t, x = np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64)
        return np.where(np.abs(t - x) <= self.alpha * x, 1 / (2 * self.alpha * x), 0.0)

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """x (1 + alpha - 2 alpha u)."""
        return np.asarray(x, dtype=np.float64) * (1 + self.alpha - 2 * self.alpha * np.asarray(u, dtype=np.float64))


@final
@dataclass(frozen=True, slots=True)
class LogNormalError(PredictionError):
    """A prediction that is `bias * x * exp(sigma * N)`, N standard normal.

    Args:
        sigma: The standard deviation of its logarithm, from 1e-4 to 4.
        bias: The median of the prediction divided by the size, from 1e-6 to 1e6.

    Example:
        >>> float(LogNormalError(0.5, bias=2.0).inverse_survival(0.5, 3.0))
        6.0
    """

    sigma: float
    bias: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(
            self,
            sigma=checked("sigma", self.sigma, least=LEAST_WIDTH, most=MOST_SIGMA),
            bias=checked("bias", self.bias, least=1 / MOST_BIAS, most=MOST_BIAS),
        )

    @property
    def slopes(self) -> tuple[float, ...]:
        """None; but a narrow distribution changes within less than a panel of the quadrature, which these split."""
        if self.sigma >= 0.25:
            return ()
        return tuple(self.bias * math.exp(self.sigma * z) for z in (-7.0, -2.4, 2.4, 7.0))

    def tail(self, t: Floats, x: Floats) -> Tail:
        """Partial moments, each the tail of a normal distribution."""
        median = self.bias * x
        with np.errstate(divide="ignore"):
            z = np.log(t / median) / self.sigma
        survival = normal_tail(z)
        first = median * math.exp(self.sigma**2 / 2) * normal_tail(z - self.sigma)
        second = median * median * math.exp(2 * self.sigma**2) * normal_tail(z - 2 * self.sigma)
        excess = first - t * survival
        half_square = (second - t * (first + excess)) / 2
        return survival, np.maximum(excess, 0.0), np.maximum(half_square, 0.0)

    def survival(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """The tail of a normal distribution."""
        with np.errstate(divide="ignore"):
            return normal_tail(np.log(np.asarray(t) / (self.bias * np.asarray(x))) / self.sigma)

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """The density of the lognormal distribution with median bias * x."""
        t, x = np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64)
        z = np.log(t / (self.bias * x)) / self.sigma
        return np.exp(-z * z / 2) / (t * self.sigma * math.sqrt(2 * math.pi))

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """bias * x * exp(sigma * z), z the normal quantile."""
        return self.bias * np.asarray(x, dtype=np.float64) * np.exp(-self.sigma * normal_quantile(u))


@final
@dataclass(frozen=True, slots=True)
class BinnedError(PredictionError):
    """A prediction that says only in which bin an inner prediction falls.

    Args:
        edges: Ascending, at least two; what lies outside joins the first or the last bin.
        inner: What is binned.
        values: What each bin predicts, one fewer than edges, at least 0; the midpoints if left out.

    Example:
        >>> BinnedError((0.0, 1.0, 3.0)).inverse_survival([0.5, 0.5], [0.2, 7.0])
        array([0.5, 2. ])
    """

    edges: tuple[float, ...]
    inner: PredictionError = field(default_factory=ExactError)
    values: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        kind_of("inner", self.inner, PredictionError, "one such as ExponentialError()")
        edges = tuple(checked("edges", edge) for edge in listed("edges", self.edges))
        if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
            raise InvalidInput(
                f"edges are {self.edges}, but must be ascending, at least two; sort them, drop equal ones"
            )
        if self.values is None:
            values = tuple((a + b) / 2 for a, b in pairwise(edges))
        else:
            values = listed("values", self.values)
        if len(values) != len(edges) - 1:
            raise InvalidInput(f"values has {len(values)} numbers, but must have one for each of {len(edges) - 1} bins")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "values", tuple(finite("values", value) for value in values))

    @property
    def atoms(self) -> tuple[float, ...]:
        """The values of the bins."""
        return tuple(sorted(set(self._values)))

    @property
    def steps(self) -> tuple[float, ...]:
        """The values of the bins."""
        return self.atoms

    @property
    def _values(self) -> tuple[float, ...]:
        return self.values or ()

    def breakpoints(self, t: float) -> tuple[float, ...]:
        """The sizes at which the share of a bin is not smooth."""
        return tuple(x for edge in self.edges[1:-1] for x in self.inner.breakpoints(edge))

    def tail(self, t: Floats, x: Floats) -> Tail:
        """Sums over the bins whose value is above t."""
        beyond = [self.inner.survival(edge, x) for edge in self.edges[1:-1]]
        shares = -np.diff(np.array([np.ones(np.shape(x)), *beyond, np.zeros(np.shape(x))]), axis=0)
        order = np.argsort(self._values)
        values = np.array(self._values)[order]
        shape = np.broadcast_shapes(np.shape(t), np.shape(x))
        first = np.broadcast_to(np.searchsorted(values, t, side="right"), shape)[None]

        def above(power: int) -> Floats:
            terms = shares[order] * (values**power).reshape(-1, *(1,) * np.ndim(x))
            sums = np.concatenate([terms[::-1].cumsum(axis=0)[::-1], np.zeros((1, *np.shape(x)))])
            return np.asarray(np.take_along_axis(np.broadcast_to(sums, (len(sums), *shape)), first, axis=0)[0])

        count, total, square = above(0), above(1), above(2)
        return count, total - t * count, (square - 2 * t * total + t * t * count) / 2

    def survival(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """That of the inner prediction, at the edge where values pass t, if values rise with their bins."""
        values = np.array(self._values)
        if np.any(np.diff(values) < 0):
            return self.tail(np.asarray(t, dtype=np.float64), np.asarray(x, dtype=np.float64))[0]
        first = np.searchsorted(values, t, side="right")
        beyond = self.inner.survival(np.array([*self.edges[:-1], self.edges[-2]])[first], x)
        return np.where(first == 0, 1.0, np.where(first == len(values), 0.0, beyond))

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """0: all values are atoms."""
        return np.zeros(np.broadcast_shapes(np.shape(t), np.shape(x)))

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """The value of the bin that the inner prediction falls into."""
        bins = np.searchsorted(self.edges[1:-1], self.inner.inverse_survival(u, x), side="left")
        return np.asarray(self._values)[bins]


@final
@dataclass(frozen=True, slots=True)
class IndependentError(PredictionError):
    """A prediction that says nothing about the size: a draw from a distribution of its own.

    Example:
        >>> from beforehand.scheduling import Exponential
        >>> float(IndependentError(Exponential(2.0)).excess(0.0, 17.0))
        2.0
    """

    distribution: SizeDistribution

    def __post_init__(self) -> None:
        """Validate the fields."""
        kind_of("distribution", self.distribution, SizeDistribution, "one such as Exponential(2.0)")

    @property
    def law(self) -> SizeDistribution:
        """The earlier name of `distribution`."""
        warn_renamed("IndependentError.law", "distribution")
        return self.distribution

    @property
    def atoms(self) -> tuple[float, ...]:
        """Those of the distribution."""
        return self.distribution.atoms

    @property
    def steps(self) -> tuple[float, ...]:
        """Where the distribution is not smooth."""
        return self.distribution.edges

    def tail(self, t: Floats, x: Floats) -> Tail:
        """Those of the distribution."""
        t = np.broadcast_to(t, np.broadcast_shapes(np.shape(t), np.shape(x)))
        return self.distribution.survival(t), self.distribution.excess(t), self.distribution.half_square_excess(t)

    def density(self, t: ArrayLike, x: ArrayLike) -> Floats:
        """That of the distribution."""
        return self.distribution.density(t) + np.zeros(np.shape(x))

    def inverse_survival(self, u: ArrayLike, x: ArrayLike) -> Floats:
        """That of the distribution."""
        return self.distribution.inverse_survival(u) + np.zeros(np.shape(x))


IndependentError.__init__ = renamed_arguments(law="distribution")(IndependentError.__init__)  # type: ignore[method-assign]
