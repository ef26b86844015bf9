"""levels, encode and decode on torch's own tensors, which come through DLPack."""

import os
import subprocess
import sys
from pathlib import Path

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


def foreign(torch):
    """Tensors that carry more than their memory shows, and what to do about each."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    x = torch.arange(8.0)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(x)
    return {
        "sparse": (x.to_sparse(), r"sparse .*; pass \w+.to_dense\(\)"),
        "compressed rows": (x.reshape(2, 4).to_sparse_csr(), "sparse"),
        "nested": (torch.nested.nested_tensor([x, x[:3]]), "nested"),
        "meta": (torch.empty(8, device="meta"), "no numbers"),
        "fake": (fake, "no numbers"),
        "quantized": (torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), r"quantized; pass \w+.dequantize\(\)"),
        "float8": (x.to(torch.float8_e4m3fn), "float8_e4m3fn"),
        "complex": (torch.view_as_complex(x.reshape(4, 2)).conj(), "complex64"),
        "a class of its own": (x.as_subclass(type("Marked", (torch.Tensor,), {})), "is a Marked"),
    }


KINDS = ("sparse", "compressed rows", "nested", "meta", "fake", "quantized", "float8", "complex", "a class of its own")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # of torch, about what it will drop
def test_tensors_that_are_more_than_their_memory_are_refused_with_the_remedy(torch, kind):
    x, message = foreign(torch)[kind]
    row = np.arange(8.0)
    for act in (
        lambda: levels(x, 2),
        lambda: levels(row, 2, weights=x),
        lambda: levels(row, 2, grid=x),
        lambda: encode(x, [-9.0, 9.0], seed=1),
        lambda: encode(row, x, seed=1),
        lambda: Histogram.like(x),
    ):
        with pytest.raises(InvalidInput, match=message):
            act()
    with pytest.raises(InvalidInput, match="out" if kind in ("complex", "float8") else message):
        decode(encode(row, [0.0, 9.0], seed=1), out=x)


def test_a_share_of_a_distributed_tensor_is_not_taken_for_the_whole(torch, tmp_path):
    from torch import distributed
    from torch.distributed.tensor import Replicate, distribute_tensor, init_device_mesh

    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        shared = distribute_tensor(torch.arange(8.0), mesh, [Replicate()])
        with pytest.raises(InvalidInput, match=r"DTensor, of which this process holds a part; pass x.full_tensor\(\)"):
            levels(shared, 2)
        with pytest.raises(InvalidInput, match="out is a DTensor"):
            decode(encode(np.arange(8.0), [0.0, 9.0], seed=1), out=shared)
        assert levels(shared.full_tensor(), 2).values.tolist() == [0, 7]
    finally:
        distributed.destroy_process_group()


def test_views_with_the_other_sign_are_resolved(torch):
    numbers = torch.complex(torch.zeros(6), torch.arange(1.0, 7.0))
    negative = numbers.conj().imag
    assert negative.is_neg()
    assert levels(negative, 2).values.tolist() == [-6, -1]
    assert levels(np.arange(6.0), 2, weights=-negative).squared_error > 0
    assert encode(negative, [-6.0, -1.0], seed=1).indices().max() <= 1
    with pytest.raises(InvalidInput, match="other sign"):
        decode(encode(np.arange(6.0), [0.0, 9.0], seed=1), out=negative)


def test_weights_grids_and_levels_follow_no_gradient_and_may_be_bfloat16(torch):
    row, learning = np.arange(8.0), torch.ones(8, requires_grad=True)
    with pytest.raises(InvalidInput, match=r"weights requires a gradient; pass weights.detach\(\)"):
        levels(row, 2, weights=learning)
    with pytest.raises(InvalidInput, match="levels requires a gradient"):
        encode(row, learning, seed=1)
    grid = torch.arange(-1.0, 9.0).to(torch.bfloat16)
    assert levels(row, 3, grid=grid).values[0] == 0
    assert encode(row, grid, seed=1).levels.tolist() == grid.tolist()
    assert (levels(row, 3, weights=torch.ones(8).bfloat16()).values == levels(row, 3).values).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_no_kernel_crashes_while_an_optimizer_takes_its_steps(dtype):
    seconds = float(os.environ.get("CHANGING_SECONDS", "60")) / 12
    command = [sys.executable, "-m", "tests.integrations.torch.stepping_optimizer", dtype, str(seconds)]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=10 * seconds + 300
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
