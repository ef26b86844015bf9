"""Random traces on random engines, and what two schedulers decided on them."""

import math
from dataclasses import dataclass

import numpy as np

from beforehand.core import Trace
from beforehand.integrations.vllm import Scheduler
from beforehand.integrations.vllm.engine_shape import EngineShape
from beforehand.integrations.vllm.harness import run_scheduler
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.serving import FCFS, PSPJF
from beforehand.scheduling.serving.simulator.result import ServingResult
from beforehand.scheduling.serving.simulator.simulate import simulate

BLOCK = 16


@dataclass(frozen=True)
class Case:
    """A trace, an engine, and whether static priorities order the queue instead of the arrival."""

    seed: int
    requests: Trace
    shape: EngineShape
    profile: EngineProfile
    ranks: np.ndarray | None  # one number a request, the lowest first


def random_case(
    seed: int, *, calls: bool = False, ranked: bool | None = None, tight: bool | None = None, most: int = 70
) -> Case:
    """A case in which requests queue: prompts in chunks, shared prefixes, little memory; each with some probability.

    Every prompt has a token of its own. One that is all shared, and fills whole blocks, makes vLLM compute its last
    block anew and cache it twice, which the simulator does not follow.
    """
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(10, most))
    longest = int(rng.choice([40, 300, 1500]))
    prompts = np.clip(np.exp(rng.normal(math.log(longest / 4), 1.0, rows)), 1, longest).astype(np.int64)
    outputs = np.clip(np.exp(rng.normal(math.log(20), 1.2, rows)), 1, 300).astype(np.int64)
    slots = int(rng.choice([1, 2, 4, 8, 16, 32, 32]))
    budget = max(int(rng.choice([32, 64, 256, 2048])), slots)
    columns = {"prompt_tokens": prompts, "output_tokens": outputs}
    if rng.random() < 0.4:
        ids = rng.integers(-1, 3, rows)
        shared = int(rng.integers(1, longest))
        columns["prefix_id"] = ids
        columns["prefix_tokens"] = np.where(ids < 0, 0, np.minimum(prompts - 1, shared + 7 * ids))
    whole, children = prompts + outputs, {}
    if calls:
        counts = rng.integers(0, 4, rows)
        total = int(counts.sum())
        said = np.clip(np.exp(rng.normal(math.log(15), 1.0, total)), 1, 200).astype(np.int64)
        returned = rng.integers(1, 60, total)
        seconds = np.where(rng.random(total) < 0.3, rng.random(total) * 0.01, rng.exponential(1.0, total))
        offsets = np.concatenate(([0], np.cumsum(counts)))
        table = {"output_tokens": said, "seconds": seconds, "return_tokens": returned, "tool": np.full(total, "t")}
        children["calls"] = (offsets, table)
        sums = np.concatenate(([0], np.cumsum(said + returned)))
        whole = whole + sums[offsets[1:]] - sums[offsets[:-1]]
    least = -(-int(whole.max()) // BLOCK) + 2
    if tight is None:
        tight = bool(rng.random() < 0.6)
    blocks = least + int(rng.integers(0, 1 + least // 2)) if tight else least * (slots + 2)
    profile = EngineProfile(
        "random",
        tokens=[1, 64, 256, 2048],
        seconds=[0.010, 0.011, 0.016, 0.1],
        seconds_per_context_token=1e-7,
        seconds_per_prefill_pair=4e-9,
        saturation=256,
        block_size=BLOCK,
        kv_bytes_per_token=1000,
        kv_tokens=blocks * BLOCK,
    )
    work = outputs.mean() * 0.012 / slots + prompts.mean() / min(budget, 2048) * 0.02
    gaps = rng.exponential(float(rng.choice([0.3, 0.8, 1.5])) * work, rows)
    if rng.random() < 0.2:
        gaps[rng.random(rows) < 0.7] = 0.0
    columns["arrival"] = np.cumsum(gaps) + np.arange(rows) * 1e-7  # no two at once: vLLM would go on to compare names
    shape = EngineShape(
        max_num_seqs=slots,
        max_batched_tokens=budget,
        kv_tokens=blocks * BLOCK,
        block_size=BLOCK,
        prefix_caching=bool(rng.random() < 0.6),
        watermark=float(rng.choice([0.0, 0.0, 0.02, 0.1])),
    )
    if ranked is None:
        ranked = bool(rng.random() < 0.5)
    ranks = rng.permutation(rows) if ranked else None
    return Case(seed, Trace("requests", columns, children=children), shape, profile, ranks)


def steps_of_vllm(run) -> list[tuple]:
    """By row of the trace: admitted, preempted, tokens; then used blocks and the end."""
    return [
        (
            [row_of(name) for name in step.admitted],
            sorted(row_of(name) for name in step.preempted),
            {row_of(name): count for name, count in step.tokens.items()},
            step.used_blocks,
            step.end,
        )
        for step in run.steps
    ]


def row_of(name: str) -> int:
    """The row of a request's name, `row.segment`."""
    return int(name.split(".")[0])


def first_difference(ours: list[tuple], theirs: list[tuple]) -> str:
    """In which iteration, and in what, two lists of steps differ first; empty where they do not."""
    names = ("admitted", "preempted", "tokens", "used blocks")
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        for name, mine, its in zip(names, one, other, strict=False):
            if mine != its:
                return f"iteration {place}: {name} {mine}, but vLLM {its}"
        if not math.isclose(one[4], other[4], rel_tol=1e-9):
            return f"iteration {place}: ends at {one[4]}, but vLLM's at {other[4]}"
    if len(ours) != len(theirs):
        return f"{len(ours)} iterations, but vLLM {len(theirs)}"
    return ""


def simulated(case: Case) -> list[tuple]:
    """What the simulator decides."""
    journal: list = []
    _run(case, journal)
    return [
        (list(step.admitted), sorted(step.preempted), dict(step.tokens), step.used_blocks, step.end) for step in journal
    ]


def _run(case: Case, journal: list) -> ServingResult:
    shape = case.shape
    options = {
        "profile": case.profile,
        "max_num_seqs": shape.max_num_seqs,
        "max_batched_tokens": shape.max_batched_tokens,
        "prefix_caching": shape.prefix_caching,
        "watermark": shape.watermark,
        "max_preemptions": 0,
        "resume": "return",
        "journal": journal,
    }
    if case.ranks is None:
        return simulate(case.requests, policy=FCFS(), **options)
    calls = case.requests.children.get("calls")
    segments = np.ones(len(case.ranks), np.int64) if calls is None else np.diff(calls.offsets) + 1
    lengths = np.repeat(case.ranks + 1.0, segments)
    return simulate(case.requests, policy=PSPJF(by="expensive"), lengths=lengths, **options)


def latencies(case: Case) -> list[list[float]]:
    """Mean latency, mean time to the first token and p99 latency: the simulator's, and those of vLLM's priorities."""
    one = _run(case, [])
    shape = case.shape.with_policy("priority")
    other = run_scheduler(case.requests, profile=case.profile, shape=shape, priorities=case.ranks)
    arrival = case.requests["arrival"]
    return [
        [np.mean(each.finish - arrival), np.mean(each.first_token - arrival), np.quantile(each.finish - arrival, 0.99)]
        for each in (one, other)
    ]


def served_by_us(case: Case) -> list[tuple]:
    """What vLLM's scheduler decides with our order in front of it, the ranks being what clients predict."""
    policy = {"policy": "fcfs"} if case.ranks is None else {"policy": "pspjf", "by": "expensive"}

    def hints(number, segment):
        claimed = 1.0 if case.ranks is None else case.ranks[number] + 1.0
        return {"bh_conversation": str(number), "bh_tenant": str(number), "bh_predicted_tokens": float(claimed)}

    settings = {"policy": policy, "trust_hints": True, "max_preemptions": 0}
    run = run_scheduler(
        case.requests,
        profile=case.profile,
        shape=case.shape,
        scheduler=Scheduler,
        hints=hints,
        additional={"beforehand": settings},
    )
    assert run.scheduler.order is not None
    return steps_of_vllm(run)


def served(case: Case) -> list[tuple]:
    """What vLLM's scheduler decides, first come, first served or by its own static priorities."""
    shape = case.shape if case.ranks is None else case.shape.with_policy("priority")
    run = run_scheduler(case.requests, profile=case.profile, shape=shape, priorities=case.ranks)
    assert run.free_blocks[0] == run.free_blocks[1]
    assert run.left_behind == 0
    return steps_of_vllm(run)
