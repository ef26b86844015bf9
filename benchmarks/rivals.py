"""Ours and what others offer for the same question; each is measured in a process of its own, on one thread.

`python benchmarks/rivals.py NAME SIZE LEVELS` measures one on lognormal float32, and prints JSON. All but ours get what
they want, sorted or in float64, before the clock starts. A job may take LIMIT seconds of processor time.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from beforehand.quantization import decode, encode, levels
from beforehand.quantization.theory import expected_squared_error
from beforehand.reporting import Sheet

SIZES = (2**12, 2**16, 2**20)
LIMIT = 20
ROW = 1024  # values of a vector, for those that rotate
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
# Names a library of the authors' solvers behind functions of C, such as
#   int quiver_exact(double* ascending, uint32_t d, int s, double* levels)  that writes the levels and returns how many.
QUIVER = "BEFOREHAND_QUIVER"
OURS = "beforehand"

Job = Callable[[], Any]  # what is timed; it gives levels, or for a round trip the decoded values


@dataclass(frozen=True)
class Rival:
    """A contender: what it solves, where it comes from, how to begin, and how its defaults differ from ours."""

    solves: str  # "unbiased", "near unbiased", "k-means", "near k-means", "round trip"
    package: str
    prepare: Callable[[np.ndarray, int], Job]
    differs: str


def ours(**options: Any) -> Callable[[np.ndarray, int], Job]:
    """Our levels with these options."""
    return lambda x, s: lambda: levels(x, s, **options)


def our_round_trip(x: np.ndarray, s: int) -> Job:
    """Levels from a histogram, random rounding, and back."""
    return lambda: decode(encode(x, levels(x, s, method="histogram"), seed=0))


def our_rotation(x: np.ndarray, s: int) -> Job:
    """Rotation of each vector, unbiased, and back."""
    rows = x.reshape(-1, ROW)
    return lambda: decode(encode(rows, levels(rows, s, method="rotation", axis=0), seed=0)).ravel()


def quiver(function: str) -> Callable[[np.ndarray, int], Job]:
    """One of the authors' solvers, on sorted float64."""

    def prepare(x: np.ndarray, s: int) -> Job:
        solve = getattr(ctypes.CDLL(os.environ[QUIVER]), function)
        ascending, found = np.sort(x).astype(np.float64), np.empty(s)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (ascending, found)]
        return lambda: found[: solve(pointers[0], ctypes.c_uint32(x.size), s, pointers[1])]

    return prepare


def kmeans1d(x: np.ndarray, s: int) -> Job:
    """Exact k-means by a matrix search."""
    import kmeans1d

    wide = x.astype(np.float64)
    return lambda: kmeans1d.cluster(wide, s).centroids


def ckwrap(x: np.ndarray, s: int) -> Job:
    """Exact k-means, Ckmeans.1d.dp."""
    import ckwrap

    wide = x.astype(np.float64)
    return lambda: ckwrap.ckmeans(wide, s).centers


def ckmeans(x: np.ndarray, s: int) -> Job:
    """Exact k-means, the dynamic program of Wang and Song."""
    import ckmeans

    wide = x.astype(np.float64)
    return lambda: [cluster.mean() for cluster in ckmeans.ckmeans(wide, s)]


def jenkspy(x: np.ndarray, s: int) -> Job:
    """Natural breaks, which are exact k-means."""
    import jenkspy

    wide = np.sort(x).astype(np.float64)

    def job() -> list[float]:
        breaks = np.array(jenkspy.jenks_breaks(wide, s))
        ends = np.searchsorted(wide, breaks[1:], side="right")
        return [part.mean() for part in np.split(wide, ends[:-1])]

    return job


def flash1dkmeans(x: np.ndarray, s: int) -> Job:
    """Lloyd steps on sorted values."""
    import flash1dkmeans

    wide = np.sort(x).astype(np.float64)
    return lambda: flash1dkmeans.kmeans_1d(wide, s, is_sorted=True, return_cluster_borders=True, random_state=0)[0]


def sklearn_kmeans(x: np.ndarray, s: int) -> Job:
    """Lloyd steps."""
    from sklearn.cluster import KMeans

    column = x.reshape(-1, 1)
    return lambda: KMeans(s, n_init=1, random_state=0).fit(column).cluster_centers_


def kbins(strategy: str) -> Callable[[np.ndarray, int], Job]:
    """Bins of one feature; its levels are the middles of the bins."""

    def prepare(x: np.ndarray, s: int) -> Job:
        from sklearn.preprocessing import KBinsDiscretizer

        column = x.reshape(-1, 1)
        more = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}

        def job() -> np.ndarray:
            bins = KBinsDiscretizer(s, encode="ordinal", strategy=strategy, subsample=None, **more)
            edges = bins.fit(column).bin_edges_[0]
            return (edges[1:] + edges[:-1]) / 2

        return job

    return prepare


