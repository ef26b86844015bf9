"""Scaled blocks beside NF4, absolute-maximum integers and GGUF's formats: the error at equal bits, and the time.

Weights and embeddings come from packages that ship them (`pip install --no-deps wordllama silero-vad resemblyzer gguf`;
Resemblyzer's are read by torch); what is missing is left out, and a matrix of drawn numbers is always there.

Rivals store one number a block, the largest value over the end of their table, as their formats say; IQ4_NL's takes the
sign of that value. GGUF's package only reads IQ4_NL; its writer in C++ searches for the scale, which is done here too,
for the least squared error. Nobody is calibrated on other data or retrained.

Not for you when a kernel must multiply codes without unpacking them, which hosts have for their own formats alone; or
when all is read at once: rotation of whole rows may then have a smaller error at 4 bits.
"""

import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from report import options, take
from yardstick import yardstick

from beforehand.quantization import decode, encode, levels
from beforehand.reporting import Sheet

NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
IQ4_NL = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
MOST = 1 << 22  # values of one array
Matrix = np.ndarray


def package(name: str, file: str) -> Path | None:
    """Where a package keeps a file, without importing it."""
    spec = importlib.util.find_spec(name)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return path if path and path.exists() else None


def safetensors(path: Path) -> dict[str, Matrix]:
    """The float arrays of such a file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8:start]).items():
        dtype = {"F32": np.float32, "F16": np.float16}.get(entry.get("dtype"))
        if dtype:
            first, last = entry["data_offsets"]
            found[name] = np.frombuffer(data[start + first : start + last], dtype).reshape(entry["shape"])
    return found


def torch_state(path: Path) -> dict[str, Matrix]:
    """The arrays of a checkpoint, where torch is there to read it."""
    if not importlib.util.find_spec("torch"):
        return {}
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    return {name: tensor.numpy() for name, tensor in state.items()}


def joined(arrays: dict[str, Matrix]) -> Matrix:
    """All weights with at least two axes, in rows of 64."""
    flat = [array.reshape(-1)[: array.size // 64 * 64] for array in arrays.values() if array.ndim > 1]
    return np.concatenate(flat).astype(np.float32).reshape(-1, 64)


def data() -> Iterator[tuple[str, Matrix]]:
    """Each array by its name."""
    if path := package("wordllama", "weights/l2_supercat_256.safetensors"):
        yield "wordllama, embeddings", next(iter(safetensors(path).values())).astype(np.float32)
    if path := package("silero_vad", "data/silero_vad_16k.safetensors"):
        yield "Silero VAD, weights", joined({n: a for n, a in safetensors(path).items() if "stft" not in n})
    if (path := package("resemblyzer", "pretrained.pt")) and (state := torch_state(path)):
        yield "Resemblyzer, weights", joined(state)
    yield "drawn: t(4), rows of unequal size", drawn(4096)


def drawn(rows: int) -> Matrix:
    """Numbers as weights have them: heavier tails than normal ones."""
    random = np.random.default_rng(0)
    return (random.standard_t(4, (rows, 256)) * random.lognormal(-4, 0.4, (rows, 1))).astype(np.float32)


def rounded(x: Matrix, block: int, table: Any, signed: bool = False) -> Matrix:
    """Each block rounded to the nearest level of a table times the float16 scale of its largest value."""
    blocks, levels = x.reshape(-1, block), np.asarray(table, np.float32)
    at = abs(blocks).argmax(axis=1)[:, None]
    most = np.take_along_axis(blocks, at, axis=1)
    scale = (most / levels[0] if signed else abs(most) / levels[-1]).astype(np.float16).astype(np.float32)
    y = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale != 0)
    near = np.searchsorted((levels[1:] + levels[:-1]) / 2, y)
    return (levels[near] * scale).reshape(x.shape)


def searched(x: Matrix, block: int, table: Any) -> Matrix:
    """The same with the best of 15 scales near that of the largest value, each moved to what is best for its codes."""
    blocks, levels = x.reshape(-1, block), np.asarray(table, np.float32)
    most = np.take_along_axis(blocks, abs(blocks).argmax(axis=1)[:, None], axis=1)
    least, best = np.full(len(blocks), np.inf, np.float32), np.zeros_like(blocks)
    for end in levels[0] + np.arange(-7, 8):
        inverse = np.divide(end, most, out=np.zeros_like(most), where=most != 0)
        near = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, blocks * inverse)]
        scale = (blocks * near).sum(axis=1, keepdims=True) / (near**2).sum(axis=1, keepdims=True)
        coded = near * scale.astype(np.float16).astype(np.float32)
        error = ((coded - blocks) ** 2).sum(axis=1)
        better = error < least
        least[better], best[better] = error[better], coded[better]
    return best.reshape(x.shape)


def by_gguf(kind: str) -> Callable[[Matrix], Matrix] | None:
    """A round trip through one of GGUF's formats, as its own package does it."""
    if not importlib.util.find_spec("gguf"):
        return None
    import gguf

    number = gguf.GGMLQuantizationType[kind]
    return lambda x: gguf.quants.dequantize(gguf.quants.quantize(x, number), number)


