"""Whether sums of codes are codes of sums: every order of workers, and what a lane too narrow does."""

import itertools
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients import (
    THC,
    Aggregator,
    AggregatorClient,
    Combine,
    Layout,
    Sum,
    Switch,
    TernGrad,
    drive,
    drive_local,
    simulate,
    vnmse,
)
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.exchange import Encoder, Exchange, Floats
from beforehand.gradients.lanes import LANES
from beforehand.gradients.local import exchange_all
from beforehand.studies.claims import Found
from beforehand.workloads.gradient_samples import gradients

HOMOMORPHIC: Final[tuple[tuple[Codec, Reduction], ...]] = (
    (THC(bits=2), "combine"),
    (THC(bits=3), "combine"),
    (THC(bits=4), "combine"),
    (THC(bits=4, lanes=16), "sum"),
    *((THC(bits="lane", lanes=lanes), "sum") for lanes in LANES if lanes > 5),
    (TernGrad(), "combine"),
)


class Ordered(NamedTuple):
    """One codec, whose messages were added in every order of workers."""

    codec: str
    equal: bool  # all sums, also those in wide integers, and the means of all workers, bit by bit


def every_order(rows: Floats) -> list[Ordered]:
    """All codecs that call themselves homomorphic."""
    layout = Layout([("gradient", (rows.shape[1],))])
    found = []
    for codec, reduction in HOMOMORPHIC:
        exchanges = _last(_opened(codec, reduction, layout, len(rows)), rows)
        sums = {_added(exchanges, order) for order in itertools.permutations(range(len(rows)))}
        means = drive_local(_opened(codec, reduction, layout, len(rows)), list(rows)).means
        agree = all(np.array_equal(mean, means[0]) for mean in means)
        found.append(Ordered(codec.to_json(), agree and sums == {_in_wide_integers(exchanges)}))
    return found


def _opened(codec: Codec, reduction: Reduction, layout: Layout, workers: int) -> list[Encoder]:
    return [codec.open(layout, rank=rank, workers=workers, reduction=reduction) for rank in range(workers)]


def _last(encoders: Sequence[Encoder], rows: Floats) -> list[Exchange]:
    """What the workers exchange when their codes are made."""
    running = [one.reduce(row) for one, row in zip(encoders, rows, strict=True)]
    yielded = [next(each) for each in running]
    while not isinstance(yielded[0], Combine | Sum):
        answers, _ = exchange_all(yielded)
        yielded = [each.send(answer) for each, answer in zip(running, answers, strict=True)]
    return yielded


def _added(exchanges: Sequence[Exchange], order: Sequence[int]) -> bytes:
    """The result message, or the containers of a sum, when messages come in this order."""
    first = exchanges[0]
    if isinstance(first, Sum):
        values = [each.values for each in exchanges if isinstance(each, Sum)]
        total = values[order[0]].copy()
        for rank in order[1:]:
            total += values[rank]
        return total.tobytes()
    shards = [each.shards for each in exchanges if isinstance(each, Combine)]
    added: NDArray[Any] | None = None
    for rank in order:
        added = shards[0].accumulate(added, shards[rank].encode(0, shards[rank].size))
    assert added is not None
    return shards[0].finish(added, len(order)).tobytes()


def _in_wide_integers(exchanges: Sequence[Exchange]) -> bytes:
    """The same from sums that cannot wrap."""
    if isinstance(exchanges[0], Sum):
        values = [each.values.astype(object) for each in exchanges if isinstance(each, Sum)]
        total: NDArray[Any] = np.sum(values, axis=0)
        return total.astype(exchanges[0].values.dtype).tobytes()
    shards = [each.shards for each in exchanges if isinstance(each, Combine)]
    points = [shards[0].accumulate(None, each.encode(0, each.size)).astype(np.int64) for each in shards]
    return shards[0].finish(np.sum(points, axis=0).astype(np.uint16), len(shards)).tobytes()


def carried(rows: Floats) -> dict[str, bool]:
    """Whether means have the same bits through a switch that loses packets, and through a server over TCP."""
    layout, workers = Layout([("gradient", (rows.shape[1],))]), len(rows)
    same = {"a switch that loses a tenth of all packets": True, "a server over TCP": True}
    for codec in (THC(), TernGrad()):
        mean = drive_local(_opened(codec, "combine", layout, workers), list(rows)).means[0]
        switch = Switch(workers=workers, loss=0.1, duplicate=0.1, reorder=0.1, seed=1)
        packets = switch.drive(_opened(codec, "combine", layout, workers), list(rows)).means
        answers = (packets, _served(codec, layout, rows))
        for name, means in zip(same, answers, strict=True):
            same[name] &= all(np.array_equal(each, mean) for each in means)
    return same


