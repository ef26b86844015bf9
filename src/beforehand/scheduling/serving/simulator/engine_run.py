"""Set an engine up for a trace of requests, run it, and check the books."""

import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.core.trace import Trace
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import checked, flag, kind_of, one_of, whole
from beforehand.scheduling.policies.policy import Policy, check_policy
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling import Handling, check_handling
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.chrome import Spans
from beforehand.scheduling.serving.simulator.conservation import check_conservation
from beforehand.scheduling.serving.simulator.forecasts import Forecasts
from beforehand.scheduling.serving.simulator.job import Job
from beforehand.scheduling.serving.simulator.memory import Chain, Holding
from beforehand.scheduling.serving.simulator.prompts import Recorded, segment_features
from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.scheduler import Scheduler
from beforehand.scheduling.serving.simulator.totals import Iteration, Limits

Known = str | ArrayLike | Predictor | PromptLength
Resume = Literal["original", "return"]
FINEST: Final = 256  # times that an iteration is longer than what the clock can tell apart


class EngineOptions(TypedDict, total=False):
    """What `simulate` takes besides the requests, the profile, the policy and the handling."""

    lengths: Known | None
    expensive: Known | None
    durations: ToolDurations | Known | None
    tools: Any
    refine: Any
    refine_every: int
    predictor_overlap: float
    margin: float
    max_preemptions: float
    max_wait: float
    resume: Resume
    max_num_seqs: int
    max_batched_tokens: int
    kv_tokens: int | None
    host_tokens: int
    prefix_caching: bool
    reject_oversized: bool
    paused_holds_slot: bool
    scheduler_seconds: float
    watermark: float
    seed: int


def serve(
    requests: Trace,
    *,
    profile: EngineProfile,
    policy: Policy,
    handling: Handling,
    stretch: float = 1.0,
    spans: Callable[[int], Spans] | None = None,
    journal: list[Iteration] | None = None,
    on_ready: Callable[[View], None] | None = None,
    **options: Unpack[EngineOptions],
) -> Scheduler:
    """Run the engine until all requests are served; see `simulate` for the options.

    Args:
        requests: A trace of kind `requests`.
        profile: What iterations cost.
        policy: The order.
        handling: What becomes of the KV cache in a tool call.
        stretch: All arrivals are multiplied by it.
        spans: Makes the record of states for so many conversations.
        journal: What was decided in every iteration is appended to it.
        on_ready: Called with the view of every segment as it becomes ready.
        **options: As in `simulate`, with its defaults.

    Raises:
        InvalidInput: an argument is out of range; the policy asks for predictions and there are none.
        CapacityExceeded: a request can never fit into the KV cache.
    """
    check_policy(policy)
    check_handling(handling)
    kind_of("profile", profile, EngineProfile, "one such as PROFILES['llama3-8b-a100-80g']")
    limits = _limits(profile, options)
    every = Requests.of(requests)
    keep = every.fitting(
        limits.kv_tokens, profile.block_size, reject=flag("reject_oversized", options.get("reject_oversized", False))
    )
    given = every.take(keep, stretch)
    _check_clock(given, profile)
    forecasts = Forecasts(
        given,
        policy,
        lengths=_known(options.get("lengths"), requests, every, keep),
        expensive=_known(options.get("expensive"), requests, every, keep),
        durations=_kept(options.get("durations"), np.repeat(keep, np.diff(every.first) - 1)),
        tools=options.get("tools", "exact"),
        refine=options.get("refine"),
        refine_every=whole("refine_every", options.get("refine_every", 8), least=1),
        seed=whole("seed", options.get("seed", 0), most=2**63),
    )
    scheduler = Scheduler(
        given,
        _jobs(given, profile.block_size, limits.prefix_caching),
        profile=profile,
        policy=policy,
        handling=handling,
        forecasts=forecasts,
        limits=limits,
        spans=spans(len(given.arrival)) if spans is not None else None,
        journal=journal,
        on_ready=on_ready,
    )
    scheduler.run()
    check_conservation(scheduler, given)
    return scheduler


