"""What every operation on many things promises: the same as one by one, in one thread or in many. One line adds one."""

import numpy as np
import pytest

from beforehand import quantization
from tests.threads import parallelize

MATRIX = np.random.default_rng(0).standard_normal((6, 200)).astype(np.float32)
SQUARE = MATRIX[:, :128]
CODES = quantization.encode(MATRIX, quantization.levels(MATRIX, 8, axis=0), seed=3)


def codes(x, axis):
    table = quantization.levels(x, 8, objective="mse", axis=axis)  # nearest level: no noise that counts positions
    return quantization.encode(x, table).indices()


BATCHES = {  # name: (all at once, row i alone)
    "levels": (
        lambda: quantization.levels(MATRIX, 8, axis=0).values,
        lambda i: quantization.levels(MATRIX[i], 8).values,
    ),
    "encode": (lambda: codes(MATRIX, 0), lambda i: codes(MATRIX[i], None)),
    "hadamard": (lambda: quantization.hadamard(SQUARE), lambda i: quantization.hadamard(SQUARE[i])),
    "rotate": (lambda: quantization.rotate(SQUARE, seed=1), lambda i: quantization.rotate(SQUARE[i], seed=1)),
    "decode": (lambda: quantization.decode(CODES), lambda i: quantization.decode(CODES, rows=i)),
}


@pytest.fixture(params=BATCHES)
def batch(request):
    return BATCHES[request.param]


def test_a_batch_equals_its_rows_one_by_one(batch):
    together, alone = batch
    np.testing.assert_array_equal(together(), np.stack([alone(i) for i in range(len(MATRIX))]))


def test_threads_that_call_at_once_all_get_the_same(batch):
    together, _ = batch
    first, *others = parallelize(lambda _: together(), 4)
    for other in others:
        np.testing.assert_array_equal(first, other)
