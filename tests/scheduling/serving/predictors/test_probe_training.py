"""Needs torch and transformers: `make test-vllm` runs these."""

from importlib import import_module

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving import LengthProbe, ModelIdentity, ProbeReport, train_probe
from beforehand.scheduling.serving.predictors.hidden_states import Answer, decoder_layers, load_model, states

pytestmark = pytest.mark.vllm
WORDS, END = 60, 1


@pytest.fixture(scope="module")
def torch():
    return import_module("torch")


@pytest.fixture(scope="module")
def network(torch):
    """A Llama whose weights are random: its states know the tokens before them, which is all that these tests need."""
    transformers = import_module("transformers")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.LlamaConfig(
            vocab_size=WORDS, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=128, bos_token_id=0, eos_token_id=END, pad_token_id=0,
        )  # fmt: skip
        return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def countdowns():
    """Answers that count down to the end, so that the last token says what is left."""
    random = np.random.default_rng(0)
    tops = random.integers(2, 40, 200).tolist()
    return [([45 + n for n in random.integers(0, 15, 3).tolist()], [*range(top + 1, 1, -1), END]) for top in tops]


@pytest.fixture(scope="module")
def trained(network, countdowns):
    return train_probe(network, countdowns, bins=8, max_length=40, epochs=20, learning_rate=3e-3)


def test_a_probe_learns_what_the_states_say(trained):
    probe, report = trained
    assert report.errors["smoothed every token"][0] < 0.4 * report.errors["median counted down"][0]
    assert [each.layer for each in report.layers] == [0, 1, 2]
    best = min(report.layers, key=lambda each: each.smoothed)
    assert probe.layer == report.layer == best.layer
    assert sum(report.requests) == 200
    assert min(report.requests) >= 5
    assert report.cut == 0
    assert ProbeReport.from_json(probe.report) == report


def test_the_probe_knows_its_model_and_survives_its_file(trained, network, tmp_path):
    probe, _ = trained
    probe.save(tmp_path / "probe.npz")
    read = LengthProbe.load(tmp_path / "probe.npz")
    read.check_model(ModelIdentity.of(network.config, network.name_or_path))
    states = np.random.default_rng(0).standard_normal((3, 32))
    assert np.array_equal(read.predict(states), probe.predict(states))


def test_the_same_arguments_train_the_same_probe_and_leave_the_callers_random_numbers_alone(network, countdowns, torch):
    before = torch.random.get_rng_state()
    options = {"layers": [1], "bins": "log", "max_length": 40, "epochs": 2}
    probes = [train_probe(network, countdowns[:80], seed=seed, **options)[0] for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(probes[0].weights[0], probes[1].weights[0])
    assert not np.array_equal(probes[0].weights[0], probes[2].weights[0])
    assert probes[0].layer == 1
    assert np.all(np.diff(probes[0].representatives) > 0)


def test_the_model_answers_prompts_that_come_alone(network):
    told = []
    prompts = [[5 + n % 40, 6, 7 + n % 3] for n in range(60)]
    options = {"layers": [0], "epochs": 1, "max_length": 32, "max_new_tokens": 30}
    _, report = train_probe(network, prompts, progress=lambda what, done, steps: told.append(what), **options)
    assert {"answering", "reading states", "training", "judging"} <= set(told)
    assert 0 < report.cut < 1


def test_states_are_those_that_hugging_face_hands_out(network, torch):
    answers = [Answer([3, 4, 5], [7, 8, END], True), Answer([9], [2, 3, 4, 5, END], True)]
    for place, found in list(states(network, answers, [0, 1], "last")):
        prompt, answer, _ = answers[place]
        with torch.inference_mode():
            wanted = network(input_ids=torch.tensor([prompt + answer]), output_hidden_states=True).hidden_states
        for row, layer in enumerate((0, 1)):
            assert found[row] == pytest.approx(wanted[layer + 1][0, len(prompt) - 1 : -1].numpy(), abs=1e-5)


@pytest.mark.parametrize("prefill", ["mean", "entropy"])
def test_a_prompt_can_be_a_mean_over_its_tokens(network, torch, prefill):
    [(_, found)] = states(network, [Answer([3, 4, 5], [7, END], True)], [1], prefill)
    with torch.inference_mode():
        out = network(input_ids=torch.tensor([[3, 4, 5]]), output_hidden_states=True)
    rows = out.hidden_states[2][0].numpy()
    shares = np.full(3, 1 / 3)
    if prefill == "entropy":
        chances = torch.softmax(out.logits[0], -1).numpy().astype("f8")
        entropy = -(chances * np.log(chances)).sum(1)
        shares = entropy / entropy.sum()
    assert found[0, 0] == pytest.approx(shares @ rows, abs=1e-4)


def test_the_decoder_layers_are_the_longest_stack_of_the_right_width(network, torch):
    assert len(decoder_layers(network)) == 3

    class Two(torch.nn.Module):
        """Two stacks of the same height."""

        config = network.config
        device = torch.device("cpu")

        def __init__(self):
            super().__init__()
            self.first = torch.nn.ModuleList([torch.nn.Identity()])
            self.second = torch.nn.ModuleList([torch.nn.Identity()])

        def forward(self, input_ids):
            return self.second[0](self.first[0](torch.zeros((1, 2, 32))))

    with pytest.raises(InvalidInput, match=r"Two has 2 lists that could be \(first, second\) its decoder layers"):
        decoder_layers(Two())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompts": [[3]] * 10}, "prompts are 10, but a probe needs at least 50"),
        ({"prompts": [[3]] * 60}, "pass more prompts, different ones"),
        ({"prompts": [[WORDS]] * 60}, "tokens are from 0 to 59"),
        ({"prompts": [[]] * 60}, "is no sequence of token ids"),
        ({"prompts": ["text"] * 60}, "is no sequence of token ids"),
        ({"prompts": [[1.5]] * 60}, "is no sequence of token ids"),
        ({"prompts": [([3], [])] * 60}, r"the answer to prompts\[0\] is no sequence"),
        ({"layers": [3]}, "layers is 3"),
        ({"layers": []}, "layers is empty"),
        ({"layers": "some"}, "layers is 'some'"),
        ({"bins": 1}, "bins is 1"),
        ({"prefill": "first"}, "prefill is 'first'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"samples_per_request": 0}, "samples_per_request is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_train_is_refused(network, countdowns, changes, words):
    arguments = {"prompts": countdowns, "epochs": 1, "max_new_tokens": 4} | changes
    with pytest.raises(InvalidInput, match=words):
        train_probe(network, **arguments)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no causal model can be loaded from it"):
        load_model(tmp_path)
