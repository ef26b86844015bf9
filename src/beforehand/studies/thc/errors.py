"""How much four bits err: with and without rotation, one way and both."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from beforehand.gradients import THC, BlockInt, Combine, Layout, correlation, simulate, vnmse
from beforehand.gradients.codec import Codec
from beforehand.gradients.exchange import Floats, Round
from beforehand.gradients.local import exchange_all
from beforehand.reporting import Sheet
from beforehand.studies.claims import Found, NotRun
from beforehand.workloads.gradient_samples import gradients

PUBLISHED: Final = THC(granularity=30, truncation=1 / 32)
RANGES: Final = tuple(2.0**-k for k in (5, 6, 7, 8, 9, 10, 11))  # among which the best table is sought
STRUCTURED: Final = ("layers", "columns", "hot_layer", "hot_row", "sparse")


def best_thc(rows: Floats, *, lanes: int = 8, rounds: int = 3) -> float:
    """The error of the best table for these gradients, by trying them."""
    codecs = (THC(truncation=p, lanes=lanes) for p in RANGES)
    return min(float(simulate(codec, rows, rounds=rounds).vnmse) for codec in codecs)


def without_rotation(rows: Floats, *, bits: int = 4, seed: int = 0) -> Floats:
    """The mean by uniform THC as it is: all round to equally spaced levels from the smallest value to the largest."""
    random = np.random.default_rng(seed)
    low, high, steps = float(rows.min()), float(rows.max()), 2**bits - 1
    codes = [np.floor((row - low) * (steps / (high - low)) + random.random(row.size)) for row in rows]
    mean: Floats = (low + np.mean(codes, axis=0) * (high - low) / steps).astype(np.float32)
    return mean


class Turned(NamedTuple):
    """4 bits on one gradient, uniform with and without rotation, and with the tables."""

    data: str
    bare: float
    uniform: float
    published: float
    best: float
    foretold: float | None = None  # of the published table, on real gradients
    rho: float = 1.0


def rotations(real: Mapping[str, Floats]) -> list[Turned]:
    """Structured samples, then what is given of real gradients."""
    found = []
    for name, rows in (samples() | dict(real)).items():
        bare = vnmse(without_rotation(rows), rows.mean(axis=0, dtype=np.float64))
        uniform = simulate(THC(granularity=15, truncation=1 / 32), rows, rounds=3).vnmse
        published = simulate(PUBLISHED, rows, rounds=3).vnmse
        foretold = PUBLISHED.foretell(rows) if name in real else None
        best, rho = best_thc(rows), correlation(rows)
        found.append(Turned(name, bare, float(uniform), float(published), best, foretold, rho))
    return found


def samples(correlation: float = 0.0) -> dict[str, Floats]:
    """Structured gradients of 4 workers."""
    return {
        structure.replace("_", " "): gradients(structure, correlation=correlation, seed=1)["gradient"]
        for structure in STRUCTURED
    }


def rotations_sheet(found: list[Turned]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Four bits in a range that all share: vNMSE of 4 workers",
        columns=["gradient", "rho", "uniform, not rotated", "uniform", "published table", "best table"],
        rows=[
            [
                each.data,
                f"{each.rho:.2f}",
                f"{each.bare:.3g}",
                f"{each.uniform:.4f}",
                f"{each.published:.4f}",
                f"{each.best:.4f}",
            ]
            for each in found
        ],
        below="Samples do not correlate between workers. The best of seven tables, from p = 1/32 to 1/2048.",
    )


def rotation_is_needed(found: list[Turned]) -> Found:
    """The smallest gain of rotation, and that on real gradients."""
    gains = {each.data: each.bare / each.uniform for each in found}
    least = min(gains, key=lambda data: gains[data])
    real = {data: gain for data, gain in gains.items() if "step" in data}
    listed = "; ".join(f"{data}: {gain:,.0f}" for data, gain in real.items())
    return Found(
        scale=f"4 workers, {len(found)} gradients",
        figure=f"without rotation the error is {gains[least]:.0f} times as large ({least}) or more; on real gradients: "
        f"{listed or 'none at hand'}",
        holds=bool(real) and min(real.values()) >= 100,
        direction=min(gains.values()) > 10,
    )


def small_on_real(found: list[Turned]) -> Found | NotRun:
    """Errors of both tables on real gradients, the published one's beside what is foretold."""
    real = [each for each in found if each.foretold is not None]
    if not real:
        return NotRun("needs torch or scikit-learn for a real training")
    off = max(abs(each.published / each.foretold - 1) for each in real if each.foretold)
    listed = "; ".join(f"{each.data}: {each.best:.4f} and {each.published:.4f} (rho {each.rho:.2f})" for each in real)
    characters = [each for each in real if each.data.startswith("characters")] or real
    return Found(
        scale="4 workers, each with 4 sequences or 16 digits",
        figure=f"best and published table: {listed}; the published one's within {100 * off:.0f} % of what is foretold. "
        "Where workers hardly agree, no table errs less",
        holds=all(each.best <= 0.011 and each.published <= 0.015 for each in characters) and off <= 0.15,
        direction=off <= 0.15,
    )


