import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.quantization import decode
from beforehand.quantization.codec import Codec
from beforehand.quantization.vectors import Vectors

RAGGED = [np.exp(np.random.default_rng(i).standard_normal(n)) for i, n in enumerate([7, 40, 7, 100, 40, 1])]
EXACT = Codec(method="exact", n_levels=4, objective="mse")
MATRIX = np.exp(np.random.default_rng(9).standard_normal((6, 50)))
CODECS = [
    EXACT,
    Codec(method="exact", n_levels=4, axis=0),
    Codec(method="exact", n_levels=4, axis=1),
    Codec(method="uniform", n_levels=4, block=16),
    Codec(method="scaled", n_levels=16, block=16),
    Codec(method="scaled", n_levels=4, objective="mse", block=56, scale="e8m0"),
    Codec(method="scaled", n_levels=3, objective="mse", block=8, levels=[-1.0, 0.0, 1.0]),
    Codec(method="rotation", n_levels=4, axis=0),
    Codec(method="given", n_levels=3, levels=[0.1, 1.0, 2.0]),
]


def squared(x):
    return np.sum(np.square(x, dtype=np.float64), axis=-1)


def test_a_matrix_a_list_and_a_trace_are_the_same_vectors():
    given = [MATRIX, list(MATRIX), MATRIX.tolist(), Trace("vectors", {"values": MATRIX})]
    read = [Vectors.read(each) for each in given]
    assert [len(each) for each in read] == [6] * 4
    assert [each.size for each in read] == [300] * 4
    assert [each.kept for each in read] == ["rows", "alone", "alone", "rows"]
    assert all((each.norms == read[0].norms).all() for each in read)


def test_a_trace_may_hold_vectors_of_unequal_length_in_a_child_table():
    offsets = np.cumsum([0] + [len(x) for x in RAGGED])
    trace = Trace(
        "vectors", {"name": list("abcdef")}, children={"values": (offsets, {"value": np.concatenate(RAGGED)})}
    )
    read = [Vectors.read(each).measure(EXACT, 0).errors for each in (trace, RAGGED)]
    assert (read[0] == read[1]).all()


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_an_array_is_encoded_in_one_go_and_its_bytes_are_those_of_the_codes(codec):
    done = Vectors.read(MATRIX).measure(codec, 3)
    codes = codec.encode(MATRIX, seed=3)
    np.testing.assert_allclose(done.errors, squared(decode(codes) - MATRIX))
    assert done.bits == pytest.approx(8 * codes.nbytes / MATRIX.size)
    assert done.seconds > 0


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("times", [2, 7])
def test_bytes_of_more_rows_are_known_from_few(codec, times):
    whole = np.tile(MATRIX, (times, 1))
    done = Vectors.read(MATRIX).measure(codec, 3, size=whole.size)
    assert done.bits * whole.size / 8 == pytest.approx(codec.encode(whole, seed=3).nbytes)


def test_vectors_of_a_list_are_encoded_one_by_one():
    codec = Codec(method="exact", n_levels=4)
    done = Vectors.read(RAGGED).measure(codec, 5)
    codes = [codec.encode(x, seed=5, stream=i) for i, x in enumerate(RAGGED)]
    np.testing.assert_allclose(done.errors, [squared(decode(c) - x) for c, x in zip(codes, RAGGED, strict=True)])
    assert done.bits == pytest.approx(8 * sum(each.nbytes for each in codes) / 195)
    assert (Vectors.read(RAGGED).measure(codec, 5).errors == done.errors).all()


def test_columns_are_the_vectors_of_a_matrix_if_asked_for():
    codec = Codec(method="exact", n_levels=4, axis=1)
    vectors = Vectors.read(MATRIX, axis=1)
    assert (vectors.kept, len(vectors)) == ("columns", 50)
    done, codes = vectors.measure(codec, 3), codec.encode(MATRIX, seed=3)
    np.testing.assert_allclose(done.errors, squared((decode(codes) - MATRIX).T))
    twice = np.tile(MATRIX, (1, 2))
    bits = 8 * codec.encode(twice, seed=3).nbytes / 600
    assert bits <= vectors.measure(codec, 3, size=600).bits < bits + 0.1  # rows end on bytes


def test_an_array_of_more_axes_holds_runs_along_its_last_one():
    cube = MATRIX.reshape(2, 3, 50)
    vectors = Vectors.read(cube)
    assert (vectors.kept, len(vectors)) == ("runs", 6)
    codec = Codec(method="scaled", n_levels=16, block=16)
    codes = codec.encode(cube, seed=0)
    done = vectors.measure(codec, 0)
    np.testing.assert_allclose(done.errors, squared(decode(codes) - cube).ravel())
    assert done.bits == pytest.approx(8 * codes.nbytes / 300)
    assert Vectors.read(cube, together=False).kept == "alone"


