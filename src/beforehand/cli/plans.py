"""`explain` and `audit`: plans of any area, read and checked."""

import json
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from beforehand.cli import render
from beforehand.cli.jobs import JobOptions, about, reads_jobs, show_jobs
from beforehand.cli.serving_options import Lengths, lengths_of, read_requests

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan in JSON, such as plan.json.")]


def explain(plan: PlanFile) -> None:
    """Say in words what a plan chose, what it expects, and what it costs."""
    from beforehand.core import load_plan

    render.show(load_plan(plan).explain())


@reads_jobs
def audit(
    plan: PlanFile,
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE",
            help="What the plan never saw: a trace, an array in .npy; for a stream or a queue any such log.",
        ),
    ],
    jobs: JobOptions,
    kind: Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it.")] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            "--name",
            help="Column of keys, for a plan of a stream, else key, or the only one; or of a Parquet file of --keys; "
            "or the array, for a plan of quantization, if the file has several.",
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keys, for a plan of ranges: .npy, Parquet with --column, or a line each."),
    ] = None,
    lengths: Lengths = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a plan's expectation on data that it never saw.

    Prints expected, measured, the strongest practical baseline and the
    clairvoyant side by side. A log of jobs is read as the plan's own was,
    with its columns, filters, units and assumptions, unless options of
    this command say otherwise.
    """
    from beforehand.core import load_plan
    from beforehand.core.errors import InvalidInput

    chosen: Any = load_plan(plan)
    if keys is not None and chosen.area != "ranges":
        raise InvalidInput(f"keys is {keys}, but {plan} is no plan of a range filter; leave it out")
    queue = chosen.area == "scheduling" and kind in (None, "jobs") and column is None
    if not queue and (given := jobs.words()):
        raise InvalidInput(f"{given} says how to read a log of jobs, but {plan} is no plan of a queue; leave it out")
    serving = chosen.area == "scheduling.serving" and kind in (None, "requests") and column is None
    if lengths is not None and not serving:
        raise InvalidInput(f"lengths is {lengths!r}, but {plan} is no plan of an LLM engine; leave it out")
    with render.progress(2) as steps:
        steps.begin("reading")
        if chosen.area == "ranges":
            holdout, known_keys = _ranges(trace, kind, keys, column)
        elif queue:
            holdout = _next_log(chosen, trace, jobs)
        else:
            holdout = _holdout(chosen.area, trace, kind, column)
        steps.begin("auditing")
        if chosen.area == "ranges":
            report = chosen.audit(holdout, keys=known_keys)
        elif serving:
            _check_lengths(plan, chosen, trace, holdout, lengths)
            known = {} if lengths is None else {"lengths": lengths_of(lengths, chosen.setting.seed + 1)}
            report = chosen.audit(holdout, folder=plan.parent, **known)
        else:
            report = chosen.audit(holdout)
    if as_json:
        told = {"log": about(holdout)} if queue else {}
        render.show_json(json.loads(report.to_json()) | told)
        return
    if queue:
        show_jobs(holdout)
        render.show(f"{len(holdout):,} jobs, times and costs in {holdout.meta.get('unit', 'the unit of the sizes')}\n")
    render.show_report(report)


def _check_lengths(path: Path, plan: Any, trace: Path, holdout: Any, lengths: str | None) -> None:
    """Raise unless predictions that neither the plan holds nor can be found again are there.

    Raises:
        InvalidInput: they are not; the remedy is in the words of the command line.
    """
    from beforehand.core.errors import InvalidInput

    outside = plan.known.lengths in ("given", "column") and any(each.reads for each in (plan.chosen, plan.best))
    if lengths is None and outside and "predicted_tokens" not in holdout.columns:
        raise InvalidInput(
            f"{path} was made with predictions that it does not hold, and {trace} has no column predicted_tokens; pass "
            "--lengths as plan-serving got it, such as --lengths noisy:46.1"
        )


def _next_log(plan: Any, path: Path, jobs: JobOptions) -> Any:
    """A log that is read as the plan's own was; predictions that it has are not drawn."""
    from beforehand.core.errors import InvalidInput

    kept = JobOptions.of(plan.read_with)
    try:
        return _read_alike(path, jobs, kept, plan.seed + 1)  # other errors than those that were planned with
    except InvalidInput as error:
        if not (said := kept.words()) or jobs.said() or not path.exists():
            raise
        raise InvalidInput(
            f"{error}; the plan's own log was read with {said}, which options of audit replace"
        ) from error


def _read_alike(path: Path, jobs: JobOptions, kept: JobOptions, seed: int) -> Any:
    asked = jobs.over(kept)
    assumed = kept.assumed().keys() - jobs.assumed().keys()
    if not assumed:
        return asked.read(path, seed=seed)
    found = _without(asked, assumed).read(path, seed=seed)  # only then it is known which predictions there are
    has = assumed & found.columns.keys()
    return found if has == assumed else _without(asked, has).read(path, seed=seed)


def _without(asked: JobOptions, assumed: Set[str]) -> JobOptions:
    """The options without these assumptions."""
    none: dict[str, Any] = {f"assume_{name}": None for name in assumed}
    return replace(asked, **none)


def _ranges(path: Path, kind: str | None, keys: Path | None, column: str | None) -> tuple[Any, Any]:
    """Queries, and the keys that they are asked of."""
    from beforehand.cli.range_inputs import read_piece
    from beforehand.core.errors import InvalidInput

    if kind not in (None, "ranges"):
        raise InvalidInput(f"kind is {kind!r}, but a plan of a range filter is checked by ranges; leave it out")
    if keys is None:
        raise InvalidInput("keys are missing, but an audit builds the filter over those of the data; pass --keys FILE")
    return read_piece(path, keys, column)


def _holdout(area: str, path: Path, kind: str | None, column: str | None) -> Any:
    """What an area's plans audit: a stream is read as `streams plan` reads it."""
    from beforehand.cli.inputs import read_sample
    from beforehand.cli.stream_inputs import StreamInput
    from beforehand.cli.stream_plans import read_stream
    from beforehand.core.errors import InvalidInput

    if area == "scheduling.serving" and kind in (None, "requests") and column is None:
        return read_requests(path)
    if area == "streams" and kind is None:
        return read_stream(StreamInput(files=[str(path)], column=column))
    if area == "quantization":
        from beforehand.cli.quantized_files import Reading, read_vectors

        return read_vectors(str(path), kind, Reading(names=() if column is None else (column,)))
    if column is not None:
        raise InvalidInput(f"column is {column!r}, but only streams read without --kind have one; leave it out")
    return read_sample(path, kind)
