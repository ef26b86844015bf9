"""Summaries of parts of a stream, asked as if they were one, or merged."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import ior
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import Keys
from beforehand.streams.ranking import Ranking
from beforehand.streams.sharding import MOST_SHARDS, owned_rows, routed
from beforehand.streams.summary import Merging, Tracking

Mergeable = TypeVar("Mergeable", bound=Merging)


@final
class Partitioned(Ranking):
    """Summaries that share a stream by the hash of its keys, asked as if they were one.

    Each key was counted by one of them, so that nothing is lost as it is where summaries merge.
    `partition` splits a stream so, and on Ray `beforehand.integrations.ray.ShardedSummary` does. Parts of a stream that
    was split by another rule do not do here: merge them, or ask the one that owns a key.

    Args:
        parts: The summaries, in the order of their shards; all of one seed.

    Guarantee:
        `lower <= true weight <= upper` as the summary that owns the key promises; `error_bound` is the largest of
        theirs.

    Cost:
        That of the summaries, and a hash of each key that is asked for.

    Raises:
        InvalidInput: There are no parts, or more than 65,535; they track no keys, or differ in seed or kind of keys;
            one tracks a key that belongs to another.

    Example:
        >>> from beforehand.streams import SpaceSaving, partition
        >>> parts = [SpaceSaving(capacity=2) for _ in range(3)]
        >>> for part, (keys, _) in zip(parts, partition([7, 7, 8], 3)):
        ...     part.update(keys)
        >>> whole = Partitioned(parts)
        >>> whole.estimate([7, 8, 9])
        array([2., 1., 0.])
        >>> whole.total
        3
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Any]) -> None:
        if not 1 <= len(parts) <= MOST_SHARDS:
            raise InvalidInput(f"there are {len(parts)} parts, but there must be from 1 to {MOST_SHARDS}")
        for part in parts:
            if not isinstance(part, Tracking) or hasattr(part, "window"):
                raise InvalidInput(
                    f"a part is a {type(part).__name__}, but must track the keys of a whole stream; take SpaceSaving"
                )
            if part.seed != parts[0].seed:
                raise InvalidInput(f"parts have seeds {parts[0].seed} and {part.seed}; make all of them with the same")
        kinds = {part.key_kind for part in parts} - {"none"}
        if len(kinds) > 1:
            raise InvalidInput(f"parts hold {' and '.join(sorted(kinds))} keys; make all of them with the same key=")
        self.parts = tuple(parts)
        for shard in range(len(parts)):
            self._check_owner(shard)

    def _check_owner(self, shard: int) -> None:
        """Refuse a stream that was split by another rule: what does not own a key would be asked about it."""
        part = self.parts[shard]
        keys, _, lower, _, _ = part._ranked(len(part))
        foreign = np.ones(len(lower), bool)
        foreign[owned_rows(keys, len(self.parts), part.seed)[shard]] = False
        if foreign.any() and isinstance(keys, list):  # a label that is no UTF-8 looks like another key
            foreign &= (part.bounds(keys)[0] == lower) & (lower > 0)
        if foreign.any():
            key = (keys if isinstance(keys, list) else keys.tolist())[int(np.argmax(foreign))]
            raise InvalidInput(
                f"part {shard} has counted {key!r}, which belongs to another part; split the stream with "
                "partition(), or merge the parts"
            )

    def __repr__(self) -> str:
        """How many parts, and of what."""
        return f"Partitioned({len(self.parts)} parts, total={self.total}, tracked={len(self)})"

    def estimate(self, keys: Keys, *, estimator: Any = None) -> Any:
        """The weight of each key, as one number; as in `SpaceSaving`."""
        return self._routed(keys, lambda part, asked: part.estimate(asked, estimator=estimator))

    def bounds(self, keys: Keys) -> Any:
        """What each key weighs at least and at most; as in `SpaceSaving`."""
        return self._routed(keys, lambda part, asked: part.bounds(asked))

    @property
    def error_bound(self) -> int:
        """The largest `upper - lower` of any key, right now."""
        return int(max(part.error_bound for part in self.parts))

    @property
    def total(self) -> int:
        """The weight of all keys that were counted."""
        return sum(part.total for part in self.parts)

    @property
    def skipped(self) -> int:
        """How many nulls came."""
        return sum(part.skipped for part in self.parts)

    @property
    def nbytes(self) -> int:
        """Memory of all that counts, in bytes, without labels."""
        return sum(part.nbytes for part in self.parts)

    @property
    def deleted(self) -> int:
        """The weight that was handed to `delete`."""
        return sum(part.deleted for part in self.parts)

    def __len__(self) -> int:
        """How many keys are tracked."""
        return sum(len(part) for part in self.parts)

    def _ranked(self, k: int) -> tuple[Any, ...]:
        found = [part._ranked(k) for part in self.parts]
        owner = np.repeat(np.arange(len(found)), [len(ranked[1]) for ranked in found])
        estimate, lower, upper = (np.concatenate([ranked[place] for ranked in found]) for place in (1, 2, 3))
        order = np.lexsort((~lower, -estimate))[:k]
        taken = np.bincount(owner[order], minlength=len(found)).tolist()
        outside = max(part._ranked(count)[4] for part, count in zip(self.parts, taken, strict=True))
        keys = _picked([ranked[0] for ranked in found], order)
        return keys, estimate[order], lower[order], upper[order], outside

    @property
    def _untracked_bound(self) -> int:
        return int(max(part._untracked_bound for part in self.parts))

    def _routed(self, keys: Keys, question: Callable[[Any, Any], Any]) -> Any:
        def ask(asked: list[tuple[int, Any]]) -> list[Any]:
            return [question(self.parts[shard], part) for shard, part in asked]

        return routed(keys, len(self.parts), self.parts[0].seed, ask)


def merged(parts: Sequence[Mergeable]) -> Mergeable:
    """All parts of a stream as one summary; the first of them, pair by pair, takes in the others."""
    while len(parts) > 1:
        pairs = [(parts[i], parts[i + 1 : i + 2]) for i in range(0, len(parts), 2)]
        parts = [reduce(ior, rest, first) for first, rest in pairs]
    return parts[0]


def _picked(keys: list[Any], order: NDArray[np.intp]) -> Any:
    """These of the keys of all parts."""
    filled = [part for part in keys if len(part)]  # an empty part has keys of no kind
    if filled and isinstance(filled[0], list):
        every = [key for part in filled for key in part]
        return [every[place] for place in order]
    return np.concatenate(filled or keys)[order]
