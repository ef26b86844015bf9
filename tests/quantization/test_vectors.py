import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.quantization.codec import Codec
from beforehand.quantization.levels import levels
from beforehand.quantization.theory import equivalent_levels, expected_squared_error
from beforehand.quantization.vectors import Vectors, expected, measured

RAGGED = [np.exp(np.random.default_rng(i).standard_normal(n)) for i, n in enumerate([7, 40, 7, 100, 40, 1])]
EXACT = Codec(method="exact", n_levels=4)
MATRIX = np.exp(np.random.default_rng(9).standard_normal((6, 50)))


def vnmse(x, table, objective="unbiased"):
    return expected_squared_error(x, table, objective=objective) / np.sum(np.square(x, dtype=np.float64))


def test_a_matrix_a_list_and_a_trace_are_the_same_vectors():
    given = [MATRIX, list(MATRIX), MATRIX.tolist(), Trace("vectors", {"values": MATRIX})]
    read = [Vectors.read(each) for each in given]
    assert [len(each) for each in read] == [6] * 4
    assert [each.size for each in read] == [300] * 4
    errors = [expected(each, EXACT) for each in read]
    assert (errors[0] == errors).all()


def test_a_trace_may_hold_vectors_of_unequal_length_in_a_child_table():
    offsets = np.cumsum([0] + [len(x) for x in RAGGED])
    trace = Trace(
        "vectors", {"name": list("abcdef")}, children={"values": (offsets, {"value": np.concatenate(RAGGED)})}
    )
    read = [expected(Vectors.read(each), EXACT) for each in (trace, RAGGED)]
    assert (read[0] == read[1]).all()


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("method", ["uniform", "histogram", "exact"])
def test_errors_are_those_of_each_vector_with_levels_of_its_own(method, objective):
    errors = expected(Vectors.read(RAGGED), Codec(method=method, n_levels=4, objective=objective))
    alone = [vnmse(x, levels(x, 4, method=method, objective=objective), objective) for x in RAGGED]
    np.testing.assert_allclose(errors, alone, rtol=1e-9, atol=1e-15)


def test_errors_of_blocks_add_up_to_those_of_vectors():
    errors = expected(Vectors.read(RAGGED), Codec(method="exact", n_levels=4, block=16))
    for x, error in zip(RAGGED, errors, strict=True):
        blocks = [x[i : i + 16] for i in range(0, len(x), 16)]
        total = sum(levels(block, 4, method="exact").squared_error for block in blocks)
        assert error == pytest.approx(total / np.sum(x**2), rel=1e-9, abs=1e-15)


def test_halves_part_the_vectors_in_their_order():
    first, second = Vectors.read(RAGGED).halves()
    assert (np.sort(first.pool()) == np.sort(np.concatenate(RAGGED[:3]))).all()
    assert (np.sort(second.pool()) == np.sort(np.concatenate(RAGGED[3:]))).all()
    codec = Codec(method="uniform", n_levels=3)
    both = np.concatenate([expected(half, codec) for half in (first, second)])
    assert (both == expected(Vectors.read(RAGGED), codec)).all()


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_given_levels_are_fitted_to_each_vector(objective):
    table = levels(np.concatenate(RAGGED[:3]), 4, objective=objective)
    codec = Codec(method="given", n_levels=4, objective=objective, levels=table.values)
    alone = [vnmse(x, table.cover(x), objective) for x in RAGGED]
    np.testing.assert_allclose(expected(Vectors.read(RAGGED), codec), alone, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("grouping", [{}, {"block": 16}, {"axis": 0}, {"axis": 1}], ids=str)
def test_measured_errors_agree_with_expected_ones(grouping):
    vectors = Vectors.read(MATRIX.T if grouping == {"axis": 1} else MATRIX, axis=grouping.get("axis"))
    codec = Codec(method="exact", n_levels=4, **grouping)
    should = expected(vectors, codec)
    seen = np.array([measured(vectors, codec, seed)[0] for seed in range(300)])
    assert (np.abs(seen.mean(axis=0) - should) < 4.5 * seen.std(axis=0) / np.sqrt(300)).all()


def test_with_rotation_an_error_is_expected_as_it_is_measured():
    vectors = Vectors.read(MATRIX)
    for axis in (None, 0):
        codec = Codec(method="rotation", n_levels=4, axis=axis)
        np.testing.assert_array_equal(expected(vectors, codec, 5), measured(vectors, codec, 5)[0])


def test_vectors_of_one_call_are_rounded_with_numbers_of_their_own():
    same = np.tile(np.linspace(0, 1, 60), (5, 1))
    errors = measured(Vectors.read(same), Codec(method="uniform", n_levels=2), 0)[0]
    assert len(set(errors)) == 5
    assert (measured(Vectors.read(same), Codec(method="uniform", n_levels=2), 0)[0] == errors).all()


def test_a_vector_of_zeros_has_no_error():
    assert expected(Vectors.read(np.zeros((2, 5))), EXACT).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("dtype", "level_bytes"),
    [("float16", 4), ("float32", 4), ("float64", 8), ("int8", 4), ("int32", 8), (">f4", 4), (">f2", 4)],
)
def test_every_dtype_that_has_levels_can_be_sampled(dtype, level_bytes):
    matrix = np.arange(40).reshape(4, 10).astype(dtype)
    vectors = Vectors.read(matrix)
    assert vectors.level_bytes == level_bytes
    error = expected(vectors, Codec(method="exact", n_levels=3))
    np.testing.assert_allclose(error, [vnmse(row, levels(row, 3)) for row in matrix.astype(float)], rtol=1e-9)


