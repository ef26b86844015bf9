"""Stored embeddings: bytes, error, neighbors found and time, beside faiss, sentence-transformers and pgvector.

Whatever can be decoded is searched exactly by what it stands for; indexes of faiss are searched by faiss itself, on one
thread. Ours must be decoded before a search, which is counted; theirs need not be.

Not for you where search must be fast: faiss scans its codes as they are. Not measured: Qdrant, whose quantization needs
a server, and product quantizers with several dimensions in a code, which take minutes to train.

Run: make bench-vectors; or with beforehand and faiss-cpu: python benchmarks/bench_vectors.py [-o FILE]
"""

import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from embeddings import embeddings
from report import keep, options, show

from beforehand.quantization import decode, encode, levels
from beforehand.reporting import Sheet

SIZE, QUERIES, NEAREST = 10_000, 200, 10
Matrix = np.ndarray
Stored = tuple[float, Callable[[], Matrix]]  # bytes for each vector, and how to get back what is stored
Found = tuple[float, Matrix | None, Matrix, float, float]  # bytes, what came back, who was found, and two times


def data() -> Iterator[tuple[str, Matrix]]:
    """Unit vectors by their name, the queries first."""
    spec = importlib.util.find_spec("wordllama")
    path = spec and spec.origin and Path(spec.origin).parent / "weights" / "l2_supercat_256.safetensors"
    if path and path.exists():
        vectors = first_array(path).astype(np.float32)
        vectors = vectors[np.linalg.norm(vectors, axis=1) > 1e-3]
        chosen = np.random.default_rng(0).permutation(len(vectors))[: SIZE + QUERIES]
        yield "embeddings of words, as wordllama ships them", unit(vectors[chosen])
    else:
        print("embeddings of words are left out: pip install --no-deps wordllama")
    vectors, told = embeddings()
    yield told, unit(vectors[: SIZE + QUERIES])


def first_array(path: Path) -> Matrix:
    """The first array of a safetensors file."""
    held = path.read_bytes()
    start = 8 + int.from_bytes(held[:8], "little")
    entry = next(each for name, each in json.loads(held[8:start]).items() if name != "__metadata__")
    first, last = entry["data_offsets"]
    dtype = {"F16": np.float16, "F32": np.float32}[entry["dtype"]]
    return np.frombuffer(held[start + first : start + last], dtype).reshape(entry["shape"])


def unit(x: Matrix) -> Matrix:
    """Each row with length 1."""
    return np.ascontiguousarray(x / np.linalg.norm(x, axis=1, keepdims=True))


def nearest(queries: Matrix, x: Matrix) -> Matrix:
    """The positions with the largest inner products."""
    return np.argpartition(-(queries @ x.T), NEAREST, axis=1)[:, :NEAREST]


def ours(x: Matrix, n_levels: int, **kwargs: Any) -> Stored:
    """Levels found, and the vectors encoded."""
    codes = encode(x, levels(x, n_levels, objective="mse", **kwargs), seed=0)
    return codes.nbytes / len(x), lambda: decode(codes)


def by_sentence_transformers(x: Matrix) -> Stored:
    """Its int8, decoded to the middle of each step."""
    from sentence_transformers.util.quantization import quantize_embeddings

    low, high = x.min(axis=0), x.max(axis=0)
    codes = quantize_embeddings(x, "int8", ranges=np.stack([low, high]))
    return codes.nbytes / len(x), lambda: (low + (codes + np.float32(128.5)) * ((high - low) / 255)).astype(np.float32)


def by_pgvector(x: Matrix) -> Stored:
    """A column of halfvec, through the bytes of its package."""
    from pgvector import HalfVector

    rows = [HalfVector(row).to_binary() for row in x]
    return len(rows[0]), lambda: np.stack([HalfVector.from_binary(row).to_numpy() for row in rows]).astype(np.float32)


def stored(how: Callable[[Matrix], Stored], x: Matrix, queries: Matrix) -> Found:
    """Store, then decode everything and compare."""
    start = time.thread_time()
    size, back = how(x)
    made = time.thread_time()
    again = back()
    found = nearest(queries, again)
    return size, again, found, made - start, time.thread_time() - made


def indexed(factory: str, x: Matrix, queries: Matrix, decodes: bool = True) -> Found:
    """An index of faiss, searched by faiss."""
    import faiss

    index = faiss.index_factory(x.shape[1], factory.format(x.shape[1]), faiss.METRIC_INNER_PRODUCT)
    start = time.thread_time()
    index.train(x)
    index.add(x)
    made = time.thread_time()
    found = index.search(queries, NEAREST)[1]
    searched = time.thread_time()
    again = index.reconstruct_n(0, len(x)) if decodes else None
    return index.sa_code_size(), again, found, made - start, searched - made


