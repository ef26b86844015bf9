"""What all summaries of a stream have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import Key, Keys, check_key_kind
from beforehand.streams.ranking import Ranking
from beforehand.streams.sizes import is_whole

Estimator = Literal["count", "upper", "lower", "mid", "balanced", "paper"]  # the last two are those of windows


class Summary(ABC):
    """Updates, questions and bytes; what is not here, a summary has of its own."""

    __slots__ = ("_native",)
    _native: Any  # one of the classes that native/bindings/summaries.h defines
    _estimators: ClassVar[tuple[str, ...]] = ("count", "upper", "lower", "mid")

    @property
    @abstractmethod
    def _default(self) -> str:
        """The estimator where none is asked for."""

    @classmethod
    def _of(cls, native: Any) -> Self:
        summary = object.__new__(cls)
        summary._native = native
        return summary

    def update(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Count keys.

        Args:
            keys: One key, or a batch of them: a numpy array of integers or strings, a list, or whatever hands out
                Arrow data. Nulls are skipped, and counted in `skipped`.
            weights: How often each came: an integer for all, or one for each; at least 1. All 1 if not given.

        Raises:
            InvalidInput: A key is none, or of another kind than those before; a weight is no integer or below 1;
                another thread is using this summary. Nothing was counted.
            CapacityExceeded: The total would pass 2**63 - 1. Nothing was counted.
        """
        self._native.update(keys, None if weights is None else as_weights(weights))

    @overload
    def estimate(self, keys: Key, *, estimator: Estimator | None = None) -> float: ...
    @overload
    def estimate(self, keys: Keys, *, estimator: Estimator | None = None) -> Any: ...
    def estimate(self, keys: Keys, *, estimator: Estimator | None = None) -> Any:
        """The weight of each key, as one number.

        Args:
            keys: One key or a batch, as in `update`, without nulls.
            estimator: Which number within the bounds; each class says which there are, and which is its own.

        Returns:
            float64, one for each key; a float for one key.

        Raises:
            InvalidInput: A key is none, or of another kind; the estimator is unknown.
        """
        return self._native.estimate(keys, self._estimator(estimator))

    def _estimator(self, name: str | None) -> Any:
        if name is None:
            name = self._default
        if name not in self._estimators:
            raise InvalidInput(f"estimator is {name!r}, but must be one of {', '.join(self._estimators)}")
        return _native.Estimator[name]

    @overload
    def bounds(self, keys: Key) -> tuple[int, int]: ...
    @overload
    def bounds(self, keys: Keys) -> Any: ...
    def bounds(self, keys: Keys) -> Any:
        """What each key weighs at least and at most.

        Args:
            keys: One key or a batch, as in `update`, without nulls.

        Returns:
            Two arrays of uint64, or two integers for one key.

        Raises:
            InvalidInput: A key is none, or of another kind.
        """
        return self._native.bounds(keys)

    @property
    def error_bound(self) -> int:
        """The largest `upper - lower` of any key, tracked or not, right now."""
        return self._native.error_bound  # type: ignore[no-any-return]

    def guaranteed_error(self, total: int | None = None) -> float:
        """The largest `upper - lower` that can be told beforehand, for a stream of that total weight.

        Args:
            total: Weight of the stream; that of this one so far, if not given.

        Returns:
            A weight; inf where nothing can be told.

        Raises:
            InvalidInput: `total` is no weight that a summary can hold.
        """
        if total is None:
            total = self.total
        elif not is_whole(total) or not 0 <= total < 2**63:
            raise InvalidInput(f"total is {total!r}, but must be a whole number from 0 to 2**63 - 1")
        return float(self._native.guaranteed_error(int(total)))

    @property
    def total(self) -> int:
        """The weight of all keys that were counted."""
        return self._native.total  # type: ignore[no-any-return]

    @property
    def deleted(self) -> int:
        """The weight that was handed to `delete`."""
        return self._native.deleted  # type: ignore[no-any-return]

    @property
    def skipped(self) -> int:
        """How many nulls came."""
        return self._native.skipped  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Memory of all that counts, in bytes, without labels."""
        return self._native.nbytes  # type: ignore[no-any-return]

    @property
    def seed(self) -> int:
        """The seed of all hashes."""
        return self._native.seed  # type: ignore[no-any-return]

    @property
    def key_kind(self) -> str:
        """The kind of the keys, u64, i64, str or bytes; "none" before the first."""
        return self._native.kind  # type: ignore[no-any-return]

    def clear(self) -> None:
        """Forget all keys."""
        self._native.clear()

    def copy(self) -> Self:
        """Another summary of the same."""
        return self._of(self._native.copy())

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Another summary of the same."""
        return self.copy()

    def to_bytes(self) -> bytes:
        """Serialize; `from_bytes` reads it and goes on as if nothing had happened."""
        return self._native.to_bytes()  # type: ignore[no-any-return]

    @classmethod
    @abstractmethod
    def _read(cls, data: bytes) -> "Summary":
        """Read what `to_bytes` wrote."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through bytes."""
        return type(self)._read, (self.to_bytes(),)

    def check_invariants(self) -> None:
        """Raise if the structure contradicts itself: for tests, as it never should."""
        self._native.check_invariants()


