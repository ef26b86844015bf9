"""Which codec a model, a link and a number of workers call for, or none."""

import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.core.plan import check_plan, made_with
from beforehand.core.predictor import Price
from beforehand.core.report import Outcome, Report, judge
from beforehand.gradients.buckets import Buckets
from beforehand.gradients.candidates import CASTS, Candidate, Errors, Way, try_all
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec, Transport
from beforehand.gradients.gradient_plan import MOST_WORKERS, RESAMPLES, GradientPlan, check_setting
from beforehand.gradients.inputs import check_seed, whole
from beforehand.gradients.link import Link
from beforehand.gradients.piloting import Curve, Pilot, piloted
from beforehand.gradients.sample import Sample
from beforehand.gradients.speeds import Speeds
from beforehand.gradients.step_times import Factors, Setting

from_json = GradientPlan.from_json  # for `core.load_plan`, where a file does not name its kind
UNSURE: Final = 0.1  # share by which latency, rate and speeds may be off


def plan(
    trace: Trace,
    *,
    link: Link,
    workers: int,
    compute_seconds: float,
    overlap: float = 0.0,
    aggregator_link: Link | None = None,
    candidates: Sequence[Codec | tuple[Codec, Transport]] | None = None,
    speeds: Speeds | None = None,
    pilot: Pilot | None = None,
    target_loss: float | None = None,
    max_vnmse: float = 0.1,
    margin: float = 0.1,
    seed: int = 0,
) -> GradientPlan:
    """Choose a codec and what carries it, or say that plain sums are as good.

    Every candidate is run on the recorded gradients, and its step is predicted from its bytes, the link, and its speed
    on this machine. Both casts and full precision are always among them; the better one is the baseline.

    Args:
        trace: Of kind `gradients`: columns `step`, `worker` and `gradient` (float32, one row for each step and worker,
            in this order), and in `meta` `names` and `shapes` of tensors and the `seconds` that recording took. 5 to 20
            steps, spread over the first few hundred, of as many workers as are planned for.
        link: Between workers, as `measure_link` measures it.
        workers: How many will train.
        compute_seconds: Of forward, backward and optimizer of one step.
        overlap: Share of them during which buckets can be exchanged, from 0 to 1; 0 where training and codec share the
            cores, whose work then counts double.
        aggregator_link: Of a dedicated aggregator, whose rate all workers share; None where there is none.
        candidates: Codecs, or pairs of a codec and its transport; None takes some twenty of all families.
        speeds: What `measure_speeds` found; None measures now.
        pilot: Trains with a codec and returns the numbers of steps and the losses then; `integrations.torch.pilot`
            makes one.
        target_loss: That pilots must reach; None takes that of the float32 pilot after two thirds of its steps, so that
            codecs which need more steps can reach it, too.
        max_vnmse: The largest error allowed without a pilot.
        margin: The least gain worth having: 0.1 is 1.1 times as fast.
        seed: Of the resampling.

    Guarantee:
        Without a pilot the least seconds of a step win, and with one the least seconds to the target: only candidates
        whose steps are short enough to win, if they need no fewer steps than float32, are piloted. *worth it*: the gain
        exceeds the margin in 95 % of 200 draws, in which latency, rate and speeds are up to 10 % off, and steps of
        codecs without feedback and pilot grow by up to their vNMSE; *don't bother*: in less than 2.5 %, and the plan is
        the baseline. Otherwise *unclear*.

    Cost:
        Each candidate runs once on all rows, and some 0.2 s more for its speed; then the pilots.

    Raises:
        InvalidInput: An argument breaks its rule, or no pilot reached the target.

    Example:
        >>> from beforehand.gradients import Link, LowRank, THC
        >>> from beforehand.workloads.gradient_samples import gradients
        >>> trace = gradients("layers", size=2**16, workers=4, steps=5, seed=0)
        >>> slow = plan(trace, link=Link(1e-4, 6e6), workers=4, compute_seconds=0.02, candidates=[THC(bits=4)])
        >>> slow.verdict, slow.build()[1]
        ('worth it', 'two_shot')
        >>> fast = plan(trace, link=Link(1e-5, 1e9), workers=4, compute_seconds=0.02, candidates=[THC(bits=4)])
        >>> fast.verdict
        "don't bother"
    """
    whole("workers", workers)
    if workers < 2:
        raise InvalidInput(f"workers is {workers}, but nothing is exchanged by fewer than 2")
    if workers > MOST_WORKERS:
        raise InvalidInput(f"workers is {workers}, but a plan is for at most {MOST_WORKERS}")
    if pilot is not None and not callable(pilot):
        raise InvalidInput(
            f"pilot is {pilot!r}, but must be a function of a codec, as integrations.torch.pilot makes one"
        )
    check_seed(seed)
    for name, given in (("link", link), ("aggregator_link", aggregator_link)):
        if not isinstance(given, Link) and not (given is None and name == "aggregator_link"):
            raise InvalidInput(f"{name} is {given!r}, but must be a Link, such as Link(1e-4, 6.25e6) for 50 Mbit/s")
    if target_loss is not None and pilot is None:
        raise InvalidInput(f"target_loss is {target_loss}, but only a pilot knows when it is reached; pass pilot=")
    check_setting(
        compute_seconds=compute_seconds, overlap=overlap, max_vnmse=max_vnmse, margin=margin, target_loss=target_loss
    )
    sample = Sample.read(trace)
    began = time.process_time()
    setting = Setting(
        buckets=Buckets(sample.layout, int(workers)),
        link=link,
        aggregator_link=aggregator_link,
        compute_seconds=float(compute_seconds),
        overlap=float(overlap),
    )
    tried, refused = try_all(sample, setting.buckets, candidates, aggregator=aggregator_link is not None)
    known = setting.buckets.speeds(tried) if speeds is None else speeds
    judged = [_judged(way, errors, setting, known, seed) for way, errors in tried.items()]
    if pilot is not None:
        curves, target_loss = piloted([each.candidate for each in judged], pilot, target_loss)
        judged = [each.with_pilot(curves, target_loss) for each in judged]
    before, best, gain = _choice(judged, max_vnmse, pilot is not None)
    verdict = judge(gain, margin)
    taken = before if verdict == "don't bother" else best
    seconds = sample.recording(setting.compute_seconds) + time.process_time() - began
    return GradientPlan(
        design=taken.design,
        candidates=tuple(each.candidate for each in sorted(judged, key=lambda each: each is not before)),
        refused=refused,
        gain=gain,
        verdict=verdict,
        workers=setting.buckets.workers,
        link=link,
        aggregator_link=aggregator_link,
        compute_seconds=setting.compute_seconds,
        overlap=setting.overlap,
        max_vnmse=float(max_vnmse),
        margin=float(margin),
        target_loss=None if target_loss is None else float(target_loss),
        coordinates=sample.layout.size,
        steps=len(sample.steps),
        recorded=sample.workers,
        rho=sample.rho(setting.buckets.workers),
        price=Price(seconds=seconds, bytes=sample.rows.nbytes, per="plan"),
        seed=int(seed),
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} processors",
        versions=made_with(),
    )