def by_levels_in_faiss(x: Matrix, queries: Matrix) -> Found:
    """An index of faiss with a table of ours for each dimension."""
    import faiss

    count = x.shape[1]
    start = time.thread_time()
    table = levels(x, 16, axis=1, objective="mse")
    index = faiss.IndexPQ(count, count, 4, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(table.values.astype(np.float32).ravel(), index.pq.centroids)
    index.is_trained = True
    index.add(x)
    made = time.thread_time()
    found = index.search(queries, NEAREST)[1]
    searched = time.thread_time()
    return index.sa_code_size(), index.reconstruct_n(0, len(x)), found, made - start, searched - made


def by_signs(x: Matrix, queries: Matrix) -> Found:
    """The search of sentence-transformers in signs, whose candidates it sorts by the floats of the query."""
    from sentence_transformers.util.quantization import quantize_embeddings, semantic_search_faiss

    start = time.thread_time()
    signs = quantize_embeddings(x, "ubinary")
    made = time.thread_time()
    hits = semantic_search_faiss(queries, signs, corpus_precision="ubinary", top_k=NEAREST, rescore_multiplier=4)[0]
    found = np.array([[hit["corpus_id"] for hit in row] for row in hits])
    return signs.shape[1], None, found, made - start, time.thread_time() - made


def in_store(how: Callable[[Matrix], Stored]) -> Callable[[Matrix, Matrix], Found]:
    """What is decoded before it is searched."""
    return lambda x, queries: stored(how, x, queries)


def in_faiss(factory: str, decodes: bool = True) -> Callable[[Matrix, Matrix], Found]:
    """What faiss searches."""
    return lambda x, queries: indexed(factory, x, queries, decodes)


CONTENDERS: list[tuple[str, str | None, Callable[[Matrix, Matrix], Found]]] = [
    ("sentence-transformers, signs", "sentence_transformers", by_signs),
    ("faiss RaBitQ, rotated, 1 bit", "faiss", in_faiss("RR{},RaBitQ", decodes=False)),
    ("faiss SQ4", "faiss", in_faiss("SQ4")),
    ("faiss RaBitQ, rotated, 4 bits", "faiss", in_faiss("RR{},RaBitQ4", decodes=False)),
    ("faiss with levels for each dimension", "faiss", by_levels_in_faiss),
    ("beforehand, levels for each dimension", None, in_store(lambda x: ours(x, 16, axis=1))),
    ("beforehand, rotation", None, in_store(lambda x: ours(x, 16, method="rotation", axis=0))),
    ("beforehand, scaled blocks", None, in_store(lambda x: ours(x, 16, method="scaled"))),
    ("faiss SQ6", "faiss", in_faiss("SQ6")),
    ("faiss SQ8", "faiss", in_faiss("SQ8")),
    ("sentence-transformers, int8", "sentence_transformers", in_store(by_sentence_transformers)),
    ("beforehand, scaled blocks, 256 levels", None, in_store(lambda x: ours(x, 256, method="scaled"))),
    ("faiss SQfp16", "faiss", in_faiss("SQfp16")),
    ("pgvector, halfvec", "pgvector", in_store(by_pgvector)),
]


def table(told: str, vectors: Matrix) -> Sheet:
    """All contenders on one set of vectors."""
    queries, x = vectors[:QUERIES], np.ascontiguousarray(vectors[QUERIES:])
    true, norm, rows = nearest(queries, x), float(np.sum(x.astype(np.float64) ** 2)), []
    for name, needs, contender in CONTENDERS:
        if needs and not importlib.util.find_spec(needs):
            print(f"{name} is left out: pip install {needs.replace('_', '-').replace('faiss', 'faiss-cpu')}")
            continue
        size, again, found, made, searched = contender(x, queries)
        hits = np.mean([len(set(a) & set(b)) for a, b in zip(found.tolist(), true.tolist(), strict=True)]) / NEAREST
        error = "" if again is None else f"{np.sum((again.astype(np.float64) - x) ** 2) / norm:.3g}"
        rows.append([name, f"{size:.0f}", error, f"{hits:.3f}", f"{1e9 * made / x.size:.1f}", f"{1e3 * searched:.0f}"])
    return Sheet(
        title=f"{x.shape[1]} dimensions: {len(x):,} vectors, {QUERIES} queries",
        columns=["", "bytes a vector", "error", f"recall of {NEAREST}", "to store, ns a value", "to search, ms"],
        rows=rows,
        below=f"Data: {told}. Error: squared, over the squared norm. Searching includes decoding where there is any.",
    )


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    if importlib.util.find_spec("faiss"):
        import faiss

        faiss.omp_set_num_threads(1)
    sheets = []
    for told, vectors in data():
        sheets.append(table(told, vectors))
        show(sheets[-1])
    if chosen.output:
        keep(sheets, chosen.output)


if __name__ == "__main__":
    main()
