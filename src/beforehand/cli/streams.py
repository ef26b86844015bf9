"""`streams top | train | plan | merge | show | compare`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from beforehand.cli import render, stream_plans, stream_results, stream_summaries
from beforehand.cli.interrupts import Interrupts
from beforehand.cli.stream_inputs import Column, Files, InputFormat, StreamInput, Weights
from beforehand.cli.stream_progress import watching
from beforehand.cli.stream_results import Form, Json, Results, counted

app = typer.Typer(
    help="Which keys are heavy, and how often did each come? In fixed memory, with bounds.",
    invoke_without_command=True,
)
Seed = Annotated[int, typer.Option(min=0, help="Of all hashes; a random one defends against an adversary.")]
Save = Annotated[Path | None, typer.Option("--save", "-o", help="Where to write the summary.")]


@app.callback()
def _streams(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog="Example: beforehand streams top access.log --k 20 --memory 256KiB")
def top(
    files: Files,
    column: Column = None,
    weights: Weights = None,
    form: InputFormat = "auto",
    k: Annotated[int, typer.Option(min=1, help="How many keys to show.")] = 100,
    phi: Annotated[
        float | None, typer.Option(min=0, max=1, help="Show all keys above this share of the stream instead.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Bytes of the summary, such as 64KiB or 1MB; 256KiB if not given.")
    ] = None,
    policy: Annotated[
        Literal["exact", "assoc", "filtered", "gated"] | None,
        typer.Option(help="gated if not given, which has the smallest errors without a predictor."),
    ] = None,
    predictor: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="What train wrote: predictions for keys that are not tracked.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="What plan wrote, instead of memory, policy and predictor.")] = None,
    window: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Count the last N arrivals instead of all of them.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(min=1, metavar="M", help="Show the result again after each M arrivals or soon after.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more at the end of the last file, until Ctrl-C.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Count exactly beside it, in as much memory as that takes, and compare.")
    ] = False,
    seed: Seed = 0,
    save: Save = None,
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Show the heaviest keys of a stream, with certified bounds of their counts.

    Ctrl-C shows the result so far, and so does a file that cannot be read
    to its end. Everything is read once, in a fixed amount of memory.
    """
    from beforehand.cli.stream_check import Check
    from beforehand.core.errors import BeforehandError, InvalidInput
    from beforehand.streams.sizes import as_bytes

    stream_summaries.check_place(save, *files, predictor, plan)
    source = StreamInput(files=files, column=column, weights=weights, format=form, follow=follow)
    summary = stream_summaries.make(
        memory=memory, policy=policy, predictor=predictor, plan=plan, window=window, seed=seed
    )
    if check and hasattr(summary, "window"):
        raise InvalidInput("check counts the whole stream, but the summary only a window of it; leave --check out")
    most = as_bytes(memory or stream_summaries.MEMORY) if plan is None else None
    shown = Results(summary=summary, output=stream_results.form(output, as_json), k=k, phi=phi, most=most)
    exact = Check() if check else None
    failure: BeforehandError | None = None
    with Interrupts() as interrupts, watching(source.size(), summary) as watch:

        def update(keys: Any, weights: Any) -> None:
            summary.update(keys, *([] if weights is None else [weights]))
            if exact:
                exact.update(keys, weights)
            before = watch.arrivals
            watch.counted(len(keys))
            if every and watch.arrivals // every > before // every:
                with watch.paused():
                    shown.show(after=watch.arrivals)

        try:
            source.feed(update, interrupts, watch.heard)
        except BeforehandError as error:
            if watch.arrivals == 0:  # there is nothing to lose
                raise
            failure = error
    errors = None
    if check or not every or shown.after != watch.arrivals:
        errors = shown.show(exact, after=watch.arrivals if every else None)
    if save:
        stream_summaries.write(summary, save)
    if failure:
        words = f"{failure}; the result is that of the {counted(watch.arrivals, 'arrival')} before it"
        raise type(failure)(words) from failure
    if interrupts.asked:
        raise typer.Exit(130)
    if errors and errors.violations:
        raise typer.Exit(1)


@app.command(epilog="Example: beforehand streams train january.log -o model.bhss")
def train(
    files: Files,
    save: Annotated[Path, typer.Option("--save", "-o", help="Where to write the model.")],
    column: Column = None,
    weights: Weights = None,
    form: InputFormat = "auto",
    model: Annotated[
        Literal["auto", "table", "ngrams", "bits", "table+ngrams"],
        typer.Option(help="table remembers keys; ngrams reads text, bits integers; auto goes by the keys."),
    ] = "auto",
    entries: Annotated[int, typer.Option(min=1, help="Keys that a table remembers.")] = 8192,
    buckets: Annotated[
        int | None, typer.Option(min=1, help="Weights of ngrams or bits; 1024 and 512 if not given.")
    ] = None,
    fraction: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of the arrivals, the first, to learn from.")
    ] = 0.5,
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Learn from a stream which keys will be heavy; judge it on the part not learned from.

    Counts exactly, in as much memory as that takes.
    """
    from beforehand.cli import stream_training

    stream_summaries.check_place(save, *files)
    source = StreamInput(files=files, column=column, weights=weights, format=form)
    predictor, quality = stream_training.train(source, model, entries=entries, buckets=buckets, fraction=fraction)
    stream_summaries.write(predictor, save)
    shape = stream_results.form(output, as_json)
    stream_results.show_facts(stream_summaries.facts(predictor) | quality, shape)
    if shape == "table" and fraction < 1:
        render.show(f"\n{stream_training.LEGEND}")


app.command(epilog="Example: beforehand streams plan access.log --memory 64KiB --train -o plan.json")(stream_plans.plan)


@app.command(epilog="Example: beforehand streams merge monday.bhss tuesday.bhss -o week.bhss")
def merge(
    summaries: Annotated[
        list[Path], typer.Argument(metavar="SUMMARY...", help="Summaries that top saved, of different streams.")
    ],
    save: Annotated[Path, typer.Option("--save", "-o", help="Where to write the summary of them all.")],
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Merge summaries of several streams into that of all of them; its bounds hold, too."""
    stream_summaries.check_place(save)  # which may be one of them: a week to which a day is added
    merged = stream_summaries.merged(summaries)
    stream_summaries.write(merged, save)
    Results(summary=merged, output=stream_results.form(output, as_json), k=20).show()


@app.command(epilog="Example: beforehand streams show week.bhss --json")
def show(
    stored: Annotated[Path, typer.Argument(metavar="SUMMARY", help="What top or merge saved; or a model of train.")],
    k: Annotated[int, typer.Option(min=1, help="How many keys to show.")] = 20,
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Say what a file holds: the heaviest keys of a summary, the price and the horizon of a model."""
    read = stream_summaries.read(stored)
    form = stream_results.form(output, as_json)
    if hasattr(read, "top"):
        Results(summary=read, output=form, k=k).show()
    else:
        stream_results.show_facts(stream_summaries.facts(read), form)


app.command(epilog="Example: beforehand streams compare access.log --memory 64KiB")(stream_plans.compare)
