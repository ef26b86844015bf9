"""Range filters of every kind over keys of every type: does any ever deny a key?

Each check asks for a range that holds a key, at a random place in it, closed or open at its end; strings have unequal
lengths and end with zeros. One miss is one too many.

Run: python benchmarks/bench_ranges_missed.py [--checks 100000000] [--seed 0] [-o FILE]
"""

import math
import random
import time
from typing import Any

import numpy as np
from report import options, take

from beforehand.ranges import FILTERS, Design, Proteus, RangeFilter
from beforehand.reporting import Sheet

NUMBERS = ("uint64", "int64", "float64", "datetime64[s]", "timedelta64[ns]")
TYPES = (*NUMBERS, "bytes", "str")
ALPHABET = bytes([0, 1, 2, 97, 98, 127, 128, 254, 255])
PER_FILTER = 20_000  # ranges that one filter is asked for: closed ones, and the same with open ends
SHARES = {"rosetta": 0.1}  # of the checks of any other: it takes a hundred times as long for a long range
DESIGNS = (
    {"exact": "elias_fano", "exact_bits": 20},
    {"exact": "elias_fano", "exact_bits": 16, "approx": "fuse", "approx_bits": 60},
    {"exact": "elias_fano", "exact_bits": 12, "approx": "locality", "approx_bits": 64},
    {"exact": "elias_fano", "bucket_width": 2**50 + 12345},
    {"exact": "trie", "exact_bits": 21, "approx": "bloom", "approx_bits": 50},
    {"exact": "trie", "exact_bits": 40},
    {"approx": "fuse", "approx_bits": 57, "max_probes": 1024},
    {"approx": "bloom", "approx_bits": 64, "max_probes": 1},
    {"approx": "locality", "approx_bits": 47},
)