def _limits(profile: EngineProfile, options: EngineOptions) -> Limits:
    """The engine's limits, checked."""
    resume, kv_tokens = options.get("resume", "original"), options.get("kv_tokens")
    one_of("resume", resume, ("original", "return"))
    limits = Limits(
        max_num_seqs=whole("max_num_seqs", options.get("max_num_seqs", 256), least=1),
        max_batched_tokens=whole("max_batched_tokens", options.get("max_batched_tokens", 2048), least=1, most=2**20),
        kv_tokens=whole(
            "kv_tokens", profile.kv_tokens if kv_tokens is None else kv_tokens, least=2 * profile.block_size
        ),
        host_tokens=whole("host_tokens", options.get("host_tokens", 0)),
        prefix_caching=flag("prefix_caching", options.get("prefix_caching", True)),
        paused_holds_slot=flag("paused_holds_slot", options.get("paused_holds_slot", False)),
        scheduler_seconds=checked("scheduler_seconds", options.get("scheduler_seconds", 0.0), most=1e9),
        watermark=checked("watermark", options.get("watermark", 0.0), most=1.0),
        predictor_overlap=checked("predictor_overlap", options.get("predictor_overlap", 0.0), most=1.0),
        margin=checked("margin", options.get("margin", 0.7)),
        max_preemptions=checked("max_preemptions", options.get("max_preemptions", 2)),
        max_wait=checked("max_wait", options.get("max_wait", math.inf)),
        renew_arrival=resume == "return",
    )
    if limits.max_batched_tokens < limits.max_num_seqs:
        raise InvalidInput(
            f"max_batched_tokens is {limits.max_batched_tokens}, but must be at least max_num_seqs, "
            f"{limits.max_num_seqs}: every running request takes one; raise it"
        )
    return limits


def _jobs(requests: Requests, block_size: int, caching: bool) -> list[Job]:
    """A fresh state for every conversation."""
    prefixes: dict[int, Chain] = {}
    jobs = []
    rows = zip(
        requests.arrival.tolist(), requests.prompt.tolist(), requests.first.tolist(), requests.first[1:].tolist(),
        requests.prefix.tolist(), requests.prefix_tokens.tolist(), requests.tenant.tolist(), requests.most.tolist(),
        strict=False,
    )  # fmt: skip
    for row, (arrival, prompt, first, end, prefix, prefix_tokens, tenant, most) in enumerate(rows):
        shared = prefix_tokens // block_size
        chain = prefixes.setdefault(prefix, Chain(shared=True)) if caching and prefix >= 0 and shared else None
        job = Job(row, arrival, first, end - 1, Holding(chain, shared if chain else 0))
        job.view.context, job.view.tenant, job.view.max_tokens = prompt, tenant, most
        jobs.append(job)
    return jobs


def _known(given: Any, trace: Trace, requests: Requests, keep: NDArray[np.bool_]) -> Any:
    """Predictions of the segments that are kept."""
    if isinstance(given, PromptLength):
        given = Recorded(given.predict(segment_features(trace)), given.price)
    segments = np.repeat(keep, np.diff(requests.first))
    if isinstance(given, Recorded):
        return given.only(segments)
    return _kept(given, segments)


def _kept(given: Any, rows: NDArray[np.bool_]) -> Any:
    """An array without what was dropped; anything else as it is."""
    if given is None or isinstance(given, str | Predictor | ToolDurations) or rows.all():
        return given
    values = np.asarray(given)
    return values[rows] if values.shape == rows.shape else values


def _check_clock(requests: Requests, profile: EngineProfile) -> None:
    """Raise unless a float tells the ends of two iterations apart at every time that the trace comes to.

    Raises:
        InvalidInput: it would not; the clock would stand still, or run visibly too fast or too slow.
    """
    latest, shortest = float(requests.arrival[-1] + requests.tool_seconds.max()), float(np.min(profile.seconds))
    if np.spacing(latest) * FINEST > shortest:
        raise InvalidInput(
            f"arrivals and calls come to {latest:.4g} s, where a float cannot count iterations of {shortest:.3g} s; "
            "let arrival count seconds from the start of the trace, not milliseconds or nanoseconds"
        )
