"""Train a length probe on the hidden states of any causal model of Hugging Face."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, one_of, whole
from beforehand.scheduling.serving.predictors.hidden_states import Answer, decoder_layers, load_model, states
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe, Prefill, bin_of, edges
from beforehand.scheduling.serving.predictors.model_answers import answers_of
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity
from beforehand.scheduling.serving.predictors.probe_errors import Judged, judge_layer, report_on
from beforehand.scheduling.serving.predictors.probe_fit import Hyper, fit_layers
from beforehand.scheduling.serving.predictors.probe_report import LayerErrors, ProbeReport

FEWEST: Final = 50  # prompts: a tenth of them must show something
BYTES: Final = 2 << 30  # of states that are kept at once
Progress = Callable[[str, int, int], None]


class Parts(NamedTuple):
    """Places of the answers that train, choose the layer, and test; equal prompts fall to the same part."""

    train: list[int]
    validation: list[int]
    test: list[int]


class Samples(NamedTuple):
    """States that a probe is trained on, float16 (layers, n, hidden), and the bin of each, int64 (n,)."""

    states: NDArray[np.float16]
    bins: NDArray[np.int64]


def train_probe(
    model: Any,
    prompts: Sequence[Any],
    *,
    layers: Literal["all"] | Sequence[int] = "all",
    bins: int | Literal["log"] = 10,
    max_length: int = 512,
    samples_per_request: int = 16,
    prefill: Prefill = "last",
    epochs: int = 30,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
    temperature: float = 1.0,
    max_new_tokens: int = 512,
    progress: Progress | None = None,
) -> tuple[LengthProbe, ProbeReport]:
    """Train a probe on each layer of a model, and return the best one with what was found.

    Args:
        model: A causal model of Hugging Face, or the folder or address of one.
        prompts: Token ids of each prompt, which the model then answers; or pairs of prompt and recorded answer, the end
            token with it. Answers without it count as cut: they train the last bin and are in no error.
        layers: Decoder layers to try, from 0.
        bins: Equally wide ones, or "log": 16 that widen from 8 tokens on, each represented by the mean of what fell
            into it.
        max_length: Where the bins end; the last one takes what is longer.
        samples_per_request: Positions of each answer to train on, beside the first.
        prefill: What stands for a prompt: the state of its last token, the mean over its tokens, or that mean weighted
            by the entropy of the next token. Only the first can be read inside vLLM.
        epochs: Passes over the states at most; five without a better cross-entropy on validation requests end it.
        batch_size: States of one step.
        learning_rate: Of AdamW, falling to 0 as a cosine.
        seed: Of weights, positions, batches and generated answers.
        temperature: Of generated answers; 0 takes the likeliest token.
        max_new_tokens: Where generated answers are cut.
        progress: Called with what is being done, the steps done, and all steps.

    Guarantee:
        Requests are parted by a hash of the prompt, 80 : 10 : 10; no error is measured on a request that trained. The
        same arguments give the same probe on the same machine. The caller's random numbers are left alone.

    Cost:
        Two forward passes over all answers, and states of at most 2 GiB at once.

    Raises:
        InvalidInput: Fewer than 50 prompts, or none in one of the parts; a layer that the model has not; prompts that
            are not token ids of the model.
        MissingDependency: torch or transformers is not installed.

    Example:
        Train on prompts that the model answers, and look at its layers::

            probe, report = train_probe("tiny", prompts, bins="log")
            print(report.table())
            probe.save("probe.npz")

    Reference:
        Shahout et al.: Don't Stop Me Now: Embedding Based Scheduling for LLMs. ICLR 2025, arXiv 2410.01035.
    """
    one_of("prefill", prefill, get_args(Prefill))
    cuts = edges(bins, max_length)
    samples = whole("samples_per_request", samples_per_request, least=1)
    hyper = Hyper(whole("epochs", epochs, least=1), whole("batch_size", batch_size, least=1),
                  checked("learning_rate", learning_rate, above=True), whole("seed", seed))  # fmt: skip
    tell = progress or (lambda what, done, steps: None)
    if len(prompts) < FEWEST:
        raise InvalidInput(f"prompts are {len(prompts)}, but a probe needs at least {FEWEST}; pass more")
    name = str(getattr(model, "name_or_path", model))
    network = load_model(model)
    identity = ModelIdentity.of(network.config, name)
    wanted = _layers(layers, len(decoder_layers(network)))
    answers = answers_of(network, prompts, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed, tell=tell)
    parts = _parted(answers)
    made: list[LengthProbe] = []
    judged: list[Judged] = []
    for group in _groups(wanted, parts, samples, identity.hidden_size):
        train, validation = (
            _sampled(network, [answers[place] for place in part], group, prefill, cuts, samples, seed, tell)
            for part in (parts.train, parts.validation)
        )
        fitted = fit_layers(train.states, train.bins, validation.states, validation.bins, cuts.size - 1, hyper, tell)
        probes = [
            LengthProbe(layer=layer, bins=cuts, weights=each.weights, mean=each.mean, std=each.std, prefill=prefill,
                        marginal=each.marginal, representatives=_representatives(answers, parts, cuts, bins),
                        model=identity)
            for layer, each in zip(group, fitted, strict=True)
        ]  # fmt: skip
        made += probes
        judged += _judged(network, probes, [answers[place] for place in parts.validation], tell)
    best = int(np.argmin([each.smoothed for each in judged]))
    chosen = made[best]
    [tested] = _judged(network, [chosen], [answers[place] for place in parts.test], tell)
    report = report_on(
        chosen,
        tested,
        train=[answers[place] for place in parts.train],
        counts=(len(parts.train), len(parts.validation), len(parts.test)),
        cut=1 - sum(each.ended for each in answers) / len(answers),
        layers=tuple(
            LayerErrors(probe.layer, each.raw, each.smoothed, each.accuracy, each.cross_entropy)
            for probe, each in zip(made, judged, strict=True)
        ),
        seed=seed,
    )
    return chosen.with_report(report.to_json()), report


def _layers(layers: Literal["all"] | Sequence[int], count: int) -> list[int]:
    if isinstance(layers, str):
        one_of("layers", layers, ("all",))
        return list(range(count))
    wanted = sorted({whole("layers", each, most=count - 1) for each in layers})
    if not wanted:
        raise InvalidInput("layers is empty, but a probe reads one; pass 'all'")
    return wanted


def _parted(answers: Sequence[Answer]) -> Parts:
    parts = Parts([], [], [])
    for place, each in enumerate(answers):
        tenth = hashlib.sha256(np.asarray(each.prompt, "<i8").tobytes()).digest()[0] * 10 // 256
        parts[{0: 1, 1: 2}.get(tenth, 0)].append(place)
    for name, part in zip(Parts._fields, parts, strict=True):
        if not any(answers[place].ended for place in part):
            raise InvalidInput(
                f"of {len(answers)} prompts, {len(part)} fell to {name} and none of those has an answer that ended; "
                "pass more prompts, different ones"
            )
    return parts


def _groups(layers: list[int], parts: Parts, samples: int, hidden: int) -> list[list[int]]:
    """Layers whose states fit into memory together."""
    size = (len(parts.train) + len(parts.validation)) * (samples + 1) * hidden * 2
    together = max(1, BYTES // max(size, 1))
    return [layers[first : first + together] for first in range(0, len(layers), together)]


def _sampled(
    model: Any,
    answers: list[Answer],
    layers: list[int],
    prefill: str,
    cuts: NDArray[np.float64],
    samples: int,
    seed: int,
    tell: Progress,
) -> Samples:
    """The states at the prompt and at some positions of each answer."""
    random, kept, left = np.random.Generator(np.random.Philox(key=seed)), [], []
    for done, (place, found) in enumerate(states(model, answers, layers, prefill)):
        each = answers[place]
        length = len(each.answer)
        positions = np.union1d([0], random.choice(length, min(samples, length), replace=False))
        kept.append(found[:, positions].astype(np.float16))
        left.append(length - positions if each.ended else np.full(positions.size, cuts[-1]))
        tell("reading states", done + 1, len(answers))
    return Samples(np.concatenate(kept, axis=1), bin_of(cuts, np.concatenate(left)))


def _representatives(
    answers: Sequence[Answer], parts: Parts, cuts: NDArray[np.float64], bins: int | Literal["log"]
) -> NDArray[np.float64] | None:
    """Of bins that widen, the mean number of tokens left among those of training requests that fall into each."""
    if bins != "log":
        return None
    lengths = [len(answers[place].answer) for place in parts.train if answers[place].ended]
    left = np.concatenate([np.arange(1, length + 1) for length in lengths])
    found = bin_of(cuts, left)
    counts, sums = np.bincount(found, minlength=cuts.size - 1), np.bincount(found, left, cuts.size - 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), (cuts[:-1] + cuts[1:]) / 2)


def _judged(model: Any, probes: list[LengthProbe], answers: list[Answer], tell: Progress) -> list[Judged]:
    """Each probe at every token of every answer."""
    said: list[list[NDArray[np.float32]]] = [[np.zeros((0, 0), np.float32)] * len(answers) for _ in probes]
    for done, (place, found) in enumerate(states(model, answers, [each.layer for each in probes], probes[0].prefill)):
        for row, probe in enumerate(probes):
            said[row][place] = probe.probabilities(found[row])
        tell("judging", done + 1, len(answers))
    return [judge_layer(probe, answers, rows) for probe, rows in zip(probes, said, strict=True)]
