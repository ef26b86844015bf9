"""Arrays that carry more than numbers are read right, or refused with what to do; torch's own in integrations/torch."""

import numpy as np
import pyarrow as pa
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Codec, Histogram, decode, encode, hadamard, levels, rotate
from beforehand.quantization.foreign import read, read_floats
from tests.quantization.tensors import Tensor

ROW = np.arange(8.0)
READERS = {
    "levels": lambda x: levels(x, 2),
    "weights": lambda x: levels(ROW, 2, weights=x),
    "grid": lambda x: levels(ROW, 2, grid=x),
    "encode": lambda x: encode(x, [-10.0, 10.0], seed=1),
    "given levels": lambda x: encode(ROW, x, seed=1, outside="clip"),
    "cover": lambda x: levels(ROW, 2).cover(x),
    "codec": lambda x: Codec(method="exact", n_levels=2).encode(x, seed=1),
    "like": lambda x: Histogram.like(x),
    "update": lambda x: Histogram(center=0.0, scale=1.0).update(x),
    "update weights": lambda x: Histogram(center=0.0, scale=1.0).update(ROW, weights=x),
    "rotate": lambda x: rotate(x, seed=1),
    "hadamard": lambda x: hadamard(x),
}


class TorchTensor(Tensor):
    """As torch's tensors look to those who do not import torch."""

    layout, requires_grad = "torch.strided", False

    def __torch_function__(self):
        raise NotImplementedError


TorchTensor.__module__, TorchTensor.__name__ = "torch", "Tensor"


def tensor(**more):
    made = TorchTensor(ROW)
    vars(made).update(more)
    return made


def subclass(**more):
    return type("Wrapper", (TorchTensor,), more)(ROW)


REFUSED = {
    "masked": (lambda: np.ma.masked_equal(ROW, 3), r"masked in 1 places; pass \w+.compressed\(\)"),
    "with a null": (lambda: pa.array([1.0, None, *ROW[2:]]), r"has 1 nulls; pass \w+.drop_null\(\)"),
    "chunks with a null": (lambda: pa.chunked_array([[1, None], [3]]), "has 1 nulls"),
    "Arrow strings": (lambda: pa.array(["a", "b"]), "has dtype object|not an array of numbers"),
    "Arrow lists": (lambda: pa.array([[1.0], [2.0, 3.0]]), "has dtype object|not an array of numbers"),
    "ragged": (lambda: [[1.0], [2.0, 3.0]], "not an array of numbers"),
    "strings": (lambda: ["1", "2"], "has dtype str|not an array of numbers"),
    "beyond a float": (lambda: [1.0, 10**400], "dtype object|not an array of numbers"),
    "complex": (lambda: np.array([1 + 2j]), "dtype complex128"),
    "structured": (lambda: np.array([(1.0, 2)], [("a", float), ("b", int)]), "dtype void"),
    "on a device": (lambda: Tensor(ROW, device=2), r"is not on the CPU; pass \w+.cpu\(\)"),
    "with a gradient": (lambda: tensor(requires_grad=True), r"requires a gradient; pass \w+.detach\(\)"),
    "sparse": (lambda: tensor(layout="torch.sparse_coo"), r"is sparse .*; pass \w+.to_dense\(\)"),
    "quantized": (lambda: tensor(is_quantized=True), r"is quantized; pass \w+.dequantize\(\)"),
    "nested": (lambda: tensor(is_nested=True), "is nested"),
    "meta": (lambda: tensor(is_meta=True), "no numbers"),
    "distributed": (lambda: subclass(full_tensor=None), r"part; pass \w+.full_tensor\(\)"),
    "fake": (lambda: subclass(fake_mode=None), "no numbers"),
    "a class of its own": (lambda: subclass(), "is a Wrapper, which may be more than its memory"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_carries_more_than_numbers_is_refused_with_the_remedy(kind, reader):
    make, message = REFUSED[kind]
    with pytest.raises(InvalidInput, match=message):
        READERS[reader](make())


PLAIN = {
    "masked nowhere": np.ma.array,
    "Arrow": lambda x: pa.array(x),
    "Arrow chunks": lambda x: pa.chunked_array([x[:3], x[3:]]),
    "torch": TorchTensor,
    "list": lambda x: x.tolist(),
    "other bytes": lambda x: np.array(x, dtype=">f8"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_what_is_plain_behind_a_wrapper_is_read(kind):
    make = PLAIN[kind]
    array, dtype = read(make(ROW), "x")
    assert array.tolist() == ROW.tolist()
    assert dtype == "float64"
    assert read_floats(make(ROW), "weights are", "").tolist() == ROW.tolist()
    assert (levels(make(ROW), 3).values == levels(ROW, 3).values).all()


def test_a_tensor_whose_memory_has_the_other_sign_is_resolved():
    class Negative(TorchTensor):
        def is_neg(self):
            return True

        def resolve_neg(self):
            return TorchTensor(-self.array)

    Negative.__module__, Negative.__name__ = "torch", "Tensor"
    assert read(Negative(ROW), "x")[0].tolist() == (-ROW).tolist()
    codes = encode(ROW, [0.0, 10.0], seed=1)
    with pytest.raises(InvalidInput, match="out holds its numbers with the other sign"):
        decode(codes, out=Negative(np.empty(8)))


def test_bfloat16_weights_and_levels_are_read_as_their_values():
    bits = np.array([0x3F80, 0x4000, 0x4080], np.uint16)  # 1, 2, 4
    assert read_floats(Tensor(bits, bfloat16=True), "weights are", "").tolist() == [1, 2, 4]
    codes = encode([1.0, 3.0], Tensor(bits, bfloat16=True), seed=1)
    assert codes.levels.tolist() == [1, 2, 4]


OUTS = {
    "masked": (lambda: np.ma.masked_equal(ROW, 3), "out is masked"),
    "list": (lambda: [0.0] * 8, "out is a list"),
    "distributed": (lambda: subclass(full_tensor=None), r"out is a Wrapper, of which this process holds a part"),
    "with a gradient": (lambda: tensor(requires_grad=True), "out requires a gradient"),
    "on a device": (lambda: Tensor(ROW, device=2), "out is not on the CPU; leave it out and move the result"),
    "Arrow": (lambda: pa.array(ROW), "out must be contiguous, aligned and writable|out hands out no memory"),
}


@pytest.mark.parametrize("kind", OUTS)
def test_out_that_would_not_get_the_values_is_refused(kind):
    make, message = OUTS[kind]
    with pytest.raises(InvalidInput, match=message):
        decode(encode(ROW, [0.0, 10.0], seed=1), out=make())
    with pytest.raises(InvalidInput, match=message):
        hadamard(ROW, out=make())