def test_vectors_are_dealt_out_in_turn():
    rows = np.arange(14.0).reshape(7, 2)
    first, second, third = Vectors.read(rows).parts(3, dealt=True)
    assert first.pool().tolist() == rows[::3].ravel().tolist()
    assert second.pool().tolist() == rows[1::3].ravel().tolist()
    assert third.norms.tolist() == np.square(rows[2::3]).sum(axis=1).tolist()


def test_parts_hold_the_vectors_in_their_order():
    first, second = Vectors.read(RAGGED).parts(2)
    assert (np.sort(first.pool()) == np.sort(np.concatenate(RAGGED[:3]))).all()
    assert (np.sort(second.pool()) == np.sort(np.concatenate(RAGGED[3:]))).all()
    both = np.concatenate([half.measure(EXACT, 0).errors for half in (first, second)])
    np.testing.assert_allclose(both, Vectors.read(RAGGED).measure(EXACT, 0).errors)


def test_some_vectors_are_spread_over_all():
    x = np.arange(1000.0).reshape(100, 10)
    some = Vectors.read(x).spread(values=100, alone=5)
    assert len(some) == 10
    assert np.sqrt(some.norms[:2]) == pytest.approx([np.linalg.norm(x[0]), np.linalg.norm(x[10])])
    assert Vectors.read(x).spread(values=10**6, alone=1).size == 1000
    assert len(Vectors.read(list(x)).spread(values=10**6, alone=5)) == 5
    assert len(Vectors.read(RAGGED).spread(values=1, alone=1)) == 4  # one of each length


def test_the_vectors_at_the_ends_of_the_range_come_along_but_do_not_count():
    x = np.random.default_rng(0).standard_normal((1000, 8))
    x[777, 3], x[333, 5] = 50, -40
    some = Vectors.read(x).spread(values=800, alone=1)
    assert len(some) == 100
    assert some.size == 816
    assert (some.pool().max(), some.pool().min()) == (50, -40)
    assert some.norms.max() < 100
    codec = Codec(method="uniform", n_levels=256)
    assert some.measure(codec, 0).errors.sum() == pytest.approx(800 * (90 / 255) ** 2 / 6, rel=0.2)
    assert [len(part) for part in some.parts(2)] == [50, 50]


@pytest.mark.parametrize("n_levels", [2, 8])
@pytest.mark.parametrize("shape", [(400, 60), (5000, 60), (5000, 4)])
def test_some_columns_hold_values_of_all_vectors_and_their_bytes_are_known_of_all_columns(shape, n_levels):
    x = np.random.default_rng(0).standard_normal(shape)
    some = Vectors.read(x).some_columns(values=8000, least=3)
    (batch,) = some.batches
    assert some.size == pytest.approx(8000, rel=0.1)
    assert batch.matrix.shape[1] >= 3
    assert len(batch.matrix) == min(len(x), 8000 // batch.matrix.shape[1])
    assert set(batch.matrix[:, -1]) <= set(x[:, (batch.matrix.shape[1] - 1) * x.shape[1] // batch.matrix.shape[1]])
    codec = Codec(method="exact", n_levels=n_levels, axis=1)
    assert some.measure(codec, 3, size=x.size).bits == pytest.approx(8 * codec.encode(x, seed=3).nbytes / x.size)


def test_vectors_of_one_call_are_rounded_with_numbers_of_their_own():
    same = np.tile(np.linspace(0, 1, 60), (5, 1))
    for sample in (same, list(same)):
        errors = Vectors.read(sample).measure(Codec(method="uniform", n_levels=2), 0).errors
        assert len(set(errors)) == 5


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", ">f4", ">f2"])
def test_every_dtype_that_has_levels_can_be_sampled(dtype):
    matrix = np.arange(40).reshape(4, 10).astype(dtype)
    vectors = Vectors.read(matrix)
    assert vectors.measure(Codec(method="exact", n_levels=3, objective="mse"), 0).errors.sum() > 0
    codes = EXACT.encode(matrix, seed=0)
    assert vectors.measure(EXACT, 0).bits == pytest.approx(8 * codes.nbytes / 40)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ([], "sample must contain at least one vector"),
        (np.empty((0, 4)), "sample must contain at least one vector"),
        (np.empty((4, 0)), "none of length 0"),
        ([[1.0, 2.0], []], "none of length 0"),
        (np.arange(5.0), r"sample has 1 dimensions, but must have at least two.*pass \[sample\]"),
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
    ("sample", "axis", "words"),
    [
        (RAGGED, 0, "only a 2-D sample has"),
        (MATRIX, 2, "axis is 2, but must be 0 or 1"),
        (np.zeros((2, 3, 4)), 0, "axis is 0, but sample has 3 dimensions"),
    ],
)
def test_an_axis_needs_a_matrix(sample, axis, words):
    with pytest.raises(InvalidInput, match=words):
        Vectors.read(sample, axis=axis)
