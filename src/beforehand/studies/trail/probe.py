"""TRAIL's probe live in vLLM: trained on the answers of a tiny model, then read while it writes others.

Needs vLLM, transformers and torch, which are imported when it runs. Model, answers and probe are kept in build/.
"""

import json
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import LengthProbe, PromptLength, train_probe
from beforehand.studies.claims import Found
from beforehand.workloads.tiny_llama.law import median_of, remaining
from beforehand.workloads.tiny_llama.model import exchanges, tiny_llama

Floats = NDArray[np.float64]
TRAINED, HELD_OUT, FITTED = 3000, 600, 2000  # prompts; of the first, those that the prompt-only predictor learns from
TRAINING_SEED, HELD_OUT_SEED = 100, 200
MOST: Final = 512  # tokens of an answer
SLOTS: Final = 32
QUIET: Final = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1",
                "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}  # fmt: skip
WORKER: Final = "beforehand.integrations.vllm.ProbeWorker"
SCHEDULER: Final = "beforehand.integrations.vllm.Scheduler"


BETTER: Final = 1.7  # times that the probe's error is to be below that of a predictor of prompts


class Live(NamedTuple):
    """Tokens left as the scheduler knew them, by request and by how many were written; the answers; and unsmoothed."""

    said: list[dict[int, float]]
    answers: list[list[int]]
    raw: Sequence[dict[int, float]] = ()


class Errors(NamedTuple):
    """Mean absolute error of the tokens left: over all tokens, and over requests."""

    by_token: float
    by_request: float


class Measured(NamedTuple):
    """By layer the smoothed error in training, and by how many steps lie between two readings the errors of each."""

    layers: dict[str, float]
    errors: dict[int, dict[str, Errors]]


PROBE, RAW, PROMPT, LAW = "probe, smoothed", "probe, raw", "PromptLength, counted down", "the law of the language"


def possible() -> bool:
    """Whether all is installed that this needs."""
    return all(find_spec(name) is not None for name in ("vllm", "transformers", "torch"))


def measure(folder: str | os.PathLike[str] = "build") -> Measured:
    """Train what is not in the folder yet, a quarter of an hour, and read the probe while vLLM answers 600 prompts."""
    os.environ.update(QUIET)  # before torch is imported, which counts its threads then
    model = tiny_llama(folder)
    pairs = answered(model)
    probe, layers = trained(model, pairs)
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(model)
    words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    found = {}
    for every in (1, 8):
        seen = live(model, probe, every=every)
        found[every] = {
            PROBE: errors(seen),
            RAW: errors(Live(list(seen.raw), seen.answers)),
            PROMPT: prompt_only(pairs, held_out(tokenizer), seen),
            LAW: bound(seen, words),
        }
    return Measured(layers, found)


def better(found: Measured) -> Found:
    """How many times smaller than a prompt-only predictor's the probe's error is, read at every token."""
    each = found.errors[1]
    by_token, by_request = _factors(each)
    seldom = _factors(found.errors[8])
    curve = ", ".join(f"{layer}: {error:.1f}" for layer, error in found.layers.items())
    return Found(
        scale=f"a trained Llama of {len(found.layers)} layers, {HELD_OUT} prompts of its own, live in vLLM",
        figure=f"{by_token:.2f} times by token and {by_request:.2f} by request (read every 8: {seldom[0]:.2f} and "
        f"{seldom[1]:.2f}); error by token {each[PROBE].by_token:.1f}, raw {each[RAW].by_token:.1f}, of the law itself "
        f"{each[LAW].by_token:.1f}; smoothed error by layer {curve}",
        holds=min(by_token, by_request) >= BETTER,
        direction=min(by_token, by_request) > 1,
    )


def sheet(found: Measured) -> Sheet:
    """All errors."""
    rows = []
    for every, each in found.errors.items():
        rows += [[str(every), name, f"{error.by_token:.1f}", f"{error.by_request:.1f}"] for name, error in each.items()]
        rows.append([str(every), f"{PROMPT} / {PROBE}", *(f"{factor:.2f}" for factor in _factors(each))])
    return Sheet(
        title="The probe live in vLLM: tokens left, mean absolute error",
        columns=["read every", "predictor", "by token", "by request"],
        rows=rows,
        below=f"{HELD_OUT} prompts that trained nothing, {SLOTS} slots; the model follows the law only roughly. "
        f"Wanted: {BETTER:g} times, read at every token.",
    )


def _factors(each: Mapping[str, Errors]) -> tuple[float, float]:
    return each[PROMPT].by_token / each[PROBE].by_token, each[PROMPT].by_request / each[PROBE].by_request


def engine(model: str | os.PathLike[str], **options: Any) -> Any:
    """An engine of vLLM in this process."""
    os.environ.update(QUIET)
    vllm = import_module("vllm")
    chosen = {"block_size": 32, "kv_cache_memory_bytes": 1 << 28, "enforce_eager": True, "max_model_len": 1024,
              "max_num_seqs": 128}  # fmt: skip
    return vllm.LLM(str(model), **chosen | options)


def answered(model: Path) -> list[tuple[list[int], list[int]]]:
    """Prompts and the model's own answers at temperature 1, as tokens; recorded unless they are beside the model."""
    path = model.with_name(f"{model.name}.answers.json")
    if not path.exists():
        path.write_text(json.dumps(_recorded(model)), encoding="utf-8")
    return [(prompt, answer) for prompt, answer in json.loads(path.read_text(encoding="utf-8"))]