def _served(codec: Codec, layout: Layout, rows: Floats) -> list[Floats]:
    """Every worker's mean from a server of this machine."""
    encoders = _opened(codec, "combine", layout, len(rows))

    def worker(rank: int) -> Floats:
        with AggregatorClient(server.address, codec, rank=rank, workers=len(rows)) as client:
            return drive(encoders[rank], rows[rank], client)

    with Aggregator(workers=len(rows)) as server, ThreadPoolExecutor(len(rows)) as pool:
        return list(pool.map(worker, range(len(rows))))


def is_exact(found: list[Ordered], through: Mapping[str, bool], workers: int) -> Found:
    """How many codecs' sums are the same in every order, and through whom means are."""
    equal = sum(each.equal for each in found)
    orders = math.factorial(workers)
    listed = " and ".join(f"{'through' if same else 'not through'} {name}" for name, same in through.items())
    return Found(
        scale=f"{workers} workers, gradients in layers, {len(found)} settings of THC and TernGrad",
        figure=f"for {equal} of {len(found)} the sums of all {orders} orders, those in wide integers and the means of "
        f"all workers agree bit by bit; so do the means {listed}",
        holds=equal == len(found) and all(through.values()),
    )


class Lane(NamedTuple):
    """THC with 8-bit lanes for so many workers."""

    workers: int
    granularity: int
    refused: str | None
    error: float | None
    expected: float | None


def lanes() -> list[Lane]:
    """The published table at 8 workers and at 9, and the widest table that 17 workers have room for."""
    found = []
    for workers, granularity in ((8, 30), (9, 30), (9, 28), (17, 15), (18, 15)):
        codec = THC(granularity=granularity, truncation=1 / 32)
        rows = gradients("normal", size=2**14, workers=workers, correlation=0.5, seed=2)["gradient"]
        try:
            error = float(simulate(codec, rows, rounds=4).vnmse)
        except CapacityExceeded as refused:
            found.append(Lane(workers, granularity, str(refused), None, None))
        else:
            found.append(Lane(workers, granularity, None, error, codec.foretell(rows)))
    return found


def wrapped(workers: int = 9) -> float:
    """The vNMSE of equal workers at granularity 30, where two lanes of 8 bits share 16 and nobody checks."""
    codec, rows = THC(granularity=30, truncation=1 / 32, lanes=16), gradients("normal", size=2**14, workers=1, seed=2)
    same = np.repeat(rows["gradient"], workers, axis=0)
    encoders = _opened(codec, "combine", Layout([("gradient", (same.shape[1],))]), workers)
    shards = [each.shards for each in _last(encoders, same) if isinstance(each, Combine)]
    points = [shards[0].accumulate(None, each.encode(0, each.size)) for each in shards]
    sums: NDArray[np.uint16] = np.sum(points, axis=0, dtype=np.uint16)
    pairs = sums[::2] + (sums[1::2] << 8)
    shared = np.stack([pairs & 255, pairs >> 8], axis=1).reshape(-1)
    decoded, true = (
        shards[0].decode(shards[0].finish(each, workers), 0, shards[0].size, workers) for each in (shared, sums)
    )
    return vnmse(decoded, true)


def lanes_fit(found: list[Lane], spoiled: float) -> Found:
    """What is refused, what works, and what happens to those who do not refuse."""
    works = {(each.workers, each.granularity): each for each in found if each.refused is None}
    off = max(abs(each.error / each.expected - 1) for each in works.values() if each.error and each.expected)
    refused = {(each.workers, each.granularity) for each in found if each.refused is not None}
    return Found(
        scale="8, 9, 17 and 18 workers, 8-bit lanes",
        figure=f"9 workers at granularity 30 and 18 at 15 are refused before anything is sent; 8 at 30, 9 at 28 and 17 "
        f"at 15 err as foretold, within {100 * off:.0f} %; added without a check, 9 equal workers would lose "
        f"{spoiled:.2f} of the mean",
        holds=refused == {(9, 30), (18, 15)} and off <= 0.1,
    )
