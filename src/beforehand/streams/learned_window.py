"""A sliding window that asks a predictor which keys will not come again soon."""

import math
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.asking import Asked, predictor_of
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.summary import check_common
from beforehand.streams.window import SlidingWindow, Windowed, window_cut


@final
class LearnedSlidingWindow(Windowed):
    """Count in a sliding window, and let keys pass that are predicted not to come again soon; a bad predictor costs 2.

    Like `SlidingWindow`, but a key without a counter passes uncounted if its next arrival is predicted to be beyond the
    end of the frame, once a frame at most.

    Args:
        predictor: Any object with a `price` and `predict_gaps(keys)`, which says how many arrivals later each key comes
            again (`next_gaps` makes labels to train one); or a predictor of this area, or any with `predict(keys)` and
            a `horizon`: then the gap is `horizon / 2**predict(keys)`. It is asked once about each key of 65,536
            arrivals that has no counter, or may lose it meanwhile.
        window: How many arrivals it holds, from 1 to 2**48.
        memory: Bytes, or text such as "256KiB", for counters, log and filter, not labels and not the predictor.
        blocks: Parts of the window instead, together with `counters`; at most `window`.
        counters: Keys of the current frame that are counted at a time, up to 2**31 - 1.
        counter_share: The share of the memory for counters; the rest is for blocks.
        filter_share: The share of the memory for the filter that lets each key pass only once a frame.
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes.
        labels: Whether tracked strings keep their text, so that `top` can show it; yes, if not given.

    Guarantee:
        That of `SlidingWindow`, whatever the predictor says: a window meets two frames, so that at most two arrivals of
        a key are not counted, and bounds allow for them. Gaps that are NaN or infinite let no key pass. If the
        predictor says the same of a key each time, the same stream gives the same bytes, however it is cut.

    Cost:
        That of `SlidingWindow`, and the predictor.

    Raises:
        InvalidInput: An argument breaks its rule; the predictor has neither `predict_gaps` nor a `horizon`.

    Example:
        >>> from beforehand.streams import LookupTable
        >>> yesterday = ["home"] * 90 + ["login"] * 9 + ["once"]
        >>> window = LearnedSlidingWindow(LookupTable().fit(yesterday), 50, memory="1KiB")
        >>> window.update(["home", "once", "home"])  # "once" is not expected again in this frame
        >>> window.bounds("home"), window.bounds("once")
        ((2, 3), (0, 1))

    Source:
        Learning-Augmented Frequency Estimation in Sliding Windows, arXiv:2409.11516, of which no pseudo-code was at
        hand: this is a reconstruction.
    """

    __slots__ = ("_asked", "_horizon")

    def __init__(
        self,
        predictor: Any,
        window: int,
        *,
        memory: int | str | None = None,
        blocks: int | None = None,
        counters: int | None = None,
        counter_share: float = 0.4,
        filter_share: float = 0.01,
        key: KeyKind = "auto",
        seed: int = 0,
        labels: bool | None = None,
    ) -> None:
        check_common(key, seed, labels)
        self._ask(predictor)
        cut = window_cut(window, memory, blocks, counters, counter_share, filter_share)
        self._native = _native.SlidingWindow(*cut, "learned", 1.0, 0.99, int(seed), key, labels is not False)

    def _ask(self, predictor: Any) -> None:
        if hasattr(predictor, "predict_gaps"):
            self._asked, self._horizon = Asked(predictor, "predict_gaps"), None
            return
        self._asked, horizon = Asked(predictor), getattr(predictor, "horizon", None)
        if horizon is None:
            raise InvalidInput(
                f"predictor is {predictor!r}, but must have predict_gaps(keys), or predict(keys) and a horizon; give "
                "FromCallable a horizon"
            )
        self._horizon = float(horizon)

    def _gaps(self, keys: Any) -> NDArray[np.float32]:
        said = self._asked(keys)
        if self._horizon is None:
            return said
        with np.errstate(over="ignore"):
            gaps: NDArray[np.float32] = np.exp2(np.float32(math.log2(self._horizon)) - said)
        return gaps

    def _update(self, keys: Keys) -> None:
        self._native.update_asking(keys, self._gaps)

    @property
    def predictor(self) -> Any:
        """The predictor that it asks."""
        return self._asked.predictor

    def report(self) -> dict[str, Any]:
        """What the predictor was asked, what it cost, and what came of it, since this object was made or read.

        Returns:
            `candidates`: arrivals of keys without a counter that were predicted not to come again in their frame;
            `skipped`: those of them that passed uncounted; `calls` of the predictor, `keys` that it was asked about,
            `seconds` of processor time in it; `unusable` predictions; `model_bytes`.
        """
        candidates, skipped = self._native.filtered
        return {
            "candidates": candidates,
            "skipped": skipped,
            "calls": self._asked.calls,
            "keys": self._asked.keys,
            "seconds": self._asked.seconds,
            "unusable": self._asked.unusable,
            "model_bytes": self.predictor.price.bytes,
        }

    def copy(self) -> Self:
        """Another window of the same, with the same predictor."""
        return self._with(self._native.copy(), self.predictor)

    __copy__ = copy

    @classmethod
    def _with(cls, native: Any, predictor: Any) -> Self:
        window = cls._of(native)
        window._ask(predictor)
        return window

    def to_bytes(self) -> bytes:
        """Serialize, with the predictor if it has bytes; `from_bytes` reads it and goes on alike."""
        return self._native.to_bytes_with(self._asked.stored)  # type: ignore[no-any-return]

    @classmethod
    def _read(cls, data: bytes, predictor: Any = None) -> Self:
        return cls._with(_native.SlidingWindow.from_bytes(data), predictor)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through bytes, beside the predictor."""
        return type(self)._read, (self._native.to_bytes(), self.predictor)

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return (
            f"LearnedSlidingWindow({self.predictor!r}, {self.window}, block={self.block}, counters={self.capacity}, "
            f"total={self.total})"
        )


def read_window(data: bytes, predictor: Any = None) -> Windowed:
    """Read a window of either class, with its own predictor or the one that is given.

    Raises:
        CorruptData: The bytes are damaged.
        InvalidInput: A predictor is missing, or given where none is asked.
    """
    native, stored = _native.SlidingWindow.from_bytes_with(data)
    if native.filter == "learned":
        return LearnedSlidingWindow._with(native, predictor_of(stored, predictor))
    if predictor is not None:
        raise InvalidInput("predictor is given, but these bytes hold a window that asks none; leave it out")
    return SlidingWindow._of(native)
