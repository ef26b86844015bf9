"""What agreeing on chunks costs and gains beside sending the largest values with their places."""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from beforehand import _native
from beforehand.gradients import Layout, TopK, TopKChunked, simulate
from beforehand.gradients.codec import Codec
from beforehand.gradients.exchange import Floats
from beforehand.gradients.half import narrowed
from beforehand.gradients.topk_chunked import largest_chunks
from beforehand.reporting import Sheet, seconds
from beforehand.studies.claims import Found

WORKERS: Final = (2, 4, 8, 16)
BUDGETS: Final = (0.5, 2.0, 8.0)  # bits for each coordinate
ENTRY: Final = 48  # bits of a value and its place


def top(bits: float) -> TopK:
    """As many values as fit into these bits for each coordinate."""
    return TopK(density=bits / ENTRY, feedback="none")


def chunked(bits: float) -> TopKChunked:
    """The same bits, in chunks."""
    return TopKChunked(bits_per_coordinate=bits, feedback="none")


class Sent(NamedTuple):
    """Bytes that one worker sends for each parameter."""

    codec: str
    by_workers: dict[int, float]


def sent(size: int = 2**16) -> list[Sent]:
    """Measured on noise, whose structure does not matter here."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((WORKERS[-1], size), np.float32)
    codecs: dict[str, Codec] = {f"TopK, {bits:g} bits": top(bits) for bits in BUDGETS}
    codecs |= {f"TopKChunked, {bits:g} bits": chunked(bits) for bits in BUDGETS}
    return [
        Sent(name, {n: simulate(codec, rows[:n]).bytes.total / size for n in WORKERS}) for name, codec in codecs.items()
    ]


def sent_sheet(found: list[Sent]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Bytes for each parameter, by workers",
        columns=["codec", *(f"n = {n}" for n in WORKERS)],
        rows=[[each.codec, *(f"{each.by_workers[n]:.3f}" for n in WORKERS)] for each in found],
        below="What one worker sends in a round, both ways: values with places by an all-gather, chunks by sums.",
    )


def collective(found: list[Sent]) -> Found:
    """How both grow, and from how many workers on chunks send less at equal bits."""
    by_name = {each.codec: each.by_workers for each in found}
    grows, flat, crossings = [], [], []
    for bits in BUDGETS:
        gathered, summed = by_name[f"TopK, {bits:g} bits"], by_name[f"TopKChunked, {bits:g} bits"]
        grows.append(gathered[16] / gathered[2])
        flat.append(summed[16] / summed[2])
        crossings.append(_crossing(bits))
    return Found(
        scale="2^16 coordinates, 2 to 16 workers",
        figure=f"from 2 to 16 workers TopK sends {min(grows):.1f} times as much, chunks {max(flat):.2f} times, and "
        f"never twice; at equal bits of a message chunks send less from n = {max(crossings)} on, and 1 % of all values "
        f"sends more than chunks of 2 bits from n = {_crossing(2.0, TopK(density=0.01))} on",
        holds=min(grows) >= 14.9 and max(flat) < 2,
        direction=min(grows) > max(flat),
    )


def _crossing(bits: float, rival: TopK | None = None) -> int:
    layout = Layout([("gradient", (2**20,))])
    gathered, summed = rival or top(bits), chunked(bits)
    return next(
        n
        for n in range(2, 1000)
        if summed.wire_bytes(layout, workers=n).total < gathered.wire_bytes(layout, workers=n).total
    )


class Errors(NamedTuple):
    """vNMSE of one gradient at one budget."""

    data: str
    bits: float
    top: float
    chunks: float
    permuted: float


def errors(real: Mapping[str, Floats]) -> list[Errors]:
    """Both, and chunks of the coordinates in one random order, which destroys locality."""
    found = []
    for name, rows in real.items():
        shuffled = rows[:, np.random.default_rng(0).permutation(rows.shape[1])]
        for bits in BUDGETS:
            best, chunks, permuted = (
                simulate(top(bits), rows),
                simulate(chunked(bits), rows),
                simulate(chunked(bits), shuffled),
            )
            found.append(Errors(name, bits, best.vnmse, chunks.vnmse, permuted.vnmse))
    return found


def errors_sheet(found: list[Errors]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Chunks beside the largest values, at equal bits",
        columns=["gradient", "bits", "TopK", "TopKChunked", "in random order"],
        rows=[
            [each.data, f"{each.bits:g}", f"{each.top:.4f}", f"{each.chunks:.4f}", f"{each.permuted:.4f}"]
            for each in found
        ],
        below="vNMSE of one round of 4 workers, without feedback. TopK sends 48 bits an entry.",
    )


def selecting(quick: bool) -> tuple[float, str]:
    """How many times as fast chunks are selected as 1 % of all values, and by what these were."""
    x = np.random.default_rng(0).standard_normal(2**20, np.float32)
    sums, repeats = np.empty(len(x) // 64, np.float32), 3 if quick else 9

    def chunks() -> None:
        _native.chunk_energies(x, sums)
        largest_chunks(narrowed(sums, "bfloat16"), chunked(2.0).selected(len(x)))

    name, rival = _rival(x)
    return seconds(rival, repeats) / seconds(chunks, 3 * repeats), name


def _rival(x: Floats) -> tuple[str, Callable[[], object]]:
    k = len(x) // 100
    if importlib.util.find_spec("torch") is None:
        return "numpy's argpartition", lambda: np.argpartition(np.abs(x), len(x) - k)[-k:]
    import torch

    values = torch.from_numpy(x).abs()
    torch.set_num_threads(1)
    return "torch.topk", lambda: torch.topk(values, k)


def locality(found: list[Errors], speed: tuple[float, str]) -> Found:
    """Errors at equal bits, what a random order does, and the time of selecting."""
    judged = [each for each in found if each.data.startswith("characters")] or found
    few = [each.chunks / each.top for each in judged if each.bits <= 2]
    many = [each.chunks / each.top for each in judged if each.bits > 2]
    shuffled = [each.permuted / each.chunks for each in judged]
    last = next(each.permuted / each.chunks for each in reversed(judged) if each.bits == BUDGETS[0])
    faster, rival = speed
    return Found(
        scale="; ".join(dict.fromkeys(each.data for each in judged)),
        figure=f"error of chunks over that of the largest values: {min(few):.2f} to {max(few):.2f} at .5 and 2 bits, "
        f"{min(many):.2f} to {max(many):.2f} at 8; in random order {min(shuffled):.2f} to {max(shuffled):.2f} times "
        f"that of chunks, {last:.2f} at the last step and .5 bits; chunks are selected {faster:.0f} times as fast as "
        f"by {rival}",
        holds=max(few) <= 1.25 and max(many) < 1 and min(shuffled) >= 1.2 and last >= 2.5 and faster >= 10,
        direction=float(np.mean(few)) <= 1.5 and min(shuffled) > 1 and faster > 1,
    )
