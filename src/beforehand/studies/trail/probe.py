"""TRAIL's probe live in vLLM: trained on the answers of a tiny model, then read while it writes others.

Needs vLLM and torch, which are imported when it runs; `make bench-vllm` runs it.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.serving import LengthProbe, PromptLength, train_probe
from beforehand.workloads.tiny_llama.law import median_of, remaining
from beforehand.workloads.tiny_llama.model import exchanges

Floats = NDArray[np.float64]
TRAINED, HELD_OUT, FITTED = 3000, 600, 2000  # prompts; of the first, those that the prompt-only predictor learns from
TRAINING_SEED, HELD_OUT_SEED = 100, 200
MOST: Final = 512  # tokens of an answer
SLOTS: Final = 32
QUIET: Final = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1",
                "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}  # fmt: skip
WORKER: Final = "beforehand.integrations.vllm.ProbeWorker"
SCHEDULER: Final = "beforehand.integrations.vllm.Scheduler"


class Live(NamedTuple):
    """Tokens left as the scheduler knew them, by request and by how many were written; and the answers."""

    said: list[dict[int, float]]
    answers: list[list[int]]


class Errors(NamedTuple):
    """Mean absolute error of the tokens left: over all tokens, and over requests."""

    by_token: float
    by_request: float


def engine(model: str | os.PathLike[str], **options: Any) -> Any:
    """An engine of vLLM in this process."""
    os.environ.update(QUIET)
    vllm = import_module("vllm")
    chosen = {"block_size": 32, "kv_cache_memory_bytes": 1 << 28, "enforce_eager": True, "max_model_len": 1024,
              "max_num_seqs": 128}  # fmt: skip
    return vllm.LLM(str(model), **chosen | options)


def recorded(model: str | os.PathLike[str], count: int = TRAINED) -> list[tuple[list[int], list[int]]]:
    """Prompts and the model's own answers at temperature 1, as tokens."""
    llm = engine(model)
    prompts = _prompts(llm, count, TRAINING_SEED)
    sampling = import_module("vllm").SamplingParams(temperature=1.0, max_tokens=MOST)
    found = llm.generate([{"prompt_token_ids": list(each)} for each in prompts], sampling, use_tqdm=False)
    answers = [list(each.outputs[0].token_ids) for each in found]
    llm.llm_engine.engine_core.shutdown()
    return list(zip(prompts, answers, strict=True))


def trained(model: str | os.PathLike[str], path: Path, pairs: Sequence[Any]) -> LengthProbe:
    """The probe in a file, trained unless it is there."""
    if not path.exists():
        probe, _ = train_probe(str(model), pairs, bins="log")
        probe.save(path)
    return LengthProbe.load(path)


def live(model: str | os.PathLike[str], probe: Path, *, every: int, count: int = HELD_OUT) -> Live:
    """Answers to prompts that did not train the probe, and what the scheduler was told as they were written."""
    settings = {"policy": "fcfs", "probe": str(probe), "refine_every": every}
    llm = engine(model, worker_cls=WORKER, scheduler_cls=SCHEDULER, additional_config={"beforehand": settings},
                 max_num_seqs=SLOTS)  # fmt: skip
    order = llm.llm_engine.engine_core.engine_core.scheduler.order
    said: list[dict[int, float]] = [{} for _ in range(count)]
    refined = order.refined

    def listen(predictions: Mapping[str, Any]) -> None:
        refined(predictions)
        for id in predictions:
            tracked = order.tracked[id]
            said[int(id.split("-")[0])][int(tracked.refined_age)] = tracked.refined

    order.refined = listen
    sampling = import_module("vllm").SamplingParams(temperature=1.0, max_tokens=MOST)
    answers: list[list[int]] = [[] for _ in range(count)]
    for number, prompt in enumerate(_prompts(llm, count, HELD_OUT_SEED)):
        llm.llm_engine.add_request(str(number), {"prompt_token_ids": prompt}, sampling)
    while llm.llm_engine.has_unfinished_requests():
        for output in llm.llm_engine.step():
            if output.finished:
                answers[int(output.request_id)] = list(output.outputs[0].token_ids)
    llm.llm_engine.engine_core.shutdown()
    return Live(said, answers)


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
    predictor = PromptLength().fit(_features([pair[0] for pair in whole]), [len(pair[1]) for pair in whole])
    first = predictor.predict(_features(prompts))
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


def held_out(tokenizer: Any, count: int = HELD_OUT) -> list[list[int]]:
    """The prompts that `live` asks."""
    return [tokenizer.convert_tokens_to_ids(each.question) for each in exchanges(count, seed=HELD_OUT_SEED)]


def _prompts(llm: Any, count: int, seed: int) -> list[list[int]]:
    tokenizer = llm.get_tokenizer()
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


def _features(prompts: Sequence[list[int]]) -> dict[str, list[Any]]:
    return {"prompts": list(prompts), "prompt_tokens": [len(each) for each in prompts]}
