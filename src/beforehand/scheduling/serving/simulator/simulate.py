"""Run a trace of requests through an engine that only keeps the books."""

import math
from collections.abc import Mapping
from os import PathLike
from typing import Any, Final

import numpy as np

from beforehand.core.trace import Trace
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import checked, kind_of, one_of
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving.handlings.always import Always
from beforehand.scheduling.serving.handlings.handling import Handling
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.automatic_boost import automatic_boost
from beforehand.scheduling.serving.simulator.chrome import Spans, write_chrome
from beforehand.scheduling.serving.simulator.engine_run import EngineOptions, Known, Resume, serve
from beforehand.scheduling.serving.simulator.result import ServingResult
from beforehand.scheduling.serving.simulator.scheduler import Scheduler
from beforehand.scheduling.serving.simulator.totals import Iteration

ARRAYS: Final = (
    "finish", "first_token", "preemptions", "recomputed", "pace", "end", "new_tokens", "decoding", "used_blocks",
    "gaps",
)  # fmt: skip
DISCARD: Final = Always("discard")


def simulate(
    requests: Trace,
    *,
    profile: EngineProfile,
    policy: Policy,
    handling: Handling = DISCARD,
    lengths: Known | None = None,
    expensive: Known | None = None,
    durations: ToolDurations | Known | None = None,
    tools: Any = "exact",
    refine: Any = None,
    slo: Mapping[str, float] | None = None,
    refine_every: int = 8,
    predictor_overlap: float = 0.0,
    margin: float = 0.7,
    max_preemptions: float = 2,
    max_wait: float = math.inf,
    resume: Resume = "original",
    max_num_seqs: int = 256,
    max_batched_tokens: int = 2048,
    kv_tokens: int | None = None,
    host_tokens: int = 0,
    prefix_caching: bool = True,
    reject_oversized: bool = False,
    paused_holds_slot: bool = False,
    scheduler_seconds: float = 0.0,
    watermark: float = 0.0,
    seed: int = 0,
    chrome: str | PathLike[str] | None = None,
    journal: list[Iteration] | None = None,
) -> ServingResult:
    """Serve a trace of requests with an LLM engine's scheduler, each iteration lasting as long as the profile says.

    Admission, chunked prefill, the blocks of the KV cache, prefix caching and preemption follow vLLM's scheduler,
    decision by decision, but for three known cases, which the reference lists. The order, who is preempted for whom,
    and what happens to memory during a tool call are yours.

    Args:
        requests: A trace of kind `requests`; see `check_requests`.
        profile: What iterations cost.
        policy: The order in which requests are admitted, and who loses its place.
        handling: What becomes of the KV cache when an answer ends in a tool call.
        lengths: Predicted output tokens of every segment: "exact"; an array in the order of the trace, each
            conversation's last segment after its others; a predictor, which is called once with the true lengths; a
            `PromptLength`, which is asked about the prompts; None for the trace's column `predicted_tokens`, which must
            then have no calls. Nothing is predicted, nor paid, for a policy that asks for nothing.
        expensive: A second predictor, paid only for the requests for which the policy asks for it; `lengths` is then
            the cheap one.
        durations: Predicted seconds of calls: a `ToolDurations`, which learns as calls return (None: a fresh one);
            "mean", the mean of each tool in this trace; "exact"; an array or a predictor, for the calls in order.
        tools: What is known of calls before they come: "exact", that and which; "none"; or a `ToolCalls`, which learns.
        refine: Predictions of what is left while an answer is written: None counts the first one down; "exact"; or a
            `ProbeReport`, from whose errors one is drawn every `refine_every` tokens.
        slo: Limits that make a conversation good: "ttft" and "itl", in seconds.
        refine_every: Output tokens between two of them.
        predictor_overlap: Share of the price of predictions that is hidden behind the engine's work.
        margin: How much better than a running request a waiting one must be to take its place: the natural logarithm
            of a ratio of ranks.
        max_preemptions: How often a segment may lose its place to another; 0 is never.
        max_wait: Seconds after which the request that has waited longest is admitted first.
        resume: Whether a conversation that returns from a call keeps its "original" place, or takes that of its
            "return", as over plain HTTP.
        max_num_seqs: Requests that run at a time.
        max_batched_tokens: New tokens of an iteration, at least `max_num_seqs`.
        kv_tokens: Tokens that the KV cache holds; None for the profile's. One block of it is the engine's own.
        host_tokens: Tokens that the host holds for those in calls.
        prefix_caching: Whether freed blocks can be found again.
        reject_oversized: Whether a request that can never fit is dropped and counted, in place of an error.
        paused_holds_slot: Whether a paused conversation with memory counts towards `max_num_seqs`.
        scheduler_seconds: Seconds that every iteration takes besides.
        watermark: Share of the blocks that an admission must leave free, while others run.
        seed: For the predictions that `refine` draws.
        chrome: A file for a trace of the run, which Perfetto shows.
        journal: A list to which what was decided in every iteration is appended.

    Guarantee:
        The same arguments give the same result on every machine. At the end of every run it is checked that requests,
        tokens, memory and time add up (`check_conservation`).

    Cost:
        60,000 to 140,000 iterations a second without tool calls, by the order; 2 kB for each request.

    Raises:
        InvalidInput: an argument is out of range; the policy asks for predictions and there are none.
        CapacityExceeded: a request can never fit into the KV cache.

    Example:
        >>> from beforehand.scheduling.serving import FCFS, PROFILES, ShortestWork
        >>> trace = Trace("requests", {"arrival": [0.0, 0.1, 0.2], "prompt_tokens": [900, 800, 20],
        ...                            "output_tokens": [300, 200, 5]})
        >>> for policy in FCFS(), ShortestWork():
        ...     result = simulate(trace, profile=PROFILES["llama3-8b-a100-80g"], policy=policy, lengths="exact",
        ...                       max_num_seqs=1)
        ...     print(round(result.summary()["mean_latency"], 2))
        5.34
        4.52
    """
    limits = _checked_slo(slo)
    options: EngineOptions = {
        "lengths": lengths, "expensive": expensive, "durations": durations, "tools": tools, "refine": refine,
        "refine_every": refine_every, "predictor_overlap": predictor_overlap, "margin": margin,
        "max_preemptions": max_preemptions, "max_wait": max_wait, "resume": resume, "max_num_seqs": max_num_seqs,
        "max_batched_tokens": max_batched_tokens, "kv_tokens": kv_tokens, "host_tokens": host_tokens,
        "prefix_caching": prefix_caching, "reject_oversized": reject_oversized, "paused_holds_slot": paused_holds_slot,
        "scheduler_seconds": scheduler_seconds, "watermark": watermark, "seed": seed,
    }  # fmt: skip
    policy = automatic_boost(policy, requests, profile=profile, handling=handling, **options)
    scheduler = serve(
        requests,
        profile=profile,
        policy=policy,
        handling=handling,
        spans=Spans if chrome is not None else None,
        journal=journal,
        **options,
    )
    if chrome is not None and scheduler.spans is not None:
        write_chrome(chrome, scheduler.spans, scheduler.totals)
    return _result(scheduler, policy, limits, len(requests))


