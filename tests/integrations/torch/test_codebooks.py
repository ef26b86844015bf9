"""Inside torchao, of the release that constraints.txt names; `make test-torch` runs these."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch import codebook, quantize_linear
from beforehand.quantization import levels

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:index_reduce:UserWarning"),
]


@pytest.fixture
def torchao(torch):
    """torchao's own k-means and its tensors with one codebook."""
    return importlib.import_module("torchao.prototype.quantization.codebook")


def heavy_weight(torch, rows=48, columns=128):
    """Rows of different size with some large values, as trained layers have."""
    random = np.random.default_rng(0)
    made = random.standard_t(4, (rows, columns)) * random.lognormal(sigma=0.5, size=(rows, 1)) / 30
    return torch.from_numpy(made.astype(np.float32))


def squared_error(weight, again):
    return float(((weight.double() - again.double()) ** 2).sum())


@pytest.mark.parametrize(
    ("grouping", "block_size", "grid"),
    [
        ({}, [-1, -1], (1, 1)),
        ({"axis": 0}, [1, -1], (48, 1)),
        ({"axis": 1}, [-1, 1], (1, 128)),
        ({"axis": -1}, [-1, 1], (1, 128)),
        ({"block": 32}, [1, 32], (48, 4)),
    ],
)
@pytest.mark.parametrize(("count", "bits"), [(16, 4), (5, 3), (2, 1)])
def test_the_host_decodes_each_value_to_the_nearest_level_of_its_group(torch, grouping, block_size, grid, count, bits):
    weight = heavy_weight(torch)
    made = codebook(weight, count, **grouping)
    assert made.codes.dtype == torch.uint8
    assert made.codes.shape == made.shape == weight.shape
    assert made.codebook.shape == (*grid, 2**bits, 1)
    assert made.block_size == block_size
    assert made.code_dtype == getattr(torch, f"uint{bits}")
    table = levels(weight, count, method="exact", objective="mse", **grouping)
    assert int(made.codes.max()) == count - 1
    assert squared_error(weight, made.dequantize()) == pytest.approx(table.squared_error, rel=1e-6)
    assert len(made.dequantize().unique()) <= table.values.size


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_forward_pass_is_that_of_the_decoded_weight_and_close_to_that_of_floats(torch, dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    model = model.to(getattr(torch, dtype))
    x = torch.randn(256, 128, dtype=getattr(torch, dtype))
    with torch.no_grad():
        floats = model(x)
        for layer in (model[0], model[2]):
            layer.weight = torch.nn.Parameter(codebook(layer.weight, 16, axis=0), requires_grad=False)
        quantized = model(x)
        decoded = torch.nn.functional.linear(x, model[0].weight.dequantize(), model[0].bias).relu()
        decoded = torch.nn.functional.linear(decoded, model[2].weight.dequantize(), model[2].bias)
    assert quantized.dtype == floats.dtype
    assert torch.equal(quantized, decoded)
    assert squared_error(floats, quantized) < 0.01 * squared_error(floats, torch.zeros_like(floats))


def test_one_codebook_is_never_worse_than_that_of_the_hosts_k_means(torch, torchao):
    fit = importlib.import_module("torchao.prototype.quantization.codebook.codebook_ops").fit_kmeans
    for weight in (heavy_weight(torch), torch.nn.Linear(128, 48).weight.detach()):
        for bits in (2, 4, 6):
            _, _, theirs = fit(weight.reshape(-1, 1), 2**bits)
            ours = codebook(weight, 2**bits).dequantize()
            assert squared_error(weight, ours) <= squared_error(weight, theirs.reshape(weight.shape))


def test_codebooks_of_rows_and_their_outputs_are_closer_than_the_hosts_scaled_rows(torch, torchao):
    weight = heavy_weight(torch)
    theirs = torchao.CodebookQuantizedTensor.from_float(weight, (1, 1), torch.uint4, weight.shape[1]).dequantize()
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = torch.nn.Parameter(weight.clone())
    x = torch.randn(4096, weight.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        floats = layer(x)
        layer.weight = torch.nn.Parameter(codebook(layer.weight, 16, axis=0), requires_grad=False)
        ours = layer(x)
    assert squared_error(weight, layer.weight.dequantize()) < squared_error(weight, theirs)
    assert squared_error(floats, ours) < squared_error(floats, x @ theirs.T)


def test_importance_lowers_the_error_of_outputs_from_inputs_of_unequal_size(torch):
    weight = heavy_weight(torch)
    size = torch.from_numpy(np.random.default_rng(1).lognormal(sigma=1.5, size=128).astype(np.float32))
    x = size * torch.randn(4096, 128, generator=torch.Generator().manual_seed(0))
    importance = (x**2).mean(dim=0)
    plain, weighted = (codebook(weight, 16, axis=0, importance=each).dequantize() for each in (None, importance))
    assert squared_error(x @ weight.T, x @ weighted.T) < squared_error(x @ weight.T, x @ plain.T)
    assert squared_error(weight, weighted) > squared_error(weight, plain)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_importance_may_be_any_array_or_tensor_that_broadcasts(torch, dtype):
    weight = heavy_weight(torch).to(getattr(torch, dtype))
    numbers = 1.0 + np.arange(48) % 3
    made = [
        codebook(weight, 8, importance=each)
        for each in (numbers[:, None], torch.tensor(numbers[:, None], dtype=weight.dtype, requires_grad=True))
    ]
    assert torch.equal(made[0].codes, made[1].codes)
    assert torch.equal(made[0].codebook, made[1].codebook)


def test_a_model_keeps_its_codes_in_its_state(torch):
    torch.manual_seed(0)
    layer, other = torch.nn.Linear(32, 8), torch.nn.Linear(32, 8)
    for each in (layer, other):
        each.weight = torch.nn.Parameter(codebook(each.weight, 16), requires_grad=False)
    other.load_state_dict(layer.state_dict(), assign=True)
    x = torch.randn(3, 32)
    assert torch.equal(other(x), layer(x))
    assert not layer.weight.requires_grad


def test_an_embedding_is_looked_up_in_its_codebooks(torch):
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(50, 16)
    rows = torch.tensor([3, 49, 3])
    floats = embedding(rows)
    embedding.weight = torch.nn.Parameter(codebook(embedding.weight, 16, axis=0), requires_grad=False)
    assert torch.allclose(embedding(rows), floats, atol=1e-6)  # a row of 16 values needs no more levels


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_levels": 1}, "n_levels is 1, but must be from 2 to 256"),
        ({"n_levels": 257}, "n_levels is 257"),
        ({"block": 48}, "block is 48, but must divide 128"),
        ({"block": 0}, "block is 0"),
        ({"axis": 2}, "axis is 2"),
        ({"axis": 0, "block": 32}, "only one of them"),
        ({"importance": [-1.0]}, "importance contain -1.0"),
        ({"importance": [1.0, 2.0]}, r"importance have shape \(2,\)"),
    ],
)
def test_options_that_break_their_rule_are_refused(torch, options, message):
    with pytest.raises(InvalidInput, match=message):
        codebook(torch.nn.Linear(128, 8).weight, **options)


