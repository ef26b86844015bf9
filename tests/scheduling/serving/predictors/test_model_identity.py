from types import SimpleNamespace

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity

CONFIG = SimpleNamespace(hidden_size=64, num_hidden_layers=4, vocab_size=384, architectures=["LlamaForCausalLM"])


def test_a_model_is_the_same_wherever_it_lies():
    names = ["meta/Llama-3-8B", "/models/Llama-3-8B/", "/cache/models--meta--Llama-3-8B/snapshots/0123abcd"]
    assert len({ModelIdentity.of(CONFIG, name).fingerprint for name in names}) == 1
    assert str(ModelIdentity.of(CONFIG, names[2])) == "Llama-3-8B (LlamaForCausalLM, 4 layers of 64)"


@pytest.mark.parametrize("field", ["hidden_size", "num_hidden_layers", "vocab_size", "architectures"])
def test_another_measure_is_another_model(field):
    other = SimpleNamespace(**vars(CONFIG) | {field: ["Other"] if field == "architectures" else 100})
    assert ModelIdentity.of(other, "tiny").fingerprint != ModelIdentity.of(CONFIG, "tiny").fingerprint


def test_the_text_part_of_a_larger_model_counts():
    whole = SimpleNamespace(text_config=CONFIG, architectures=["Pictured"])
    assert ModelIdentity.of(whole, "tiny").architecture == "Pictured"
    assert ModelIdentity.of(whole, "tiny").hidden_size == 64


def test_a_configuration_without_measures_is_refused():
    with pytest.raises(InvalidInput, match="the configuration of tiny lacks a measure"):
        ModelIdentity.of(SimpleNamespace(hidden_size=3), "tiny")
    with pytest.raises(InvalidInput, match="layers is 0"):
        ModelIdentity(name="tiny", architecture="", hidden_size=1, layers=0, vocabulary=1)