def faiss_kmeans(x: np.ndarray, s: int) -> Job:
    """Lloyd steps, 25 of them, on a sample."""
    import faiss

    faiss.omp_set_num_threads(1)
    column = x.reshape(-1, 1)

    def job() -> np.ndarray:
        found = faiss.Kmeans(1, s, niter=25, seed=1)
        found.train(column)
        return found.centroids

    return job


def faiss_sq4(x: np.ndarray, s: int) -> Job:
    """Uniform levels between minimum and maximum, 4 bits, nearest."""
    import faiss

    faiss.omp_set_num_threads(1)
    column = x.reshape(-1, 1)
    if s != 16:
        raise ValueError("QT_4bit has 16 levels")

    def job() -> np.ndarray:
        quantizer = faiss.ScalarQuantizer(1, faiss.ScalarQuantizer.QT_4bit)
        quantizer.train(column)
        return quantizer.decode(quantizer.compute_codes(column)).ravel()

    return job


def turboquant(x: np.ndarray, s: int) -> Job:
    """A random rotation of each vector, then fixed levels, nearest."""
    np.trapz = np.trapezoid  # which it calls by the name that numpy 2.4 has dropped
    import torch
    from turboquant import TurboQuantMSE

    torch.set_num_threads(1)
    quantizer = TurboQuantMSE(ROW, bits=s.bit_length() - 1, device="cpu", seed=0)
    rows = torch.from_numpy(x.reshape(-1, ROW))
    return lambda: quantizer.dequantize(*quantizer.quantize(rows)).numpy().ravel()


RIVALS = {
    f"{OURS} exact": Rival("unbiased", OURS, ours(method="exact"), "unsorted float32, certified"),
    "QUIVER exact": Rival("unbiased", QUIVER, quiver("quiver_exact"), "sorted float64; the sort is not counted"),
    "QUIVER accelerated": Rival("unbiased", QUIVER, quiver("quiver_accelerated"), "the same"),
    f"{OURS} histogram": Rival("near unbiased", OURS, ours(method="histogram"), "unsorted float32, 4,096 buckets"),
    "QUIVER approximate": Rival(
        "near unbiased", QUIVER, quiver("quiver_approximate"), "1,000 equal bins; sorted float64, not counted"
    ),
    f"{OURS} k-means": Rival("k-means", OURS, ours(method="exact", objective="mse"), "unsorted float32, certified"),
    "kmeans1d": Rival("k-means", "kmeans1d", kmeans1d, "also labels every value; float64"),
    "ckwrap": Rival("k-means", "ckwrap", ckwrap, "also labels every value; float64"),
    "ckmeans": Rival("k-means", "ckmeans", ckmeans, "gives the clusters' values; float64"),
    "jenkspy": Rival("k-means", "jenkspy", jenkspy, "gives breaks; float64, sorted, not counted"),
    f"{OURS} near k-means": Rival(
        "near k-means", OURS, ours(method="histogram", objective="mse"), "unsorted float32, 4,096 buckets"
    ),
    "flash1dkmeans": Rival("near k-means", "flash1dkmeans", flash1dkmeans, "sorted float64; the sort is not counted"),
    "KMeans": Rival("near k-means", "scikit-learn", sklearn_kmeans, "n_init=1; also labels every value"),
    "KBinsDiscretizer kmeans": Rival(
        "near k-means", "scikit-learn", kbins("kmeans"), "subsample=None; levels are the middles of its bins"
    ),
    "KBinsDiscretizer quantile": Rival(
        "near k-means", "scikit-learn", kbins("quantile"), "no error is minimized; subsample=None"
    ),
    "faiss Kmeans": Rival("near k-means", "faiss-cpu", faiss_kmeans, "niter=25; samples 256 values a centroid"),
    f"{OURS} round trip": Rival("round trip", OURS, our_round_trip, "histogram levels, unbiased codes of 4 bits"),
    f"{OURS} rotation": Rival("round trip", OURS, our_rotation, f"vectors of {ROW:,}, unbiased"),
    "faiss SQ4": Rival("round trip", "faiss-cpu", faiss_sq4, "uniform levels, nearest (biased)"),
    "turboquant": Rival(
        "round trip",
        "turboquant",
        turboquant,
        f"vectors of {ROW:,}; nearest (biased); its rotation matrix is made before",
    ),
}