def test_the_old_name_of_the_number_of_levels_works_with_a_warning(torch):
    weight = torch.arange(32.0).reshape(4, 8)
    with pytest.warns(FutureWarning, match="levels= is now called n_levels="):
        old = codebook(weight, levels=4)
    assert (old.codes == codebook(weight, n_levels=4).codes).all()


def test_the_old_function_for_layers_works_with_a_warning(torch):
    layer = torch.nn.Linear(8, 4)
    made = codebook(layer.weight, 4, axis=0)
    with pytest.warns(FutureWarning, match=r"quantize_linear\(layer\) is now called quantize_layers"):
        quantize_linear(layer, 4, axis=0)
    assert torch.equal(layer.weight.dequantize(), made.dequantize())
    assert not layer.weight.requires_grad


def test_weights_that_the_host_cannot_decode_are_refused(torch):
    with pytest.raises(InvalidInput, match="weight has dtype float64, but must be one of float32, float16, bfloat16"):
        codebook(torch.ones(2, 2, dtype=torch.float64))
    with pytest.raises(InvalidInput, match="NaN"):
        codebook(torch.full((2, 2), torch.nan))


@pytest.mark.parametrize("host", ["torch", "torchao"])
def test_without_its_hosts_one_sentence_says_what_to_install(host):
    code = f"import sys; sys.modules['{host}'] = None\nfrom beforehand.integrations.torch import codebook as f; f(None)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingDependency: codebooks need torch and torchao; pip install 'beforehand[torch]'")


def test_importance_of_nothing_in_a_group_counts_its_values_alike_and_says_so(torch):
    weight = torch.randn(6, 32, generator=torch.Generator().manual_seed(0))
    importance = torch.ones(6, 32)
    importance[[1, 4]] = 0
    with pytest.warns(UserWarning, match="importance is 0 for all values of 2 of 6 groups"):
        made = codebook(weight, 4, axis=0, importance=importance)
    plain = codebook(weight, 4, axis=0)
    assert torch.equal(made.dequantize(), plain.dequantize())
    importance = torch.ones(6, 32)
    importance[2, 8:16] = 0
    with pytest.warns(UserWarning, match="values of 1 of 24 groups"):
        codebook(weight, 4, block=8, importance=importance)
    with pytest.warns(UserWarning, match="values of 1 of 1 groups"):
        codebook(weight, 4, importance=0.0)


@pytest.mark.filterwarnings("ignore:quantize_linear:FutureWarning")
def test_layers_whose_weight_is_not_simply_there_are_refused_and_unchanged(torch):
    from torch.nn.utils import prune

    nn = torch.nn
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    pruned = prune.l1_unstructured(nn.Linear(4, 4), "weight", amount=2)
    done = nn.Linear(4, 4)
    quantize_linear(done, 4)
    for layer, message in (
        (nn.Conv2d(3, 4, 3), "weight of this Conv2d has 4 axes"),
        (nn.LayerNorm(4), "weight of this LayerNorm has 1 axes"),
        (normed, "remove_parametrizations"),
        (pruned, "prune.remove"),
        (done, "quantized already"),
        (nn.Linear(4, 4, device="meta"), "no numbers"),
        (nn.ReLU(), "is not a parameter"),
    ):
        before = dict(layer.named_parameters())
        with pytest.raises(InvalidInput, match=message):
            quantize_linear(layer, 4)
        assert dict(layer.named_parameters()).keys() == before.keys()
        assert all(each is before[name] for name, each in layer.named_parameters())
    with pytest.raises(InvalidInput, match="weight is a CodebookQuantizedTensor"):
        codebook(done.weight.data, 4)
    with pytest.raises(InvalidInput, match="n_levels is '4'"):
        codebook(torch.ones(4, 4), "4")
