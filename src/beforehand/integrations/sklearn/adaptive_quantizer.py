"""A scikit-learn transformer that rounds each column of a table to levels of its own."""

from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Histogram, Levels, encode, levels
from beforehand.quantization.inputs import as_weights
from beforehand.quantization.options import Method, Objective, Outside

ROWS = 16_384  # that are kept before histograms replace them
STREAMING = ("auto", "histogram")  # the methods that can learn from one batch after the other


@final
class AdaptiveQuantizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Turn each column into small integers, whose levels are as close to the values as possible.

    Args:
        n_levels: How many levels a column gets, 2 to 65536 (1 too for "mse").
        objective: "mse" rounds to the nearest level. "unbiased" rounds at random to one of the two neighbors, so that
            the mean is the value. The noise depends on the seed, on how many calls of `transform` came before since
            `fit`, and on the position in the array, so that batches average as the whole does.
        method: How levels are found, as in `levels`; `partial_fit` needs "auto" or "histogram".
        seed: Seed of the random rounding, from 0 to 2**64 - 1.
        outside: What to do, for "unbiased", with values outside the fitted range: "clip" takes the end level, which is
            biased, "raise" raises an error.

    Attributes:
        levels_: One table for each column; `np.asarray(levels_)` has shape `(n_features, n_levels)`.
        squared_error_: The sum of the squared errors over the fitted data, each times the weight of its row.
        n_features_in_: The number of columns.
        feature_names_in_: Their names, if the data had any.

    Guarantee:
        With "mse" and the method "exact", which "auto" takes up to 65,536 rows, no `n_levels` numbers give a column a
        smaller squared error: this is exact k-means, of which `KBinsDiscretizer(strategy="kmeans", encode="ordinal")`
        finds an approximation. A row of weight 2 counts like two rows, one of weight 0 not at all.

        With "unbiased", the mean of decoded values goes to the mean of the values as their number grows, in one array
        or in batches of any size. The same calls after `fit` give the same codes, and so does the same `stream`.

    Cost:
        That of `levels` with `axis=1`. `partial_fit`: the first 16,384 rows, then 40 bytes for each of at most 4096
        buckets a column; and some milliseconds a column for the levels, which each call computes again; pass large
        batches.

    Raises:
        InvalidInput: An option breaks its rule, or codes do not belong to this table.

    Example:
        >>> X = np.array([[0.0, 10.0], [1.0, 10.0], [9.0, 30.0], [11.0, 50.0]])
        >>> quantizer = AdaptiveQuantizer(n_levels=2).fit(X)
        >>> quantizer.transform(X).T
        array([[0, 0, 1, 1],
               [0, 0, 1, 1]], dtype=uint8)
        >>> quantizer.inverse_transform([[0, 1], [1, 1]])
        array([[ 0.5, 40. ],
               [10. , 40. ]])

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Near-Optimal Adaptive Vector Quantization,
        arXiv:2402.03158.
    """

    def __init__(
        self,
        n_levels: int = 16,
        *,
        objective: Objective = "mse",
        method: Method = "auto",
        seed: int = 0,
        outside: Outside = "clip",
    ) -> None:
        self.n_levels = n_levels
        self.objective = objective
        self.method = method
        self.seed = seed
        self.outside = outside

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Choose the levels of each column, and discard earlier fits.

        Args:
            X: The data, `(n_samples, n_features)`, finite.
            y: Ignored.
            sample_weight: How much each row counts, `(n_samples,)`, at least 0.
        """
        data, weights = self._read(X, sample_weight, reset=True)
        table = levels(
            data,
            self.n_levels,
            method=self.method,
            objective=self.objective,
            weights=None if weights is None else weights[:, np.newaxis],
            axis=1,
        )
        self._histograms: list[Histogram] = []
        self._rows: list[tuple[NDArray[Any], NDArray[np.float64]]] = []
        self._streams = Streams()
        return self._keep(table)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Add a batch, and choose levels close to the optimum for all batches so far.

        After `fit`, which keeps no histogram, batches start anew.

        Args:
            X: The batch, `(n_samples, n_features)`, finite. The first 16,384 rows are kept, and then tell each
                histogram where to be finest.
            y: Ignored.
            sample_weight: How much each row counts, `(n_samples,)`, at least 0.
        """
        if self.method not in STREAMING:
            raise InvalidInput(
                f"method is {self.method!r}, but partial_fit needs a histogram; take 'auto' or 'histogram', or fit"
            )
        first = not hasattr(self, "_histograms")
        data, weights = self._read(X, sample_weight, reset=first)
        if first:
            self._histograms, self._rows, self._streams = [], [], Streams()
        if not self._histograms:
            self._rows.append((data, np.ones(len(data)) if weights is None else weights))
            data, weights = (np.concatenate(parts) for parts in zip(*self._rows, strict=True))
            if len(data) < ROWS:
                options: dict[str, Any] = {"method": self.method, "objective": self.objective}
                return self._keep(levels(data, self.n_levels, weights=weights[:, np.newaxis], axis=1, **options))
            self._histograms, self._rows = [Histogram.like(column) for column in data.T], []
        for histogram, column in zip(self._histograms, data.T, strict=True):
            histogram.update(column, weights=weights)
        tables = [histogram.levels(self.n_levels, objective=self.objective) for histogram in self._histograms]
        return self._keep(_side_by_side(tables, sum(histogram.squared_norm for histogram in self._histograms)))

    def transform(self, X: Any, *, stream: int | None = None) -> NDArray[Any]:
        """The index of each value's level in the table of its column.

        Args:
            X: The data, `(n_samples, n_features)`, finite.
            stream: For "unbiased", which random numbers of the seed to use, from 0 to 2**56 - 1. Left out, it is the
                number of calls without one since `fit`, so that no two batches round alike. Pass one to get the same
                codes again, and where copies work side by side, as under joblib: each needs streams of its own.

        Returns:
            Codes of the shape of `X`, uint8, or uint16 above 256 levels.
        """
        check_is_fitted(self)
        data = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        table = replace(self.levels_, shape=data.shape)
        if stream is None:
            stream = self._streams.take() if self.objective == "unbiased" else 0
        return encode(data, table, seed=self.seed, stream=stream, outside=self.outside).indices()

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """The levels of codes.

        Args:
            X: Codes, `(n_samples, n_features)`.

        Returns:
            Floats of the shape of `X`, in the precision of the data fitted to.
        """
        check_is_fitted(self)
        given = check_array(X)
        counts = self.levels_.counts
        assert counts is not None  # there is a table for each column
        if given.shape[1] != len(counts):
            raise InvalidInput(f"X has {given.shape[1]} columns of codes, but {len(counts)} were fitted; pass these")
        codes = given.astype(np.int64)
        wrong = (codes != given) | (codes < 0) | (codes >= counts)
        if wrong.any():
            raise InvalidInput(
                f"X contains {given[wrong][0]}, which is not a code of its column; pass what transform() returned"
            )
        return np.take_along_axis(self.levels_.values.T, codes, axis=0)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect: codes are not floats, and unbiased noise depends on the position."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.non_deterministic = self.objective == "unbiased"
        return tags

    def _read(
        self, X: Any, sample_weight: ArrayLike | None, *, reset: bool
    ) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """The data and their weights, without the rows of weight 0, which must not widen the range of levels."""
        data = validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)
        if sample_weight is None:
            return data, None
        weights = as_weights(sample_weight, data.shape[:1], "sample_weight")
        counted = weights > 0
        if not counted.any():
            raise InvalidInput("every sample_weight is zero, but some row must count; leave it out for equal weights")
        return data[counted], weights[counted]

    def _keep(self, table: Levels) -> Self:
        self.levels_ = table
        self.squared_error_ = table.squared_error
        return self


class Streams:
    """Counts the calls of an estimator, which must not change itself when it transforms."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> int:
        """The number of calls before this one."""
        self.taken += 1
        return self.taken - 1


def _side_by_side(tables: list[Levels], squared_norm: float) -> Levels:
    """Tables of one group each as the table of several columns, whose data have this squared norm."""
    counts = np.array([table.n_levels for table in tables])
    errors = np.array([table.squared_error for table in tables])
    return replace(
        tables[0],
        values=np.stack([np.pad(t.values, (0, counts.max() - t.n_levels), mode="edge") for t in tables]),
        counts=counts,
        axis=1,
        shape=(tables[0].shape[0], len(tables)),
        squared_error=float(errors.sum()),
        vnmse=float(errors.sum()) / squared_norm if squared_norm > 0 else 0.0,
        group_squared_error=errors,
        gap=_gap(tables),
    )


def _gap(tables: list[Levels]) -> float | None:
    """The gap of all tables together, where each is known."""
    lost = [(table.squared_error, table.gap) for table in tables if table.squared_error > 0]
    bounds = [error * gap for error, gap in lost if gap is not None]
    if len(bounds) < len(lost):
        return None
    return sum(bounds) / sum(error for error, _ in lost) if lost else 0.0
