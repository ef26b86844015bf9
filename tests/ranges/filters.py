"""Every filter over every type of keys: how it is built in tests, and sets of keys of each type."""

import numpy as np

from beforehand.ranges import FILTERS
from beforehand.ranges.keys import encode_keys

NUMBERS = ("uint64", "int64", "float64", "datetime64[s]", "timedelta64[ns]")
TYPES = (*NUMBERS, "bytes", "str")
ALPHABET = (0, 1, 2, 127, 128, 254, 255)
CASES = [(name, kind) for name in FILTERS for kind in TYPES if name != "rosetta" or kind in NUMBERS]


def draw(kind, count, seed=0):
    """Keys of a type, clustered and scattered, some at the ends of the domain, in no order and some twice."""
    rng = np.random.default_rng(seed)
    if kind in ("bytes", "str"):
        rows = [bytes(rng.choice(ALPHABET, rng.integers(0, 9)).astype(np.uint8)) for _ in range(count)]
        rows += [b"", b"\0", b"\0\0", b"a\0", b"\xff" * 8, *rows[: count // 10]]
        return rows if kind == "bytes" else [row.decode("latin1") for row in rows]
    wide = rng.integers(0, 2**64, count // 2, np.uint64)
    near = np.uint64(2**63) + rng.integers(0, 4 * count, count - count // 2).astype(np.uint64)
    codes = np.concatenate([wide, near, wide[: count // 10]])
    if kind == "uint64":
        return np.concatenate([codes, np.array([0, 2**64 - 1], np.uint64)])
    if kind == "float64":
        floats = rng.normal(size=count) * 10.0 ** rng.integers(-300, 300, count)
        return np.concatenate([floats, np.array([0.0, -0.0, np.inf, -np.inf, 5e-324, -5e-324]), floats[: count // 10]])
    ends = np.array([-(2**63) + 1, 2**63 - 1, 0, -1])  # -2**63 would be NaT
    whole = np.concatenate([codes.view(np.int64), ends])
    whole[whole == -(2**63)] += 1
    return whole if kind == "int64" else whole.view(kind.replace("datetime64", "M8").replace("timedelta64", "m8"))


def step(kind, keys, steps):
    """The values so many codes behind each of some numbers."""
    with np.errstate(over="ignore"):
        if kind == "float64":
            moved = np.asarray(keys, np.float64)
            for _ in range(abs(steps)):
                moved = np.nextafter(moved, np.inf if steps > 0 else -np.inf)
            return moved
        whole = np.asarray(keys)
        codes = whole.view(np.uint64) if kind == "uint64" else whole.view(np.int64)
        edge = (0, 2**64 - 1) if kind == "uint64" else (-(2**63) + 1, 2**63 - 1)
        moved = np.array([min(max(int(code) + steps, edge[0]), edge[1]) for code in codes], codes.dtype)
        return moved.view(whole.dtype)


def sample(kind, keys):
    """Queries beside the keys, for filters that are tuned to some."""
    if kind in ("bytes", "str"):
        more = (lambda row: row + b"\1") if kind == "bytes" else (lambda row: row + "\1")
        return [more(key) for key in keys], [more(more(key)) for key in keys]
    return step(kind, keys, 2), step(kind, keys, 5)


def build(name, keys, kind, *, bits_per_key=14.0, seed=0):
    """A filter by its name, tuned where it can be."""
    options = {"keys": keys, "seed": seed}
    if name in ("proteus", "prefix-bloom", "two-prefix-bloom", "rosetta"):
        options["queries"] = sample(kind, keys) if len(keys) else None
    if name != "surf":
        options["bits_per_key"] = bits_per_key
    return FILTERS[name].build(**options)


def distinct(keys):
    """How many codes there are."""
    return len(encode_keys(keys))
