"""What coding costs beside what it saves on the wire."""

import importlib.util
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from beforehand.gradients import THC, BlockInt, Cast, Layout, LowRank, TopKChunked, thc_table
from beforehand.gradients.codec import Codec, Transport
from beforehand.gradients.exchange import Floats
from beforehand.gradients.link import Link
from beforehand.gradients.wire import WireBytes
from beforehand.reporting import Sheet, seconds
from beforehand.studies.claims import Found
from beforehand.studies.round_seconds import round_seconds

WORKERS: Final = 2
RATES: Final = {"50 Mb/s": 6.25e6, "200 Mb/s": 25e6, "1 Gb/s": 125e6, "10 Gb/s": 1.25e9}  # bytes a second
LATENCY: Final = 1e-4
CODECS: Final[dict[str, Codec]] = {
    "float32": Cast("float32"),
    "float16": Cast("float16"),
    "THC, two-shot": THC(),
    "int8, blocks of 256": BlockInt(),
    "TopKChunked, 2 bits": TopKChunked(),
    "LowRank, rank 4": LowRank(start_step=0),
}
RANKS: Final = (1, 2, 4, 8, 16, 32)


class Operators(NamedTuple):
    """What an array library is asked for; what both name alike is taken from the module."""

    name: str
    module: Any
    array: Callable[[Any], Any]
    draw: Callable[[int], Any]
    place: Callable[[Any], Any]  # to integers that index
    byte: Callable[[Any], Any]
    half: Callable[[Any], Any]
    single: Callable[[Any], Any]


def libraries() -> list[Operators]:
    """numpy, and torch if it is installed."""
    random = np.random.default_rng(0)
    found = [
        Operators(
            "numpy", np, np.asarray, lambda size: random.random(size, np.float32), lambda x: x.astype(np.int64),
            lambda x: x.astype(np.uint8), lambda x: x.astype(np.float16), lambda x: x.astype(np.float32),
        )
    ]  # fmt: skip
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
        found.append(
            Operators("torch", torch, torch.as_tensor, torch.rand, lambda x: x.long(), lambda x: x.to(torch.uint8),
                      lambda x: x.half(), lambda x: x.float())
        )  # fmt: skip
    return found


