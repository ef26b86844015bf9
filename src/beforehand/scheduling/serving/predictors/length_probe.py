"""How much of an answer is left, read from the hidden states of the model that writes it."""

import functools
import math
import os
import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Self, final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import load_tables, save_tables
from beforehand.core.predictor import Price
from beforehand.scheduling.inputs import checked, flag, one_of, whole
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity

Prefill = Literal["last", "mean", "entropy"]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
KIND: Final = "length_probe"
PRECOMPUTED: Final = 64  # powers of the transition matrix
MOST_NUMBERS: Final = 2**20  # in all of them
TIMED_ROWS: Final = 32
NAMES: Final = ("weights1", "bias1", "weights2", "bias2")


@final
class LengthProbe:
    """Read from a hidden state of a language model how many tokens are left of its answer: TRAIL's predictor.

    A perceptron with one hidden layer puts each state into one of `k` bins of remaining tokens. `smooth` combines what
    it says with what it said before, `expected` turns probabilities into tokens.

    Args:
        layer: The decoder layer after which the state is taken, from 0.
        bins: Edges of the bins, float64 (k + 1,), increasing from 0; the last bin also takes all that is longer.
        weights: Of both layers, with their biases, float32: (hidden, 512), (512,), (512, k), (k,); any width will do.
        mean: Subtracted from states, float32 (hidden,); None for zeros.
        std: What they are then divided by, float32 (hidden,), positive; None for ones.
        representatives: Tokens that stand for each bin, float64 (k,); None for the middles.
        marginal: Share of each bin among the states it was trained on, float64 (k,); None if unknown.
        prefill: Which state stands for a prompt: that of its last token, or a mean over all of them.
        model: The model whose states it reads; None if unknown.
        floor: Of the prior when smoothing: this share of it is spread over all bins. Without it, mass moves only to
            shorter bins, so that a low estimate is never corrected.
        divide_by_marginal: Divide evidence by `marginal` when smoothing, as the prior has counted it once already.
        report: What training found, as JSON; kept with the probe.

    Guarantee:
        Probabilities are float32, at least 0, and each row sums to 1 within 1e-5. Smoothing keeps that; where prior and
        evidence exclude each other, the evidence counts alone. `load` after `save` gives a probe with equal answers.

    Cost:
        512 (hidden + k) products for each row: hand in all rows of a step at once. `price` is measured when first
        asked.

    Raises:
        InvalidInput: Shapes that do not fit, edges that do not increase, numbers that are not finite.

    Example:
        >>> weights = (np.zeros((4, 3)), np.zeros(3), np.zeros((3, 2)), np.log([3.0, 1.0]))
        >>> probe = LengthProbe(layer=0, bins=[0, 10, 30], weights=weights)
        >>> probe.probabilities(np.ones((1, 4))).round(3)
        array([[0.75, 0.25]], dtype=float32)
        >>> probe.predict(np.ones((1, 4))).round(4)  # 0.75 * 5 + 0.25 * 20
        array([8.75])

    Reference:
        Shahout et al.: Don't Stop Me Now: Embedding Based Scheduling for LLMs. ICLR 2025, arXiv 2410.01035.
    """

    def __init__(
        self,
        *,
        layer: int,
        bins: ArrayLike,
        weights: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
        mean: ArrayLike | None = None,
        std: ArrayLike | None = None,
        representatives: ArrayLike | None = None,
        marginal: ArrayLike | None = None,
        prefill: Prefill = "last",
        model: ModelIdentity | None = None,
        floor: float = 0.0,
        divide_by_marginal: bool = False,
        report: str = "",
    ) -> None:
        self.layer: Final = whole("layer", layer)
        self.bins: Final = _array("bins", bins, np.float64, (None,))
        if self.bins.size < 3 or self.bins[0] != 0 or np.any(np.diff(self.bins) <= 0):
            raise InvalidInput(f"bins is {self.bins.tolist()}, but must increase from 0 over at least two bins")
        k = self.bins.size - 1
        if not isinstance(weights, tuple | list) or len(weights) != 4:
            raise InvalidInput("weights must be four arrays: (hidden, width), (width,), (width, k) and (k,)")
        first = _array("weights[0]", weights[0], np.float32, (None, None))
        hidden, width = first.shape
        shapes = ((hidden, width), (width,), (width, k), (k,))
        self.weights: Final[tuple[Singles, ...]] = tuple(
            _array(f"weights[{place}]", each, np.float32, shape)
            for place, (each, shape) in enumerate(zip(weights, shapes, strict=True))
        )
        self.hidden: Final = hidden
        self.mean: Final = _array("mean", np.zeros(hidden) if mean is None else mean, np.float32, (hidden,))
        self.std: Final = _array("std", np.ones(hidden) if std is None else std, np.float32, (hidden,))
        middles = (self.bins[:-1] + self.bins[1:]) / 2
        given = middles if representatives is None else representatives
        self.representatives: Final = _array("representatives", given, np.float64, (k,))
        self.marginal: Final = None if marginal is None else _array("marginal", marginal, np.float64, (k,))
        if hidden < 1 or width < 1 or np.any(self.std <= 0) or np.any(self.representatives < 0):
            raise InvalidInput("std must be above 0, representatives at least 0, and weights must not be empty")
        if self.marginal is not None and (np.any(self.marginal < 0) or not self.marginal.sum() > 0):
            raise InvalidInput("marginal must be shares of at least 0 that do not all vanish")
        one_of("prefill", prefill, get_args(Prefill))
        if model is not None and not isinstance(model, ModelIdentity):
            raise InvalidInput(f"model is {model!r}, but must be a ModelIdentity")
        if flag("divide_by_marginal", divide_by_marginal) and self.marginal is None:
            raise InvalidInput("divide_by_marginal is True, but marginal is None; pass the shares of the bins")
        self.prefill: Final = prefill
        self.model: Final = model
        self.floor: Final = checked("floor", floor, most=1.0)
        self.divide_by_marginal: Final = bool(divide_by_marginal)
        self.report: Final = report
        scaled = self.weights[0] / self.std[:, None]  # standardizing is part of the first layer
        self._first: Final = np.ascontiguousarray(scaled, np.float32)
        self._bias: Final = (self.weights[1] - self.mean @ scaled).astype(np.float32)
        self._layers: Final = _native.Perceptron(self._first, self._bias, *self.weights[2:])
        evidence = np.ones(k)
        if self.divide_by_marginal and self.marginal is not None:
            evidence = 1 / np.maximum(self.marginal / self.marginal.sum(), 1e-6)
        powers = transitions(self.bins, min(PRECOMPUTED, max(1, MOST_NUMBERS // k**2)))
        self._smoothing: Final = _native.BinSmoothing(powers.reshape(-1, k), evidence, self.representatives, self.floor)

    @functools.cached_property
    def price(self) -> Price:
        """What one row of one refresh costs on this machine, in a batch of 32."""
        rows = np.zeros((TIMED_ROWS, self.hidden), np.float32)
        previous, times = self.probabilities(rows), []
        for _ in range(9):
            start = time.perf_counter()
            self.expected(self.smooth(previous, self.probabilities(rows), 1))
            times.append(time.perf_counter() - start)
        return Price(float(np.median(times)) / TIMED_ROWS, per="refresh")

    def probabilities(self, hidden: ArrayLike) -> Singles:
        """The probability of each bin, float32 (n, k), for states, float32 (n, hidden).

        A state that is not finite says nothing: its row is the same for all bins.

        Raises:
            InvalidInput: `hidden` has another shape.
        """
        states = np.asarray(hidden, np.float32)
        if states.ndim != 2 or states.shape[1] != self.hidden:
            raise InvalidInput(f"hidden has shape {states.shape}, but must be (n, {self.hidden}), a row a request")
        every = np.arange(len(states))
        return self._layers.probabilities(np.ascontiguousarray(states), every, 1 / self.representatives.size)

    def read(self, states: NDArray[Any], rows: NDArray[np.int64]) -> Singles:
        """As `probabilities`, for some rows of a step's states only: float32, or bfloat16 as uint16; both contiguous.

        The row of a state that is not finite is nan.

        Raises:
            TypeError: another dtype.
            InvalidInput: `states` has another width, or a row lies outside of it.
        """
        return self._layers.probabilities(states, rows, math.nan)

    def folded(self) -> tuple[Singles, Singles]:
        """Weights and bias of the first layer for states as they come, with the standardizing in them."""
        return self._first, self._bias

    def expected(self, probabilities: ArrayLike) -> Floats:
        """Expected remaining tokens, float64 (n,), at least 1, of probabilities (n, k); of (k,) a single number."""
        return np.asarray(np.maximum(np.asarray(probabilities, np.float64) @ self.representatives, 1.0))

    def predict(self, hidden: ArrayLike) -> Floats:
        """Expected remaining tokens, float64 (n,) and at least 1, for states, float32 (n, hidden)."""
        return self.expected(self.probabilities(hidden))

    def smooth(self, previous: ArrayLike | None, probabilities: ArrayLike, steps: ArrayLike) -> Floats:
        """Combine new probabilities with what was believed `steps` tokens ago.

        Args:
            previous: What the last call returned, (n, k) or (k,); None, or nan in a row, if there was none.
            probabilities: Those of this refresh, of the same shape.
            steps: Tokens written since the last refresh, at least 0: one number, or one for each row.

        Returns:
            Smoothed probabilities, float64 of the same shape; rows sum to 1.

        Raises:
            InvalidInput: Shapes that do not fit, negative steps, probabilities that are negative or not finite.
        """
        given = np.asarray(probabilities, np.float64)
        k = self.representatives.size
        if given.ndim not in (1, 2) or given.shape[-1] != k:
            raise InvalidInput(f"probabilities has shape {given.shape}, but must be (n, {k}) or ({k},)")
        before = None if previous is None else np.asarray(previous, np.float64)
        if before is not None and before.shape != given.shape:
            raise InvalidInput(
                f"previous has shape {before.shape}, but probabilities has {given.shape}; they must agree"
            )
        rows = np.ascontiguousarray(given.reshape(-1, k))
        counts = self._counts(steps, len(rows))
        beliefs, left = self.refine(
            None if before is None else np.ascontiguousarray(before.reshape(-1, k)), rows, counts
        )
        if np.isnan(left).any():
            raise InvalidInput("probabilities must be finite, at least 0, and not all 0 in a row")
        return beliefs.reshape(given.shape)

    def refine(self, previous: Floats | None, probabilities: Floats, steps: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """`smooth` and `expected` at once, for contiguous tables and a step count for each row.

        Rows that are no probabilities are nan in both, (n, k) and (n,).
        """
        return self._smoothing.smooth(previous, probabilities, steps)

    def _counts(self, steps: ArrayLike, rows: int) -> NDArray[np.int64]:
        """Steps, one for each row."""
        counts = np.asarray(steps)
        if counts.dtype.kind not in "iu" or counts.ndim > 1 or (counts.ndim and counts.shape[0] != rows):
            raise InvalidInput(f"steps is {steps!r}, but must be a whole number, or one for each of {rows} rows")
        if counts.size and not 0 <= counts.min() <= counts.max() < 2**63:
            raise InvalidInput(f"steps is {int(counts.min())}, but must be at least 0")
        return np.ascontiguousarray(np.broadcast_to(counts, rows), np.int64)

    def with_smoothing(self, *, floor: float = 0.0, divide_by_marginal: bool = False) -> "LengthProbe":
        """The same probe, smoothing otherwise.

        Raises:
            InvalidInput: As the constructor.
        """
        return self._changed(floor=floor, divide_by_marginal=divide_by_marginal)

    def with_report(self, report: str) -> "LengthProbe":
        """The same probe, with another report."""
        return self._changed(report=report)

    def _changed(self, **changes: Any) -> "LengthProbe":
        return LengthProbe(**self._fields() | changes)

    def _fields(self) -> dict[str, Any]:
        names = ("layer", "bins", "weights", "mean", "std", "representatives", "marginal", "prefill", "model", "floor",
                 "divide_by_marginal", "report")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def check_model(self, model: ModelIdentity) -> None:
        """Raise unless this probe was trained on the states of that model.

        Raises:
            InvalidInput: It was trained on another one, or reads a layer or a width that the model has not.
        """
        if self.model is not None and self.model.fingerprint != model.fingerprint:
            raise InvalidInput(f"this probe was trained on {self.model}, but the model is {model}; train one with it")
        if self.hidden != model.hidden_size or self.layer >= model.layers:
            raise InvalidInput(
                f"this probe reads {self.hidden} numbers after layer {self.layer}, but {model} has "
                f"{model.hidden_size} after each of {model.layers} layers; train one with it"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the probe as npz; the name must end so.

        Raises:
            InvalidInput: The file cannot be written, or its name ends otherwise.
        """
        _check_ending(path)
        arrays: dict[str, NDArray[Any]] = dict(zip(NAMES, self.weights, strict=True))
        arrays |= {name: getattr(self, name) for name in ("bins", "mean", "std", "representatives")}
        if self.marginal is not None:
            arrays["marginal"] = self.marginal
        mark = {"kind": KIND, "format": 1, "layer": self.layer, "prefill": self.prefill, "floor": self.floor,
                "divide_by_marginal": self.divide_by_marginal, "report": self.report,
                "model": None if self.model is None else self.model.fields()}  # fmt: skip
        save_tables(arrays, mark, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            InvalidInput: The file cannot be read, or its name does not end in npz.
            CorruptData: It is no probe, one of a newer version, or damaged.
        """
        _check_ending(path)
        arrays, mark = load_tables(path)
        try:
            return cls._read(arrays, mark)
        except (InvalidInput, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise CorruptData(f"{path} is no probe of this version: {reason}; train it again") from error

    @classmethod
    def _read(cls, arrays: Mapping[str, NDArray[Any]], mark: Mapping[str, Any]) -> Self:
        if mark["kind"] != KIND or mark["format"] != 1:
            raise InvalidInput(f"it is of kind {mark['kind']!r} and format {mark['format']!r}")
        for name, array in arrays.items():
            if array.dtype.kind != "f":
                raise InvalidInput(f"{name} has dtype {array.dtype}")
        model = mark["model"]
        return cls(
            layer=mark["layer"],
            bins=arrays["bins"],
            weights=tuple(arrays[name] for name in NAMES),  # type: ignore[arg-type]
            mean=arrays["mean"],
            std=arrays["std"],
            representatives=arrays["representatives"],
            marginal=arrays.get("marginal"),
            prefill=mark["prefill"],
            model=None if model is None else ModelIdentity(**model),
            floor=mark["floor"],
            divide_by_marginal=mark["divide_by_marginal"],
            report=str(mark["report"]),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made by the constructor."""
        return functools.partial(LengthProbe, **self._fields()), ()

    def __repr__(self) -> str:
        """Name it by what it reads."""
        of = "" if self.model is None else f" of {self.model}"
        return f"<LengthProbe on layer {self.layer}{of}, {self.representatives.size} bins>"


def transitions(bins: Floats, most: int) -> Floats:
    """Powers 0 to `most` of the matrix by which one token moves the belief about bins, float64 (most + 1, k, k).

    One token leaves a bin of width w, for the next shorter one, with probability 1/w; the shortest is never left.
    """
    widths = np.diff(bins)
    step = np.eye(widths.size)
    for i in range(1, widths.size):
        share = min(1.0, 1 / widths[i])
        step[i, i - 1], step[i, i] = share, 1 - share
    powers = [np.eye(widths.size)]
    for _ in range(most):
        powers.append(powers[-1] @ step)
    return np.stack(powers)


def edges(bins: int | Literal["log"], max_length: int, *, logarithmic: int = 16) -> Floats:
    """Edges of `bins` equally wide bins up to `max_length`, or with "log" of bins that widen from 8 tokens on.

    Raises:
        InvalidInput: Fewer than 2 bins, or a length below 16.
    """
    length = whole("max_length", max_length, least=16, most=10**9)
    if bins == "log":
        return np.unique(np.concatenate([[0.0], np.round(np.geomspace(8, length, logarithmic))]))
    return np.linspace(0.0, length, whole("bins", bins, least=2, most=4096) + 1)


def bin_of(bins: Floats, left: Floats) -> NDArray[np.int64]:
    """The bin of each number of tokens left, at least 0; what is longer than all counts to the last."""
    return np.minimum(np.searchsorted(bins, left, "right") - 1, bins.size - 2).astype(np.int64)


def _array(name: str, values: ArrayLike, dtype: Any, shape: tuple[int | None, ...]) -> Any:
    try:
        array = np.array(values, dtype, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} is not an array of numbers ({error})") from error
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise InvalidInput(f"{name} has shape {array.shape}, but must be ({wanted})")
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} holds numbers that are not finite")
    array.flags.writeable = False
    return array


def _check_ending(path: str | os.PathLike[str]) -> None:
    if not os.fspath(path).endswith(".npz"):
        raise InvalidInput(f"{os.fspath(path)} must end in .npz, as a probe is saved as npz; rename it")
