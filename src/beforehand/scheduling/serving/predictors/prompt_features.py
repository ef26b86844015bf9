"""What a prompt-only predictor of lengths may know of a request, as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

BUCKETS: Final = 2**12
MOST_GROUPS: Final = 64  # one-hot columns of each kind of group
LOGARITHMS, COUNTS = ("prompt_tokens", "max_tokens"), ("tools", "turn")
GROUPS, PROMPTS = ("prefix_id", "tenant"), "prompts"
NAMES: Final = (*LOGARITHMS, *COUNTS, *GROUPS, PROMPTS)
MOST_TOKENS: Final = 1e9  # an unlimited answer has this limit


class Layout(NamedTuple):
    """Which columns a matrix has, fixed by the requests that a predictor was fitted to."""

    names: tuple[str, ...]  # of the features
    prefixes: NDArray[np.int64]
    tenants: NDArray[np.str_]
    buckets: NDArray[np.int64]  # those of the bag of words that any prompt fell into


def rows_of(features: Mapping[str, Any], names: Sequence[str]) -> int:
    """How many requests these features describe.

    Raises:
        InvalidInput: a feature is missing, or they differ in length.
    """
    for name in names:
        if name not in features:
            raise InvalidInput(f"features have no {name!r}, but the predictor was fitted with {', '.join(names)}")
    lengths = {name: len(features[name]) for name in names}
    if len(set(lengths.values())) != 1:
        raise InvalidInput(f"features have {lengths} rows, but must have one for each request; pass equal lengths")
    return next(iter(lengths.values()))


def layout_of(features: Mapping[str, Any]) -> Layout:
    """The columns for these requests: those features that are there, and the groups and words that they hold.

    Raises:
        InvalidInput: there is no feature that is known.
    """
    names = tuple(name for name in NAMES if name in features)
    if not names:
        given = ", ".join(map(str, features)) or "none"
        raise InvalidInput(f"features are {given}, but must hold one of {', '.join(NAMES)}")
    rows_of(features, names)
    buckets = np.unique(_hashed(features[PROMPTS])[1]) if PROMPTS in names else np.zeros(0, np.int64)
    return Layout(
        names,
        _frequent(_prefixes(features)) if "prefix_id" in names else np.zeros(0, np.int64),
        _frequent(np.asarray(features["tenant"], np.str_)) if "tenant" in names else np.zeros(0, "U1"),
        buckets,
    )


def matrix(features: Mapping[str, Any], layout: Layout) -> NDArray[np.float64]:
    """A row for each request.

    Raises:
        InvalidInput: a feature of the layout is missing, of another length, negative or nan.
    """
    rows = rows_of(features, layout.names)
    parts = []
    for name in layout.names:
        if name in LOGARITHMS + COUNTS:
            numbers = np.asarray(features[name], np.float64)
            if not (numbers >= 0).all():
                raise InvalidInput(f"{name} has {numbers[~(numbers >= 0)][0]}, but must be at least 0 everywhere")
            numbers = np.minimum(numbers, MOST_TOKENS)
            parts.append((np.log1p(numbers) if name in LOGARITHMS else numbers)[:, None])
    if "prefix_id" in layout.names:
        parts.append((_prefixes(features)[:, None] == layout.prefixes).astype(np.float64))
    if "tenant" in layout.names:
        parts.append((np.asarray(features["tenant"], np.str_)[:, None] == layout.tenants).astype(np.float64))
    if PROMPTS in layout.names:
        parts.append(_bag(features[PROMPTS], layout.buckets, rows))
    return np.concatenate(parts, axis=1)


def _frequent(values: NDArray[Any]) -> NDArray[Any]:
    """The most frequent values, at most 64."""
    kinds, counts = np.unique(values, return_counts=True)
    return kinds[np.argsort(-counts, kind="stable")[:MOST_GROUPS]]


def _prefixes(features: Mapping[str, Any]) -> NDArray[np.int64]:
    return np.asarray(features["prefix_id"]).astype(np.int64)


def _hashed(prompts: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For every word of every prompt: whose it is, its bucket, and its sign."""
    lengths = [len(prompt) for prompt in prompts]
    words = np.concatenate([np.asarray(prompt, np.int64).reshape(-1) for prompt in prompts] or [np.zeros(0, np.int64)])
    mixed = words.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    signs = np.where(mixed >> np.uint64(63), 1.0, -1.0)
    return np.repeat(np.arange(len(lengths)), lengths), (mixed % np.uint64(BUCKETS)).astype(np.int64), signs


def _bag(prompts: Sequence[Any], buckets: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    """Words counted in signed buckets, as logarithms, each row of length 1; unknown buckets count for nothing."""
    owner, bucket, sign = _hashed(prompts)
    place = np.full(BUCKETS, -1)
    place[buckets] = np.arange(len(buckets))
    column = place[bucket]
    known = column >= 0
    cells = owner[known] * len(buckets) + column[known]
    counts = np.bincount(cells, sign[known], rows * len(buckets)).reshape(rows, len(buckets))
    bag = np.sign(counts) * np.log1p(np.abs(counts))
    norm = np.linalg.norm(bag, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = bag / np.where(norm > 0, norm, 1.0)
    return scaled
