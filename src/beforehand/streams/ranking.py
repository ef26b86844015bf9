"""Which keys are the heaviest, among those that are tracked."""

from abc import ABC, abstractmethod
from typing import Any, Literal, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.streams.sizes import MOST_SLOTS, is_whole
from beforehand.streams.top import Top

Guarantee = Literal["no_false_negatives", "no_false_positives"]


class Ranking(ABC):
    """What tracks keys, and so can name the heaviest."""

    __slots__ = ()

    @property
    @abstractmethod
    def total(self) -> int:
        """The weight of all keys that were counted."""

    @property
    @abstractmethod
    def deleted(self) -> int:
        """The weight that was taken back."""

    @abstractmethod
    def __len__(self) -> int:
        """How many keys are tracked."""

    def __bool__(self) -> bool:
        """True, even where no key is tracked yet, so that `given or default` never replaces a summary."""
        return True

    @abstractmethod
    def _ranked(self, k: int) -> tuple[Any, ...]:
        """The first k keys, their estimates, lower and upper bounds, and the largest upper bound of any other key."""

    @property
    @abstractmethod
    def _untracked_bound(self) -> int:
        """The largest upper bound of a key that is not tracked."""

    def top(self, k: int) -> Top:
        """The k heaviest of the tracked keys, by their estimates.

        Args:
            k: How many, at least 1; fewer come if fewer are tracked.

        Returns:
            Keys in the order of their estimates, then of their lower bounds. `complete` says that these surely are the
            k heaviest of all.

        Raises:
            InvalidInput: k is no whole number, or below 1.
        """
        if not is_whole(k) or k < 1:
            raise InvalidInput(f"k is {k!r}, but must be a whole number of at least 1")
        k = min(int(k), MOST_SLOTS)
        keys, estimate, lower, upper, outside = self._ranked(k)
        guaranteed = lower >= outside
        complete = bool(guaranteed.all()) if len(lower) == k else self._untracked_bound == 0
        return Top(keys, estimate, lower, upper, guaranteed, complete)

    def heavy_hitters(self, phi: float, *, guarantee: Guarantee = "no_false_negatives") -> Top:
        """All keys heavier than a share of the stream.

        Args:
            phi: The share of the total weight, less what was deleted; from 0 to 1.
            guarantee: "no_false_negatives": every tracked key that may be heavy; none is missing if `complete`.
                "no_false_positives": only keys that surely are.

        Raises:
            InvalidInput: An argument breaks its rule.
        """
        check_heavy(phi, guarantee)
        heavy = phi * max(0, self.total - self.deleted)
        keys, estimate, lower, upper, _ = self._ranked(len(self))
        sure = lower > heavy
        chosen = np.flatnonzero(sure if guarantee == "no_false_positives" else upper > heavy)
        keys = [keys[i] for i in chosen] if isinstance(keys, list) else keys[chosen]
        complete = self._untracked_bound <= heavy and (
            guarantee == "no_false_negatives" or not ((upper > heavy) & ~sure).any()
        )
        return Top(keys, estimate[chosen], lower[chosen], upper[chosen], sure[chosen], bool(complete))


def check_heavy(phi: float, guarantee: str) -> None:
    """Refuse what does not say which keys are heavy.

    Raises:
        InvalidInput: One of them breaks its rule.
    """
    if not isinstance(phi, int | float | np.integer | np.floating) or not 0 <= phi <= 1:
        raise InvalidInput(f"phi is {phi!r}, but must be from 0 to 1, a share of the total weight")
    if guarantee not in get_args(Guarantee):
        raise InvalidInput(f"guarantee is {guarantee!r}, but must be one of {', '.join(get_args(Guarantee))}")
