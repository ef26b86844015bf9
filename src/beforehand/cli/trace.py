"""`trace show` and `trace convert`: inspect traces, and convert them between formats."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beforehand.cli import render

if TYPE_CHECKING:
    from numpy.typing import NDArray

app = typer.Typer(help="Look at traces and convert them (npz, csv, jsonl, parquet).", invoke_without_command=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A trace in npz, csv, jsonl or parquet, or a public log.")]
Kind = Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it: vectors, jobs ...")]


@app.callback()
def _trace(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog="Example: beforehand trace show jobs.csv --kind jobs")
def show(
    file: File,
    kind: Kind = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the content of a trace: kind, rows, columns with the range of their finite values, metadata, fingerprint."""
    from beforehand.cli.inputs import read_trace

    trace = read_trace(file, kind)
    columns = {name: _summary(column) for name, column in trace.columns.items()}
    for child, table in trace.children.items():
        columns |= {f"{child}.{name}": _summary(column) for name, column in table.columns.items()}
    if as_json:
        head = {"kind": trace.kind, "rows": len(trace), "fingerprint": trace.fingerprint, "meta": trace.meta}
        render.show_json(head | {"columns": columns})
        return
    out = render.console()
    out.print(render.facts([("kind", trace.kind), ("rows", len(trace)), ("fingerprint", trace.fingerprint)]))
    out.print()
    listed = render.table("column", "dtype", "shape", "from", "to")
    for name, summary in columns.items():
        shape = " x ".join(map(str, summary["shape"]))
        listed.add_row(name, summary["dtype"], shape, _short(summary["min"]), _short(summary["max"]))
    out.print(listed)
    if trace.meta:
        out.print()
        out.print(render.facts(list(trace.meta.items())))


@app.command(epilog="Example: beforehand trace convert jobs.csv --kind jobs -o jobs.npz")
def convert(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write; the ending picks the format.")],
    kind: Kind = None,
) -> None:
    """Write a trace in another format. npz and parquet hold everything, jsonl no 2-D columns, csv no child tables."""
    from beforehand.cli.inputs import keep_input, read_trace
    from beforehand.cli.serving_options import read_requests

    keep_input(file, output)
    trace = read_requests(file) if kind == "requests" else read_trace(file, kind)
    trace.save(output)
    render.show(f"wrote {output}: {len(trace)} rows of {trace.kind}")


def _summary(column: "NDArray[Any]") -> dict[str, Any]:
    values = column[abs(column) < float("inf")] if column.dtype.kind == "f" else column.ravel()
    low, high = None, None
    if len(values) and values.dtype.kind in "US":  # numpy finds no smallest string
        low, high = (_text(extreme(values.tolist())) for extreme in (min, max))
    elif len(values):
        low, high = values.min().item(), values.max().item()
    dtype = {"U": "str", "S": "bytes"}.get(column.dtype.kind, column.dtype.name)
    return {"dtype": dtype, "shape": list(column.shape), "min": low, "max": high}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")


def _short(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:24]
