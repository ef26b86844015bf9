"""What Count-Min and Count-Sketch have in common: rows of counters that track no key."""

from abc import abstractmethod
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import Keys
from beforehand.streams.ranking import Guarantee, check_heavy
from beforehand.streams.sizes import as_bytes, is_whole
from beforehand.streams.summary import Merging, as_weights
from beforehand.streams.top import Top

MOST_DEPTH: Final = 64
MOST_WIDTH: Final = 2**40


class Sketch(Merging):
    """Rows of counters, each with a hash function of its own."""

    __slots__ = ()

    @property
    def width(self) -> int:
        """How many counters a row has."""
        return self._native.width  # type: ignore[no-any-return]

    @property
    def depth(self) -> int:
        """How many rows there are."""
        return self._native.depth  # type: ignore[no-any-return]

    @property
    def _default(self) -> str:
        return "count"

    def _like(self) -> dict[str, Any]:
        return {"depth": self.depth, "width": self.width, "seed": self.seed}

    @abstractmethod
    def _complete(self, heavy: float) -> bool:
        """Whether surely no key outside the candidates is heavier than this."""

    def heavy_hitters(self, phi: float, *, keys: Keys, guarantee: Guarantee = "no_false_negatives") -> Top:
        """Which of these keys are heavier than a share of the stream; the sketch itself knows no keys.

        Args:
            phi: The share of the total weight, less what was deleted; from 0 to 1.
            keys: The candidates: one key or a batch, as in `update`, without nulls; repeated ones count once.
            guarantee: "no_false_negatives": every candidate whose upper bound is above. "no_false_positives": only
                those whose lower bound is.

        Returns:
            Candidates in the order of their estimates, then of their lower bounds.

        Raises:
            InvalidInput: An argument breaks its rule.
        """
        check_heavy(phi, guarantee)
        held = _native.Keys(keys, self.seed)
        if held.nulls:
            raise InvalidInput(f"keys contain {held.nulls} nulls, which no sketch counts; drop them before you ask")
        ids, rows = np.unique(held.ids(), return_index=True)
        if len(ids) == 0:
            held = _native.Keys(np.empty(0, np.uint64), self.seed)
        candidates: Any = held.take(rows.astype(np.uint64))
        estimate = self._native.estimate(candidates, _native.Estimator.count)
        lower, upper = self._native.bounds(candidates)
        heavy = phi * max(0, self.total - self.deleted)
        order = np.lexsort((ids, ~lower, -estimate))
        chosen = order[(lower > heavy if guarantee == "no_false_positives" else upper > heavy)[order]]
        named = [candidates[i] for i in chosen] if isinstance(candidates, list) else candidates[chosen]
        sure = lower[chosen] > heavy
        return Top(named, estimate[chosen], lower[chosen], upper[chosen], sure, self._complete(heavy))

    def _delete(self, keys: Keys, weights: ArrayLike | None) -> None:
        self._native.remove(keys, None if weights is None else as_weights(weights))


def shape(width: int | None, depth: int, memory: int | str | None, cell: int) -> tuple[int, int]:
    """Width and depth, given as such or by the memory that the cells take.

    Raises:
        InvalidInput: One of them breaks its rule.
    """
    if not is_whole(depth) or not 1 <= depth <= MOST_DEPTH:
        raise InvalidInput(f"depth is {depth!r}, but must be from 1 to {MOST_DEPTH} rows")
    if (width is None) == (memory is None):
        raise InvalidInput("width and memory are both given or both left out; pass one of them")
    if memory is not None:
        width = as_bytes(memory) // (cell * depth)
        if width < 1:
            raise InvalidInput(
                f"memory is {memory!r}, but {depth} rows take at least {cell * depth} bytes; give more, or fewer rows"
            )
    if not is_whole(width) or not 1 <= width <= MOST_WIDTH:
        raise InvalidInput(f"width is {width!r}, but must be from 1 to 2**40 counters a row")
    return int(width), int(depth)
