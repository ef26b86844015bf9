"""What is stored by way of this library comes back from the stores that the guides name; `make test-vectors`."""

import importlib

import numpy as np
import pytest

from beforehand.quantization import Codes, Levels, decode, encode, levels

pytestmark = [
    pytest.mark.vectors,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what these packages import
]


def vectors(count, width, seed=0):
    random = np.random.default_rng(seed)
    return (random.standard_t(4, (count, width)) * np.exp(random.standard_normal(width) / 2)).astype(np.float32)


def index_of(faiss, table, metric):
    """An index of faiss that holds a table for each dimension."""
    width, count = table.values.shape
    index = faiss.IndexPQ(width, width, (count - 1).bit_length(), metric)
    faiss.copy_array_to_vector(table.values.ravel(), index.pq.centroids)
    index.is_trained = True
    return index


@pytest.mark.parametrize("width", [1, 5, 64])
@pytest.mark.parametrize("n_levels", [4, 16, 256])
@pytest.mark.parametrize("metric", ["METRIC_L2", "METRIC_INNER_PRODUCT"])
def test_faiss_decodes_to_the_same_vectors_and_searches_them(width, n_levels, metric):
    faiss = importlib.import_module("faiss")
    x, later = vectors(600, width), vectors(50, width, seed=1)
    table = levels(x, n_levels, axis=1, objective="mse")
    index = index_of(faiss, table, getattr(faiss, metric))
    index.add(x)
    index.add(later)
    kept = Levels.from_bytes(table.to_bytes())
    again = np.concatenate([decode(encode(x, kept)), decode(encode(later, kept))])
    assert np.array_equal(index.reconstruct_n(0, 650), again)
    queries = vectors(20, width, seed=2)
    found = index.search(queries, 10)[1]
    products = queries @ again.T
    exact = products if metric == "METRIC_INNER_PRODUCT" else 2 * products - (again**2).sum(axis=1)
    best = -np.sort(-exact, axis=1)[:, :10]
    assert np.allclose(np.take_along_axis(exact, found, axis=1), best, rtol=1e-4, atol=1e-3)


def test_faiss_packs_codes_of_4_bits_as_this_library_numbers_them():
    faiss = importlib.import_module("faiss")
    x = vectors(100, 8)
    table = levels(x, 16, axis=1, objective="mse")
    index = index_of(faiss, table, faiss.METRIC_L2)
    index.add(x)
    numbers = encode(x, table).indices()
    packed = numbers[:, ::2] | numbers[:, 1::2] << 4
    assert np.array_equal(faiss.vector_to_array(index.codes).reshape(100, 4), packed)


@pytest.mark.parametrize("n_levels", [16, 256])
def test_qdrant_keeps_what_was_decoded_and_finds_its_neighbors(n_levels):
    host = importlib.import_module("qdrant_client")
    x, queries = vectors(300, 16), vectors(20, 16, seed=1)
    again = decode(encode(x, levels(x, n_levels, method="scaled", objective="mse", block=16)))
    client = host.QdrantClient(":memory:")
    size = host.models.VectorParams(size=16, distance=host.models.Distance.EUCLID)
    client.create_collection("x", vectors_config=size)
    client.upload_collection("x", vectors=again, ids=range(300))
    kept = client.retrieve("x", ids=list(range(300)), with_vectors=True)
    assert np.array_equal(np.array([point.vector for point in kept], np.float32), again)
    for query in queries:
        points = client.query_points("x", query=query.tolist(), limit=10).points
        far = np.sqrt(((again - query) ** 2).sum(axis=1))
        assert np.allclose([point.score for point in points], np.sort(far)[:10], rtol=1e-4)
        assert np.allclose(far[[point.id for point in points]], np.sort(far)[:10], rtol=1e-4)


def test_types_of_pgvector_keep_what_was_decoded():
    pgvector = importlib.import_module("pgvector")
    x = vectors(50, 24)
    codes = Codes.from_bytes(encode(x, levels(x, 16, method="scaled", objective="mse", block=24)).to_bytes())
    again = decode(codes)
    for row, vector in zip(range(50), again, strict=True):
        assert np.array_equal(decode(codes, rows=row), vector)
        for kept in (pgvector.Vector(vector), pgvector.Vector.from_text(pgvector.Vector(vector).to_text())):
            assert np.array_equal(pgvector.Vector.from_binary(kept.to_binary()).to_numpy(), vector)
        half = pgvector.HalfVector.from_binary(pgvector.HalfVector(vector).to_binary())
        assert np.array_equal(half.to_numpy(), vector.astype(np.float16))
        signs = pgvector.Bit.from_binary(pgvector.Bit(vector > 0).to_binary())
        assert np.array_equal(signs.to_numpy(), vector > 0)


def test_256_levels_in_blocks_are_closer_than_int8_of_sentence_transformers():
    theirs = importlib.import_module("sentence_transformers.util.quantization").quantize_embeddings
    x = vectors(2000, 64)
    low, high = x.min(axis=0), x.max(axis=0)
    step = (high - low) / 255
    codes = theirs(x, "int8", ranges=np.stack([low, high]))
    error = {edge: float(((low + (codes + edge) * step - x) ** 2).sum()) for edge in (128.0, 128.5)}
    ours = encode(x, levels(x, 256, method="scaled", objective="mse"))
    assert ((decode(ours) - x) ** 2).sum() < error[128.5]
    assert error[128.0] > 3 * error[128.5]  # it rounds down
    signs = np.unpackbits(theirs(x, "ubinary"), axis=1)
    assert np.array_equal(signs, x > 0)