def numbers(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Keys that are spread, clustered, in runs, and at the ends of the domain."""
    count = int(rng.integers(1, 4000))
    codes = rng.integers(0, 2**64, count, np.uint64)
    codes[: count // 2] = codes[0] + rng.integers(0, 2 ** int(rng.integers(8, 60)), count // 2).astype(np.uint64)
    codes[: count // 8] = codes[0] + np.arange(count // 8, dtype=np.uint64)
    codes = np.append(codes, np.array([0, 2**64 - 1], np.uint64)[: int(rng.integers(0, 3))])
    if kind == "uint64":
        return codes
    if kind == "float64":
        floats = codes.view(np.float64)
        return floats[~np.isnan(floats)] if (~np.isnan(floats)).any() else np.zeros(1)
    whole = codes.view(np.int64)
    whole[whole == -(2**63)] += 1  # which would be NaT
    return whole if kind == "int64" else whole.view("M8[s]" if kind[0] == "d" else "m8[ns]")


def around(kind: str, keys: np.ndarray, count: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Ranges from a point to almost the whole domain, and a key that is in each."""
    chosen = rng.choice(keys, count)
    if kind == "float64":
        with np.errstate(over="ignore"):
            low, high = (np.abs(rng.standard_cauchy(count)) * 10.0 ** rng.integers(-320, 300, count) for _ in "ab")
            return chosen - low, np.nextafter(chosen + high, np.inf), chosen
    bits = rng.integers(0, 64, (2, count), np.uint64)
    low, high = rng.integers(0, 2**64, (2, count), np.uint64) >> bits
    codes = chosen.view(np.uint64)
    if kind != "uint64":
        codes = codes ^ np.uint64(2**63)
    floor = np.uint64(kind[0] in "dt")  # below is NaT
    lo = np.where(low > codes - floor, floor, codes - low)
    hi = np.where(high > ~codes, ~np.uint64(0), codes + high)
    if kind == "uint64":
        return lo, hi, chosen
    lower, upper = ((ends ^ np.uint64(2**63)).view(chosen.dtype) for ends in (lo, hi))
    return lower, upper, chosen


def strings(draw: random.Random) -> list[bytes]:
    """Keys of unequal lengths that share beginnings and end with zeros."""
    stem = bytes(draw.choices(ALPHABET, k=draw.randrange(0, 14)))
    longest = draw.choice((1, 3, 8, 30, 200))
    keys = [bytes(draw.choices(ALPHABET, k=draw.randrange(0, longest + 1))) for _ in range(draw.randrange(1, 800))]
    keys += [key + b"\0" * draw.randrange(0, 4) for key in keys[: len(keys) // 4]]
    return [stem + key for key in keys] + [b""] * draw.randrange(0, 2)


def around_strings(keys: list[bytes], count: int, draw: random.Random) -> tuple[list[bytes], list[bytes]]:
    """Ranges from a beginning of a key, or something below it, to something behind it."""
    lo, hi = [], []
    for key in draw.choices(keys, k=count):
        cut = draw.randrange(0, len(key) + 1)
        lo.append(key if draw.random() < 0.5 else key[:cut])
        tail = bytes(draw.choices(ALPHABET, k=draw.randrange(0, 4)))
        above = key[:cut] + b"\xff" * (len(key) - cut + 1)
        hi.append(key + tail if draw.random() < 0.7 else max(key, above))
    return lo, hi


def build(name: str, keys: Any, sample: tuple[Any, Any], kind: str, draw: random.Random) -> RangeFilter:
    """A filter of random size, tuned to ranges of random length or to none; Proteus often with a design of ours."""
    seed, bits = draw.randrange(2**64), draw.uniform(4, 24)
    if name == "proteus" and kind in NUMBERS and draw.random() < 0.6:
        return Proteus.build(keys, design=Design(**draw.choice(DESIGNS)), bits_per_key=1000, seed=seed)
    if name == "surf":
        suffix = draw.choice(("none", "hash", "real"))
        return FILTERS[name].build(keys, suffix=suffix, suffix_bits=0 if suffix == "none" else 7, seed=seed)
    if name == "locality-hash":
        return FILTERS[name].build(keys, bits_per_key=bits, seed=seed)
    options: dict[str, Any] = {"bits_per_key": max(bits, 8), "seed": seed}
    if name == "rosetta":  # which decomposes each range of the sample
        sample = (sample[0][:50], sample[1][:50])
    if name == "proteus":
        options["space"] = draw.choice(("extended", "paper"))
    return FILTERS[name].build(keys, draw.choice((sample, None)), **options)


def missed(name: str, kind: str, checks: int, seed: int) -> tuple[int, int, int]:
    """How many filters were asked, how many checks were made, and how many keys were denied."""
    rng, draw = np.random.default_rng([seed, TYPES.index(kind)]), random.Random(f"{seed}{name}{kind}")
    filters = done = denied = 0
    while done < checks:
        if kind in NUMBERS:
            keys = numbers(kind, rng)
            lo, hi, chosen = around(kind, keys, PER_FILTER, rng)
            inside, above = chosen < hi, hi
        else:
            keys = strings(draw)
            lo, hi = around_strings(keys, PER_FILTER, draw)
            inside, above = np.ones(PER_FILTER, np.bool_), [row + b"\1" for row in hi]
            if kind == "str":
                keys, lo, hi, above = ([row.decode("latin1") for row in rows] for rows in (keys, lo, hi, above))
        made = build(name, keys, (lo[:2000], hi[:2000]), kind, draw)
        answers = (
            made.may_intersect(lo, hi),
            made.may_intersect(lo, above, closed="left")[inside],
            made.may_contain(keys),
        )
        denied += sum(int((~answer).sum()) for answer in answers)
        filters, done = filters + 1, done + sum(map(len, answers))
    return filters, done, denied


def main() -> None:
    """Check, print, and fail where a key was denied."""
    parser = options(__doc__ or "")
    parser.add_argument("--checks", type=int, default=100_000_000, help="in all (default: 100000000)")
    parser.add_argument("--seed", type=int, default=0, help="of keys, ranges and filters (default: 0)")
    arguments = parser.parse_args()
    cases = [(name, kind) for name in FILTERS for kind in TYPES if name != "rosetta" or kind in NUMBERS]
    each_case = arguments.checks / sum(SHARES.get(name, 1.0) for name, _ in cases)
    total = 0

    def table() -> Sheet:
        nonlocal total
        rows, begun = [], time.process_time()
        for name in FILTERS:
            checks = math.ceil(each_case * SHARES.get(name, 1.0))
            found = [missed(name, kind, checks, arguments.seed) for each, kind in cases if each == name]
            filters, done, denied = map(sum, zip(*found, strict=True))
            rows.append([name, f"{filters:,}", f"{done:,}", f"{denied:,}"])
            total += denied
        return Sheet(
            title="Keys denied by range filters",
            columns=["", "filters", "checks", "keys denied"],
            rows=rows,
            below=f"Keys of {', '.join(TYPES)}; {time.process_time() - begun:.0f} s of processor time.",
        )

    take([table], arguments.output)
    if total:
        raise SystemExit(f"{total} keys were denied")


if __name__ == "__main__":
    main()