def audit(plan: GradientPlan, holdout: object, *, measured: Any = None) -> Report:
    """Check a plan on gradients that it never saw: `plan.audit(holdout, measured=measured)`.

    Raises:
        InvalidInput: `plan` is not a `GradientPlan`; and what `GradientPlan.audit` raises.
    """
    check_plan(plan, GradientPlan)
    return plan.audit(holdout, measured=measured)


class _Judged(NamedTuple):
    """A candidate, its seconds of a step in each draw, and by how much its steps may grow."""

    candidate: Candidate
    step: NDArray[np.float64]
    growth: NDArray[np.float64]

    @property
    def design(self) -> str:
        return self.candidate.design

    def with_pilot(self, curves: Mapping[Codec, Curve], target: float) -> "_Judged":
        curve = curves.get(self.candidate.codec)
        if curve is None:
            return self
        known = replace(self.candidate, piloted=True, steps=curve.reached(target), loss=curve.loss)
        return self._replace(candidate=known)


def _judged(way: Way, errors: Errors, setting: Setting, speeds: Speeds, seed: int) -> _Judged:
    """The figures of a way, with draws that share latencies and rates with all others."""
    shared, own = np.random.default_rng(seed), np.random.default_rng([seed, *way.name.encode()])
    latencies, rates = 1 + UNSURE * shared.uniform(-1, 1, (2, RESAMPLES))
    slower = 1 + UNSURE * own.uniform(-1, 1, RESAMPLES)
    parts = setting.step_time(*way, speeds)
    steps = np.array(
        [
            setting.step_time(*way, speeds, Factors(*each)).step
            for each in zip(latencies.tolist(), rates.tolist(), slower.tolist(), strict=True)
        ]
    )
    sent = setting.buckets.sent(*way)
    candidate = Candidate(
        codec=way.codec,
        transport=way.transport,
        step=Outcome.of(way.name, parts.step, steps),
        vnmse=Outcome.of(way.name, errors.value, errors.draws),
        closed_form=errors.closed_form,
        up=sum(each.up for each in sent),
        down=sum(each.down for each in sent),
        encode=parts.encode,
        accumulate=parts.accumulate,
        exchange=parts.exchange,
        decode=parts.decode,
    )
    grown = 1 + own.uniform(0, 1, RESAMPLES) * own.choice(errors.draws, RESAMPLES)
    return _Judged(candidate, steps, np.ones(RESAMPLES) if candidate.remembers else grown)


def _choice(judged: list[_Judged], max_vnmse: float, piloted: bool) -> tuple[_Judged, _Judged, Outcome]:
    """The baseline, the best codec that compresses, and the gain of that one."""

    def cost(each: _Judged) -> float:
        reached = each.candidate.seconds_to_target
        if not piloted:
            return each.candidate.step.value
        return math.inf if reached is None else reached

    able = [  # gradients below 1e-7 vanish in 16 bits, so a cast may err too much, too
        each
        for each in judged
        if piloted or each.candidate.vnmse.value <= max_vnmse or each.candidate.codec == Cast("float32")
    ]
    before = min((each for each in able if each.candidate.codec in CASTS), key=lambda each: (cost(each), each.step[0]))
    rest = [each for each in able if each.candidate.codec not in CASTS]
    best = min(rest, key=cost, default=before)
    if best is before or not math.isfinite(cost(best)):
        return before, before, Outcome(before.design, 0.0, 0.0, 0.0)
    faster = before.step / best.step
    value = cost(before) / cost(best)
    if piloted:
        draws = faster * value * best.candidate.step.value / before.candidate.step.value
    else:
        draws = faster * before.growth / best.growth
    return before, best, Outcome.of(best.design, value - 1, draws - 1)