def ours(n_levels: int, block: int, **kwargs: Any) -> Callable[[Matrix], Matrix]:
    """A round trip through scaled blocks."""
    return lambda x: decode(encode(x, levels(x, n_levels, method="scaled", objective="mse", block=block, **kwargs)))


CONTENDERS: list[tuple[float, str, Callable[[Matrix], Matrix] | None]] = [
    (4.125, "beforehand, blocks of 64, e8m0", ours(16, 64, scale="e8m0")),
    (4.25, "beforehand, blocks of 64", ours(16, 64)),
    (4.25, "beforehand, a level at 0", ours(16, 64, zero=True)),
    (4.25, "NF4", lambda x: rounded(x, 64, NF4)),
    (4.25, "int4, largest value", lambda x: rounded(x, 64, range(-7, 8))),
    (4.5, "beforehand, blocks of 32", ours(16, 32)),
    (4.5, "IQ4_NL, largest value", lambda x: rounded(x, 32, IQ4_NL, signed=True)),
    (4.5, "IQ4_NL, scale searched", lambda x: searched(x, 32, IQ4_NL)),
    (4.5, "Q4_0 of gguf", by_gguf("Q4_0")),
    (8.25, "beforehand, 256 levels", ours(256, 64)),
    (8.25, "int8, largest value", lambda x: rounded(x, 64, range(-127, 128))),
    (8.5, "beforehand, 256 levels, blocks of 32", ours(256, 32)),
    (8.5, "Q8_0 of gguf", by_gguf("Q8_0")),
]


def errors() -> Sheet:
    """The squared error over the squared norm of each contender on each array."""
    arrays = [(name, x[: MOST // x.shape[1]]) for name, x in data()]
    rows = []
    for bits, name, contender in CONTENDERS:
        if contender is None:
            print(f"{name} is left out: pip install gguf")
            continue
        lost = [
            float(np.sum((contender(x) - x.astype(np.float64)) ** 2)) / np.sum(x.astype(np.float64) ** 2)
            for _, x in arrays
        ]
        rows.append([f"{bits:g}", name, *(f"{value:.4g}" for value in lost)])
    return Sheet(
        title="vNMSE", columns=["bits a value", "", *(name for name, _ in arrays)], rows=rows,
        below="Bits with scales; one table of 16 or 256 numbers an array comes on top.",
    )  # fmt: skip


def spent(work: Callable[[], Any]) -> float:
    """The least processor time of several runs, in seconds."""
    found = []
    for _ in range(7):
        start = time.thread_time()
        work()
        found.append(time.thread_time() - start)
    return min(found)


def speed() -> Sheet:
    """Time of each step on one thread, beside a sort of the same size and what numpy needs for NF4."""
    x = drawn(1 << 15)
    sort, out, rows = yardstick(x.size), np.empty_like(x), []
    for objective, n_levels in product(("mse", "unbiased"), (16, 256)):
        table = levels(x, n_levels, method="scaled", objective=objective)
        found = spent(partial(levels, x, n_levels, method="scaled", objective=objective))
        coded = spent(partial(encode, x, table, seed=1))
        back = spent(partial(decode, encode(x, table, seed=1), out=out))
        speeds = (f"{x.nbytes / seconds / 1e9:.2f}" for seconds in (coded, back))
        rows.append([f"{objective}, {n_levels} levels", f"{1e3 * found:.0f}", f"{found / sort:.1f}", *speeds])
    nf4 = spent(lambda: rounded(x[:4096], 64, NF4)) * x.size / (4096 * 256)
    rows.append(["NF4 in numpy, there and back", "", "", f"{x.nbytes / nf4 / 1e9:.2f}", ""])
    return Sheet(
        title=f"Blocks of 64, {x.size:,} float32, one thread",
        columns=["", "levels, ms", "in sorts", "encode, GB/s of float32", "decode"], rows=rows,
        below=f"np.sort of as many float32: {1e3 * sort:.0f} ms.",
    )  # fmt: skip


if __name__ == "__main__":
    take([errors, speed], options(__doc__ or "").parse_args().output)
