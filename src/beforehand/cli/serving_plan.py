"""`scheduling plan-serving`: in what order should an LLM engine serve, and what will that gain?"""

import json
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from beforehand.cli import page, render
from beforehand.cli.page import Row
from beforehand.cli.queue_options import Html, Json, Seed
from beforehand.cli.serving_options import (
    HostTokens,
    KvTokens,
    Lengths,
    Profile,
    Requests,
    Slo,
    Slots,
    lengths_of,
    named_as_options,
    profile_of,
    read_requests,
    slo_of,
)

if TYPE_CHECKING:
    from beforehand.cli.figures import Draw
    from beforehand.core import Outcome, Report
    from beforehand.scheduling.serving import ServingPlan

EXAMPLE = (
    "Example: beforehand scheduling plan-serving requests.npz --profile llama3-8b-a100-80g --lengths noisy:46.1 "
    "--slots 48 -o plan.json"
)
LEDE = "In what order an LLM engine should serve requests like these, and what that is worth."
CAPTION = "Mean net latency by the length of the answers, first come, first served and with the best order."


def plan_serving(
    context: typer.Context,
    trace: Requests,
    profile: Profile,
    objective: Annotated[
        str,
        typer.Option(metavar="KEY", help="What to keep small, such as mean_net_latency, ttft or p99_ttft; or goodput."),
    ] = "mean_net_latency",
    max_p99_ratio: Annotated[
        float, typer.Option(min=1, help="How far the p99 of latency may rise above first come, first served.")
    ] = 1.3,
    min_gain: Annotated[float, typer.Option(min=0, help="The least share of the objective worth gaining.")] = 0.02,
    lengths: Lengths = None,
    slo: Slo = None,
    slots: Slots = 256,
    kv_tokens: KvTokens = None,
    host_tokens: HostTokens = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How often the traffic is drawn anew, for the intervals.")] = 5,
    holdout: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Share of the trace, its end, that the plan never sees.")
    ] = 0.3,
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Which order, guard and handling of tool calls are worth having in front of an LLM engine?

    Simulates the engine on the first part of a trace, chooses, and audits the
    choice on the rest. The advice may be not to bother. The plan's file is
    what the vLLM plug-in and the gateway read.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling import serving
    from beforehand.scheduling.serving.plan.planner import LEAST

    for given in (trace, Path(profile)):
        keep_input(given, output, html)
    engine: dict[str, Any] = {"max_num_seqs": slots, "host_tokens": host_tokens} | (
        {"kv_tokens": kv_tokens} if kv_tokens else {}
    )
    with render.progress(None) as steps, named_as_options():
        steps.begin("reading")
        requests = read_requests(trace)
        sample, unseen = requests.split(1 - holdout)
        if len(sample) < LEAST:
            raise InvalidInput(
                f"{trace} has {len(requests):,} conversations, of which --holdout {holdout:g} leaves {len(sample):,} "
                f"to plan on, but a plan needs at least {LEAST}; record more"
            )
        plan = serving.plan_serving(
            sample,
            profile=profile_of(profile),
            objective=objective,
            max_p99_ratio=max_p99_ratio,
            min_gain=min_gain,
            lengths=lengths_of(lengths, seed),
            slo=slo_of(slo),
            seeds=seeds,
            seed=seed,
            progress=steps.begin,
            **engine,
        )
        plan = replace(plan, holdout=unseen.fingerprint)
        steps.begin("auditing")
        given = lengths_of(lengths, seed + 1)
        report = plan.audit(unseen, **({} if given is None else {"lengths": given}))
        drawn = True
        if html:
            steps.begin("drawing the page")
            story = f"Planned on the first {len(sample):,} conversations, audited on the last {len(unseen):,}."
            row = as_row(plan, report, you_run=trace.name, known=known(plan), story=story)
            after = shlex.join(["beforehand", "scheduling", "simulate-serving", str(trace), "--profile", profile])
            drawn = page.write(
                html,
                [row],
                title=f"beforehand: {trace.name}",
                lede=LEDE,
                command=page.command(context),
                after=after,
            )
    if output:
        plan.save(output)
    if as_json:
        render.show_json({"plan": json.loads(plan.to_json()), "report": json.loads(report.to_json())})
        return
    show(plan)
    render.show(f"\naudit on the last {len(unseen):,} of {len(requests):,} conversations:\n")
    render.show_report(report)
    for path in (output, html if drawn else None):
        if path:
            beside = ", ".join(each.name for each in plan.known.files.values()) if path == output else ""
            render.show(f"\nwrote {path}" + (f", and beside it {beside}: keep them together" if beside else ""))
    if output:
        drawn_again = ["--lengths", lengths] if lengths not in (None, "exact") else []  # the plan holds no drawn ones
        checked = shlex.join(["beforehand", "audit", str(output), f"LATER{trace.suffix}", *drawn_again])
        render.show(f"check it on later requests:\n  {checked}")
    if not drawn:
        render.show(f"\n{page.NO_PICTURES}")


