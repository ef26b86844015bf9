"""`scheduling plan-queue | simulate | accuracy | servers`, and those of LLM serving, each in a module of its own."""

import json
import math
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beforehand.cli import (
    needed_accuracy,
    needed_servers,
    page,
    queue_plans,
    render,
    serving_calibrate,
    serving_gateway,
    serving_plan,
    serving_probe,
    serving_simulate,
    serving_tiny_model,
)
from beforehand.cli.jobs import JobOptions, LogFile, about, reads_jobs, show_jobs
from beforehand.cli.queue_options import CostUnit, Json, Load, MinGain, Preemptive, Rate, Seed, Servers

if TYPE_CHECKING:
    from beforehand.scheduling import Log

app = typer.Typer(
    help="In what order to serve jobs, whether to predict how long they take, and what that is worth.",
    invoke_without_command=True,
)


@app.callback()
def _scheduling(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(
    "plan-queue",
    epilog="Example: beforehand scheduling plan-queue jobs.csv --load 0.9 --cheap-cost 0.5 --expensive-cost 2 "
    "--cost-unit mean --assume-cheap 1 --assume-expensive 0.3",
)
@reads_jobs
def plan_queue(
    context: typer.Context,
    log: LogFile,
    jobs: JobOptions,
    cheap_cost: Annotated[
        float, typer.Option(min=0, help="Price of one cheap prediction, in the unit of sizes.")
    ] = 0.0,
    expensive_cost: Annotated[float, typer.Option(min=0, help="Price of one expensive prediction.")] = 0.0,
    load: Load = None,
    rate: Rate = None,
    charge: Annotated[
        Literal["external", "server"],
        typer.Option(help="external: predictions are made elsewhere; server: they take time of the server that works."),
    ] = "external",
    cost_unit: CostUnit = "size",
    preemptive: Preemptive = False,
    servers: Servers = 1,
    memory_weight: Annotated[
        float, typer.Option(min=0, help="Price of memory: of each unit of age that unfinished jobs hold.")
    ] = 0.0,
    goal: Annotated[
        Literal["mean", "p95", "p99"],
        typer.Option(
            help="What to keep small: the mean response time, or the time within which 95 % or 99 % are done."
        ),
    ] = "mean",
    slo: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            help="In place of --goal: keep small the share of jobs that take longer than this, in the unit of sizes.",
        ),
    ] = None,
    holdout: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Share of the log, its end, that the plan never sees.")
    ] = 0.3,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resampled logs for the intervals; 0 for none.")] = 200,
    min_gain: MinGain = 0.05,
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
    out: Annotated[Path | None, typer.Option("--out", hidden=True)] = None,
    html: Annotated[Path | None, typer.Option(help="Where to write a page with response times over the load.")] = None,
    as_json: Json = False,
) -> None:
    """Which order is worth having, and which predictions are worth buying?

    Plans on the first part of a log and audits on the rest. The advice may
    be not to bother. What was chosen can be simulated, and built in Python.
    """
    from beforehand import scheduling
    from beforehand.cli.inputs import keep_input
    from beforehand.core.files import writing

    if out:
        print("beforehand: --out is now called --output; the old name goes with the next release", file=sys.stderr)
        output = output or out
    keep_input(log, output, html)
    with render.progress(3 + (html is not None)) as steps:
        steps.begin("reading")
        trace = jobs.read(log, seed=seed)
        sample, unseen = (scheduling.Log.read(part) for part in trace.split(1 - holdout))
        scale = sample.mean if cost_unit == "mean" else 1.0
        steps.begin("trying policies")
        plan = scheduling.plan_queue(
            sample,
            load=load,
            rate=rate,
            cheap_cost=scale * cheap_cost,
            expensive_cost=scale * expensive_cost,
            charge=charge,
            preemptive=preemptive,
            servers=servers,
            memory_weight=memory_weight,
            goal=goal,
            slo=slo,
            min_gain=min_gain,
            bootstrap=bootstrap,
            seed=seed,
        )
        steps.begin("auditing")
        plan = replace(plan, read_with=jobs.said())
        report = plan.audit(unseen, bootstrap=bootstrap, seed=seed)
        planned = queue_plans.Planned(jobs=trace, holdout=unseen, plan=plan, report=report)
        drawn = True
        if html:
            steps.begin("drawing the page")
            drawn = planned.write_page(html, log=log, how=jobs.words(), command=page.command(context))
    if output:
        with writing(output) as stream:
            stream.write(plan.to_json().encode())
    if as_json:
        planned.show_json()
        return
    planned.show()
    for path in (output, html if drawn else None):
        if path:
            render.show(f"\nwrote {path}")
    if output:
        later = f"LATER{log.suffix}"  # not the log itself, which the plan was made from
        render.show(f"check it on a log of later jobs:\n  {shlex.join(['beforehand', 'audit', str(output), later])}")
    if not drawn:
        render.show(f"\n{page.NO_PICTURES}")


