"""How often keys came in the last W arrivals, with bounds for every key."""

from abc import abstractmethod
from typing import Any, ClassVar, Final, Literal, NoReturn, final, get_args

import numpy as np
from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.sizes import as_bytes, is_whole
from beforehand.streams.summary import Tracking, check_common

WindowFilter = Literal["doorkeeper"]

MOST_WINDOW: Final = 2**48
MOST_COUNTERS: Final = 2**31 - 1
LEAST_MEMORY: Final = 64
LEAST_SAMPLE: Final = 2.0**-20
COUNTER: Final = 20  # bytes
BLOCK: Final = 10  # bytes of the log, as planned
SAMPLED: Final = 4  # bytes more of a block where only a sample is counted


class Windowed(Tracking):
    """What sliding windows have in common."""

    __slots__ = ()
    _estimators: ClassVar[tuple[str, ...]] = ("balanced", "upper", "lower", "paper")

    @property
    def _default(self) -> str:
        return "balanced"

    def _estimator(self, name: str | None) -> Any:
        name = self._default if name is None else name
        if name not in self._estimators:
            raise InvalidInput(f"estimator is {name!r}, but must be one of {', '.join(self._estimators)}")
        return _native.WindowEstimator[name]

    def update(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Let keys arrive, one after the other.

        Args:
            keys: One key, or a batch of them: a numpy array of integers or strings, a list, or whatever hands out
                Arrow data. Nulls are skipped, and counted in `skipped`; they do not move the window.
            weights: Not for windows, which count arrivals.

        Raises:
            InvalidInput: A key is none, or of another kind than those before; weights are given; another thread is
                using this window. Nothing was counted.
            CapacityExceeded: There would be more than 2**63 - 1 arrivals. Nothing was counted.
        """
        if weights is not None:
            raise InvalidInput("weights are given, but a window counts arrivals, each as one; leave them out")
        self._update(keys)

    @abstractmethod
    def _update(self, keys: Keys) -> None: ...

    def advance(self, count: int) -> None:
        """Let that many arrivals come that carry no key: they move the window, in a moment however many they are.

        Raises:
            InvalidInput: `count` is no integer, or negative.
            CapacityExceeded: There would be more than 2**63 - 1 arrivals.
        """
        self._native.advance(_whole("count", count, 0, 2**64 - 1, "pass how many arrivals carried no key"))

    def merge(self, other: object) -> NoReturn:
        """Windows do not merge: the arrivals of two streams have no common order.

        Raises:
            InvalidInput: Always; the message says what to do instead.
        """
        raise InvalidInput(
            "windows do not merge, as the arrivals of two streams have no common order; send each key to one window "
            "(partition by key), or merge SpaceSaving summaries of equal stretches of time"
        )

    __or__ = __ior__ = merge

    def guaranteed_error(self, total: int | None = None) -> float:
        """The largest `upper - lower` that can be told beforehand, whatever comes.

        Args:
            total: Of no account: it is the same for any stream.

        Returns:
            `3 * block - 3 + frame / capacity` arrivals, with fewer counters than blocks `2 * frame / capacity`; with a
            filter 2 more; where blocks do not divide the window, `block + window - frame` more. inf with a sample.
        """
        return super().guaranteed_error(total)

    @property
    def capacity(self) -> int:
        """How many keys of the current frame can have a counter; the log tracks more."""
        return super().capacity

    @property
    def window(self) -> int:
        """How many arrivals the window holds."""
        return self._native.window  # type: ignore[no-any-return]

    @property
    def block(self) -> int:
        """How many arrivals a block has; keys are logged about once for so many of their own."""
        return self._native.block  # type: ignore[no-any-return]

    @property
    def frame(self) -> int:
        """How many arrivals a frame has, the least multiple of `block` that holds the window; counters last for one."""
        return self._native.frame  # type: ignore[no-any-return]

    @property
    def total(self) -> int:
        """How many arrivals are in the window, which is `window` once so many have come."""
        return self._native.total  # type: ignore[no-any-return]

    @property
    def arrivals(self) -> int:
        """Arrivals so far, with and without keys."""
        return self._native.arrivals  # type: ignore[no-any-return]


@final
class SlidingWindow(Windowed):
    """Count how often keys came in the last `window` arrivals, in fixed memory, with certified bounds for every key.

    Space Saving counts the current frame of about `window` arrivals. A log notes, block by block, whose count has
    passed a multiple of the block's length, and forgets what has left the window. `estimate` adds up what the counter
    has surely seen and what the log holds from before, "balanced", unless it is asked for "upper", "lower" or "paper",
    which is that of WCSS.

    Args:
        window: How many arrivals it holds, from 1 to 2**48.
        memory: Bytes, or text such as "256KiB", for counters, log and filter, not labels.
        blocks: Parts of the window instead, together with `counters`; at most `window`.
        counters: Keys of the current frame that are counted at a time, up to 2**31 - 1.
        counter_share: The share of the memory for counters; the rest is for blocks.
        filter: "doorkeeper" lets the first arrival of each key in a frame pass uncounted, so that keys that come once
            take no counter.
        filter_share: The share of the memory for that filter.
        sample: Count only this share of the arrivals, drawn at random, from 2**-20 to 1: faster, and much coarser.
            Not with a filter.
        confidence: With what probability each pair of bounds holds if `sample` is below 1.
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes, and of the sample.
        labels: Whether tracked strings keep their text, so that `top` can show it; yes, if not given.

    Guarantee:
        With `lower, upper = bounds(keys)`, `lower <= arrivals in the window <= upper` for every key, tracked or not, at
        any time; with `sample` below 1 each pair holds with probability `confidence`. They are at most `error_bound`
        apart, and that is at most `guaranteed_error()`, about `3 * block + 2 * frame / counters`. Where each block is
        one arrival "balanced" is exact. The same stream gives the same bytes, however it is cut into batches.

    Cost:
        20 bytes for each counter, and about 10 for each block: 5 on streams where the same keys fill most blocks, 23
        where each block brings a new heavy key; 4 more with a sample. `update` takes O(1) expected and amortized, as
        counters start anew with each frame, and releases the GIL above 10,000 keys.

    Raises:
        InvalidInput: An argument breaks its rule.

    Example:
        >>> window = SlidingWindow(4, memory="1KiB")
        >>> window.update(["a", "a", "b", "a", "c"])
        >>> window.bounds("a"), window.estimate("b"), window.total  # the first "a" is out
        ((2, 2), 1.0, 4)

    Source:
        Ben Basat, Einziger, Friedman, Kassner: Heavy Hitters in Streams and Sliding Windows. INFOCOM 2016. Sampling:
        Ben Basat, Einziger, Keslassy, Orda, Vargaftik, Waisbard: Memento. CoNEXT 2018. That counters and blocks need
        not be as many, the bounds, and "balanced" are ours; "paper" is the estimate of the first paper, which has as
        many counters as blocks, and is never too low only then.
    """

    __slots__ = ()

    def __init__(
        self,
        window: int,
        *,
        memory: int | str | None = None,
        blocks: int | None = None,
        counters: int | None = None,
        counter_share: float = 0.4,
        filter: WindowFilter | None = None,
        filter_share: float = 0.05,
        sample: float = 1.0,
        confidence: float = 0.99,
        key: KeyKind = "auto",
        seed: int = 0,
        labels: bool | None = None,
    ) -> None:
        if filter not in (None, *get_args(WindowFilter)):
            raise InvalidInput(f'filter is {filter!r}, but must be None or "doorkeeper"')
        if not _is_number(sample) or not LEAST_SAMPLE <= sample <= 1:
            raise InvalidInput(f"sample is {sample!r}, but must be from 2**-20 to 1, the share of arrivals to count")
        if not _is_number(confidence) or not 0 < confidence < 1:
            raise InvalidInput(f"confidence is {confidence!r}, but must be between 0 and 1")
        if filter is not None and sample < 1:
            raise InvalidInput(f"filter is {filter!r} and sample is {sample}; pass one of them")
        check_common(key, seed, labels)
        a_block = BLOCK if sample == 1 else BLOCK + SAMPLED
        cut = window_cut(window, memory, blocks, counters, counter_share, filter and filter_share, a_block)
        self._native = _native.SlidingWindow(
            *cut, filter or "none", float(sample), float(confidence), int(seed), key, labels is not False
        )

    def _update(self, keys: Keys) -> None:
        self._native.update(keys)

    @property
    def filter(self) -> WindowFilter | None:
        """What keeps keys that come once away from the counters."""
        return "doorkeeper" if self._native.filter == "doorkeeper" else None

    @property
    def sample(self) -> float:
        """The share of arrivals that are counted."""
        return self._native.sample  # type: ignore[no-any-return]

    @property
    def confidence(self) -> float:
        """With what probability each pair of bounds holds if `sample` is below 1."""
        return self._native.confidence  # type: ignore[no-any-return]

    @classmethod
    def _read(cls, data: bytes) -> "SlidingWindow":
        return cls._of(_native.SlidingWindow.from_bytes(data))

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return f"SlidingWindow({self.window}, block={self.block}, counters={self.capacity}, total={self.total})"


def window_cut(
    window: int,
    memory: int | str | None,
    blocks: int | None,
    counters: int | None,
    counter_share: float,
    filter_share: float | None,
    a_block: int = BLOCK,
) -> tuple[int, int, int, int]:
    """The window, its blocks of so many bytes, its counters, and the bytes of its filter, if it has one.

    Raises:
        InvalidInput: An argument breaks its rule.
    """
    window = _whole("window", window, 1, MOST_WINDOW, "pass how many arrivals it is to hold")
    if not _is_number(counter_share) or not 0 < counter_share < 1:
        raise InvalidInput(f"counter_share is {counter_share!r}, but must be between 0 and 1; take 0.4")
    if filter_share is not None and (not _is_number(filter_share) or not 0 < filter_share < 1):
        raise InvalidInput(f"filter_share is {filter_share!r}, but must be between 0 and 1; take 0.05")
    if memory is not None and blocks is counters is None:
        total = as_bytes(memory)
        if total < LEAST_MEMORY:
            raise InvalidInput(f"memory is {memory!r}, but a window takes at least {LEAST_MEMORY} bytes; give it more")
    elif memory is None and blocks is not None and counters is not None:
        blocks = _whole("blocks", blocks, 1, window, "no window has more blocks than arrivals")
        counters = _whole("counters", counters, 1, MOST_COUNTERS, "pass how many keys to count at a time")
        total = COUNTER * counters + a_block * blocks
    else:
        raise InvalidInput("pass either memory, or both blocks and counters")
    filter_bytes = 0 if filter_share is None else int(filter_share * total)
    if filter_share is not None and filter_bytes == 0:
        raise InvalidInput(f"filter_share is {filter_share}, which is no byte of {total}; give the filter more")
    if blocks is None or counters is None:
        rest = total - filter_bytes
        counters = min(max(1, int(counter_share * rest / COUNTER)), MOST_COUNTERS)
        blocks = min(max(1, int((1 - counter_share) * rest / a_block)), window)
    return window, blocks, counters, filter_bytes


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and value == value


def _whole(name: str, value: Any, least: int, most: int, remedy: str) -> int:
    if not is_whole(value) or not least <= value <= most:
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number from {least} to {most}; {remedy}")
    return int(value)
