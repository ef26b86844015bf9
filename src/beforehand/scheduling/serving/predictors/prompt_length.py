"""The length of an answer from what is known of its prompt."""

from __future__ import annotations

import time
from collections.abc import Mapping
from os import PathLike
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import load_tables, save_tables
from beforehand.core.predictor import Price
from beforehand.scheduling.inputs import MOST, checked
from beforehand.scheduling.serving.predictors.prompt_features import BUCKETS, NAMES, Layout, layout_of, matrix
from beforehand.scheduling.serving.predictors.ridge import Ridge, fit_ridge

FORMAT: Final = 1
KIND: Final = "beforehand.prompt_length"
NEWEST: Final = 8192  # requests that it is fitted to
FEWEST: Final = 8
QUANTILES: Final = np.linspace(0.0, 1.0, 101)


@final
class PromptLength:
    """Predict output tokens from the prompt alone: ridge regression on the logarithm of the length.

    Features are columns by name, and those that the caller lacks are left out: `prompt_tokens`, `max_tokens`, `tools`
    (how many are offered), `turn`, `prefix_id` (the system prompt), `tenant`, and `prompts`, the token ids of each
    prompt, of which a bag of words is made. A trace of kind `requests` has all but the last.

    Guarantee:
        Predictions lie between 1 and the longest length seen, and below `max_tokens` where that is a feature. How much
        is smoothed is chosen by generalized cross-validation; errors are judged on requests left out.

    Cost:
        `fit` goes by the newest 8,192 requests and takes time cubic in the smaller of their number and that of the
        columns: a second at 1,000, half a minute at 4,000. `price` is one prediction, measured by `fit`.

    Example:
        >>> prompts = np.arange(1, 201)
        >>> predictor = PromptLength().fit({"prompt_tokens": prompts}, 3 * prompts)
        >>> predictor.predict({"prompt_tokens": [10, 100]}).round()
        array([ 29., 300.])
    """

    __slots__ = ("_layout", "_longest", "_residuals", "_ridge", "price")

    def __init__(self) -> None:
        self.price = Price(per="request")
        self._ridge: Ridge | None = None
        self._layout: Layout
        self._longest: float
        self._residuals: NDArray[np.float64]  # quantiles of the errors on requests left out, as logarithms

    def fit(self, features: Mapping[str, Any], lengths: ArrayLike) -> Self:
        """Learn from finished requests, in the order in which they came.

        Args:
            features: Columns by name; those of other names are ignored.
            lengths: Output tokens of each request.

        Returns:
            Itself.

        Raises:
            InvalidInput: there are fewer than 8 requests; a column is of another length, negative or nan; no column is
                known.
        """
        given = np.asarray(lengths, np.float64)
        if given.ndim != 1 or len(given) < FEWEST:
            raise InvalidInput(f"lengths are of shape {given.shape}, but must be of at least {FEWEST} requests, flat")
        wrong = ~((given >= 0) & (given <= MOST))
        if wrong.any():
            raise InvalidInput(
                f"lengths hold {given[wrong][0]}, but must be from 0 to {MOST:g}; leave such requests out"
            )
        known = {name: column for name, column in features.items() if name in NAMES}
        if any(len(column) != len(given) for column in known.values()):
            raise InvalidInput(f"there are {len(given)} lengths, but another number of rows in a feature; pass as many")
        newest = {name: column[-NEWEST:] for name, column in known.items()}
        self._layout = layout_of(newest)
        given = given[-NEWEST:]
        self._ridge = fit_ridge(matrix(newest, self._layout), np.log1p(given))
        self._longest = max(float(given.max()), 1.0)
        self._residuals = np.quantile(self._ridge.left_out, QUANTILES)
        one = {name: column[:1] for name, column in newest.items()}
        began = time.perf_counter()
        for _ in range(20):
            self.predict(one)
        self.price = Price(seconds=(time.perf_counter() - began) / 20, per="request")
        return self

    def predict(self, features: Mapping[str, Any]) -> NDArray[np.float64]:
        """The expected output tokens of each request.

        Raises:
            InvalidInput: a feature that it was fitted with is missing, of another length, negative or nan; it was not
                fitted.
        """
        ridge = self._fitted()
        return self._tokens(features, ridge.predict(matrix(features, self._layout)) + ridge.variance / 2)

    def quantile(self, features: Mapping[str, Any], p: float) -> NDArray[np.float64]:
        """The output tokens that each request stays below with probability `p`.

        Raises:
            InvalidInput: as `predict`; `p` is not from 0 to 1.
        """
        ridge = self._fitted()
        shift = float(np.interp(checked("p", p, most=1.0), QUANTILES, self._residuals))
        return self._tokens(features, ridge.predict(matrix(features, self._layout)) + shift)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to a file whose name ends in npz.

        Raises:
            InvalidInput: it was not fitted; the file cannot be written.
        """
        ridge, layout = self._fitted(), self._layout
        numbers = {"intercept": ridge.intercept, "variance": ridge.variance, "longest": self._longest}
        mark = {KIND: FORMAT, "names": list(layout.names), "price": self.price.seconds} | numbers
        arrays = {"prefixes": layout.prefixes, "tenants": layout.tenants, "buckets": layout.buckets}
        arrays |= {"center": ridge.center, "weights": ridge.weights, "residuals": self._residuals}
        save_tables(arrays, mark, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            CorruptData: the file is damaged, or something else.
            InvalidInput: it cannot be opened.
        """
        arrays, mark = load_tables(path)
        try:
            if mark[KIND] != FORMAT:
                raise ValueError(f"its format is {mark[KIND]}, this release reads {FORMAT}")
            return cls._of(arrays, mark)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise CorruptData(f"{path} is not what PromptLength.save wrote ({error}); save it again") from error

    @classmethod
    def _of(cls, arrays: dict[str, NDArray[Any]], mark: dict[str, Any]) -> Self:
        made = cls()
        names = tuple(mark["names"])
        numbers = {name: arrays[name].astype(np.float64) for name in ("center", "weights", "residuals")}
        scalars = {name: float(mark[name]) for name in ("intercept", "variance", "longest", "price")}
        if not all(np.isfinite(each).all() for each in (*numbers.values(), np.array(list(scalars.values())))):
            raise ValueError("it holds numbers that are not finite")
        buckets = arrays["buckets"].astype(np.int64)
        if not names or any(name not in NAMES for name in names) or scalars["variance"] < 0 or scalars["longest"] < 1:
            raise ValueError("a field is out of range")
        if buckets.ndim != 1 or ((buckets < 0) | (buckets >= BUCKETS)).any():
            raise ValueError("a bucket is out of range")
        made._layout = Layout(names, arrays["prefixes"].astype(np.int64), arrays["tenants"].astype(np.str_), buckets)
        columns = matrix({name: [] for name in names}, made._layout).shape[1]
        shapes = {name: each.shape for name, each in numbers.items()}
        if shapes != {"center": (columns,), "weights": (columns,), "residuals": QUANTILES.shape}:
            raise ValueError(f"its arrays have the shapes {shapes}, which do not fit its {columns} columns")
        center, weights = numbers["center"], numbers["weights"]
        made._ridge = Ridge(center, weights, scalars["intercept"], scalars["variance"], np.zeros(0))
        made._longest, made._residuals = scalars["longest"], numbers["residuals"]
        made.price = Price(seconds=scalars["price"], per="request")
        return made

    def _fitted(self) -> Ridge:
        if self._ridge is None:
            raise InvalidInput("the predictor has seen no requests; call fit first")
        return self._ridge

    def _tokens(self, features: Mapping[str, Any], logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        most = np.full(len(logarithms), self._longest)
        if "max_tokens" in self._layout.names:
            most = np.minimum(most, np.asarray(features["max_tokens"], np.float64))
        tokens: NDArray[np.float64] = np.clip(np.expm1(np.minimum(logarithms, 230.0)), 1.0, np.maximum(most, 1.0))
        return tokens
