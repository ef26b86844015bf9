"""Layers with packed codes, inside torch; `make test-torch` runs these."""

import copy
import importlib
import io
import pickle
import threading

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch import load_layers, quantize_layers, quantize_linear
from beforehand.quantization import decode, encode, levels

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning"),
]
KINDS = [
    *("linear", "conv1d", "conv2d", "conv2d of one channel each", "conv3d", "transposed", "embedding"),
    *("embedding with a norm", "bag", "lstm", "lstm with a projection", "gru", "rnn", "cell"),
]


@pytest.fixture
def models(torch):
    """The module of models, which imports the host."""
    return importlib.import_module("tests.integrations.torch.packed_models")


@pytest.fixture
def safetensors(torch):
    """Of the same environment."""
    return importlib.import_module("safetensors.torch")


def through_torch(torch, state):
    """A state through a file as torch writes it."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def first(result):
    return result[0] if isinstance(result, tuple) else result


def squared_error(a, b):
    return float(((a.detach().double() - b.detach().double()) ** 2).sum())


def heavy_linear(torch, rows=48, columns=128, dtype="float32"):
    """Rows of different size with some large values, as trained layers have."""
    random = np.random.default_rng(0)
    made = random.standard_t(4, (rows, columns)) * random.lognormal(sigma=0.5, size=(rows, 1)) / 30
    layer = torch.nn.Linear(columns, rows)
    layer.weight = torch.nn.Parameter(torch.from_numpy(made.astype(np.float32)))
    return layer.to(getattr(torch, dtype))


def test_every_kind_is_there(models):
    assert list(models.layers()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_of_each_kind_computes_with_what_its_codes_stand_for(torch, models, safetensors, kind):
    layer, x = models.layers()[kind]
    plain = copy.deepcopy(layer)
    floats = first(layer(x)).detach()
    names = quantize_layers(layer, 16)
    assert sorted(names) == sorted(name for name, _ in plain.named_parameters() if name.startswith("weight"))
    with torch.no_grad():
        for name in names:
            assert getattr(layer, name).shape == getattr(plain, name).shape
            getattr(plain, name).copy_(getattr(layer, name))
    assert torch.equal(first(layer(x)), first(plain(x)))
    assert squared_error(first(layer(x)), floats) < 0.05 * squared_error(floats, torch.zeros_like(floats))
    for state in (through_torch(torch, layer.state_dict()), safetensors.load(safetensors.save(layer.state_dict()))):
        again = models.layers()[kind][0]
        load_layers(again, state)
        assert torch.equal(first(again(x)), first(layer(x)))
        again.load_state_dict(state)  # as there are codes now, torch alone does it too


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_copied_pickled_and_moved_to_other_dtypes(torch, models, kind):
    layer, x = models.layers()[kind]
    quantize_layers(layer, 16)
    wanted = first(layer(x))
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is type(layer)
        assert torch.equal(first(again(x)), wanted)
    wide = first(layer.double()(x.double() if x.is_floating_point() else x))
    assert wide.dtype == torch.float64
    assert torch.allclose(wide.float(), wanted, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("n_levels", "bits"), [(2, 1), (3, 2), (5, 4), (16, 4), (17, 8), (256, 8)])
def test_codes_take_as_few_bits_as_a_byte_holds_whole_and_decode_as_the_library_does(torch, dtype, n_levels, bits):
    layer = heavy_linear(torch, dtype=dtype)
    floats = layer.weight.detach().clone()
    quantize_layers(layer, n_levels)
    assert layer.weight_codes.shape == (48, 128 * bits // 8)
    assert layer.weight_levels.shape == (1, 1, 2**bits)
    assert layer.weight_scales.shape == (48, 2)
    assert layer.weight.dtype == floats.dtype
    table = levels(floats, n_levels, method="scaled", objective="mse", block=64)
    wanted = torch.from_numpy(decode(encode(floats, table)).astype(np.float32))
    if dtype == "float32":
        assert torch.equal(layer.weight, wanted)
    lost = squared_error(layer.weight, floats)
    assert lost <= 1.2 * squared_error(wanted, floats)
    assert len(set(layer.state_dict()) - {"bias"}) == 3


def test_a_layer_of_4_bits_takes_an_eighth_of_its_floats_and_little_more(torch):
    layer = heavy_linear(torch, 512, 1024)
    floats = layer.weight.nbytes
    quantize_layers(layer)
    size = sum(each.nbytes for name, each in layer.state_dict().items() if name != "bias")
    assert size == floats * 4.25 / 32 + 64
    assert not any(each.shape == (512, 1024) for each in (*layer.parameters(), *layer.buffers()))


def test_scaled_blocks_are_closer_than_a_codebook_for_each_row_of_as_many_bits(torch):
    floats = heavy_linear(torch, 64, 2048).weight.detach()
    lost = []
    for options in ({}, {"method": "exact", "axis": 0}):
        layer = heavy_linear(torch, 64, 2048)
        quantize_layers(layer, **options)
        lost.append(squared_error(layer.weight, floats))
    assert lost[0] < lost[1]


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 63, 64, 65, 100, 129])
@pytest.mark.parametrize("block", [8, 64, 1024])
def test_rows_of_any_length_are_cut_into_blocks_as_equal_as_can_be(torch, columns, block):
    layer = heavy_linear(torch, 5, columns)
    floats = layer.weight.detach().clone()
    quantize_layers(layer, 256, block=block)
    assert layer.weight_scales.shape == (5, -(-columns // block))
    assert squared_error(layer.weight, floats) <= 1e-3 * squared_error(floats, 0 * floats)
    again = heavy_linear(torch, 5, columns)
    load_layers(again, layer.state_dict())
    assert torch.equal(again.weight, layer.weight)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1}, {"axis": -1}, {"block": 32}])
@pytest.mark.parametrize("n_levels", [2, 5, 16, 200])
def test_codebooks_are_those_of_the_library(torch, dtype, options, n_levels):
    layer = heavy_linear(torch, dtype=dtype)
    floats = layer.weight.detach().clone()
    quantize_layers(layer, n_levels, method="exact", **options)
    table = levels(floats, n_levels, method="exact", objective="mse", **options)
    wanted = torch.from_numpy(decode(encode(floats, table))).to(floats.dtype)
    assert torch.equal(layer.weight, wanted)
    again = heavy_linear(torch, dtype=dtype)
    load_layers(again, layer.state_dict())
    assert torch.equal(again.weight, wanted)


def test_a_convolution_has_a_codebook_for_each_output_and_importance_for_each_value(torch):
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(6, 5, 3)
    floats = conv.weight.detach().clone()
    importance = torch.ones(3, 3)
    importance[1, 1] = 1000
    quantize_layers(conv, 4, method="exact", axis=0, importance=importance)
    assert conv.weight_levels.shape == (5, 1, 4)
    middle = squared_error(conv.weight[:, :, 1, 1], floats[:, :, 1, 1])
    plain = torch.nn.Conv2d(6, 5, 3)
    plain.weight = torch.nn.Parameter(floats.clone())
    quantize_layers(plain, 4, method="exact", axis=0)
    assert middle < squared_error(plain.weight[:, :, 1, 1], floats[:, :, 1, 1])
    again = torch.nn.Conv2d(6, 5, 3)
    with pytest.warns(UserWarning, match="importance is 0 for all values of 5 of 5 groups"):
        quantize_layers(again, 4, method="exact", axis=0, importance=0.0)


def test_a_model_is_saved_and_loaded_with_what_its_layers_share(torch, models, safetensors, tmp_path):
    model, words = models.Model(), torch.tensor([[1, 2, 39], [0, 0, 5]])
    names = quantize_layers(model)
    assert names == [
        "words.weight",
        *(f"memory.weight_{part}_l0{way}" for way in ("", "_reverse") for part in ("ih", "hh")),
        "conv.weight",
        "out.weight",
    ]
    assert model.out.weight_codes is model.words.weight_codes
    assert all(each.is_floating_point() for each in model.parameters())
    wanted = model(words)
    again = models.Model()
    load_layers(again, through_torch(torch, model.state_dict()))
    assert torch.equal(again(words), wanted)
    assert again.out.weight_codes is again.words.weight_codes

    path = tmp_path / "model.safetensors"
    safetensors.save_model(model, path)  # which keeps once what is shared
    again = models.Model()
    load_layers(again, safetensors.load_file(path))
    assert torch.equal(again(words), wanted)
    safetensors.load_model(again, path)

    with torch.device("meta"):
        empty = models.Model()
    load_layers(empty, through_torch(torch, model.state_dict()))
    assert torch.equal(empty(words), wanted)


def test_what_was_loaded_is_a_copy(torch):
    layer = heavy_linear(torch)
    quantize_layers(layer)
    state = layer.state_dict()
    again = heavy_linear(torch)
    load_layers(again, state)
    before = again.weight
    for each in state.values():
        each.zero_()
    assert torch.equal(again.weight, before)


def test_inputs_and_biases_get_gradients_as_before(torch):
    layer = heavy_linear(torch)
    quantize_layers(layer)
    x = torch.randn(4, 128, requires_grad=True)
    layer(x).sum().backward()
    assert torch.allclose(x.grad, layer.weight.sum(dim=0).expand(4, -1), atol=1e-5)
    assert torch.equal(layer.bias.grad, torch.full((48,), 4.0))
    assert [name for name, _ in layer.named_parameters()] == ["bias"]
    assert "PackedLinear(in_features=128, out_features=48, bias=True)" in str(layer)
    assert isinstance(layer, torch.nn.Linear)


def test_weights_that_are_zero_or_of_any_size_come_back(torch):
    for dtype, size in (("float32", 1e30), ("float32", 1e-30), ("float16", 1e-6), ("float16", 3e3), ("bfloat16", 1e30)):
        layer = torch.nn.Linear(64, 8, dtype=getattr(torch, dtype))
        floats = (heavy_linear(torch, 8, 64).weight * 30).double() * size
        layer.weight = torch.nn.Parameter(floats.to(layer.weight.dtype))
        floats = layer.weight.detach().clone()
        quantize_layers(layer, 256)
        assert squared_error(layer.weight / size, floats / size) <= 0.01 * squared_error(floats / size, 0 * floats)
    layer = torch.nn.Linear(64, 8)
    layer.weight = torch.nn.Parameter(torch.zeros(8, 64))
    quantize_layers(layer)
    assert not layer.weight.any()


def test_rows_of_zeros_stay_zeros(torch):
    embedding = torch.nn.Embedding(50, 24, padding_idx=0)
    quantize_layers(embedding)
    assert not embedding(torch.tensor([0])).any()


def test_words_outside_the_vocabulary_are_refused_as_before(torch):
    embedding = torch.nn.Embedding(50, 24)
    quantize_layers(embedding)
    for word in (50, -1):
        with pytest.raises(IndexError):
            embedding(torch.tensor([word]))
    assert embedding(torch.empty(0, 2, dtype=torch.long)).shape == (0, 2, 24)


def test_threads_may_share_a_layer(torch, models):
    layer, x = models.layers()["lstm"]
    quantize_layers(layer)
    wanted, found = first(layer(x)).detach(), []

    def run():
        found.extend(first(layer(x)).detach() for _ in range(20))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert all(torch.equal(each, wanted) for each in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_levels": 1}, "n_levels is 1, but must be from 2 to 256"),
        ({"n_levels": 257}, "n_levels is 257"),
        ({"n_levels": "4"}, "n_levels is '4'"),
        ({"method": "uniform"}, "method is 'uniform', but must be 'scaled' or 'exact'"),
        ({"axis": 0}, "scaled blocks have neither"),
        ({"importance": 1.0}, "scaled blocks have neither"),
        ({"block": 12}, "weight: block is 12, but must be a multiple of 8"),
        ({"block": 0}, "block is 0"),
        ({"method": "exact", "block": 48}, "block is 48, but must divide 128"),
        ({"method": "exact", "block": 0}, "block is 0"),
        ({"method": "exact", "axis": 2}, "axis is 2"),
        ({"method": "exact", "axis": 0, "block": 32}, "only one of them"),
        ({"method": "exact", "importance": [-1.0]}, "importance contain -1.0"),
    ],
)
def test_options_that_break_their_rule_are_refused_and_the_layer_stays(torch, options, message):
    layer = heavy_linear(torch, 8, 128)
    before = layer.weight
    with pytest.raises(InvalidInput, match=message):
        quantize_layers(layer, **options)
    assert layer.weight is before


def test_layers_whose_weight_is_not_simply_there_are_refused_and_the_model_stays(torch):
    from torch.nn.utils import prune

    nn = torch.nn
    done = nn.Linear(8, 4)
    quantize_layers(done)
    lost = nn.Linear(8, 4)
    with torch.no_grad():
        lost.weight[1, 2] = torch.nan
    with pytest.warns(FutureWarning, match="quantize_layers"):
        quantize_linear(old := nn.Linear(8, 4), 4)
    for layer, message in (
        (
            nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
            "1.weight of this ParametrizedLinear is computed from",
        ),
        (prune.l1_unstructured(nn.Linear(4, 4), "weight", amount=2), "prune.remove"),
        (done, "1.weight of this PackedLinear is quantized already"),
        (old, "1.weight is a CodebookQuantizedTensor"),
        (nn.Linear(4, 4, device="meta"), "no numbers"),
        (nn.Linear(4, 4, dtype=torch.float64), "has dtype float64, but must be one of float32, float16, bfloat16"),
        (nn.LazyLinear(4), "UninitializedParameter"),
        (lost, "1.weight: .* NaN"),
    ):
        model = nn.Sequential(nn.Linear(4, 4), layer)
        before = dict(model.named_parameters())
        with pytest.raises(InvalidInput, match=message):
            quantize_layers(model)
        assert all(each is before[name] for name, each in model.named_parameters())
        assert type(model[0]) is nn.Linear
    for nothing, message in ((nn.LayerNorm(4), "this LayerNorm has no linear"), (torch.ones(4), "module is a Tensor")):
        with pytest.raises(InvalidInput, match=message):
            quantize_layers(nothing)
    with pytest.raises(InvalidInput, match="importance is of one weight, but there are 2"):
        quantize_layers(nn.LSTM(4, 4), method="exact", importance=1.0)


def test_states_that_do_not_fit_are_refused_and_the_model_stays(torch):
    layer = heavy_linear(torch)
    quantize_layers(layer)
    state = layer.state_dict()
    wrong = {
        "codes": (state["weight_codes"][:-1], state["weight_codes"][:, 1:], state["weight_codes"].int()),
        "levels": (
            state["weight_levels"][0],
            state["weight_levels"][:, :, :9],
            state["weight_levels"].expand(3, 1, 16),
            state["weight_levels"].expand(1, 3, 16),
            state["weight_levels"].long(),
            state["weight_levels"] * torch.inf,
            state["weight_levels"][:, :, :0],
            state["weight_levels"][:, :0],
        ),
        "scales": (
            state["weight_scales"][1:],
            state["weight_scales"][:, :0],
            state["weight_scales"].repeat(1, 9),
            state["weight_scales"] * torch.nan,
            state["weight_scales"][0],
        ),
    }
    for part, tensors in wrong.items():
        for tensor in tensors:
            again = heavy_linear(torch)
            before = again.weight
            with pytest.raises(InvalidInput, match=r"weight_(codes|levels|scales) "):
                load_layers(again, state | {f"weight_{part}": tensor})
            assert again.weight is before
    with pytest.raises(InvalidInput, match="weight_levels have shape None"):
        load_layers(heavy_linear(torch), {"weight_codes": state["weight_codes"], "bias": state["bias"]})
    with pytest.raises(RuntimeError, match="Missing key"):
        load_layers(heavy_linear(torch), {name: each for name, each in state.items() if name != "bias"})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        load_layers(layer, state | {"weight": torch.ones(48, 128)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_layers(layer, state | {"weight_codes": state["weight_codes"][1:]})


def test_any_bytes_of_the_right_shape_stand_for_finite_weights(torch):
    layer = heavy_linear(torch)
    quantize_layers(layer, 5)
    for seed in range(3):
        codes = torch.randint(0, 256, layer.weight_codes.shape, generator=torch.Generator().manual_seed(seed))
        load_layers(layer, layer.state_dict() | {"weight_codes": codes.to(torch.uint8)})
        assert bool(layer.weight.isfinite().all())