def test_the_first_vectors_hold_as_many_values_as_asked_or_a_vector():
    vectors = Vectors.read(RAGGED)
    assert [vectors.first(values=n, vectors=9).size for n in (1, 7, 8, 14, 15, 10**6)] == [7, 7, 14, 14, 54, 195]
    assert [vectors.first(values=999, vectors=n).size for n in (1, 2, 3)] == [7, 14, 54]
    assert all(len(batch.matrix) for n in (1, 2, 3) for batch in vectors.first(values=999, vectors=n).batches)


def test_tables_are_counted_by_vector_or_block():
    assert Vectors.read(RAGGED).groups(None) == 6
    assert Vectors.read(RAGGED).groups(16) == 1 + 3 + 1 + 7 + 3 + 1


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ([], "sample must contain at least one vector"),
        (np.empty((0, 4)), "sample must contain at least one vector"),
        (np.empty((4, 0)), "none of length 0"),
        ([[1.0, 2.0], []], "none of length 0"),
        (np.arange(5.0), r"sample has 1 dimensions, but must have two.*pass \[sample\]"),
        (np.zeros((2, 3, 4)), "sample has 3 dimensions"),
        ([1.0, 2.0], r"sample\[0\] has 0 dimensions"),
        ([[1.0, np.nan], [np.inf, 2.0]], "contains 2 NaN or infinite value\\(s\\), the first in vector 0"),
        (np.array([["a", "b"]]), "sample has dtype str"),
        ([[1.0], ["a"]], r"sample\[1\] has dtype str"),
        (np.array([[1e200, 1.0]]), "squares overflow or vanish; scale"),
        (np.array([[1.0, 2.0], [0.0, 1e-200]]), "squares overflow or vanish; scale"),
        (Trace("jobs", {"size": [1.0, 2.0]}), "trace of kind 'jobs', but must be of kind 'vectors'"),
        (Trace("vectors", {"size": [1.0, 2.0]}), "2-D column 'values', or a child table 'values'"),
        (Trace("vectors", {"values": [1.0, 2.0]}), "sample has 1 dimensions"),
        (Trace("vectors", {}, children={"values": ([0, 2], {"other": [1.0, 2.0]})}), "value"),
    ],
)
def test_what_is_not_a_sample_of_vectors_is_refused(sample, words):
    with pytest.raises(InvalidInput, match=words):
        Vectors.read(sample)


@pytest.mark.parametrize(
    ("sample", "axis", "words"), [(RAGGED, 0, "only a 2-D sample has"), (MATRIX, 2, "axis is 2, but must be 0 or 1")]
)
def test_an_axis_needs_a_matrix(sample, axis, words):
    with pytest.raises(InvalidInput, match=words):
        Vectors.read(sample, axis=axis)


def test_the_worked_example_has_the_printed_figures():
    vectors = Vectors.read([np.exp(np.random.default_rng(seed).standard_normal(2**20)) for seed in range(4)])
    histogram = expected(vectors, Codec(method="histogram", n_levels=16)).mean()
    assert expected(vectors, Codec(method="uniform", n_levels=16)).mean() == pytest.approx(1.80, abs=0.005)
    assert histogram == pytest.approx(0.0226, abs=0.00005)
    needed = equivalent_levels(
        [histogram], 16, lambda s: [expected(vectors, Codec(method="uniform", n_levels=s)).mean()]
    )
    assert needed == pytest.approx(191, abs=1)
