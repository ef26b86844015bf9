"""Iterations of a model that vLLM runs in this process, timed: what a profile is fitted to."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.integrations.vllm.kv_shape import kv_shape
from beforehand.integrations.vllm.measured_copies import measure_copies

CONTEXTS: Final = (64, 512, 2048)  # tokens of the prompts under which decoding is timed
CHUNKS: Final = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192)
DECODES, BESIDE = 32, 16  # iterations; requests that decode beside a prefill
ROUNDS: Final = 3  # of the prefills: each is one iteration, where decoding has 32
ROOM: Final = 0.9  # of the KV cache
OWN_PROCESS: Final = "VLLM_ENABLE_V1_MULTIPROCESSING"


@dataclass(frozen=True)
class Experiment:
    """So many requests that decode under prompts of so many tokens; then perhaps a prefill beside them."""

    decoding: int
    context: int
    chunk: int = 0


def measure_steps(
    model: str | Path,
    *,
    max_num_seqs: int = 64,
    max_batched_tokens: int = 2048,
    contexts: tuple[int, ...] = CONTEXTS,
    seed: int = 0,
    begin: Callable[[str], None] = lambda what: None,
    **engine: Any,
) -> Trace:
    """Run a model in vLLM, in this process, and time its iterations at many sizes.

    For 1, 2, 4 ... `max_num_seqs` requests it decodes 32 tokens under prompts of each length, and for chunks up to
    `max_batched_tokens` it prefills one prompt, alone and beside 16 requests that decode. The order is drawn, so that a
    machine that grows slower does not look like one that is slow at large sizes.

    Args:
        model: What vLLM takes as a model: a folder or a name.
        max_num_seqs: Requests that run at once, at most.
        max_batched_tokens: New tokens of an iteration, at most.
        contexts: Lengths of prompts; those that do not fit the model or the KV cache are left out.
        seed: Of the order, and of the tokens.
        begin: Told what comes next.
        **engine: Further arguments of `vllm.LLM`.

    Guarantee:
        A trace of kind `steps`, a row an iteration: `new_tokens`, `context_tokens` (of the requests that decode),
        `prefill_pairs` (over prefilled tokens the sum of the tokens that each attends to) and `seconds`, wall time. Its
        metadata hold `kv_tokens`, `kv_bytes_per_token` and `block_size` as the engine has them, and `swap_latency` and
        `swap_bytes_per_second` of copies between its memory and the host's.

    Raises:
        MissingDependency: vLLM is not installed.
        InvalidInput: vLLM was imported before, for an engine in a process of its own.
    """
    os.environ.setdefault(OWN_PROCESS, "0")  # vLLM reads it at its first import
    try:
        from vllm import LLM
    except ImportError as error:
        raise MissingDependency(
            "calibrating with a model needs vLLM; install it for your machine, or record steps on a live engine"
        ) from error
    begin("loading the model")
    options: dict[str, Any] = {"max_num_seqs": max_num_seqs, "max_num_batched_tokens": max_batched_tokens}
    options |= {"enable_prefix_caching": False, "async_scheduling": False, "disable_log_stats": True, "seed": seed}
    llm: Any = LLM(model=str(model), **options | engine)
    core = getattr(llm.llm_engine.engine_core, "engine_core", None)
    if core is None:
        raise InvalidInput(f"{OWN_PROCESS} is not 0, so that steps run elsewhere; set it before vLLM is imported")
    watch = Watch(core.scheduler)
    shape = kv_shape(core.scheduler)
    bench = Bench(llm, watch, np.random.default_rng(seed))
    longest = llm.llm_engine.model_config.max_model_len - DECODES - 1
    plan = list(experiments(max_num_seqs, max_batched_tokens, contexts, longest, shape["kv_tokens"] * ROOM))
    bench.run(plan[0])  # the first iterations compile and allocate
    watch.rows.clear()
    order = bench.random.permutation(len(plan))
    for number, place in enumerate(order.tolist()):
        begin(f"timing {number + 1} of {len(plan)}")
        bench.run(plan[place])
    table = np.array(watch.rows)
    columns = {name: table[:, place].astype(np.int64) for place, name in enumerate(ROW[:-1])}
    begin("timing copies")
    from vllm.platforms import current_platform

    copies = measure_copies(current_platform.device_type, shape["kv_bytes_per_token"] * shape["block_size"])
    _stop(llm.llm_engine.engine_core)
    swaps = {"swap_latency": copies.latency, "swap_bytes_per_second": copies.bytes_per_second}
    meta = shape | swaps | {"source": f"{Path(str(model)).name} in vLLM {_version()}", "seed": seed}
    return Trace("steps", columns | {ROW[-1]: table[:, -1]}, meta=meta)


ROW: Final = ("new_tokens", "context_tokens", "prefill_pairs", "seconds")


def experiments(
    max_num_seqs: int, budget: int, contexts: tuple[int, ...], longest: int, room: float
) -> Iterator[Experiment]:
    """All that fit the model, the KV cache and the budget."""
    fitting = [context for context in contexts if context <= longest] or [max(min(contexts[0], longest), 1)]
    decoding = 1
    while decoding <= max_num_seqs:
        for context in fitting:
            if decoding * (context + DECODES) <= room:
                yield Experiment(decoding, context)
        decoding *= 2
    beside = min(BESIDE, max_num_seqs - 1)
    for chunk in CHUNKS:
        for others in dict.fromkeys((0, beside)):
            if chunk + others <= budget and chunk <= longest and chunk + others * (fitting[0] + DECODES) <= room:
                for _ in range(ROUNDS):
                    yield Experiment(others, fitting[0], chunk)


class Watch:
    """Writes down what each iteration of a scheduler computes."""

    def __init__(self, scheduler: Any) -> None:
        self.rows: list[tuple[int, int, int, float]] = []
        self.last = (0, 0, 0)
        self._requests = scheduler.requests
        self._schedule = scheduler.schedule
        scheduler.schedule = self._watched

    def _watched(self, *arguments: Any, **options: Any) -> Any:
        output = self._schedule(*arguments, **options)
        new = context = pairs = 0
        for request_id, count in output.num_scheduled_tokens.items():
            request = self._requests[request_id]
            before = request.num_computed_tokens - count  # schedule() has counted them already
            new += count
            if before >= request.num_prompt_tokens:
                context += before + count
            else:
                pairs += count * before + count * (count + 1) // 2
        self.last = (new, context, pairs)
        return output


class Bench:
    """Runs experiments on one engine."""

    def __init__(self, llm: Any, watch: Watch, random: np.random.Generator) -> None:
        self.random = random
        self._engine, self._watch, self._count = llm.llm_engine, watch, 0
        self._words = llm.llm_engine.model_config.get_vocab_size()

    def run(self, experiment: Experiment) -> None:
        """Decode, perhaps with a prefill in the midst, until no request is left."""
        for _ in range(experiment.decoding):
            self._add(experiment.context, DECODES)
        if experiment.chunk:
            for _ in range(DECODES // 2):
                self._step()
            self._add(experiment.chunk, 1)
        while self._engine.has_unfinished_requests():
            self._step()

    def _step(self) -> None:
        began = time.perf_counter()
        self._engine.step()
        seconds = time.perf_counter() - began
        if self._watch.last[0]:
            self._watch.rows.append((*self._watch.last, seconds))
        self._watch.last = (0, 0, 0)

    def _add(self, prompt: int, answer: int) -> None:
        from vllm import SamplingParams

        self._count += 1
        tokens = self.random.integers(0, self._words, prompt).tolist()
        params = SamplingParams(max_tokens=answer, min_tokens=answer, ignore_eos=True, temperature=0, detokenize=False)
        self._engine.add_request(f"calibrate-{self._count}", {"prompt_token_ids": tokens}, params)


def _stop(client: Any) -> None:
    """Stop an engine once and for all.

    vLLM stops it again when it is collected, and takes from engines started meanwhile what all of a process share.
    """
    getattr(client, "_finalizer", client.shutdown)()


def _version() -> str:
    import vllm

    return str(vllm.__version__)