class Tracking(Summary, Ranking):
    """A summary that tracks keys, and so can name the heaviest."""

    __slots__ = ()

    def __len__(self) -> int:
        """How many keys are tracked."""
        return len(self._native)

    @property
    def capacity(self) -> int:
        """How many keys can be tracked."""
        return self._native.capacity  # type: ignore[no-any-return]

    def _ranked(self, k: int) -> tuple[Any, ...]:
        return self._native.top(k, self._estimator(None))  # type: ignore[no-any-return]

    @property
    def _untracked_bound(self) -> int:
        return self._native.untracked_bound  # type: ignore[no-any-return]


class Merging(Summary):
    """A summary that merges with others of its kind."""

    __slots__ = ()

    @abstractmethod
    def _like(self) -> dict[str, Any]:
        """What must be the same in both, by name."""

    def merge(self, other: Self) -> Self:
        """Add all that another summary has counted.

        Args:
            other: A summary of the same kind, made with the same options; may be this one. It stays as it is.

        Returns:
            This summary.

        Raises:
            InvalidInput: The two differ in what must be the same; the message says in what.
            CapacityExceeded: The total would pass 2**63 - 1.
        """
        if type(other) is not type(self):
            raise InvalidInput(f"other is a {type(other).__name__}, but must be a {type(self).__name__}")
        theirs = other._like()
        for name, mine in self._like().items():  # policy first, which decides what follows
            if theirs[name] != mine:
                raise InvalidInput(f"other has {name} {theirs[name]}, but this one {mine}; make both with the same")
        self._native.merge(other._native)
        return self

    def __ior__(self, other: Self) -> Self:
        """Merge."""
        return self.merge(other) if isinstance(other, Summary) else NotImplemented

    def __or__(self, other: Self) -> Self:
        """Merge into a new one."""
        return self.copy().merge(other) if isinstance(other, Summary) else NotImplemented


def as_weights(weights: ArrayLike) -> NDArray[np.uint64]:
    """Weights as the kernels take them, copied.

    Raises:
        InvalidInput: A weight is no integer, or below 1.
    """
    if isinstance(weights, np.ma.MaskedArray):
        raise InvalidInput("weights are masked; pass weights.compressed(), and the keys that go with them")
    try:
        given = np.array(weights)
    except ValueError as error:  # rows of unlike lengths
        raise InvalidInput(
            f"weights cannot be read as an array: {error}; pass one number, or one for each key"
        ) from error
    if given.ndim > 1:
        raise InvalidInput(f"weights have {given.ndim} dimensions, but must have one, or be one number")
    if given.size == 0:
        return np.empty(0, np.uint64)
    if given.dtype.kind not in "iu":
        raise InvalidInput(f"weights are {given.dtype}, but must be integers that 64 bits hold; round or scale them")
    if given.min() < 1:
        raise InvalidInput(f"weights contain {given.min()}, but each must be at least 1; leave such keys out")
    return given.astype(np.uint64).reshape(-1)


def check_gate_slack(gate_slack: float) -> None:
    """Refuse a slack that no gate has.

    Raises:
        InvalidInput: It is not from 0.01 to 16.
    """
    if not isinstance(gate_slack, int | float) or not 0.01 <= gate_slack <= 16:
        raise InvalidInput(f"gate_slack is {gate_slack!r}, but must be from 0.01 to 16, a share of the least count")


def check_common(key: str, seed: int, labels: bool | None = None) -> None:
    """Refuse options that no summary takes.

    Raises:
        InvalidInput: One of them breaks its rule.
    """
    check_key_kind(key)
    if not is_whole(seed) or not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed!r}, but must be an integer from 0 to 2**64 - 1")
    if labels is not None and not isinstance(labels, bool):
        raise InvalidInput(f"labels is {labels!r}, but must be True, False or None")