class BothWays(NamedTuple):
    """A codec's error before and after what it sends back."""

    data: str
    codec: str
    up: float
    both: float


def both_ways(real: Mapping[str, Floats]) -> list[BothWays]:
    """Four bits in blocks, which are rounded again on their way back, and THC, whose sums are exact."""
    codecs: dict[str, Codec] = {
        "int4, blocks of 256": BlockInt(bits=4),
        "int4, blocks of 32": BlockInt(bits=4, block=32),
        "int8, blocks of 256": BlockInt(),
        "THC, 4 bits": THC(truncation=1 / 64),
    }
    found = []
    given = {"normal": gradients("normal", correlation=0.5, seed=1)["gradient"]} | dict(real)
    for data, rows in given.items():
        found += [BothWays(data, name, *_both(codec, rows)) for name, codec in codecs.items()]
    return found


def _both(codec: Codec, rows: Floats) -> tuple[float, float]:
    """The errors of the mean of all messages, and of what comes back."""
    workers, layout = len(rows), Layout([("gradient", (rows.shape[1],))])
    encoders = [codec.open(layout, rank=rank, workers=workers, reduction="combine") for rank in range(workers)]
    running = [one.reduce(row) for one, row in zip(encoders, rows, strict=True)]
    yielded = [next(each) for each in running]
    while not isinstance(yielded[0], Combine):
        answers, _ = exchange_all(yielded)
        yielded = [each.send(answer) for each, answer in zip(running, answers, strict=True)]
    shards = [each.shards for each in yielded if isinstance(each, Combine)]
    values, total = [], None
    for each in shards:
        message = each.encode(0, each.size)
        total = shards[0].accumulate(total, message)
        alone = shards[0].accumulate(None, message)  # values; of a homomorphic codec points, which decode as they are
        values.append(each.decode(each.finish(alone, 1), 0, each.size, 1) if codec.homomorphic else alone)
    assert total is not None
    back = shards[0].decode(shards[0].finish(total, workers), 0, shards[0].size, workers)
    once: Floats = np.asarray(np.mean(values, axis=0, dtype=np.float64), np.float32)
    true = rows.mean(axis=0, dtype=np.float64)
    up, both = (vnmse(_result(each, answer), true) for each, answer in zip(running[:2], (once, back), strict=True))
    return up, both


def _result(running: Round, answer: Floats) -> Floats:
    """What a worker makes of its last answer."""
    try:
        running.send(answer)
    except StopIteration as done:
        mean: Floats = done.value
        return mean
    raise AssertionError("a round that combines ends with it")


def two_errors(found: list[BothWays]) -> Found:
    """Both ways over up only."""
    ratios: dict[str, list[float]] = {each.codec: [] for each in found}
    for each in found:
        ratios[each.codec].append(each.both / each.up)
    listed = "; ".join(f"{codec}: {min(each):.2f} to {max(each):.2f}" for codec, each in ratios.items())
    blocks = min(min(each) for codec, each in ratios.items() if codec.startswith("int4"))
    thc = max(abs(ratio - 1) for ratio in ratios["THC, 4 bits"])
    return Found(
        scale=f"4 workers: {'; '.join(dict.fromkeys(each.data for each in found))}",
        figure=f"error both ways, divided by that of the messages up: {listed}",
        holds=blocks >= 1.6 and thc < 1e-3,
        direction=blocks > 1 + thc,
    )
