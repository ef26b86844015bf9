"""How long encoding and decoding take, beside what numpy alone needs for the same, on one thread of the same run.

Not for you when 16 equally spaced levels suit your data: then a multiplication finds the level, and an 8-bit scalar
quantiser such as faiss's ScalarQuantizer needs neither levels nor search.
"""

import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from beforehand.quantization import decode, encode, levels

VALUES = 1 << 20
REPEATS = 9


def milliseconds(work: Callable[[], Any]) -> float:
    """The least processor time of several runs."""
    spent = []
    for _ in range(REPEATS):
        start = time.thread_time()
        work()
        spent.append(time.thread_time() - start)
    return 1e3 * min(spent)


def encode_by_numpy(x: np.ndarray, table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unbiased codes by a binary search and a random number for each value, not packed."""
    above = np.searchsorted(table, x).clip(1, len(table) - 1)
    low = table[above - 1]
    return (above - (rng.random(x.size) * (table[above] - low) >= x - low)).astype(np.uint8)


def faiss_rows(x: np.ndarray) -> list[tuple[str, Callable[[], Any]]]:
    """The 4-bit scalar quantiser of faiss: equally spaced levels, no randomness."""
    try:
        import faiss
    except ImportError:
        print("faiss is missing: pip install faiss-cpu")
        return []
    faiss.omp_set_num_threads(1)
    quantizer = faiss.ScalarQuantizer(64, faiss.ScalarQuantizer.QT_4bit)
    rows = x.reshape(-1, 64)
    quantizer.train(rows)
    codes = quantizer.compute_codes(rows)
    name = f"faiss {faiss.__version__} SQ4"
    return [
        (f"encode  {name}, nearest", lambda: quantizer.compute_codes(rows)),
        (f"decode  {name}", lambda: quantizer.decode(codes)),
    ]


def main() -> None:
    """Print one line for each contender."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=VALUES).astype(np.float32)
    table = levels(x, 16, method="histogram")
    codes, indices = encode(x, table, seed=1), encode(x, table, seed=1).indices()
    nearest = levels(x, 16, method="histogram", objective="mse")
    out = np.empty_like(x)
    contenders: list[tuple[str, Callable[[], Any]]] = [
        ("encode  beforehand, unbiased", lambda: encode(x, table, seed=1)),
        ("encode  beforehand, nearest", lambda: encode(x, nearest)),
        ("encode  numpy, searchsorted + random alone", lambda: (np.searchsorted(table.values, x), rng.random(VALUES))),
        ("encode  numpy, unbiased", lambda: encode_by_numpy(x, table.values, rng)),
        ("decode  beforehand", lambda: decode(codes, out=out)),
        ("decode  numpy, take from unpacked codes", lambda: np.take(table.values, indices, out=out)),
        *faiss_rows(x),
    ]
    print(f"{VALUES} float32, lognormal, 16 levels, one thread, best of {REPEATS}; numpy {np.__version__},")
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    print(f"{'':<46}{'ms':>8}{'GB/s':>8}{'times ours':>12}")
    ours: dict[str, float] = {}
    for name, work in contenders:
        spent = milliseconds(work)
        first = ours.setdefault(name.split()[0], spent)
        print(f"{name:<46}{spent:>8.2f}{x.nbytes / spent / 1e6:>8.2f}{spent / first:>12.1f}")


if __name__ == "__main__":
    main()
