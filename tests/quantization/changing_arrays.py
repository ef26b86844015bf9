"""Every kernel at work on an array that somebody else keeps changing: run as a program, so that a crash is its own.

`python -m tests.quantization.changing_arrays DTYPE WRITER SECONDS` ends with 0 where each kernel returned a result that
holds together or refused the array, again and again for so long. WRITER is "thread", or "process" for one that maps the
same file.
"""

import faulthandler
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Codes, Histogram, decode, encode, hadamard, levels, rotate

SIZE = 1 << 16  # values: enough that kernels let go of the interpreter's lock
WRITERS = ("thread", "process")
Kernels: TypeAlias = Callable[[np.ndarray], dict[str, Callable[[], Any]]]


def stretches(dtype: np.dtype[Any]) -> list[np.ndarray]:
    """What the writer writes: ordinary values, then values that would mislead whoever counted on the ordinary ones."""
    random = np.random.default_rng(0)
    normal = random.standard_normal(SIZE)
    if dtype == np.uint8:  # messages, whatever they say
        return [random.integers(0, 256, SIZE, np.uint8), np.zeros(SIZE, dtype), np.full(SIZE, 255, dtype)]
    if dtype.kind in "iu":
        return [(100 * normal).astype(dtype), np.zeros(SIZE, dtype), np.full(SIZE, np.iinfo(dtype).max)]
    far = np.sqrt(np.finfo(dtype).max)
    few = np.where(random.random(SIZE) < 1e-4, np.nan, normal)
    return [part.astype(dtype) for part in (normal, far * normal, 0 * normal, normal / far, normal, few, normal)]


def write(x: np.ndarray, running: Callable[[], bool]) -> None:
    """Change parts of `x`, from anywhere to anywhere, as long as that holds."""
    random, parts = np.random.default_rng(1), stretches(x.dtype)
    while running():
        for part in parts:
            first, last = np.sort(random.integers(SIZE + 1, size=2))
            x[first:last] = part[first:last]
            time.sleep(1e-5 * random.integers(20))


@contextmanager
def changing(dtype: str, writer: str) -> Iterator[np.ndarray]:
    """An array that changes all the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values"
        stretches(np.dtype(dtype))[0].tofile(path)
        x = np.memmap(path, dtype, "r+")
        if writer == "process":
            command = [sys.executable, "-m", "tests.quantization.changing_arrays", "write", dtype, str(path)]
            with subprocess.Popen(command) as other:
                try:
                    yield x
                finally:
                    other.kill()
            return
        stop = threading.Event()
        thread = threading.Thread(target=write, args=(x, lambda: not stop.is_set()))
        thread.start()
        try:
            yield x
        finally:
            stop.set()
            thread.join()


def kernels(x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """All that reads an array of the caller's, each with what must hold of its result."""
    y = stretches(x.dtype)[0]
    rows, given = x.reshape(64, -1), levels(y.astype(np.float64), 16)
    column = levels(y.reshape(64, -1), 8, axis=1)
    grid, shared = np.linspace(-1e9, 1e9, 999), x.astype(np.float64)
    histogram, index = Histogram.like(y), np.arange(1000)

    def counted(codes: Codes) -> None:
        assert Codes.from_bytes(codes.to_bytes()) == codes
        if codes.method != "rotation":
            assert codes.indices().max() < codes.n_levels

    def learn() -> None:
        histogram.update(x)
        histogram._native.check_invariants()
        made = Histogram.like(x)
        made.update(x, weights=np.abs(x.astype(np.float64)))
        made._native.check_invariants()
        assert np.isfinite(made.levels(8).values).all()
        assert Histogram.from_bytes(made.to_bytes()).count == made.count

    def weigh() -> None:
        shared[:] = 1 + (x == x)
        levels(y, 8, method="exact", weights=shared)

    def into() -> None:
        codes = encode(y, levels(y, 16), seed=1)
        decode(codes, out=x[: y.size])
        index[:] = np.minimum(index + 1, 65535)
        decode(codes, rows=index)

    made = {
        "exact": lambda: levels(x, 16, method="exact"),
        "many levels": lambda: levels(x, 300, method="exact"),
        "mse": lambda: levels(x, 16, method="exact", objective="mse"),
        "weighted": lambda: levels(x, 16, method="exact", weights=x != 0),
        "changing weights": weigh,
        "grid": lambda: levels(x, 16, grid=grid),
        "rows": lambda: levels(rows, 16, axis=0, threads=2),
        "columns": lambda: levels(rows, 4, axis=1),
        "blocks": lambda: levels(x, 4, block=100),
        "histogram": lambda: levels(x, 16, method="histogram", certify=True),
        "histogram, mse": lambda: levels(x, 16, method="histogram", objective="mse"),
        "histogram, rows": lambda: levels(rows, 8, method="histogram", axis=1),
        "uniform": lambda: levels(x, 16, method="uniform"),
        "cover": lambda: given.cover(x),
        "Histogram": learn,
        "encode": lambda: counted(encode(x, given, seed=1)),
        "clip": lambda: counted(encode(x, given, seed=1, outside="clip", threads=2)),
        "columns, clip": lambda: counted(encode(rows, column, seed=1, outside="clip")),
        "nearest": lambda: counted(encode(x, levels(x, 200, method="uniform", objective="mse"))),
        "rotated": lambda: counted(encode(x, levels(x, 16, method="rotation"), seed=1)),
        "scaled": lambda: counted(encode(x, levels(x, 16, method="scaled", objective="mse"))),
        "scaled, unbiased": lambda: counted(encode(rows, levels(rows, 40, method="scaled", block=1024), seed=1)),
        "rotate": lambda: rotate(rows, seed=1),
        "hadamard": lambda: hadamard(rows),
    }
    if x.dtype in (np.float32, np.float64):
        made |= {"in place": lambda: hadamard(rows, out=rows), "decode": into}
    return made


def main(dtype: str, writer: str, seconds: float, kernels: Kernels = kernels) -> None:
    """Run each kernel for its share of the time, at least once."""
    with changing(dtype, writer) as x:
        all_kernels = kernels(x)
        for name, kernel in all_kernels.items():
            end, done, refused = time.monotonic() + seconds / len(all_kernels), 0, 0
            print(f"{dtype}, {writer}, {name}: ", end="", flush=True)
            while not done + refused or time.monotonic() < end:
                try:
                    with np.errstate(all="ignore"):
                        kernel()
                    done += 1
                except InvalidInput:
                    refused += 1
            print(f"{done} done, {refused} refused", flush=True)


if __name__ == "__main__":
    faulthandler.enable()
    if sys.argv[1] == "write":
        write(np.memmap(sys.argv[3], sys.argv[2], "r+"), lambda: True)
    else:
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
