"""`streams plan | compare`: which summary a recorded stream calls for."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from beforehand.cli import render, stream_results, stream_summaries
from beforehand.cli.interrupts import Interrupts
from beforehand.cli.stream_inputs import Column, Files, InputFormat, StreamInput, Weights
from beforehand.cli.stream_progress import watching
from beforehand.cli.stream_results import Form, Json

if TYPE_CHECKING:
    from beforehand.streams import StreamPlan
    from beforehand.streams.replay import Stream

HEAD = ("design", "value", "low", "high", "items_per_second", "memory")


def plan(
    files: Files,
    column: Column = None,
    weights: Weights = None,
    form: InputFormat = "auto",
    memory: Annotated[
        str | None, typer.Option(help="Bytes of the summary, such as 64KiB or 1MB; or give --target.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="The error allowed, as a share of the stream; or give --memory.")
    ] = None,
    metric: Annotated[
        Literal["weighted_error", "rmse", "recall", "upper"],
        typer.Option(help="What to judge by: the error over arrivals or over keys, misses in the top 100, the bounds."),
    ] = "weighted_error",
    predictor: Annotated[
        list[Path] | None, typer.Option(metavar="MODEL", help="What train wrote; several may be given.")
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="Also try a model trained on the first half of the stream.")
    ] = False,
    window: Annotated[int | None, typer.Option(min=1, metavar="N", help="Count the last N arrivals only.")] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Scale errors to a stream of N arrivals.")
    ] = None,
    shared_by: Annotated[int, typer.Option(min=1, help="How many summaries share one model.")] = 1,
    min_rate: Annotated[float | None, typer.Option(help="Items a second that a design must count.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    save: Annotated[Path | None, typer.Option("--save", "-o", help="Where to write the plan, in JSON.")] = None,
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Choose a summary for streams like this one, and say whether a predictor would pay.

    The first half trains, the second is counted by every design and compared
    with the truth. All of the stream is kept in memory.
    """
    from beforehand import streams
    from beforehand.core.files import writing

    stream_summaries.check_place(save, *files, *(predictor or ()))
    stream = read_stream(StreamInput(files=files, column=column, weights=weights, format=form))
    predictors: list[Any] = [stream_summaries.read(path) for path in predictor or ()]
    if train:
        predictors.append(_auto(stream))
    with render.progress(1) as steps:
        steps.begin("replaying")
        chosen = streams.plan(
            stream,
            memory=memory,
            target=target,
            metric=metric,
            predictors=predictors,
            window=window,
            horizon=horizon,
            shared_by=shared_by,
            min_rate=min_rate,
            seed=seed,
        )
    match stream_results.form(output, as_json):
        case "json":
            print(chosen.to_json())
        case "csv":
            _write_csv(HEAD, _rows(chosen))
        case "table":
            render.show(chosen.explain())
    if save:
        with writing(save) as file:
            file.write(chosen.to_json().encode())
        stream_results.wrote(save)


def compare(
    files: Files,
    column: Column = None,
    weights: Weights = None,
    form: InputFormat = "auto",
    memory: Annotated[str, typer.Option(help="Bytes of each summary, such as 64KiB or 1MB.")] = "256KiB",
    output: Form = "table",
    as_json: Json = False,
) -> None:
    """Count a stream by every policy, and by the rivals that are installed, and compare them with the truth.

    All of the stream is kept in memory. Errors are shares of the stream.
    """
    from beforehand.cli.stream_comparison import compared
    from beforehand.streams.sizes import as_bytes

    stream = read_stream(StreamInput(files=files, column=column, weights=weights, format=form))
    with render.progress(1) as steps:
        steps.begin("counting")
        found = compared(stream, as_bytes(memory))
    rows = [row._asdict() for row in found]
    match stream_results.form(output, as_json):
        case "json":
            render.show_json({"arrivals": len(stream), "distinct": stream.ids.size, "designs": rows})
        case "csv":
            _write_csv(tuple(rows[0]), [tuple(row.values()) for row in rows])
        case "table":
            _show(stream, found)


def _rows(chosen: "StreamPlan") -> list[tuple[Any, ...]]:
    return [
        (each.design, each.error.value, each.error.low, each.error.high, each.items_per_second, each.options["memory"])
        for each in chosen.candidates
    ]


def _write_csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows([head, *rows])


def _show(stream: "Stream", found: list[Any]) -> None:
    counted = stream_results.counted
    render.show(
        f"{counted(len(stream), 'arrival')} of {counted(stream.ids.size, 'distinct key')}; errors as shares of the "
        "stream: mean over arrivals, and root mean square over keys; missed of the 100 heaviest keys; keys "
        "outside their bounds\n"
    )
    table = render.table("design", "bytes", "mean", "RMS", "missed", "M items/s", "outside", gap=1)
    for number in range(1, 7):
        table.columns[number].justify = "right"
    for row in found:
        cells = [f"{row.bytes:,}", *(render.number(each) for each in (row.weighted_error, row.rmse))]
        missed = "-" if row.missed is None else f"{row.missed:.0%}"
        outside = "no bounds" if row.violations is None else f"{row.violations:,}"
        table.add_row(Text(row.design), *cells, missed, f"{row.items_per_second / 1e6:.3g}", outside)
    render.show_table(table)


def read_stream(source: StreamInput) -> "Stream":
    """All arrivals of the input.

    Raises:
        InvalidInput: as `StreamInput.feed`, or there are no keys.
        CorruptData: as `StreamInput.feed`.
    """
    from beforehand.streams.replay import Stream

    parts: list[tuple[Any, Any]] = []
    with Interrupts() as interrupts, watching(source.size()) as watch:

        def update(keys: Any, weights: Any) -> None:
            parts.append((keys, weights))
            watch.counted(len(keys))

        source.feed(update, interrupts, watch.heard)
        if interrupts.asked:
            raise KeyboardInterrupt
    return Stream.join(parts)


def _auto(stream: "Stream") -> Any:
    """What `streams train` takes where it is to choose, not fitted yet."""
    from beforehand.cli.stream_training import made

    return made("auto", text=isinstance(stream.keys, list), entries=8192, buckets=None)