def lognormal(size: int) -> np.ndarray:
    """What is measured: unsorted float32."""
    return np.exp(np.random.default_rng(0).standard_normal(size)).astype(np.float32)


def squared_error(x: np.ndarray, result: Any, solves: str) -> float:
    """The error of levels, or of what came back."""
    if solves == "round trip":
        return float(np.sum((result - x.astype(np.float64)) ** 2))
    table = np.unique(np.asarray(getattr(result, "values", result), dtype=np.float64))
    objective = "unbiased" if "unbiased" in solves else "mse"
    return expected_squared_error(x, table, objective=objective)


def missing(rival: Rival) -> str | None:
    """Why a rival cannot be measured here, with what to do."""
    if rival.package == QUIVER:
        return None if os.environ.get(QUIVER) else f"set {QUIVER} to a library of it"
    try:
        version(rival.package)
    except PackageNotFoundError:
        return f"pip install {rival.package}"
    return None


def measure(name: str, size: int, s: int) -> dict[str, float]:
    """Seconds of this thread, the least of several runs, and the vNMSE; run in a process of its own."""
    rival, x = RIVALS[name], lognormal(size)
    rival.prepare(lognormal(4096), s)()  # what compiles or loads at the first call has done so
    job, times = rival.prepare(x, s), []
    while len(times) < 3 or (sum(times) < 2 and len(times) < 30):
        spent = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (spent + LIMIT + 1, resource.RLIM_INFINITY))
        start = time.thread_time()
        result = job()
        times.append(time.thread_time() - start)
        if times[0] > 5:
            break
    resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    error = squared_error(x, result, rival.solves)
    return {"seconds": min(times), "vnmse": error / float(np.sum(x.astype(np.float64) ** 2))}


def measured(name: str, size: int, s: int) -> dict[str, float] | str:
    """The figures of `measure` from a new process, or the words that stand in their place."""
    absent = missing(RIVALS[name])
    if absent:
        return absent
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, name, str(size), str(s)],
        env={**os.environ, **ONE_THREAD}, capture_output=True, text=True,
    )  # fmt: skip
    if ran.returncode == -signal.SIGXCPU:
        return f"> {LIMIT} s"
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or [f"signal {-ran.returncode}"])[-1]
        return f"fails: {last}"[:60]
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def in_turn(name: str, cases: Sequence[tuple[int, int]]) -> list[dict[str, float] | str]:
    """The figures of each size and number of levels; left out where the last one foretells too much."""
    found: list[dict[str, float] | str] = []
    rate = 0.0
    for size, s in cases:
        found.append(f"> {LIMIT} s" if rate * size * s > LIMIT else measured(name, size, s))
        if isinstance(found[-1], dict):
            rate = found[-1]["seconds"] / (size * s)
        elif found[-1] == f"> {LIMIT} s":
            rate = max(rate, LIMIT / (size * s))
    return found


def beside(solves: str, *, s: int = 16) -> Sheet:
    """All that solve the same, at three sizes: time, how many times ours, and the error."""
    names = [name for name, rival in RIVALS.items() if rival.solves == solves]
    found = {name: in_turn(name, [(size, s) for size in SIZES]) for name in names}
    rows = []
    for name, cells in found.items():
        told = [milliseconds(cell) for cell in cells]
        both = [(them, us) for them, us in zip(cells, found[names[0]], strict=True) if not isinstance(them, str)]
        if both:
            them, us = both[-1]
            told += [f"{them['seconds'] / us['seconds']:.3g}", f"{them['vnmse']:.4g}"]  # type: ignore[index]
        rows.append([name, *told] + [""] * (5 - len(told)))
    return Sheet(
        title=f"{solves}, LogNormal(0,1), s = {s}: ms",
        columns=["", *(f"2^{size.bit_length() - 1}" for size in SIZES), "times ours", "vNMSE"],
        rows=rows,
        below="The last two columns are of the largest size that was measured.",
    )


def defaults(*solves: str) -> Sheet:
    """Who is compared, and what each does otherwise than we do."""
    rows = []
    for name, rival in RIVALS.items():
        if rival.solves in solves:
            release = missing(rival) or ("the authors' code" if rival.package == QUIVER else version(rival.package))
            rows.append([name, release, rival.solves, rival.differs])
    return Sheet(title="Who is compared", columns=["", "version", "solves", "differs"], rows=rows)


def milliseconds(cell: dict[str, float] | str) -> str:
    """Three digits of a time, or the words in its place."""
    if isinstance(cell, str):
        return cell
    ms = cell["seconds"] * 1e3
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
