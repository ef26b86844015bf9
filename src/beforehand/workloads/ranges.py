"""Keys and range queries: uniform and normal keys, queries far from keys and beside them, names of installed code."""

import re
import sysconfig
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.ranges.codes import distinct
from beforehand.workloads.draws import normals, uniforms

Keys = NDArray[np.uint64]
Names = NDArray[np.bytes_]
# Streams of random numbers. What counts them: the key or name drawn, or the query tried.
HIGH, LOW, NORMAL, BELOW = 30, 31, 32, 33
LEFT_HIGH, LEFT_LOW, LENGTH, NEAR, KEY, DISTANCE, HIT, INSIDE = 34, 35, 36, 37, 38, 39, 40, 41
SYLLABLES, DOMAIN, MODULE, LETTERS = 42, 43, 44, (45, 46)
CENTER, SPREAD = 2.0**63, 0.01 * 2.0**64
STEP: Final = np.uint64(2048)  # doubles above 2**63 are multiples of it
MOST_TRIES = 64  # queries tried for each one wanted, before there seems to be no room between the keys
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
DOMAINS = ("com", "org", "net", "de", "io", "co.uk")
DEFINITION = re.compile(r"[ \t]*(?:def|class)[ \t]+(\w+)")
FOREIGN = {"site-packages", "dist-packages", "test", "tests"}
KINDS = ("uniform", "correlated", "split")


def uniform_keys(n: int, *, seed: int) -> Keys:
    """Distinct keys, spread evenly over all of 64 bits; sorted.

    Args:
        n: Keys, from 1.
        seed: Another seed gives other keys of the same kind.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> keys = uniform_keys(1000, seed=0)
        >>> keys.dtype, len(keys), bool((np.diff(keys) > 0).all())
        (dtype('uint64'), 1000, True)
    """
    return _distinct(lambda row: _words(row, seed, HIGH, LOW), n)


def normal_keys(n: int, *, seed: int, low_bits: bool = True) -> Keys:
    """Distinct keys around the middle of 64 bits, with a standard deviation of 1% of them all; sorted.

    Args:
        n: Keys, from 1.
        seed: Another seed gives other keys of the same kind.
        low_bits: Whether the lowest 11 bits are drawn. False: keys are doubles made whole, multiples of 1024, as
            generators of benchmarks often make them. Queries beside such keys are easier than they look.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> bool((normal_keys(1000, seed=0, low_bits=False) % np.uint64(1024)).any())
        False
    """

    def draw(row: NDArray[np.int64]) -> Keys:
        drawn = (CENTER + SPREAD * normals(row, seed, NORMAL)).astype(np.uint64)
        return drawn if not low_bits else drawn - drawn % STEP + _below(STEP, row, seed, BELOW)

    return _distinct(draw, n)


def queries(
    keys: Keys,
    n: int,
    *,
    kind: Literal["uniform", "correlated", "split"] = "uniform",
    longest: int = 32,
    distance: int = 1024,
    hits: float | None = 0.0,
    seed: int,
) -> Trace:
    """Closed ranges over keys, as range filters are compared by: far from keys, or just behind one.

    Args:
        keys: uint64, sorted and distinct, at least one.
        n: Queries.
        kind: `uniform`, from anywhere; `correlated`, from 1 to `distance` behind a random key; `split`, half of each.
        longest: Values in the longest range; lengths are drawn evenly from 2 to it. 1: points.
        distance: See `kind`.
        hits: The share of ranges that hold a key, from 0 to 1; the others hold none. None: as they are drawn.
        seed: Another seed gives other queries of the same kind.

    Guarantee:
        A trace of kind `ranges` with the columns `lo` and `hi`, uint64. More queries begin with the same ones.

    Raises:
        InvalidInput: an argument is out of range, or the keys leave no room for empty ranges.

    Example:
        >>> keys = uniform_keys(1000, seed=0)
        >>> trace = queries(keys, 50, kind="correlated", seed=1)
        >>> trace, bool((np.searchsorted(keys, trace["lo"]) == np.searchsorted(keys, trace["hi"], "right")).all())
        (Trace('ranges', 50 rows of lo, hi), True)
    """
    n, longest, distance = _whole("n", n), _whole("longest", longest), _whole("distance", distance)
    if kind not in KINDS:
        raise InvalidInput(f"kind is {kind!r}, but must be one of {', '.join(KINDS)}")
    if n < 1 or not 1 <= longest <= 2**52 or not 1 <= distance <= 2**52:
        raise InvalidInput(f"n is {n}, longest {longest} and distance {distance}, but must be from 1, two to 2**52")
    if hits is not None and not 0 <= hits <= 1:
        raise InvalidInput(f"hits is {hits}, but must be a share from 0 to 1, or None for queries as they are drawn")
    keys = np.ascontiguousarray(keys)
    if keys.dtype != np.uint64 or keys.ndim != 1 or not len(keys) or not (keys[1:] > keys[:-1]).all():
        raise InvalidInput(f"keys are {keys.dtype} of shape {keys.shape}, but must be uint64, sorted and distinct")
    row = np.arange(n)
    hit = np.zeros(n, bool) if hits is None else uniforms(row, seed, HIT) <= hits
    lo, hi = np.empty(n, np.uint64), np.empty(n, np.uint64)
    width = _lengths(row[hit], longest, seed) - np.uint64(1)
    of_key = keys[_below(len(keys), row[hit], seed, KEY).astype(np.int64)]
    before = np.minimum(_below(width + np.uint64(1), row[hit], seed, INSIDE), of_key)
    lo[hit] = of_key - before
    hi[hit] = _capped_sum(lo[hit], width)
    lo[~hit], hi[~hit] = _drawn(keys, n - int(hit.sum()), kind, longest, distance, hits is not None, seed)
    for column in (lo, hi):
        column.flags.writeable = False
    options = {"longest": longest, "distance": distance, "hits": hits, "seed": int(seed)}
    return Trace("ranges", {"lo": lo, "hi": hi}, meta={"generated": f"ranges, {kind}", **options})


