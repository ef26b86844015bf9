"""Search in compressed embeddings: the recall at equal bytes, beside RaBitQ and the scalar quantiser of faiss.

Not for you if search is all that you want: RaBitQ scans its codes as they are, while ours are decoded first. Levels are
for vectors that are read again, whole or by element, with the smallest error or without bias.

Run: python benchmarks/bench_recall.py [-o FILE]
"""

from collections.abc import Callable

import numpy as np
from embeddings import embeddings
from report import keep, options, show
from rivals import RIVALS, missing

from beforehand.quantization import decode, encode, levels
from beforehand.reporting import Sheet

QUERIES, NEAREST = 500, 10
Decoded = tuple[np.ndarray, float]  # what comes back, and bytes for each vector


def by_levels(x: np.ndarray, bits: int, objective: str, axis: int | None) -> Decoded:
    """Exact levels, one table for all or one for each dimension."""
    codes = encode(x, levels(x, 2**bits, method="exact", objective=objective, axis=axis), seed=0)
    return decode(codes), codes.nbytes / len(x)


def by_rotation(x: np.ndarray, bits: int, objective: str) -> Decoded:
    """Every vector rotated at random, then the levels of the normal distribution."""
    codes = encode(x, levels(x, 2**bits, method="rotation", objective=objective, axis=0), seed=0)
    return decode(codes), codes.nbytes / len(x)


def by_faiss(x: np.ndarray, factory: str) -> Decoded:
    """An index of faiss, for what it gives back and the bytes of its codes."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.index_factory(x.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.train(x)
    index.add(x)
    return index.reconstruct_n(0, len(x)), index.sa_code_size()


def nearest(x: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The positions with the largest inner products."""
    return np.argpartition(-(queries @ x.T), NEAREST, axis=1)[:, :NEAREST]


def found_by_rabitq(x: np.ndarray, queries: np.ndarray, bits: int) -> np.ndarray:
    """Its own search, with queries that are not quantised."""
    import faiss

    index = faiss.index_factory(x.shape[1], f"RR{x.shape[1]},RaBitQ{bits}", faiss.METRIC_INNER_PRODUCT)
    index.train(x)
    index.add(x)
    faiss.downcast_index(index.index).qb = 0
    return index.search(queries, NEAREST)[1]


def recall(found: np.ndarray, true: np.ndarray) -> float:
    """The share of the true neighbors that were found."""
    return float(np.mean([len(set(a) & set(b)) for a, b in zip(found.tolist(), true.tolist(), strict=True)]) / NEAREST)


def designs(bits: int) -> dict[str, Callable[[np.ndarray], Decoded]]:
    """All that keep so many bits a value."""
    result: dict[str, Callable[[np.ndarray], Decoded]] = {
        "levels for each dimension, nearest": lambda x: by_levels(x, bits, "mse", 1),
        "levels for each dimension, unbiased": lambda x: by_levels(x, bits, "unbiased", 1),
        "one table of levels, nearest": lambda x: by_levels(x, bits, "mse", None),
        "one table of levels, unbiased": lambda x: by_levels(x, bits, "unbiased", None),
        "rotation, nearest": lambda x: by_rotation(x, bits, "mse"),
        "rotation, unbiased": lambda x: by_rotation(x, bits, "unbiased"),
    }
    if not missing(RIVALS["faiss SQ4"]):
        if bits in (4, 6, 8):
            result[f"faiss SQ{bits}"] = lambda x: by_faiss(x, f"SQ{bits}")
        result[f"faiss RaBitQ{bits}, rotated"] = lambda x: by_faiss(x, f"RR{x.shape[1]},RaBitQ{bits}")
    return result


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    vectors, told = embeddings()
    queries, x = vectors[:QUERIES], np.ascontiguousarray(vectors[QUERIES:])
    true, norm, sheets = nearest(x, queries), float(np.sum(x.astype(np.float64) ** 2)), []
    for bits in (1, 2, 4, 6):
        rows = []
        for name, design in designs(bits).items():
            back, size = design(x)
            found = found_by_rabitq(x, queries, bits) if "RaBitQ" in name else nearest(back, queries)
            error = float(np.sum((back - x.astype(np.float64)) ** 2)) / norm
            rows.append([name, f"{size:.0f}", f"{recall(found, true):.3f}", f"{error:.4g}"])
        sheets.append(
            Sheet(
                title=f"{bits} bits a value: recall of the {NEAREST} nearest of {len(x):,}, {QUERIES:,} queries",
                columns=["", "bytes a vector", "recall", "vNMSE"],
                rows=rows,
                below=f"Data: {told}. Bytes with tables, shared out." if bits == 1 else "",
            )
        )
        show(sheets[-1])
    if missing(RIVALS["faiss SQ4"]):
        print("RaBitQ and SQ4 are left out: pip install faiss-cpu")
    if chosen.output:
        keep(sheets, chosen.output)


if __name__ == "__main__":
    main()