def show(plan: "ServingPlan") -> None:
    """Print the designs that were tried, and what the plan says of the one it chose."""
    from beforehand.scheduling.serving.plan import words

    load = plan.load
    render.show(
        f"{plan.conversations:,} conversations, {plan.calls:,} tool calls; load {load.load:.2f} of "
        f"{load.capacity:.3g} a second; {plan.metric}\n"
    )
    table = render.table("design", plan.setting.objective, "vs FCFS", "p99 ratio", "first token", "its p99")
    for each in plan.candidates:
        against = "-" if each.design == plan.baseline.design else render.change(each.cost / plan.baseline.value - 1)
        figures = (each.p99_ratio, each.figures["ttft"], each.figures["p99_ttft"])
        cells = (each.design, render.number(each.cost), against, *(render.number(figure) for figure in figures))
        table.add_row(*(Text(cell, "bold" if each is plan.chosen else "") for cell in cells))
    render.show_table(table)
    render.show("")
    facts: list[tuple[str, object]] = [("recommended", f"{plan.design}: {plan.verdict}")]
    facts.append(("gain", f"{words.share(plan.gain)} with {plan.best.design}"))
    facts += [("but note", plan.excluded)] if plan.excluded else []
    facts.append(("guard", words.guard(plan.policy, plan.setting)))
    facts.append(("load", words.busy(plan.load)))
    if plan.load.pays_from is not None:
        facts.append(("would matter from", f"{plan.load.pays_from:.3g} conversations a second"))
    if plan.worth is not None:
        facts += [("predictions", told) for told in words.paying(plan.worth)]
    facts += [("price", plan.price), ("assumed", words.assumed(plan.setting))]
    render.console().print(render.facts(facts))


def known(plan: "ServingPlan") -> str:
    """What was known beforehand, in a few words."""
    accuracy = plan.known.accuracy
    return "prompts" if accuracy is None else f"prompts, answers +-{accuracy.error:.0f} tokens"


def as_row(plan: "ServingPlan", report: "Report", *, you_run: str, known: str, story: str) -> Row:
    """An audited plan as a row of a table and a section of a page."""
    return Row(
        you_run=you_run,
        known=known,
        setting=f"load {plan.load.load:.2f}",
        story=story,
        meaning=f"The {plan.metric}, simulated with the step times of {plan.setting.profile.name}.",
        report=_shortened(plan, report),
        draw=partial(_draw, plan),
        details=plan.explain(),
    )


def _shortened(plan: "ServingPlan", report: "Report") -> "Report":
    """The same with designs that fit into a column: without guard and numbers."""
    names = {each.design: str(getattr(each.policy, "inner", each.policy)) for each in plan.candidates}

    def short(outcome: "Outcome") -> "Outcome":
        return replace(outcome, design=names.get(outcome.design, outcome.design.removesuffix(" exact")))

    return replace(
        report,
        metric=report.metric.replace(" in s", ", s"),
        expected=short(report.expected),
        measured=short(report.measured),
        baseline=short(report.baseline),
        clairvoyant=short(report.clairvoyant),
    )


def _draw(plan: "ServingPlan") -> dict[str, "Draw"]:
    import numpy as np

    from beforehand.cli import figures

    if not plan.by_length:
        return {}
    tokens, before, after = np.array(plan.by_length).T
    lines = {"FCFS": before, "best order": after}
    colors = {"FCFS": "other", "best order": "accent"}
    return {CAPTION: figures.curves(tokens, lines, colors, across="output tokens, up to", up="mean net latency in s")}
