"""Space Saving that asks a predictor about the keys it does not track."""

from typing import Any, Final, Literal, Self, final, get_args

import numpy as np
from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.asking import Asked, predictor_of
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.sizes import Sizes, as_bytes, planned_bytes, sizes
from beforehand.streams.summary import Estimator, Merging, Tracking, as_weights, check_common

LearnedPolicy = Literal["calibrated", "lss", "lss+"]
LEARNED_KINDS: Final[dict[int, Any]] = {5: _native.Learned, 6: _native.Lss, 7: _native.Learned}  # by byte 10
MOST_RESERVED: Final = 0.9


@final
class LearnedSpaceSaving(Tracking, Merging):
    """Count the heaviest keys of a stream, with a predictor's help for the rest; a bad one cannot hurt.

    Args:
        predictor: One of this area's, or any object with a `price` and `predict(keys)`, which says log2 of the count
            to expect of each key, within its `horizon` arrivals. It is asked about keys that are not tracked, once
            about each in every 65,536 arrivals, with an array of integers or a list of strings.
        memory: Bytes, or text such as "256KiB"; covers all that counts, not labels and not the predictor.
        policy: "calibrated" counts as `SpaceSaving` with policy "gated" does. The predictor only sorts the keys that
            are not tracked into 32 bins by their predicted counts, and what a key of each bin weighs is measured on the
            stream. "lss" and "lss+" reconstruct the idea of LSS and of its faster variant, for comparison: keys that
            are predicted to be heavy keep their counters for ever, light ones must pass a filter first.
        reserve: The share of the counters that heavy keys may keep, up to 0.9; 0.2 if not given. Only for "lss" and
            "lss+", as are the next two.
        light: A key is light up to this predicted count; a 16th of `horizon / capacity`, and at least 16, if not given.
        heavy: A key is heavy from this predicted count on; a quarter of `horizon / capacity`, if not given.
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes.
        labels: Whether tracked strings keep their text; yes, if not given.
        gate_slack: How much the gate may lose of a key, as a share of the least count, from 0.01 to 16; not for "lss".

    Guarantee:
        With `lower, upper = bounds(keys)`, `lower <= true weight <= upper` for every key, whatever the predictor says,
        also if it says something else each time, or NaN, which counts as 0; so do infinities. `report()` says by what
        factor a bad predictor can widen the bounds. Unless merged, `error_bound <= guaranteed_error()`. If the
        predictor says the same of a key each time, the same stream gives the same bytes, however it is cut into
        batches.

    Cost:
        That of policy "gated", one look more at every key, and the predictor. A counter takes 22 bytes, 23 with
        "lss+", 21 with "lss".

    Raises:
        InvalidInput: An argument breaks its rule; "lss" or "lss+" without `light` and `heavy`, and the predictor has no
            horizon.

    Example:
        >>> from beforehand.streams import LookupTable
        >>> yesterday = ["the"] * 600 + ["of"] * 300 + ["cat", "dog"] * 10
        >>> summary = LearnedSpaceSaving(LookupTable().fit(yesterday), memory="16KiB")
        >>> summary.update(["of", "the", "cat", "the"])
        >>> summary.estimate(["the", "of"]), summary.bounds("cat")
        (array([2., 1.]), (1, 1))

    Source:
        "calibrated" is ours. "lss" and "lss+": Learning-Based Heavy Hitters and Flow Frequency Estimation in Streams,
        arXiv:2406.16270, of which no pseudo-code was at hand: these are reconstructions.
    """

    __slots__ = ("_asked",)

    def __init__(
        self,
        predictor: Any,
        *,
        memory: int | str,
        policy: LearnedPolicy = "calibrated",
        reserve: float | None = None,
        light: float | None = None,
        heavy: float | None = None,
        key: KeyKind = "auto",
        seed: int = 0,
        labels: bool | None = None,
        gate_slack: float | None = None,
    ) -> None:
        if policy not in get_args(LearnedPolicy):
            raise InvalidInput(f"policy is {policy!r}, but must be one of {', '.join(get_args(LearnedPolicy))}")
        check_common(key, seed, labels)
        self._asked = Asked(predictor)
        size = sizes(as_bytes(memory), policy)
        common = (int(seed), key, labels is not False)
        if policy == "lss":
            if gate_slack is not None:
                raise InvalidInput(
                    f'gate_slack is {gate_slack}, but the filter of "lss" is never cleared; leave it out'
                )
            classes = _classes(predictor, size.capacity, light, heavy, reserve)
            self._native: Any = _native.Lss(size.capacity, size.gate_cells, classes, *common)
            return
        if policy == "lss+":
            found = _classes(predictor, size.capacity, light, heavy, reserve)
        elif reserve is light is heavy is None:
            found = None
        else:
            raise InvalidInput('policy "calibrated" has no classes; leave out reserve, light and heavy')
        slack = _gate_slack(1.0 if gate_slack is None else gate_slack)
        self._native = _native.Learned(
            size.capacity, size.cells, size.gate_cells, size.registers, slack, found, *common
        )

    @property
    def policy(self) -> LearnedPolicy:
        """What the predictor decides."""
        if isinstance(self._native, _native.Lss):
            return "lss"
        return "calibrated" if self._native.classes is None else "lss+"

    @property
    def predictor(self) -> Any:
        """The predictor that it asks."""
        return self._asked.predictor

    @property
    def _default(self) -> str:
        return "mid"

    def update(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Count keys, and ask the predictor about those that are not tracked.

        Args:
            keys: One key, or a batch of them, as `SpaceSaving` takes them. Nulls are skipped, and counted in `skipped`.
            weights: How often each came: an integer for all, or one for each; at least 1. All 1 if not given.

        Raises:
            InvalidInput: As for any summary, with nothing counted; or the predictor says too few or no numbers. What it
                says is asked for, and what it raises passes through, before any of the 65,536 arrivals around is
                counted; those before them are.
            CapacityExceeded: The total would pass 2**63 - 1. Nothing was counted.
        """
        self._native.update(keys, None if weights is None else as_weights(weights), self._asked)

    def estimate(self, keys: Keys, *, estimator: Estimator | None = None) -> Any:
        """The weight of each key, as one number.

        Args:
            keys: One key or a batch, as in `update`, without nulls. Where "mid" is asked for, the predictor sorts those
                that are not tracked, all in one call; not with "lss".
            estimator: "mid", if none is given: the middle of what a tracked key may weigh, and what the keys of its bin
                weigh on average for the others.

        Returns:
            float64, one for each key; a float for one key.

        Raises:
            InvalidInput: A key is none, or of another kind; the estimator is unknown; the predictor fails.
        """
        wanted = self._estimator(estimator)
        if self.policy == "lss":
            return self._native.estimate(keys, wanted)
        return self._native.estimate(keys, wanted, self._asked)

    def copy(self) -> Self:
        """Another summary of the same, with the same predictor."""
        return self._with(self._native.copy(), self.predictor)

    __copy__ = copy

    @classmethod
    def _with(cls, native: Any, predictor: Any) -> Self:
        summary = cls._of(native)
        summary._asked = Asked(predictor)
        return summary

    def _like(self) -> dict[str, Any]:
        native = self._native
        if isinstance(native, _native.Lss):  # cells of its filter that hold up to 15 cannot hold sums
            raise InvalidInput('a summary with policy "lss" does not merge; take "calibrated" or "lss+"')
        like = {"policy": self.policy, "seed": self.seed, "sizes": native.sizes, "gate_slack": native.gate_slack}
        return like | {"(light, heavy, reserve)": native.classes}

    def to_bytes(self) -> bytes:
        """Serialize, with the predictor if it has bytes; `from_bytes` reads it and goes on as before."""
        return self._native.to_bytes(self._asked.stored)  # type: ignore[no-any-return]

    @classmethod
    def _read(cls, data: bytes, predictor: Any = None) -> Self:
        native, stored = LEARNED_KINDS[data[10]].from_bytes_with(data)
        return cls._with(native, predictor_of(stored, predictor))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through bytes, beside the predictor."""
        return type(self)._read, (self._native.to_bytes(None), self.predictor)

    def report(self) -> dict[str, Any]:
        """What the predictor was asked, what it cost, and what its answers were worth.

        Returns:
            `calls`, `keys` and `seconds` of processor time in the predictor, `unusable` predictions, since this object
            was made or read; `model_bytes`; `untracked_share` of the weight, which no counter holds, and `bins`, by
            predicted log2 count: the measured `mean` weight of a key, how many `distinct` keys came, and their
            `weight`; `spearman`, the rank correlation of predicted and measured weights over those keys; `epochs` that
            the gate has closed; `pinned` keys; `worst_case_factor`, by which a bad predictor can widen the certified
            bounds, against "gated" in the same memory, or against "exact" for "lss".
        """
        asked, bins = self._asked, self._bins()
        return {
            "policy": self.policy,
            "calls": asked.calls,
            "keys": asked.keys,
            "seconds": asked.seconds,
            "unusable": asked.unusable,
            "model_bytes": self.predictor.price.bytes,
            "untracked_share": sum(bin["weight"] for bin in bins) / max(self.total, 1),
            "bins": bins,
            "spearman": _rank_correlation(bins),
            "epochs": 0 if self.policy == "lss" else self._native.epochs,
            "pinned": self._native.pinned,
            "worst_case_factor": self._worst_case_factor(),
        }

    def _bins(self) -> list[dict[str, float]]:
        if self.policy == "lss":
            return []
        return [
            {"predicted": predicted, "mean": weight / distinct, "distinct": distinct, "weight": weight}
            for predicted, (weight, distinct) in enumerate(self._native.bins)
            if distinct
        ]

    def _worst_case_factor(self) -> float:
        """How many counters bound the error without a predictor, in the same memory, for each that does so here."""
        if self.policy == "lss":
            parts, plain = Sizes(self.capacity, gate_cells=self._native.filter_cells), "exact"
        else:
            parts, plain = Sizes(*self._native.sizes), "gated"
        shared = self.capacity - int(self._native.pins)
        return sizes(planned_bytes(parts, self.policy), plain).capacity / shared

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return (
            f"LearnedSpaceSaving({self.predictor!r}, capacity={self.capacity}, policy={self.policy!r}, "
            f"total={self.total}, tracked={len(self)})"
        )


def _classes(
    predictor: Any, capacity: int, light: float | None, heavy: float | None, reserve: float | None
) -> tuple[float, float, float]:
    """Light, heavy and reserve, where what was not given follows from the horizon."""
    if light is None or heavy is None:
        horizon = getattr(predictor, "horizon", None)
        if horizon is None:
            raise InvalidInput("the predictor has no horizon, so that light and heavy cannot be derived; pass both")
        light = max(16, horizon / (16 * capacity)) if light is None else light
        heavy = horizon / (4 * capacity) if heavy is None else heavy
    reserve = 0.2 if reserve is None else reserve
    for name, value in (("light", light), ("heavy", heavy)):
        if not _is_number(value):
            raise InvalidInput(f"{name} is {value!r}, but must be a count, inf or -inf")
    if not _is_number(reserve) or not 0 <= reserve <= MOST_RESERVED:
        raise InvalidInput(f"reserve is {reserve!r}, but must be from 0 to {MOST_RESERVED}, a share of the counters")
    return float(light), float(heavy), float(reserve)


def _gate_slack(given: float) -> float:
    if not _is_number(given) or not 0.01 <= given <= 16:
        raise InvalidInput(f"gate_slack is {given!r}, but must be from 0.01 to 16")
    return float(given)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and value == value


def _rank_correlation(bins: list[dict[str, float]]) -> float | None:
    """Spearman's, over keys that weigh what their bin predicts and what it measures; None if either is constant."""
    predicted, mean, distinct = (np.array([bin[name] for bin in bins]) for name in ("predicted", "mean", "distinct"))
    if len(bins) < 2 or len(set(mean)) < 2:
        return None
    ranks = []
    for values in (predicted, mean):
        below = np.array([distinct[values < value].sum() for value in values])
        ranks.append(below + np.array([distinct[values == value].sum() for value in values]) / 2)
    first, second = (rank - np.average(rank, weights=distinct) for rank in ranks)
    covariance = np.average(first * second, weights=distinct)
    return float(covariance / np.sqrt(np.average(first**2, weights=distinct) * np.average(second**2, weights=distinct)))
