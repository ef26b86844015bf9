"""The last arrivals of a live stream, kept to plan on."""

from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core import Trace
from beforehand.core.errors import InvalidInput

KINDS: Final = {1: "u64", 2: "i64", 3: "bytes", 4: "str"}  # as the byte format numbers them
INTEGERS: Final = {"u64": np.dtype(np.uint64), "i64": np.dtype(np.int64)}


@final
class StreamRecorder:
    """Keep the last arrivals of a stream, in order and without gaps, as a trace for `plan` and `audit`.

    A sample drawn here and there would not do: bursts, and keys that come once in a window, show only in arrivals that
    follow each other. Call `update` beside that of the summary.

    Args:
        arrivals: How many to keep, from 1 to 2**32 - 1. A plan wants 10,000 at least; a million shows 100 times as
            light a key.

    Guarantee:
        `trace()` holds the last `min(seen, arrivals)` keys that were not null, oldest first, with their weights.

    Cost:
        8 bytes for each of `arrivals`, and as much again once a weight is other than 1; strings are kept as the objects
        that came. 1 ns an arrival in arrays of integers, 30 ns in lists of str or bytes, 80 ns in other forms. Not
        locked: one thread at a time.

    Raises:
        InvalidInput: `arrivals` is out of range; keys are none, or of another kind than those before; weights are no
            integers from 1 on; `trace` before anything came.

    Example:
        >>> recorder = StreamRecorder(arrivals=3)
        >>> recorder.update(["a", "b"])
        >>> recorder.update(["c", "d"], [5, 1])
        >>> trace = recorder.trace()
        >>> trace["key"].tolist(), trace["weight"].tolist(), recorder.seen
        (['b', 'c', 'd'], [1, 5, 1], 4)
    """

    __slots__ = ("_arrivals", "_keys", "_kind", "_seen", "_weights")

    def __init__(self, *, arrivals: int) -> None:
        if isinstance(arrivals, bool) or not isinstance(arrivals, int | np.integer) or not 1 <= arrivals < 2**32:
            raise InvalidInput(f"arrivals is {arrivals!r}, but must be a whole number from 1 to 2**32 - 1")
        self._arrivals, self._seen, self._kind = int(arrivals), 0, ""
        self._keys: Any = None  # a ring: the arrival number i, from 0, lies at i modulo arrivals
        self._weights: NDArray[np.int64] | None = None

    def update(self, keys: object, weights: ArrayLike | None = None) -> None:
        """Record arrivals, in any form that summaries take them.

        Args:
            keys: One key or a batch; nulls are left out.
            weights: Integers from 1 on, one or one for each key; None stands for 1.

        Raises:
            InvalidInput: a key or a weight breaks its rule. Nothing is recorded then.
        """
        kind, batch, rows, size = _read(keys)
        given = None if weights is None else _checked(weights, size)
        if len(batch) == 0:
            return
        batch = self._joined(kind, batch)
        if given is not None and self._weights is None and (given != 1).any():
            self._weights = np.ones(self._arrivals, np.int64)
        self._seen += len(batch)
        self._put(self._keys, batch)
        if self._weights is not None:
            self._put(self._weights, np.ones(len(batch), np.int64) if given is None else given[rows])

    def trace(self) -> Trace:
        """What is kept, as a trace of kind `stream`.

        Guarantee:
            The columns are `key` and, if any weight was other than 1, `weight`. Strings lose what numpy's lose, a NUL
            at their end. `meta["seen"]` tells how many arrivals there have been.

        Raises:
            InvalidInput: nothing has come yet.
        """
        if self._seen == 0:
            raise InvalidInput("nothing has come yet, but a trace needs an arrival; call update(keys) first")
        columns = {"key": np.array(self._in_order(self._keys))}
        if self._weights is not None:
            columns["weight"] = self._in_order(self._weights)
        return Trace("stream", columns, meta={"source": "recorder", "seen": self._seen})

    @property
    def seen(self) -> int:
        """How many arrivals there have been, kept or not."""
        return self._seen

    def __len__(self) -> int:
        """How many are kept."""
        return min(self._seen, self._arrivals)

    def __bool__(self) -> bool:
        """True, even where nothing has come yet."""
        return True

    def __repr__(self) -> str:
        """How many are kept of how many."""
        return f"StreamRecorder(arrivals={self._arrivals}): {len(self)} of {self._seen} seen"

    def _joined(self, kind: str, batch: Any) -> Any:
        """The batch in the form of the ring, which the first batch makes."""
        if not self._kind:
            self._kind = kind
            self._keys = np.zeros(self._arrivals, INTEGERS[kind]) if kind in INTEGERS else [None] * self._arrivals
        if kind == self._kind:
            return batch
        if {kind, self._kind} != set(INTEGERS) or int(batch.min()) < 0 or int(batch.max()) >= 2**63:
            raise InvalidInput(f"keys are {kind}, but those before were {self._kind}; take one recorder for each kind")
        return batch.astype(INTEGERS[self._kind])

    def _put(self, ring: Any, batch: Any) -> None:
        """Write the latest arrivals where they belong; `seen` counts them already."""
        last = batch[-self._arrivals :]
        first = (self._seen - len(last)) % self._arrivals
        fit = min(len(last), self._arrivals - first)
        ring[first : first + fit] = last[:fit]
        ring[: len(last) - fit] = last[fit:]

    def _in_order(self, ring: Any) -> Any:
        oldest = self._seen % self._arrivals if self._seen > self._arrivals else 0
        if isinstance(ring, list):
            return (ring[oldest:] + ring[:oldest])[: len(self)]
        return np.concatenate((ring[oldest:], ring[:oldest]))[: len(self)]


def _read(keys: object) -> tuple[str, Any, Any, int]:
    """The kind of the keys, those that are not null, which rows these are, and how many rows there are.

    Plain batches are taken as they are: by way of ids they would cost more than a summary does.
    """
    if type(keys) is np.ndarray and keys.ndim == 1 and keys.dtype.kind in "iu":
        kind = f"{keys.dtype.kind}64"
        return kind, keys.astype(INTEGERS[kind], copy=False), slice(None), len(keys)
    if isinstance(keys, list) and (found := set(map(type, keys))) in ({str}, {bytes}) and _encodable(keys):
        return found.pop().__name__, keys, slice(None), len(keys)
    asked = _native.AskedKeys(keys)
    return KINDS.get(asked.kind, ""), asked.take(), asked.rows.astype(np.int64), asked.size


def _encodable(keys: list[Any]) -> bool:
    """Whether UTF-8 holds these strings; summaries refuse a surrogate without its other half."""
    try:
        if type(keys[0]) is str:
            "".join(keys).encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(weights: ArrayLike, size: int) -> NDArray[np.int64]:
    """One weight for each row."""
    if isinstance(weights, np.ma.MaskedArray):
        raise InvalidInput("weights are masked; pass weights.compressed(), and the keys that go with them")
    try:
        array = np.asarray(weights)
    except ValueError as error:  # rows of unlike lengths
        raise InvalidInput(f"weights cannot be read as an array: {error}") from error
    if array.dtype.kind not in "iu" or array.shape not in ((), (size,)):
        raise InvalidInput(
            f"weights have dtype {array.dtype} and shape {array.shape}, but must be integers, one or one for each of "
            f"the {size} keys"
        )
    if array.size and not (1 <= array.min() and array.max() < 2**63):
        raise InvalidInput(f"weights go from {array.min()} to {array.max()}, but must be from 1 to 2**63 - 1")
    return np.broadcast_to(array, size).astype(np.int64)
