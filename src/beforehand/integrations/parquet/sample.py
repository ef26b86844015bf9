"""Queries for a column about which nothing is known: short ranges just behind its values."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.integrations.parquet.column_type import ColumnType, Keys
from beforehand.ranges.codes import distinct, float_codes, signed_codes, unsigned_codes
from beforehand.ranges.keys import KeyType

QUERIES: Final = 20_000
GAPS: Final = 4  # queries lie within so many gaps between keys, and are at most as long
WINDOW: Final = 8  # bytes of a string that queries differ in, from the first in which keys do
SIGN: Final = np.uint64(2**63)
LAST: Final = 2**64 - 1

Codes = NDArray[np.uint64]
Queries = tuple[Any, Any]


def guessed_queries(groups: Sequence[Keys], total: int, type_: ColumnType, seed: int) -> Queries | None:
    """Closed ranges as closest to the keys as makes a difference, for want of a sample of real ones.

    Args:
        groups: The keys of some row groups.
        total: How many row groups the column has.
        type_: Of the column.
        seed: Of the draws.

    Returns:
        lo and hi: each lo lies behind a random key by less than four median gaps between the column's keys; lengths
        are log-uniform, from one step of the code to four gaps. None where there are no keys.

    The gap of the whole column is extrapolated: row groups that lie side by side have its gap each, those that lie
    across each other have it together. Strings have no gap in common: that to the next one counts.
    """
    if type_.key_type.textual:
        return _guessed_strings([np.asarray(keys, object).tolist() for keys in groups if len(keys)], total, seed)
    found = [distinct(_codes(keys, type_)) for keys in groups if len(keys)]
    if not found:
        return None
    merged = distinct(np.concatenate(found))
    alone, together = float(np.median([_gap(codes) for codes in found])), _gap(merged)
    crossing = np.log(max(alone / together, 1.0)) / np.log(len(found)) if len(found) > 1 else 0.0
    reach = max(GAPS * alone * total ** -min(float(crossing), 1.0), 2.0)
    random = np.random.default_rng(seed)
    key = merged[random.integers(0, len(merged), QUERIES)]
    lo = _plus(key, random.random(QUERIES) * reach)
    hi = _plus(lo, np.exp(random.random(QUERIES) * np.log(reach)) - 1)
    return _values(lo, type_.key_type), _values(hi, type_.key_type)


def _gap(codes: Codes) -> float:
    return float(np.median(np.diff(codes).astype(np.float64))) if len(codes) > 1 else 1.0


def _plus(codes: Codes, steps: NDArray[np.float64]) -> Codes:
    """Later by so many steps, but not beyond the last code."""
    moved: Codes = codes + np.minimum(steps, 2.0**63).astype(np.uint64)
    return np.where(moved < codes, np.uint64(LAST), moved)


def _codes(keys: Keys, type_: ColumnType) -> Codes:
    array = np.asarray(keys)
    match type_.key_type.kind:
        case "uint64":
            return unsigned_codes(array)
        case "float64":
            return float_codes(array, "keys")
    return signed_codes(array.view(np.int64))


def _values(codes: Codes, key_type: KeyType) -> NDArray[Any]:
    """What has these codes, or the nearest that is a key."""
    if key_type.kind == "uint64":
        return codes
    if key_type.kind == "float64":
        ends = float_codes(np.array([-np.inf, np.inf]), "ends")
        inside = np.clip(codes, ends[0], ends[1])
        floats: NDArray[Any] = (inside ^ np.where(inside >> np.uint64(63), SIGN, np.uint64(LAST))).view(np.float64)
        return floats
    whole = (codes ^ SIGN).view(np.int64)
    return whole if key_type.unit is None else np.maximum(whole, -(2**63) + 1).view(str(key_type))


def _guessed_strings(groups: list[list[bytes]], total: int, seed: int) -> Queries | None:
    owners = {key: owner for owner, keys in enumerate(groups) for key in keys}
    merged = sorted(owners)
    if not merged:
        return None
    pairs = list(pairwise(merged)) or [(merged[0], merged[0] + b"\xff")]
    # Of neighbors in row groups that lie across each other, most are in different ones.
    apart = float(np.mean([owners[a] != owners.get(b) for a, b in pairs])) if len(groups) > 1 else 0.0
    crossing = min(apart / (1 - 1 / len(groups)), 1.0) if len(groups) > 1 else 0.0
    shrunk = GAPS * (total / len(groups)) ** -crossing
    random = np.random.default_rng(seed)
    los, his = [], []
    draws = random.random((QUERIES, 2)).tolist()
    for (key, after), (offset, length) in zip(
        (pairs[i] for i in random.integers(0, len(pairs), QUERIES)), draws, strict=True
    ):
        same = next((i for i, (a, b) in enumerate(zip(key, after, strict=False)) if a != b), len(key))
        first, last = (int.from_bytes(each[same : same + WINDOW].ljust(WINDOW, b"\0"), "big") for each in (key, after))
        reach = max((last - first) * shrunk, 2.0)
        lo = min(first + int(offset * reach), LAST)
        los.append(key[:same] + lo.to_bytes(WINDOW, "big"))
        his.append(key[:same] + min(lo + int(reach**length) - 1, LAST).to_bytes(WINDOW, "big"))
    return los, his
