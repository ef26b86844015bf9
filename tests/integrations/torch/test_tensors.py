"""levels, encode and decode on torch's own tensors, which come through DLPack."""

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import Histogram, decode, encode, levels

pytestmark = pytest.mark.torch
DTYPES = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64")


def tensor(torch, dtype, shape=(30, 40)):
    """Values that each dtype holds, and float32 holds too."""
    numbers = 30 * np.random.default_rng(0).standard_normal(shape)
    return torch.from_numpy(np.clip(numbers, 0, 127)).to(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_gives_the_levels_and_codes_of_the_same_numbers_in_numpy(torch, dtype):
    x = tensor(torch, dtype)
    same = x.float().numpy() if dtype == "bfloat16" else x.numpy()
    for axis in (None, 0):
        ours, numpys = levels(x, 8, axis=axis), levels(same, 8, axis=axis)
        np.testing.assert_allclose(ours.values, numpys.values)
        assert (encode(x, ours, seed=1).indices() == encode(same, numpys, seed=1).indices()).all()
        assert encode(x, ours, seed=1).dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8"])
def test_a_tensor_of_any_strides_is_read_as_the_contiguous_one(torch, dtype):
    x = tensor(torch, dtype)
    for view in (x.T, x[::2, 1::3], x[5:, 7], x.expand(2, *x.shape), x[0, 0]):
        ours, contiguous = levels(view, 8), levels(view.contiguous(), 8)
        assert (ours.values == contiguous.values).all()
        assert encode(view, ours, seed=1) == encode(view.contiguous(), contiguous, seed=1)


def test_a_tensor_is_read_where_it_lies(torch):
    x = tensor(torch, "float32")
    before = x.clone()
    encode(x, levels(x, 8), seed=1)
    assert torch.equal(x, before)


def test_a_tensor_that_requires_a_gradient_is_refused_with_the_remedy(torch):
    learning = tensor(torch, "float32").requires_grad_()
    with pytest.raises(InvalidInput, match=r"x requires a gradient; pass x.detach\(\)"):
        levels(learning, 8)
    with pytest.raises(InvalidInput, match=r"x requires a gradient; pass x.detach\(\)"):
        encode(learning, [0.0, 200.0], seed=1)


@pytest.mark.parametrize("dtype", ["bool", "complex64"])
def test_other_dtypes_are_refused_by_name(torch, dtype):
    with pytest.raises(InvalidInput, match=f"x has dtype {dtype}"):
        levels(torch.ones(4, dtype=getattr(torch, dtype)), 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("rows", [None, slice(3, 9), [5, 0, 5]])
def test_out_may_be_a_tensor_and_gets_what_decode_returns(torch, dtype, rows):
    x = tensor(torch, dtype)
    codes = encode(x, levels(x, 8), seed=1)
    wanted = torch.from_numpy(decode(codes, rows=rows)).to(x.dtype)
    out = torch.full_like(wanted, -1)
    assert decode(codes, rows=rows, out=out) is out
    assert torch.equal(out, wanted)


def test_codes_of_integers_decode_into_floats(torch):
    x = tensor(torch, "int8")
    out = torch.empty(x.shape)
    decode(encode(x, levels(x, 8), seed=1), out=out)
    assert float((out - x).abs().max()) < 127


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda torch: torch.empty(40, 30).T, "contiguous"),
        (lambda torch: torch.empty(30, 41), r"has shape \(30, 41\)"),
        (lambda torch: torch.empty(30, 40, dtype=torch.float64), "dtype float64"),
        (lambda torch: torch.empty(30, 40, dtype=torch.bfloat16), "dtype bfloat16"),
        (lambda torch: torch.empty(30, 40, requires_grad=True), "requires a gradient"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_as_out(torch, make, message):
    x = tensor(torch, "float32")
    with pytest.raises(InvalidInput, match=message):
        decode(encode(x, levels(x, 8), seed=1), out=make(torch))


def test_a_histogram_takes_tensors(torch):
    x = tensor(torch, "bfloat16")
    ours, numpys = Histogram.like(x), Histogram.like(x.float().numpy())
    ours.update(x)
    numpys.update(x.float().numpy())
    assert ours.count == x.numel()
    assert (ours.levels(8).values == numpys.levels(8).values).all()


def test_weights_may_be_a_tensor(torch):
    x = tensor(torch, "float32")
    weights = torch.arange(40) % 3 + 1.0
    assert (levels(x, 8, weights=weights).values == levels(x, 8, weights=weights.numpy()).values).all()