def host_names(n: int, *, seed: int) -> Names:
    """Distinct made-up names of hosts, of unequal length and with long common beginnings; sorted.

    Args:
        n: Names, from 1.
        seed: Another seed gives other names of the same kind.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> len(host_names(1000, seed=0))
        1000
    """
    pieces = [a + b for a in CONSONANTS for b in VOWELS]

    def draw(row: NDArray[np.int64]) -> Names:
        # The square of a uniform number prefers the first syllables and domains, as languages prefer theirs.
        part = [uniforms(row * 6 + i, seed, SYLLABLES) ** 2 for i in range(5)]
        syllable = [np.ceil(each * len(pieces)).astype(int) - 1 for each in part]
        count = np.ceil(uniforms(row * 6 + 5, seed, SYLLABLES) * 4).astype(int) + 1
        domain = np.ceil(uniforms(row, seed, DOMAIN) ** 2 * len(DOMAINS)).astype(int) - 1
        names = [
            "".join(pieces[s] for s in each[:c]) for each, c in zip(zip(*syllable, strict=True), count, strict=True)
        ]
        return np.array([f"{DOMAINS[d]}.{name}".encode() for d, name in zip(domain.tolist(), names, strict=True)])

    return _distinct(draw, n)


def stdlib_names(root: str | PathLike[str] | None = None) -> Names:
    """What the Python code below a folder defines, as `module.name`: real keys that are on every machine.

    Args:
        root: The folder; None: the standard library of this interpreter, without tests and what is installed beside it.

    Guarantee:
        ASCII bytes, distinct and sorted: the name in every line that begins with `def` or `class`, however far to the
        right. Files that cannot be read, and names with other letters, are left out. CPython 3.11 has some 17,000
        names, of up to 83 bytes.

    Raises:
        InvalidInput: there is no such line below the folder.

    Example:
        >>> import json, pathlib
        >>> stdlib_names(pathlib.Path(json.__file__).parent)[:2].tolist()
        [b'__init__.detect_encoding', b'__init__.dump']
    """
    folder = Path(sysconfig.get_path("stdlib") if root is None else root)
    names = set()
    for path in folder.rglob("*.py"):
        inside = path.relative_to(folder).with_suffix("").parts
        if root is None and FOREIGN & set(inside):
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        module = ".".join(inside[:-1] if inside[-1] == "__init__" and len(inside) > 1 else inside)
        names |= {f"{module}.{found[1]}" for line in lines if (found := DEFINITION.match(line))}
    found_names = [name.encode() for name in names if name.isascii()]
    if not found_names:
        raise InvalidInput(f"there is no Python code with definitions below {folder}; name another folder")
    return np.sort(np.array(found_names))


