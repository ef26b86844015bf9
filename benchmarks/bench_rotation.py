"""The Hadamard transform beside FFHT and numpy, and what rotation gains and costs beside adaptive levels, in one run.

Not for you where single elements must be readable, where data are flat or nearly so, or from 6 bits on unless they have
heavy tails: then adaptive levels have the smaller error, and the last table says by how much.

FFHT (github.com/FALCONN-LIB/FFHT) is no Python package that could be installed: build it anywhere by
`gcc -O3 -march=native -std=c99 -shared -fPIC fht.c fast_copy.c -o libffht.so` and name it by FFHT=/path/to/libffht.so.
"""

import ctypes
import math
import os
import platform
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from yardstick import DATA

from beforehand import _native
from beforehand.quantization import decode, encode, levels
from beforehand.quantization.theory import rotation_vnmse
from beforehand.reporting import seconds

SIZES = range(10, 24)
ROUNDS = 15
SHAPES: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "Normal": DATA["Normal(0,1)"],
    "LogN(0,0.5)": lambda random, d: np.exp(0.5 * random.standard_normal(d)),
    "LogN(0,1)": DATA["LogNormal(0,1)"],
    "LogN(0,3)": lambda random, d: np.exp(3 * random.standard_normal(d)),
    "Exp(1)": DATA["Exponential(1)"],
    "TruncNorm[-1,1]": DATA["TruncNorm[-1,1]"],
    "Laplace": lambda random, d: random.laplace(size=d),
    "Student t3": lambda random, d: random.standard_t(3, d),
    "Uniform[-1,1]": lambda random, d: random.uniform(-1, 1, d),
}
Transform = Callable[[NDArray[np.float32], int], object]


def ours(x: NDArray[np.float32], k: int) -> None:
    """The first k stages: all, or none to see what a call costs."""
    _native.hadamard_stages(x, hi=k)


def butterfly(x: NDArray[np.float32], k: int) -> None:
    """What numpy alone can do."""
    for stage in range(k):
        pairs = x.reshape(-1, 2, 1 << stage)
        sums, differences = pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]
        pairs[:, 0], pairs[:, 1] = sums, differences


def ffht() -> Transform | None:
    """The rival, if it was built."""
    path = os.environ.get("FFHT")
    if not path:
        print("FFHT is missing: build it as the head of this file says, then FFHT=/path/to/libffht.so\n")
        return None
    function = ctypes.CDLL(path).fht_float
    return lambda x, k: function(ctypes.c_void_p(x.ctypes.data), k)


def rates(transforms: dict[str, Transform], k: int) -> dict[str, float]:
    """Values a nanosecond, the best of several rounds taken in turns, without what an empty call costs."""
    n, repeats = 1 << k, max(1, 1 << 18 >> k)
    zeros = np.zeros(n + 16, np.float32)
    x = zeros[-zeros.ctypes.data // 4 % 16 :][:n]  # on a cache line; zeros stay zeros, whatever is repeated
    best = {(name, size): math.inf for name in transforms for size in (k, 0)}
    for _ in range(ROUNDS):
        for name, size in best:
            start = time.thread_time_ns()
            for _ in range(repeats):
                transforms[name](x, size)
            best[name, size] = min(best[name, size], (time.thread_time_ns() - start) / repeats)
    return {name: n / (best[name, k] - best[name, 0]) for name in transforms}


def hadamard_table() -> None:
    """Print the rates of each transform."""
    rival = ffht()
    transforms: dict[str, Transform] = {"beforehand": ours, **({"FFHT": rival} if rival else {}), "numpy": butterfly}
    print("Hadamard transform in place, float32, values a nanosecond (times FFHT)")
    print(f"{'':>6}" + "".join(f"{name:>18}" for name in transforms))
    for k in SIZES:
        found = rates({name: each for name, each in transforms.items() if name != "numpy" or k <= 20}, k)
        cells = [
            f"{rate:8.3f}" + (f"   ({rate / found['FFHT']:5.2f})" if "FFHT" in found else " " * 10)
            for rate in found.values()
        ]
        print(f"{f'2^{k}':>6}" + "".join(f"{cell:>18}" for cell in cells))


def price_table() -> None:
    """Print what encoding and decoding cost."""
    x = DATA["LogNormal(0,1)"](np.random.default_rng(0), 1 << 20).astype(np.float32)
    print("\n2^20 float32, lognormal, 16 levels: ns a value")
    print(f"{'':<12}{'levels':>8}{'encode':>8}{'decode':>8}{'vNMSE':>10}")
    for method in ("uniform", "histogram", "rotation"):
        table = levels(x, 16, method=method)
        codes, out = encode(x, table, seed=1), np.empty_like(x)
        error = float(((decode(codes) - x) ** 2).sum() / (x**2).sum())
        spent = [
            1e9 * seconds(job) / x.size
            for job in (
                lambda: levels(x, 16, method=method),  # noqa: B023
                lambda: encode(x, table, seed=1),  # noqa: B023
                lambda: decode(codes, out=out),  # noqa: B023
            )
        ]
        print(f"{method:<12}" + "".join(f"{each:>8.2f}" for each in spent) + f"{error:>10.5f}")


def error_table() -> None:
    """Print what adaptive levels and rotation err by, both without bias, * the smaller one."""
    print("\nvNMSE, 2^16 values, mean of 8 seeds: best adaptive levels; rotation measured on all data together")
    columns = (4, 8, 16, 64)
    print(f"{'':<18}" + "".join(f"{f's = {s}':>11}" for s in columns))
    measured = {s: [] for s in columns}
    for name, draw in SHAPES.items():
        cells = []
        for s in columns:
            found = []
            for seed in range(8):
                x = draw(np.random.default_rng(seed), 1 << 16)
                found.append(levels(x, s).vnmse)
                rotated = decode(encode(x, levels(x, s, method="rotation"), seed=seed))
                measured[s].append(((rotated - x) ** 2).sum() / (x**2).sum())
            mean = float(np.mean(found))
            cells.append(f"{mean:.4g}{'*' if mean < rotation_vnmse(s) else ' '}")
        print(f"{name:<18}" + "".join(f"{cell:>11}" for cell in cells))
    print(f"{'rotation, any':<18}" + "".join(f"{np.mean(measured[s]):>10.4g} " for s in columns))
    print(f"{'  in theory':<18}" + "".join(f"{rotation_vnmse(s):>10.4g} " for s in columns))


def main() -> None:
    """Print the three tables."""
    print(f"one thread, best of {ROUNDS}; numpy {np.__version__}, Python {platform.python_version()}, ", end="")
    print(f"{platform.machine()}\n")
    hadamard_table()
    price_table()
    error_table()


if __name__ == "__main__":
    main()