def _checked_slo(slo: Mapping[str, float] | None) -> dict[str, float]:
    """Limits of service.

    Raises:
        InvalidInput: a name is unknown, or a limit is not positive.
    """
    if slo is None:
        return {}
    kind_of("slo", slo, Mapping, "one such as {'ttft': 0.5, 'itl': 0.05}")
    for name in slo:
        one_of("slo", name, ("ttft", "itl"))
    return {name: checked(f"slo[{name!r}]", value, above=True) for name, value in slo.items()}


def _result(scheduler: Scheduler, policy: Policy, slo: Mapping[str, float], rows: int) -> ServingResult:
    totals, pauses, requests = scheduler.totals, scheduler.pauses, scheduler.requests
    counts = {
        "rejected": rows - len(requests.arrival),
        "idle_seconds": totals.idle_seconds,
        "hit_tokens": totals.cache_hits,
        "host_tokens": totals.host_loads,
        "lost_tokens": pauses.lost,
        "preserved": pauses.counts["preserve"],
        "discarded": pauses.counts["discard"],
        "swapped": pauses.counts["swap"],
        "paused_token_seconds": pauses.held_seconds,
        "block_seconds": totals.block_seconds,
        "rankings": scheduler.waiting.rankings,
        "prediction_seconds": totals.prediction_seconds,
    }
    return ServingResult(
        arrival=requests.arrival,
        tool_seconds=requests.tool_seconds,
        **{name: _settled(getattr(totals, name)) for name in ARRAYS},
        counts={name: float(value) for name, value in (counts | scheduler.forecasts.report()).items()},
        slo=slo,
        policy=policy,
    )


def _settled(values: Any) -> Any:
    array = np.array(values)
    array.flags.writeable = False
    return array
