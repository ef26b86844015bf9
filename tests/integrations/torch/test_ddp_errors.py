"""What the communication hook refuses, and how failures reach all ranks."""

import pytest

from beforehand.core.errors import MissingDependency
from beforehand.gradients import THC, Adaptive, Cast, TopK
from beforehand.integrations.torch import attach_ddp

pytestmark = pytest.mark.torch

FOUR_BITS, WIDE = THC(bits=4), THC(granularity=200)
MISMATCH = "InvalidInput", "InvalidInput"


@pytest.mark.parametrize(
    ("codecs", "transports", "options", "kinds", "errors", "message"),
    [
        ((FOUR_BITS, THC(bits=3)), "auto", {}, "mlp", MISMATCH, 'codec of rank 1 is {"codec": "THC", "bits": 3'),
        ((FOUR_BITS, Cast()), "auto", {}, "mlp", MISMATCH, "but of rank 0 .*pass the same on all ranks"),
        (FOUR_BITS, "auto", ({}, {"warmup_steps": 4}), "mlp", MISMATCH, "warmup_steps of rank 1 is 4, but of rank 0 3"),
        (FOUR_BITS, ("auto", "two_shot"), {}, "mlp", MISMATCH, "transport of rank 1 is two_shot"),
        (FOUR_BITS, "auto", {}, ("mlp", "nested"), MISMATCH, "the model's parameters of rank 1 is"),
        (WIDE, "auto", {}, "mlp", ("CapacityExceeded",) * 2, "2 workers x granularity 200 = 400 > 255"),
        ((FOUR_BITS, WIDE), "auto", {}, "mlp", ("InvalidInput", "CapacityExceeded"), "2 workers x granularity 200"),
        (FOUR_BITS, "gather", {}, "mlp", MISMATCH, "transport is 'gather', but THC takes auto, two_shot"),
        (
            Adaptive(),
            "ring",
            {},
            "mlp",
            MISMATCH,
            "transport is 'ring', but must be one of auto, allreduce, two_shot, gather, aggregator://host:port",
        ),
        (TopK(), "allreduce", {}, "mlp", MISMATCH, "TopK takes auto, gather"),
        (FOUR_BITS, 3, {}, "mlp", MISMATCH, "transport is 3, but must be one of auto, allreduce"),
        (
            FOUR_BITS,
            "auto",
            {"warmup_steps": 1},
            "mlp",
            MISMATCH,
            "warmup_steps is 1, but must be a whole number of at",
        ),
        (FOUR_BITS, "auto", {"threads": 0}, "mlp", MISMATCH, "threads is 0, but must be a whole number of at least 1"),
        ((FOUR_BITS, "THC"), "auto", {}, "mlp", MISMATCH, "codec is 'THC', but must be a codec with its"),
        (FOUR_BITS, ("auto", None), {}, "mlp", MISMATCH, "transport is None, but must be one of"),
        (FOUR_BITS, "auto", ({}, {"loss_scale": 2.0}), "mlp", MISMATCH, "loss_scale is 2.0, but must be a function"),
        (FOUR_BITS, "auto", {}, "hooked", MISMATCH, "model has a communication hook already"),
        (FOUR_BITS, "auto", {}, "bare", MISMATCH, "model is a Sequential, but must be wrapped in Distributed"),
        (FOUR_BITS, "auto", {}, "sparse", MISMATCH, "model has sparse gradients; take sparse=False"),
    ],
)
def test_what_cannot_work_is_refused_on_all_ranks_at_once(pair, codecs, transports, options, kinds, errors, message):
    def each(given):
        return given if isinstance(given, tuple) else (given,) * 2

    texts = [codec if isinstance(codec, str) else codec.to_json() for codec in each(codecs)]
    told = pair.run("ddp_error_scenarios.attach", texts, each(transports), each(options), each(kinds))
    assert tuple(name for name, _, _ in told) == errors
    assert all(seconds < 5 for _, _, seconds in told)
    for _, text, _ in told:
        with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("(", r"\(")):
            raise ValueError(text)


def test_codes_through_an_all_reduce_are_warned_of(pair):
    told = pair.outcomes("ddp_scenarios.means", FOUR_BITS.to_json(), 4, "allreduce", {"smallest_bucket": 0}, {})
    for kind, text in told:
        assert kind == "raised"  # warnings are errors there
        assert 'THC(bits=4) through an all-reduce sends lanes, of which it fills few levels; bits="lane" errs' in text


def test_a_failure_of_the_thread_reaches_the_backward_pass_of_all_ranks_at_once(pair):
    first, second = pair.run("ddp_error_scenarios.fails", FOUR_BITS.to_json(), timeout=120)
    assert "a bit fell over" in second[0][1]  # by the future of that bucket, or by the hook of the next one
    assert second[1][:2] == ("ValueError", "a bit fell over")
    assert "was not exchanged in step 3" in first[0][1]
    assert "look for the rank that failed first" in first[0][1]
    assert first[1][0] == "Closed"
    assert max(first[0][2], second[0][2]) < 20


def test_samples_notice_ranks_that_came_to_different_means(pair):
    for told in pair.run("ddp_error_scenarios.differs", FOUR_BITS.to_json()):
        assert "ranks 1 came to another mean than rank 0" in told


def test_uneven_inputs_are_refused(pair):
    for told in pair.run("ddp_error_scenarios.joined", FOUR_BITS.to_json()):
        assert "model.join() is on, but compressed gradients need all ranks in every step" in told


def test_a_parameter_made_anew_is_refused_on_all_ranks(pair):
    for told in pair.run("ddp_error_scenarios.replaced", FOUR_BITS.to_json()):
        assert "a parameter is another one than when the hook was attached" in told


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"attach_ddp needs torch; pip install 'beforehand\[torch\]'"):
        attach_ddp(None, FOUR_BITS)


def test_the_name_of_a_codec_is_no_codec(pair):
    for said in pair.run("ddp_error_scenarios.attach_names"):
        assert said == ["InvalidInput: codec is 'THC', but must be a codec with its options, such as THC(bits=4)"] * 3
