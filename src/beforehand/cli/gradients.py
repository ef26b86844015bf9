"""`gradients plan | bench`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beforehand.cli import render

if TYPE_CHECKING:  # the area's imports wait until a command needs them
    from beforehand.core import Trace
    from beforehand.gradients import Codec, Link

app = typer.Typer(
    help="Fewer bytes between workers that train together, where the network is what they wait for.",
    invoke_without_command=True,
)
BITS = {"bit": 1.0, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
TraceFile = Annotated[
    Path, typer.Argument(metavar="TRACE", help="Recorded gradients, as record_gradients writes them: .npz or .parquet.")
]
Workers = Annotated[int, typer.Option(min=2, help="How many workers will train.")]
Codecs = Annotated[
    list[str] | None,
    typer.Option(
        "--codec",
        metavar="JSON",
        help='Try this codec instead of all families: \'{"codec": "THC", "bits": 3}\'. May be given several times.',
    ),
]


@app.callback()
def _gradients(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(
    epilog="Example: beforehand gradients plan gradients.npz --workers 4 --compute-seconds 0.2 --latency 1e-4 "
    "--bandwidth 50mbit -o plan.json"
)
def plan(
    trace: TraceFile,
    workers: Workers,
    compute_seconds: Annotated[
        float, typer.Option(help="Seconds of one step without its exchange: forward, backward and optimizer.")
    ],
    link: Annotated[Path | None, typer.Option(help="What measure_link measured, in JSON.")] = None,
    latency: Annotated[
        float | None, typer.Option(help="Seconds before a message arrives; with --bandwidth in place of --link.")
    ] = None,
    bandwidth: Annotated[str | None, typer.Option(help="Such as 50mbit or 1gbit; with --latency.")] = None,
    overlap: Annotated[
        float, typer.Option(help="Share of computing in which gradients can travel; 0 where both take the same cores.")
    ] = 0.0,
    codec: Codecs = None,
    max_vnmse: Annotated[
        float, typer.Option(help="The largest error allowed: squared error of the mean over its squared length.")
    ] = 0.1,
    margin: Annotated[float, typer.Option(help="The least gain worth having; 0.1 is 1.1 times as fast.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling behind intervals.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
) -> None:
    """Choose a codec and what carries it, or say that a plain sum is as good.

    Every candidate runs on the recorded gradients, on this machine. A pilot,
    which asks how many steps training needs, takes Python: gradients.plan.
    """
    from beforehand import gradients as area
    from beforehand.cli.inputs import keep_input
    from beforehand.core.files import writing

    for given in (trace, *([link] if link else [])):
        keep_input(given, output)
    joins = _link(link, latency, bandwidth)
    with render.progress(2) as steps:
        steps.begin("reading")
        recorded = _read(trace)
        steps.begin("running codecs")
        chosen = area.plan(
            recorded,
            link=joins,
            workers=workers,
            compute_seconds=compute_seconds,
            overlap=overlap,
            candidates=_codecs(codec),
            max_vnmse=max_vnmse,
            margin=margin,
            seed=seed,
        )
    render.show(chosen.explain())
    if output:
        with writing(output) as stream:
            stream.write(chosen.to_json().encode())
        render.show(f"wrote {output}")


@app.command(epilog="Example: beforehand gradients bench gradients.npz --workers 4")
def bench(
    trace: TraceFile,
    workers: Workers,
    codec: Codecs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")] = False,
) -> None:
    """Run codecs on recorded gradients: how far off each is, what it sends, and how long it takes here."""
    from beforehand.cli.gradient_bench import benched

    with render.progress(2) as steps:
        steps.begin("reading")
        recorded = _read(trace)
        steps.begin("running codecs")
        rows, refused = benched(recorded, workers, _codecs(codec))
    if as_json:
        render.show_json({"workers": workers, "codecs": [row._asdict() for row in rows], "refused": refused})
        return
    render.show(
        f"{workers} workers; vNMSE measured on {trace} (of the sum of its steps where a codec has feedback: *) and in "
        "theory; bytes that one worker sends in a step, up with what is added and down with the sums; seconds of its "
        "codec in a step. Options that are not named have their defaults.\n"
    )
    table = render.table("codec", "vNMSE", "theory", "up", "down", "encode", "accumulate", "decode", gap=1)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        error = f"{row.vnmse:.2g}{'*' if row.feedback else ''}"
        theory = "-" if row.expected is None else f"{row.expected:.2g}"
        seconds = [f"{each:.2g}" for each in (row.encode, row.accumulate, row.decode)]
        table.add_row(row.codec, error, theory, *(f"{each:,.0f}" for each in (row.up, row.down)), *seconds)
    render.show_table(table)
    for reason in refused:
        render.show(f"refused: {reason}")


def as_rate(text: str) -> float:
    """Bytes a second.

    Raises:
        InvalidInput: it is not a number with bit, kbit, mbit or gbit.
    """
    from beforehand.core.errors import InvalidInput

    found = re.fullmatch(r"\s*(\d+\.?\d*(?:e\d+)?)\s*([kmg]?bit)(?:/s)?\s*", text, re.IGNORECASE)
    if not found:
        raise InvalidInput(f"bandwidth is {text!r}, but must be a number with bit, kbit, mbit or gbit, such as 50mbit")
    return float(found[1]) * BITS[found[2].lower()] / 8


def _link(file: Path | None, latency: float | None, bandwidth: str | None) -> "Link":
    from beforehand.cli.inputs import naming, read_bytes
    from beforehand.core.errors import InvalidInput
    from beforehand.gradients import Link

    if file is not None and latency is None and bandwidth is None:
        data = read_bytes(file)
        with naming(file):
            return Link.from_json(data.decode(errors="replace"))
    if file is None and latency is not None and bandwidth is not None:
        return Link(latency, as_rate(bandwidth))
    raise InvalidInput("the link is not clear: give --link, or both --latency and --bandwidth")


def _codecs(given: list[str] | None) -> "list[Codec | Any] | None":
    from beforehand.gradients import codec_from_json

    return None if given is None else [codec_from_json(text) for text in given]


def _read(path: Path) -> "Trace":
    from beforehand.core import Trace

    return Trace.load(path)