class OperatorsTHC:
    """A worker's end of THC, 4 bits and the published table, as operators of an array library write it."""

    def __init__(self, library: Operators, size: int) -> None:
        table, self._library = thc_table(4, 30, 1 / 32), library
        points = np.array(table.values)
        low = np.minimum(np.searchsorted(points, np.arange(31), side="right") - 1, 14)
        self._low = library.array(low)
        self._base = library.array(points[low].astype(np.float32))
        self._share = library.array((1 / (points[low + 1] - points[low])).astype(np.float32))
        self._points = library.array(points.astype(np.uint8))
        self._signs = library.array(np.random.default_rng(1).choice(np.array([-1, 1], np.float32), size))
        self._levels, self._t = size.bit_length() - 1, table.half_range

    def _mixed(self, x: Any) -> Any:
        for level in range(self._levels):
            pairs = x.reshape(-1, 2, 2**level)
            x = self._library.module.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], 1).reshape(-1)
        return x

    def encode(self, x: Any, length: float) -> Any:
        """Two codes to a byte; `length` is that of the longest gradient."""
        module, size = self._library.module, len(x)
        u = self._mixed(x * self._signs) * (15 / (self._t * length)) + 15
        u = module.clip(u, 0, 30)
        f = self._library.place(u)
        up = self._library.draw(size) < (u - self._base[f]) * self._share[f]
        codes = self._library.byte(self._low[f] + up)
        return codes[: size // 2] + codes[size // 2 :] * 16

    def points(self, packed: Any) -> Any:
        """What the codes stand for."""
        module = self._library.module
        codes = module.concatenate([packed % 16, packed // 16])
        return self._points[self._library.place(codes)]

    def decode(self, sums: Any, length: float, count: int) -> Any:
        """The mean of `count` workers."""
        size, limit = len(sums), self._t * length / len(sums)
        assert size == 2**self._levels
        v = self._library.single(sums) * (limit / (15 * count)) - limit
        return self._mixed(v) * self._signs


class Cost(NamedTuple):
    """What a round of one of two workers costs."""

    codec: str
    compute: float  # seconds
    sent: WireBytes
    pattern: Transport

    def at(self, rate: float) -> float:
        """Seconds of coding and wire together, one after the other."""
        return self.compute + Link(LATENCY, rate).seconds(self.pattern, self.sent, WORKERS)


def costs(quick: bool) -> list[Cost]:
    """Native codecs, and float16 and THC in operators of each library, on a square matrix."""
    side = 512 if quick else 1024
    layout = Layout([("weight", (side, side))])
    x = np.random.default_rng(0).standard_normal(side * side, np.float32)
    found = []
    for name, codec in CODECS.items():
        pattern: Transport = "two_shot" if codec.reductions[0] == "combine" else "allreduce"
        sent = codec.wire_bytes(layout, workers=WORKERS)
        found.append(Cost(name, round_seconds(codec, layout, x), sent, pattern))
    for library in libraries():
        found.append(_half_of(library, layout, x))
        found.append(_thc_of(library, layout, x))
    return found


def _half_of(library: Operators, layout: Layout, x: Floats) -> Cost:
    values = library.array(x)
    took = seconds(lambda: library.single(library.half(values / WORKERS)), 5)
    return Cost(f"float16, operators of {library.name}", took, Cast().wire_bytes(layout, workers=WORKERS), "allreduce")


def _thc_of(library: Operators, layout: Layout, x: Floats) -> Cost:
    values, length = library.array(x), float(np.linalg.norm(x))
    thc = OperatorsTHC(library, layout.size)
    packed = thc.encode(values, length)
    sums = thc.points(packed) + thc.points(packed)  # n shards of 1/n of the coordinates: as many as there are
    steps = (lambda: thc.encode(values, length), lambda: thc.points(packed) + sums, lambda: thc.decode(sums, length, 2))
    took = sum(seconds(step, 3) for step in steps)
    sent = THC().wire_bytes(layout, workers=WORKERS)
    return Cost(f"THC, operators of {library.name}", took, sent, "two_shot")


def costs_sheet(found: list[Cost]) -> Sheet:
    """All of them on every link."""
    return Sheet(
        title="Milliseconds of a round: coding, then the wire",
        columns=["codec", "coding", "MB", *RATES],
        rows=[
            [each.codec, f"{1e3 * each.compute:.1f}", f"{each.sent.total / 1e6:.2f}",
             *(f"{1e3 * each.at(rate):.1f}" for rate in RATES.values())]
            for each in found
        ],
        below="One of two workers, one thread; coding measured, the wire by latency (100 us a message) and rate, one "
        "after the other.",
    )  # fmt: skip


def overhead_cancels(found: list[Cost]) -> Found:
    """THC in operators and natively beside 16 bits, by link."""
    slow = found[-1]
    half = min((each for each in found if each.codec.startswith("float16")), key=lambda each: each.compute)
    native = next(each for each in found if each.codec == "THC, two-shot")
    at = {name: (slow.at(rate) / half.at(rate), native.at(rate) / half.at(rate)) for name, rate in RATES.items()}
    listed = ", ".join(f"{ours:.2f} and {theirs:.2f} at {name}" for name, (theirs, ours) in at.items())
    return Found(
        scale=f"{found[0].sent.total / 4e6:.1f} million coordinates, 2 workers",
        figure=f"a round of THC over one of float16, natively and in {slow.codec.split(', ')[1]}: {listed}",
        holds=at["1 Gb/s"][0] > 1,
        direction=at["10 Gb/s"][0] > 1,
    )


def decoder(width: int = 192, layers: int = 3) -> Layout:
    """The tensors of a language model of 1.4 million parameters."""
    tensors: list[tuple[str, tuple[int, ...]]] = [("letters", (128, width)), ("positions", (64, width))]
    for layer in range(layers):
        shapes = {"attend": (3, 1), "project": (1, 1), "up": (4, 1), "down": (1, 4)}
        for name, (rows, columns) in {key: (a * width, b * width) for key, (a, b) in shapes.items()}.items():
            tensors += [(f"{layer}.{name}.weight", (rows, columns)), (f"{layer}.{name}.bias", (rows,))]
    return Layout([*tensors, ("head.weight", (128, width)), ("head.bias", (128,))])


def low_rank(quick: bool) -> list[Cost]:
    """LowRank of growing rank on the matrices of a language model."""
    layout = decoder(64, 1) if quick else decoder()
    x = np.random.default_rng(0).standard_normal(layout.size, np.float32)
    codecs = [LowRank(rank=rank, start_step=0, minimum_rate=1.0) for rank in RANKS[: 4 if quick else None]]
    found = []
    for codec in codecs:
        sent = codec.wire_bytes(layout, workers=WORKERS)
        found.append(Cost(f"rank {codec.rank}", round_seconds(codec, layout, x), sent, "allreduce"))
    return found


def rank_does_not_decide(found: list[Cost]) -> Found:
    """How bytes, coding and rounds grow from the lowest rank to the highest."""
    low, high = found[0], found[-1]
    sent = high.sent.total / low.sent.total
    rounds = {name: high.at(rate) / low.at(rate) for name, rate in RATES.items()}
    listed = ", ".join(f"{ratio:.1f} at {name}" for name, ratio in rounds.items())
    return Found(
        scale=f"{decoder().size:,} parameters, 2 workers" if len(found) == len(RANKS) else "a smaller model, 2 workers",
        figure=f"from {low.codec} to {high.codec} bytes grow {sent:.1f} times, coding {high.compute / low.compute:.1f} "
        f"times, and the time of a round {listed}",
        holds=max(rounds["200 Mb/s"], rounds["1 Gb/s"]) <= sent / 2,
        direction=rounds["1 Gb/s"] <= sent / 2,
    )


def ranks_sheet(found: list[Cost]) -> Sheet:
    """All ranks."""
    sheet = costs_sheet(found)
    return Sheet(
        title="LowRank by rank: milliseconds of a round",
        columns=["rank", *sheet.columns[1:]],
        rows=[[row[0].removeprefix("rank "), *row[1:]] for row in sheet.rows],
        below="As above; the processor's time of one thread.",
    )
