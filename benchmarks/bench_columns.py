"""A table for each column of a matrix, as of embeddings: encode and decode beside faiss's scalar quantizer.

faiss's QT_4bit and QT_8bit space levels equally between the minimum and maximum of each dimension, so that finding one
is a multiplication; tables here are those with the least squared error. Both round to the nearest level, and unbiased
rounding, which faiss does not have, is shown beside. Contenders take turns in one process on one thread; the least
processor time of each counts (`pip install faiss-cpu`; without it only our times are shown).

Not for you when a search must run on the codes without unpacking them: then keep them in that library's own index.
"""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import options, take

from beforehand.quantization import decode, encode, levels
from beforehand.reporting import Sheet

ROWS, COLUMNS, TURNS = 20_000, 384, 25
Matrix = np.ndarray
Contender = tuple[str, Callable[[], Any], Callable[[], Any], float]


def drawn() -> Matrix:
    """Embeddings as models make them: columns of unequal size, some of them with heavy tails."""
    random = np.random.default_rng(0)
    sizes = random.lognormal(-3, 0.5, COLUMNS)
    return (random.standard_t(random.uniform(4, 30, COLUMNS), (ROWS, COLUMNS)) * sizes).astype(np.float32)


def lost(x: Matrix, back: Matrix) -> float:
    """The squared error over the squared norm."""
    return float(np.square(back.astype(np.float64) - x).sum() / np.square(x.astype(np.float64)).sum())


def ours(x: Matrix, n_levels: int, objective: Any, out: Matrix) -> Contender:
    """Encode and decode with a table for each column, found beforehand."""
    table = levels(x, n_levels, axis=1, objective=objective)
    codes = encode(x, table, seed=1)
    error = lost(x, decode(codes))
    name = f"beforehand, {n_levels} levels, {objective}"
    return name, lambda: encode(x, table, seed=1), lambda: decode(codes, out=out), error


def faiss(x: Matrix, kind: str, out: Matrix) -> list[Contender]:
    """The same by faiss, if it is there."""
    if not importlib.util.find_spec("faiss"):
        print(f"{kind} is left out: pip install faiss-cpu")
        return []
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexScalarQuantizer(COLUMNS, getattr(faiss.ScalarQuantizer, kind))
    index.train(x)
    codes = index.sa_encode(x)
    error = lost(x, index.sa_decode(codes))
    name = f"faiss {faiss.__version__}, {kind}"
    return [(name, lambda: index.sa_encode(x), lambda: index.sa_decode(codes, out), error)]


def least(works: list[Callable[[], Any]]) -> list[float]:
    """The least processor time of each, in milliseconds, where they take turns."""
    found = [np.inf] * len(works)
    for _ in range(TURNS):
        for number, work in enumerate(works):
            start = time.thread_time()
            work()
            found[number] = min(found[number], 1e3 * (time.thread_time() - start))
    return found


def speed() -> Sheet:
    """Times for 16 and 256 levels, and how often faiss's they are."""
    x, out, rows = drawn(), np.empty((ROWS, COLUMNS), np.float32), []
    for n_levels, kind in ((16, "QT_4bit"), (256, "QT_8bit")):
        rival = faiss(x, kind, out)
        contenders = [*rival, ours(x, n_levels, "mse", out), ours(x, n_levels, "unbiased", out)]
        names, encodes, decodes, errors = zip(*contenders, strict=True)
        coded, back = least(list(encodes)), least(list(decodes))
        for name, error, one, other in zip(names, errors, coded, back, strict=True):
            beside = [f"{one / coded[0]:.2f}", f"{other / back[0]:.2f}"] if rival else ["", ""]
            rows.append([name, f"{error:.3g}", f"{one:.1f}", beside[0], f"{other:.1f}", beside[1]])
    return Sheet(
        title=f"A table for each column: {ROWS:,} x {COLUMNS} float32, one thread",
        columns=["", "vNMSE", "encode, ms", "times faiss", "decode, ms", "times faiss"], rows=rows,
        below=f"Least processor time of {TURNS} turns. Tables are found beforehand; decoding writes to a given array.",
    )  # fmt: skip


if __name__ == "__main__":
    take([speed], options(__doc__ or "").parse_args().output)
