"""Batches of keys split among shards by a hash, so that each key has one owner."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import Keys
from beforehand.streams.sizes import is_whole
from beforehand.streams.summary import as_weights

MOST_SHARDS = 2**16 - 1

Rows: TypeAlias = NDArray[np.uint64]


def partition(
    keys: Keys, parts: int, weights: ArrayLike | None = None, *, seed: int = 0
) -> list[tuple[Any, NDArray[np.uint64] | None]]:
    """Split a batch by the hash of its keys, so that each key always goes to the same part.

    What each part gets is counted by a summary of its own, and `Partitioned` asks them as if they were one.

    Args:
        keys: One key or a batch, as `update` takes them. Nulls go to the first part.
        parts: How many there are, from 1 to 65,535.
        weights: As `update` takes them.
        seed: That of the summaries.

    Returns:
        Keys and weights for each part, in the order in which they came; weights are None where none were given.

    Guarantee:
        The owner of a key depends on the key, `parts` and `seed` alone: it is the same in every form of batch, in every
        process, and in all versions to come.

    Cost:
        About 3 ns a key in arrays of integers, 40 to 150 ns in lists of str.

    Raises:
        InvalidInput: a key is none, or `parts`, `seed` or the weights break their rule.

    Example:
        >>> from beforehand.streams import Partitioned, SpaceSaving, partition
        >>> summaries = [SpaceSaving(capacity=100) for _ in range(4)]
        >>> for batch in (["a", "b", "a"], ["c", "a"]):
        ...     for summary, (keys, weights) in zip(summaries, partition(batch, 4)):
        ...         summary.update(keys, weights)
        >>> Partitioned(summaries).estimate(["a", "b", "c"])
        array([3., 1., 1.])
    """
    if not is_whole(parts) or not 1 <= parts <= MOST_SHARDS:
        raise InvalidInput(f"parts is {parts!r}, but must be a whole number from 1 to {MOST_SHARDS}")
    if not is_whole(seed) or not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed!r}, but must be a whole number from 0 to 2**64 - 1")
    return split(keys, None if weights is None else as_weights(weights), int(parts), int(seed))


def split(keys: Keys, weights: NDArray[np.uint64] | None, shards: int, seed: int) -> list[tuple[Any, Any]]:
    """The keys that each shard owns and their weights, in the order in which they came.

    Args:
        keys: A key or a batch. Nulls go to the first shard.
        weights: None, or an array of one weight for all, or of one for each key.
        shards: How many there are.
        seed: The seed of the hash.
    """
    if weights is None and type(keys) is np.ndarray and keys.ndim == 1 and keys.dtype.kind in "iu":
        whole = np.ascontiguousarray(keys, np.int64 if keys.dtype.kind == "i" else np.uint64)
        grouped, counts = _native.shard_integers(whole.view(np.uint64), shards, seed)
        return [(part, None) for part in np.split(grouped.view(whole.dtype), np.cumsum(counts)[:-1])]
    batch = as_batch(keys)
    if weights is not None and weights.size not in (1, len(batch)):
        raise InvalidInput(f"weights are {weights.size} for {len(batch)} keys; pass one, or one for each key")
    picked = [(pick(batch, rows), rows) for rows in owned_rows(batch, shards, seed)]
    if weights is None or weights.size == 1:
        return [(part, weights) for part, _ in picked]
    return [(part, weights[rows]) for part, rows in picked]


def routed(keys: Keys, shards: int, seed: int, ask: Callable[[list[tuple[int, Any]]], list[Any]]) -> Any:
    """What the owners of keys answer, in the order of the keys.

    Args:
        keys: A key or a batch, as summaries take them.
        shards: How many there are.
        seed: The seed of the hash.
        ask: Gets shards and the keys that each is asked about, and returns an answer for each of them: an array, or
            several as a tuple.
    """
    batch = as_batch(keys)
    rows = owned_rows(batch, shards, seed)
    asked = [shard for shard in range(shards) if len(rows[shard]) or shard == 0]
    answers = ask([(shard, pick(batch, rows[shard])) for shard in asked])
    together = np.concatenate([np.atleast_2d(answer) for answer in answers], axis=1)
    columns = np.empty_like(together)
    columns[:, np.concatenate([rows[shard] for shard in asked])] = together
    if _is_one(keys):
        columns = columns[:, 0].tolist()
    return tuple(columns) if isinstance(answers[0], tuple) else columns[0]


def owned_rows(batch: Any, shards: int, seed: int) -> list[Rows]:
    """The rows of a batch that each shard owns, in ascending order."""
    rows, counts = _native.shard_rows(_native.Keys(batch, seed), shards, seed)
    return np.split(rows, np.cumsum(counts)[:-1])


def as_batch(keys: Keys) -> Any:
    """Keys so that they can be read twice and rows of them picked: a list, or an array of numpy or Arrow."""
    if isinstance(keys, list | np.ma.MaskedArray):  # of which the kernels refuse the latter
        return keys
    if isinstance(keys, str | bytes | int):
        return [keys]
    if hasattr(keys, "__arrow_c_stream__") or hasattr(keys, "__arrow_c_array__"):
        return _arrow(keys)
    if isinstance(keys, tuple):
        return list(keys)
    array = np.asarray(keys)
    return array if array.ndim > 0 else [array[()]]


def _is_one(keys: Keys) -> bool:
    return isinstance(keys, str | bytes | int | np.generic) or (isinstance(keys, np.ndarray) and keys.ndim == 0)


def pick(batch: Any, rows: Rows) -> Any:
    """The keys in these rows of what `as_batch` returned."""
    if isinstance(batch, list):
        return [batch[row] for row in rows.tolist()]
    return batch[rows] if isinstance(batch, np.ndarray) else batch.take(rows)


def _arrow(keys: Any) -> Any:
    """A copy by pyarrow, which also picks rows without making Python objects; or the keys as Python gets them."""
    try:
        pyarrow = import_module("pyarrow")
    except ImportError:
        held = _native.Keys(keys, 0)
        return held.take(np.arange(len(held), dtype=np.uint64))
    return pyarrow.chunked_array(keys) if hasattr(keys, "__arrow_c_stream__") else pyarrow.array(keys)
