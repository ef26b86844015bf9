"""A summary of the data: a histogram that adapts to them, grows with them, and merges."""

import math
from typing import Any, final

from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.deprecation import renamed_arguments
from beforehand.core.errors import InvalidInput
from beforehand.quantization.inputs import Numbers, as_values, as_weights, non_empty
from beforehand.quantization.level_tables import Levels
from beforehand.quantization.options import Objective, check_bins, check_certify, check_n_levels


@final
class Histogram:
    """Summarize data in one pass and a few hundred kilobytes, enough to choose levels later without the data.

    Buckets have equal width up to about one `scale` from the `center` and a constant relative width beyond, so that an
    outlier costs only a few buckets. When the data outgrow `bins`, neighboring buckets merge in pairs.

    Args:
        center: Where buckets are finest; best the median of the data.
        scale: How far from the center buckets have equal width; best half the interquartile range. Above 0.
        bins: Maximum number of buckets, 64 to 65536.

    Guarantee:
        `count`, `minimum` and `maximum` are exact. Histograms of parts, with the same center, scale and bins, merge
        into that of all the data, bit by bit: no order of the data, no parting and no order of merging changes a byte.
        That takes at least 258 bins, values without weights, and no value 2**127 scales from the center; elsewhere sums
        agree up to their rounding. Levels are always values of the data; 16 levels from 4096 buckets cost at most about
        1.001 times the optimum on light tails. Where values crowd in a few buckets far from the center, levels may cost
        much more, and `gap` says how much. Threads may share a histogram: each call waits for the others.

    Cost:
        `update` takes about 4 ns a value and releases the GIL above 10,000 values; a bucket takes 64 bytes, and 24 more
        once there are weights.

    Raises:
        InvalidInput: An argument breaks its rule.

    Example:
        >>> day, night = [1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 10.0]
        >>> seen = Histogram.like(day)
        >>> seen.update(day)
        >>> other = Histogram(center=seen.center, scale=seen.scale)
        >>> other.update(night)
        >>> seen.merge(other)
        >>> seen.count, seen.maximum
        (7, 10.0)
        >>> seen.levels(3).values
        array([ 0.,  3., 10.])
    """

    __slots__ = ("_native",)

    def __init__(self, *, center: float, scale: float, bins: int = 4096) -> None:
        center, scale = _number("center", center), _number("scale", scale)
        if not math.isfinite(center):
            raise InvalidInput(f"center is {center}, but must be finite; take the median of the data")
        if not 2.0**-1000 <= scale < math.inf:
            raise InvalidInput(f"scale is {scale}, but must be positive and finite; take half the interquartile range")
        check_bins(bins)
        self._native = _native.Histogram(center, scale, bins)

    @classmethod
    def like(cls, x: Numbers, *, bins: int = 4096) -> "Histogram":
        """Make an empty histogram for data like these.

        The center is the median, and the scale half the interquartile range, of at most 4,096 values at equal strides.
        If these are all the same, center and scale are those of the first data with another value, or of the first
        histogram merged with.

        Raises:
            InvalidInput: `x` is empty or contains NaN or infinity.
        """
        check_bins(bins)
        return cls._of(_native.Histogram.like(non_empty(x).native, bins))

    @classmethod
    def _of(cls, native: _native.Histogram) -> "Histogram":
        histogram = object.__new__(cls)
        histogram._native = native
        return histogram

    def update(self, x: Numbers, *, weights: ArrayLike | None = None) -> None:
        """Add data, of any shape and any dtype that `levels` accepts.

        Args:
            x: The data; may be empty.
            weights: How much each value counts, broadcastable to `x`; finite and at least 0.

        Raises:
            InvalidInput: `x` contains NaN or infinity, or values whose squares overflow; the histogram is unchanged.
        """
        values = as_values(x)
        weight = None if weights is None else as_weights(weights, values.data.shape)
        if values.data.size:
            self._native.update(values.native, weight)

    def merge(self, other: "Histogram") -> None:
        """Add the data of another histogram with the same center and scale.

        Raises:
            InvalidInput: Center or scale differ, or `other` is not a histogram.
        """
        if not isinstance(other, Histogram):
            raise InvalidInput(f"other is a {type(other).__name__}, but must be a Histogram; update() takes in data")
        settled = self._native.settled and other._native.settled
        if settled and (other.center, other.scale) != (self.center, self.scale):
            raise InvalidInput(
                f"other has center {other.center} and scale {other.scale}, this one {self.center} and {self.scale}; "
                "make both with the same"
            )
        self._native.merge(other._native)

    @renamed_arguments(s="n_levels")
    def levels(self, n_levels: int = 16, *, objective: Objective = "unbiased", certify: bool = False) -> Levels:
        """Choose levels for these data, close to the optimum.

        Args:
            n_levels: How many, as in `levels`.
            objective: "unbiased" or "mse", as in `levels`.
            certify: Also bound the optimum of all levels from below, as in `levels`. For "unbiased" this is also done
                where values crowd in so few buckets that finer ones could save a share of the error that matters:
                `gap` says how much at most.

        Returns:
            One table in float64. Errors are computed from the buckets, each value counted with its weight.

        Raises:
            InvalidInput: The histogram is empty, or all weights are 0.
        """
        check_n_levels(n_levels, objective)
        check_certify(certify, "histogram", objective)
        seen = self._native.copy()  # another thread may update it meanwhile
        if not seen.total_weight > 0:
            raise InvalidInput(
                f"this histogram holds {seen.count} values with a total weight of 0; update it with data first"
            )
        result = seen.levels(n_levels, _native.Objective[objective], certify)
        norm = seen.norm()
        return Levels(
            values=result.levels,
            method="histogram",
            objective=objective,
            shape=(seen.count,),
            squared_error=result.squared_error,
            vnmse=result.squared_error / norm if norm > 0 else 0.0,
            gap=result.gap,
        )

    def to_bytes(self) -> bytes:
        """Serialize: 52 bytes, and 68 for each bucket that is not empty, 92 once there are weights."""
        return self._native.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Histogram":
        """Read what `to_bytes` wrote, by this version or an older one.

        Raises:
            CorruptData: These bytes are not a histogram, or were damaged.
            InvalidInput: `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):  # bytes(n) would make n zeros
            raise InvalidInput(f"data is a {type(data).__name__}, but must be bytes; read them from the file")
        return cls._of(_native.Histogram.from_bytes(bytes(data)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through bytes."""
        return Histogram.from_bytes, (self.to_bytes(),)

    @property
    def center(self) -> float:
        """Where buckets are finest."""
        return self._native.center

    @property
    def scale(self) -> float:
        """How far from the center buckets have equal width."""
        return self._native.scale

    @property
    def bins(self) -> int:
        """Maximum number of buckets."""
        return self._native.bins

    @property
    def count(self) -> int:
        """How many values were added."""
        return self._native.count

    @property
    def total_weight(self) -> float:
        """The sum of their weights."""
        return self._native.total_weight

    @property
    def minimum(self) -> float:
        """The smallest value; inf if there is none."""
        return self._native.minimum

    @property
    def maximum(self) -> float:
        """The largest value; -inf if there is none."""
        return self._native.maximum

    @property
    def squared_norm(self) -> float:
        """The sum of the squares of all values, each times its weight."""
        return self._native.norm()

    @property
    def buckets(self) -> int:
        """How many buckets are not empty."""
        return self._native.buckets

    def __repr__(self) -> str:
        """Say what it summarizes."""
        return f"Histogram(count={self.count}, buckets={self.buckets}, minimum={self.minimum}, maximum={self.maximum})"


def _number(name: str, number: float) -> float:
    try:
        math.isfinite(number)  # float() alone would read a string
        return float(number)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} is {number!r}, but must be a number") from None
    except OverflowError:
        raise InvalidInput(f"{name} is larger than any float, but must be a number that a float can hold") from None