def name_queries(names: Names, n: int, *, seed: int) -> Trace:
    """Closed ranges over dotted names: in the module of a random name, from one random pair of letters to another.

    Args:
        names: Sorted, each with a dot, such as `stdlib_names()`.
        n: Queries.
        seed: Another seed gives other queries of the same kind.

    Guarantee:
        A trace of kind `ranges` with the columns `lo` and `hi`, bytes; some are empty.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> name_queries(np.array([b"a.one", b"a.two"]), 5, seed=0)
        Trace('ranges', 5 rows of lo, hi)
    """
    n = _whole("n", n)
    if n < 1 or not len(names):
        raise InvalidInput(f"n is {n} and there are {len(names)} names, but must be from 1")
    row = np.arange(n)
    modules = [names[i].rpartition(b".")[0] for i in _below(len(names), row, seed, MODULE).tolist()]
    ends = []
    for letters in LETTERS:
        pair = _below(26 * 26, row, seed, letters).tolist()
        ends.append([97 + each // 26 for each in pair])
        ends.append([97 + each % 26 for each in pair])
    bounds = [sorted((bytes((a, b)), bytes((c, d)))) for a, b, c, d in zip(*ends, strict=True)]
    lo, hi = (
        np.array([module + b"." + pair[side] for module, pair in zip(modules, bounds, strict=True)]) for side in (0, 1)
    )
    return Trace("ranges", {"lo": lo, "hi": hi}, meta={"generated": "ranges, names", "seed": int(seed)})


def _drawn(keys: Keys, n: int, kind: str, longest: int, distance: int, empty: bool, seed: int) -> tuple[Keys, Keys]:
    """The first `n` ranges of this kind; only empty ones on demand."""
    los, his = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    found, first = 0, 0
    while found < n:
        if first > MOST_TRIES * n + 100_000:
            raise InvalidInput(
                f"{found} of {first} {kind} ranges of up to {longest} values held no key, but {n} are wanted; take a "
                "smaller longest, or hits=None for ranges as they are drawn"
            )
        row = np.arange(first, first + max(n - found, 4096))
        first += len(row)
        near = np.full(len(row), kind == "correlated")
        if kind == "split":
            near = uniforms(row, seed, NEAR) <= 0.5
        beside = keys[_below(len(keys), row, seed, KEY).astype(np.int64)]
        lo = np.where(near, beside + np.uint64(1) + _below(distance, row, seed, DISTANCE),
                      _words(row, seed, LEFT_HIGH, LEFT_LOW))  # fmt: skip
        hi = lo + (_lengths(row, longest, seed) - np.uint64(1))
        kept = (hi >= lo) & ~(near & (lo <= beside))  # neither ran over the end
        if empty:
            kept &= np.searchsorted(keys, lo) == np.searchsorted(keys, hi, "right")
        los.append(lo[kept])
        his.append(hi[kept])
        found += int(kept.sum())
    return np.concatenate(los)[:n], np.concatenate(his)[:n]


def _lengths(row: NDArray[np.int64], longest: int, seed: int) -> Keys:
    """From 2 to the longest, or 1."""
    if longest == 1:
        return np.ones(len(row), np.uint64)
    return np.uint64(2) + _below(longest - 1, row, seed, LENGTH)


def _words(row: NDArray[np.int64], seed: int, high: int, low: int) -> Keys:
    """All of 64 bits, from the halves of two draws."""
    return _below(2**32, row, seed, high) << np.uint64(32) | _below(2**32, row, seed, low)


def _below(limit: Any, row: NDArray[np.int64], seed: int, purpose: int) -> Keys:
    """A whole number from 0 to the limit, itself left out, which is at most 2**53."""
    drawn: Keys = np.ceil(uniforms(row, seed, purpose) * limit).astype(np.uint64) - np.uint64(1)
    return drawn


def _capped_sum(lo: Keys, width: Keys) -> Keys:
    hi = lo + width
    capped: Keys = np.where(hi < lo, np.uint64(2**64 - 1), hi)
    return capped


def _distinct(draw: Callable[[NDArray[np.int64]], NDArray[Any]], n: int) -> NDArray[Any]:
    """The first `n` distinct values that are drawn, sorted."""
    n = _whole("n", n)
    if n < 1:
        raise InvalidInput(f"n is {n}, but must be at least 1")
    drawn, first = draw(np.arange(n)), n
    kept = distinct(drawn)
    while len(kept) < n:
        missing = n - len(kept)
        kept = distinct(np.concatenate((kept, draw(np.arange(first, first + missing)))))
        first += missing
    return kept


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number")
    return int(value)