@app.command(epilog="Example: beforehand scheduling simulate jobs.csv --policy sprpt --load 0.9 --assume-expensive 0.3")
@reads_jobs
def simulate(
    log: LogFile,
    jobs: JobOptions,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|JSON",
            help="A name such as sprpt (any other word lists them all), with options as plans print them, such as "
            '\'SkipPredict(40, size)\', or as an object: \'{"policy": "skippredict", "threshold": 40}\'.',
        ),
    ],
    load: Load = None,
    rate: Rate = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Serve the log's own jobs at their own times instead of drawing from them.")
    ] = False,
    servers: Servers = 1,
    drawn: Annotated[int, typer.Option("--jobs", min=1, help="How many jobs to draw.")] = 1_000_000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run one policy on jobs like those of a log: how long do they take, from arrival to completion?

    Draws rows of the log, with their predictions, which arrive at random.
    --replay keeps the log's own times instead, bursts and all. The same seed
    draws the same jobs for every policy, so that runs can be compared.
    """
    from beforehand import scheduling
    from beforehand.core.errors import InvalidInput

    if replay and not load is rate is None:
        raise InvalidInput(
            "--replay keeps the log's own arrivals, so it takes neither --load nor --rate; leave one out"
        )
    order = scheduling.policy_from_json(policy)
    with render.progress(2) as steps:
        steps.begin("reading")
        trace = jobs.read(log, seed=seed)
        finished = scheduling.Log.read(trace).missing_last()
        steps.begin("serving")
        if replay:
            result = scheduling.replay(order, finished, servers=servers).summary(finished)
        else:
            if load is rate is None:
                load = _measured(finished, servers)
            result = asdict(
                scheduling.simulate(order, finished, load=load, rate=rate, jobs=drawn, seed=seed, servers=servers)
            )
    if as_json:
        result["quantiles"] = {str(share): value for share, value in result["quantiles"].items()}
        served = {"policy": json.loads(scheduling.policy_to_json(order)), "log": about(trace)}
        render.show_json(served | render.finite(result))
        return
    show_jobs(trace)
    facts = [("policy", policy), ("times in", _unit(finished)), *_facts(result)]
    facts += _falling_behind(finished, servers) if replay else []
    render.console().print(render.facts(facts))


def _measured(log: "Log", servers: int) -> float:
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.load import overloaded

    load = log.measured_load(servers)
    if math.isnan(load):
        raise InvalidInput("load and rate are left out and the log has no arrivals to measure them by; pass --load 0.8")
    if load >= 1:
        raise overloaded(load, servers)
    return load


def _falling_behind(log: "Log", servers: int) -> list[tuple[str, object]]:
    """That so many servers cannot keep up with a log's own arrivals, so that its length decides the waits."""
    load = log.measured_load(servers)
    if not load >= 1:
        return []
    note = f"the log's arrivals make a load of {load:.3g} for each server, so that the queue grows until the log ends"
    return [("but note", f"{note}; take more --servers")]


def _unit(log: "Log") -> str:
    """The unit of times, and what it has to do with that of the arrivals."""
    from beforehand.scheduling.units import SECONDS

    if log.unit is None:
        return "the unit of the sizes"
    if log.unit in SECONDS or log.time_unit in (None, log.unit) or log.service_rate is None:
        return log.unit
    return f"{log.unit}, of which a server does {log.service_rate:g} a {log.time_unit.removesuffix('s')}"


def _too_heavy(needed: float) -> str:
    """Why there is no interval, and what would give one."""
    from beforehand.scheduling.simulation.simulator import MOST_JOBS

    remedy = f"take --jobs {needed:.0f}" if needed <= MOST_JOBS else "no number of jobs gives one"
    return f"too heavy for an interval; {remedy}"


def _facts(result: Mapping[str, Any]) -> list[tuple[str, object]]:
    """The figures of a run, in the order in which a reader wants them."""
    mean = render.number(result["response_time"])
    if math.isfinite(result.get("interval", math.nan)):
        mean += f" +- {render.number(result['interval'])} (95 % interval)"
    elif "jobs_needed" in result and math.isfinite(result["response_time"]):
        mean += f" ({_too_heavy(result['jobs_needed'])})"
    facts: list[tuple[str, object]] = [("mean response", mean)]
    if math.isfinite(result.get("short", math.nan)):
        facts.append(("of shorts, of longs", f"{render.number(result['short'])}, {render.number(result['long'])}"))
    shares = [f"{100 * share:g} % within {render.number(value)}" for share, value in result["quantiles"].items()]
    facts.append(("response", ", ".join([*shares, f"all within {render.number(result['max'])}"])))
    names = {"slowdown": "mean slowdown", "cheap_calls": "cheap predictions a job",
             "expensive_calls": "expensive predictions a job", "interruptions": "interruptions a job",
             "demotions": "demotions a job", "memory": "memory, mean", "peak_memory": "memory, peak",
             "utilization": "utilization"}  # fmt: skip
    facts += [(shown, render.number(result[name])) for name, shown in names.items() if name in result]
    return [*facts, ("jobs counted", f"{result['jobs']:,}")]


app.command("accuracy", epilog=needed_accuracy.EXAMPLE)(reads_jobs(needed_accuracy.accuracy))
app.command("servers", epilog=needed_servers.EXAMPLE)(reads_jobs(needed_servers.servers))
app.command("simulate-serving", epilog=serving_simulate.EXAMPLE)(serving_simulate.simulate_serving)
app.command("plan-serving", epilog=serving_plan.EXAMPLE)(serving_plan.plan_serving)
app.command("calibrate", epilog=serving_calibrate.EXAMPLE)(serving_calibrate.calibrate)
app.command("gateway", epilog=serving_gateway.EXAMPLE)(serving_gateway.gateway)
app.command("train-probe", epilog=serving_probe.EXAMPLE)(serving_probe.train_probe)
app.command("make-tiny-model", epilog=serving_tiny_model.EXAMPLE)(serving_tiny_model.make_tiny_model)