def _recorded(model: Path) -> list[tuple[list[int], list[int]]]:
    llm = engine(model)
    prompts = held_out(llm.get_tokenizer(), TRAINED, seed=TRAINING_SEED)
    sampling = import_module("vllm").SamplingParams(temperature=1.0, max_tokens=MOST)
    found = llm.generate([{"prompt_token_ids": list(each)} for each in prompts], sampling, use_tqdm=False)
    answers = [list(each.outputs[0].token_ids) for each in found]
    llm.llm_engine.engine_core.shutdown()
    return list(zip(prompts, answers, strict=True))


def trained(model: Path, pairs: Sequence[Any]) -> tuple[Path, dict[str, float]]:
    """The probe's file, and the smoothed error by layer; trained unless both are beside the model."""
    path = model.with_name(f"{model.name}.probe.npz")
    layers = path.with_suffix(".json")
    if not path.exists() or not layers.exists():
        probe, report = train_probe(str(model), pairs, bins="log")
        probe.save(path)
        curve = {str(each.layer): each.smoothed for each in report.layers}
        layers.write_text(json.dumps(curve), encoding="utf-8")
    return path, json.loads(layers.read_text(encoding="utf-8"))


def live(model: str | os.PathLike[str], probe: Path, *, every: int, count: int = HELD_OUT) -> Live:
    """Answers to prompts that did not train the probe, and what the scheduler was told as they were written."""
    settings = {"policy": "fcfs", "probe": str(probe), "refine_every": every}
    llm = engine(model, worker_cls=WORKER, scheduler_cls=SCHEDULER, additional_config={"beforehand": settings},
                 max_num_seqs=SLOTS)  # fmt: skip
    order = llm.llm_engine.engine_core.engine_core.scheduler.order
    said: list[dict[int, float]] = [{} for _ in range(count)]
    raw: list[dict[int, float]] = [{} for _ in range(count)]
    refined, expected = order.refined, LengthProbe.load(probe).expected

    def listen(predictions: Mapping[str, Any]) -> None:
        refined(predictions)
        for id, row in predictions.items():
            tracked = order.tracked[id]
            number, at = int(id.split("-")[0]), int(tracked.refined_age)
            said[number][at] = tracked.refined
            raw[number][at] = float(expected(row[None])[0])

    order.refined = listen
    sampling = import_module("vllm").SamplingParams(temperature=1.0, max_tokens=MOST)
    answers: list[list[int]] = [[] for _ in range(count)]
    for number, prompt in enumerate(held_out(llm.get_tokenizer(), count)):
        llm.llm_engine.add_request(str(number), {"prompt_token_ids": prompt}, sampling)
    while llm.llm_engine.has_unfinished_requests():
        for output in llm.llm_engine.step():
            if output.finished:
                answers[int(output.request_id)] = list(output.outputs[0].token_ids)
    llm.llm_engine.engine_core.shutdown()
    return Live(said, answers, raw)


def errors(found: Live) -> Errors:
    """How far off the scheduler was; between two readings it counts down. Answers that were cut are left out."""
    return _errors([
        (_counted_down(said, len(answer)), len(answer))
        for said, answer in zip(found.said, found.answers, strict=True)
        if len(answer) < MOST
    ])  # fmt: skip


def prompt_only(pairs: Sequence[tuple[list[int], list[int]]], prompts: Sequence[list[int]], found: Live) -> Errors:
    """How far off a predictor is that reads the prompt and counts down."""
    whole = [pair for pair in pairs if len(pair[1]) < MOST][:FITTED]
    predictor = PromptLength().fit(features([pair[0] for pair in whole]), [len(pair[1]) for pair in whole])
    first = predictor.predict(features(prompts))
    return _errors([
        (_counted_down({0: float(left)}, len(answer)), len(answer))
        for left, answer in zip(first, found.answers, strict=True)
        if len(answer) < MOST
    ])  # fmt: skip


def bound(found: Live, words: Sequence[str]) -> Errors:
    """The error of the language's law, which the model follows only roughly; over lawful answers."""
    rows = []
    for exchange, answer in zip(exchanges(len(found.answers), seed=HELD_OUT_SEED), found.answers, strict=True):
        written = [words[token] for token in answer]
        try:
            medians = [median_of(remaining(exchange.question, written[:at])) for at in range(len(answer))]
        except (ValueError, IndexError):
            continue
        if len(answer) < MOST:
            rows.append((np.array(medians), len(answer)))
    return _errors(rows)


def held_out(tokenizer: Any, count: int = HELD_OUT, *, seed: int = HELD_OUT_SEED) -> list[list[int]]:
    """Prompts as tokens; without a seed those that `live` asks."""
    return [tokenizer.convert_tokens_to_ids(each.question) for each in exchanges(count, seed=seed)]


def _counted_down(said: Mapping[int, float], length: int) -> Floats:
    found, newest, at_newest = np.empty(length), 1.0, 0
    for at in range(length):
        if at in said:
            newest, at_newest = said[at], at
        found[at] = max(newest - (at - at_newest), 1.0)
    return found


def _errors(rows: Sequence[tuple[Floats, int]]) -> Errors:
    each = [np.abs(said - np.arange(length, 0, -1)) for said, length in rows]
    return Errors(float(np.concatenate(each).mean()), float(np.mean([row.mean() for row in each])))


def features(prompts: Sequence[list[int]]) -> dict[str, list[Any]]:
    """What `PromptLength` reads."""
    return {"prompts": list(prompts), "prompt_tokens": [len(each) for each in prompts]}
