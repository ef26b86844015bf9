"""Needs torch and transformers: `make test-vllm` runs these."""

import json
from importlib import import_module

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.tiny_llama import model
from beforehand.workloads.tiny_llama.model import exchanges, make_tiny_llama, tiny_llama

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def folder():
    return tiny_llama("build", small=True)


@pytest.fixture(scope="module")
def transformers():
    """The host, which other test environments lack."""
    return import_module("transformers")


@pytest.fixture(scope="module")
def tokenizer(transformers, folder):
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_each_word_is_a_token(tokenizer):
    for each in exchanges(50, seed=1):
        words = [*each.question, *each.answer]
        tokens = tokenizer.encode(" ".join(words), add_special_tokens=False)
        assert tokenizer.convert_ids_to_tokens(tokens) == words
        assert tokenizer.decode(tokens) == " ".join(words)
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("zebra", add_special_tokens=False)) == ["<unk>"]


def test_a_chat_is_a_question_and_its_answer(tokenizer):
    chat = [{"role": "user", "content": "count down from 2"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False) == "<s> count down from 2 <sep>"
    tokens = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    assert tokenizer.convert_ids_to_tokens(tokens) == ["<s>", "count", "down", "from", "2", "<sep>"]


def test_training_lowers_the_loss(transformers, folder, tokenizer):
    torch = import_module("torch")
    trained = transformers.AutoModelForCausalLM.from_pretrained(folder)
    fresh = transformers.AutoModelForCausalLM.from_config(trained.config)
    losses = []
    for network in (trained, fresh):
        total = 0.0
        for each in exchanges(20, seed=2):
            question, answer = (tokenizer.convert_tokens_to_ids(part) for part in (each.question, each.answer))
            tokens = torch.tensor([question + answer])
            labels = torch.tensor([[-100] * len(question) + answer])
            with torch.inference_mode():
                total += float(network(input_ids=tokens, labels=labels).loss)
        losses.append(total / 20)
    assert losses[0] < 0.6 * losses[1]


def test_the_full_size_has_the_weights_that_the_page_names(transformers, folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    size = model.FULL
    config.update(
        {"hidden_size": size.hidden, "intermediate_size": size.intermediate, "num_attention_heads": size.heads}
    )
    config.update({"num_key_value_heads": size.key_heads})
    network = transformers.AutoModelForCausalLM.from_config(config)
    assert sum(each.numel() for each in network.parameters()) == 2_459_904


def test_the_same_seed_trains_the_same_weights(monkeypatch, tmp_path, transformers):
    monkeypatch.setattr(model, "SMALL", model.Size(32, 32, 1, 1, 1, steps=2, tokens=300))
    weights = []
    for name, seed in (("first", 0), ("second", 0), ("third", 1)):
        steps = []
        made = make_tiny_llama(tmp_path / name, small=True, seed=seed, progress=lambda *step, to=steps: to.append(step))
        assert [step[:2] for step in steps] == [(1, 2), (2, 2)]
        network = transformers.AutoModelForCausalLM.from_pretrained(made)
        weights.append(network.model.embed_tokens.weight.detach().numpy())
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    law = json.loads((tmp_path / "first" / "law.json").read_text())
    assert (law["format"], law["most_words"], law["seed"], law["hidden"]) == (1, 512, 0, 32)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InvalidInput, match="exists already; name a new folder"):
        make_tiny_llama(tmp_path, small=True)
    with pytest.raises(InvalidInput, match="seed is -1"):
        make_tiny_llama(tmp_path / "new", small=True, seed=-1)
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_a_trained_model_is_found_again(folder):
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert tiny_llama("build", small=True) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
