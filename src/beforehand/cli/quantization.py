"""`quantization encode | decode | inspect`, and `plan` from its own module."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from beforehand.cli import quantization_plan, quantization_table, render
from beforehand.cli.quantization_plan import Axis, Drop, Objective, Seed, Unnamed

app = typer.Typer(
    help="Fewer bytes for arrays of numbers, at the smallest error those bytes allow.", invoke_without_command=True
)
Method = Literal["auto", "exact", "histogram", "uniform", "rotation", "scaled"]
Scale = Literal["float16", "bfloat16", "e8m0"]
Threads = Annotated[int, typer.Option(min=1, help="Threads; the result does not depend on them.")]
Output = Annotated[str, typer.Option("--output", "-o", help="Where to write, never the input itself; - is stdout.")]
Arrays = Annotated[
    str,
    typer.Argument(
        metavar="IN", help="Arrays: .npy, npz, csv, Parquet, Arrow, safetensors, a folder of these; - is stdin."
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAME", help="Arrays or columns to round, as 'layers.*'; the others are kept."),
]
OF_CODES = (
    "shape", "dtype", "bits", "n_levels", "method", "objective", "seed", "stream", "clipped", "nbytes",
    "bits_per_value",
)  # fmt: skip
OF_TABLES = ("shape", "axis", "block", "n_levels", "method", "objective", "vnmse")
CodeFile = Annotated[str, typer.Argument(metavar="IN.bhq", help="What encode wrote; - is stdin.")]


@app.callback()
def _quantization(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog="Example: beforehand quantization encode weights.npy --levels 16 -o weights.bhq")
def encode(
    context: typer.Context,
    array: Arrays,
    output: Output,
    count: Annotated[
        int, typer.Option("--levels", min=1, max=65536, help="Levels in a table; 16 make 4 bits a value.")
    ] = 16,
    seed: Seed = 0,
    method: Annotated[
        Method,
        typer.Option(
            help="How levels are found; auto picks exact or histogram by size, scaled gives blocks of 64 a scale each."
        ),
    ] = "auto",
    objective: Objective = "mse",
    axis: Axis = None,
    block: Annotated[
        int | None,
        typer.Option(min=1, help="One table for each run of this many values; with --method scaled one scale."),
    ] = None,
    scale: Annotated[
        Scale | None, typer.Option(help="The dtype of scales, with --method scaled; else float16.")
    ] = None,
    zero: Annotated[bool, typer.Option("--zero", help="Make 0 a level, so that zeros stay zeros.")] = False,
    names: Names = None,
    dtype: Unnamed = None,
    drop_nulls: Drop = False,
    plan: Annotated[
        Path | None, typer.Option(help="A plan in JSON, which settles which levels are found and how.")
    ] = None,
    table: quantization_table.Given = None,
    save_table: quantization_table.Saved = None,
    threads: Threads = 1,
) -> None:
    """Round arrays to the levels that suit them best, and write the codes.

    Of a file with several arrays those of floats with two or more axes are
    rounded; where there are none, all of floats. All others, text and whole
    numbers too, are kept as they are. A folder becomes a folder.
    """
    from beforehand import quantization as area
    from beforehand.cli.inputs import keep_input
    from beforehand.cli.quantization_doubts import LARGE_ERROR, doubts, large_error
    from beforehand.cli.quantized_files import Reading, encode_path

    options: dict[str, Any] = {"axis": axis, "block": block, "scale": scale, "zero": zero, "threads": threads}
    planned = None if plan is None else quantization_plan.planned(context, plan, output)
    given = None if table is None else quantization_table.given(context, table, output)
    keep_input(array, save_table)
    if save_table is not None:
        quantization_table.check_apart(save_table, table, output)

    warnings: list[str] = []

    def rounded(values: Any) -> tuple[area.Levels, area.Codes]:
        if planned:
            quantization_plan.check_form(planned, values.data.ndim)
            levels = planned.build().fit(values)
        elif given:
            levels = given.cover(values)
        else:
            levels = area.levels(values, count, method=method, objective=objective, **options)
        codes = area.encode(values, levels, seed=seed, threads=threads)
        if planned is None and given is None:
            warnings.append(doubts(values, levels, codes))
        elif levels.vnmse > LARGE_ERROR:
            by = f"the table {table}" if planned is None else f"the plan {plan}"
            warnings.append(f"{large_error(levels)}; {by} is for other values than these, so leave it out, or make one")
        return levels, codes

    reading = Reading(names=names or (), unnamed=dtype, drop_nulls=drop_nulls)
    found: list[area.Levels] = []
    with render.progress(1) as steps:
        steps.begin("rounding")
        rounder = rounded if save_table is None else quantization_table.keeping(save_table, found, rounded)
        done = encode_path(array, output, reading, rounder)
    if planned and done.lines:
        done.lines.append(f"planned: vNMSE {quantization_plan.promise(planned)}")
    _tell(done.lines, output)
    for warning in sorted(set(warnings) - {""}):
        print(f"beforehand: warning: {warning}", file=sys.stderr)
    _raise_failed(done.failed, array, "encoded")
    if save_table is not None:  # not before all is well, as it may replace another
        found[0].save(save_table)


@app.command(epilog="Example: beforehand quantization decode weights.bhq -o weights.npy")
def decode(
    codes: CodeFile,
    output: Output,
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="NAME", help="Arrays or columns to write; else all.")
    ] = None,
    dtype: Annotated[
        Literal["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"] | None,
        typer.Option(help="Of what was rounded; else that which was encoded."),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Turn codes back into arrays of the dtypes and shapes that were encoded.

    Whole numbers that were rounded come back as floats: levels lie between them.
    The ending of --output names the format: .npy, .npz, .csv, .parquet,
    .arrow or .safetensors; without one it is that which was encoded.
    """
    from beforehand.cli.decoded_files import decode_path

    with render.progress(1) as steps:
        steps.begin("decoding")
        done = decode_path(codes, output, names or (), dtype=dtype, threads=threads)
    _tell(done.lines, output)
    _raise_failed(done.failed, codes, "decoded")


@app.command(epilog="Example: beforehand quantization inspect weights.bhq --json")
def inspect(
    codes: Annotated[str, typer.Argument(metavar="IN", help="What encode wrote, or --save-table kept; - is stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")] = False,
) -> None:
    """Say what a file of codes holds, without decoding it, or a table of levels."""
    from beforehand.cli.decoded_files import read_codes

    form, found = read_codes(codes)
    if form not in ("npy", "table"):
        _inspect_several(form, found, as_json)
        return
    read: Any = next(found)[1]
    facts = {name: getattr(read, name) for name in (OF_CODES if form == "npy" else OF_TABLES)}
    levels = read.levels if form == "npy" else read.values
    if as_json:
        old_names = {"s": read.n_levels} if form == "npy" else {}  # for one release
        render.show_json(facts | old_names | {"levels": levels.tolist()})
        return
    tables = levels.reshape(-1, levels.shape[-1])
    first = ", ".join(f"{level:.5g}" for level in tables[0])
    facts |= {"tables": len(tables), "levels": first if len(tables) == 1 else f"first table: {first}"}
    told = [(name.replace("_", " "), value) for name, value in facts.items() if value is not None]
    render.console().print(render.facts(told))


app.command(epilog="Example: beforehand quantization plan weights.npy --bits 4.25 -o plan.json")(quantization_plan.plan)


def _tell(lines: list[str], output: str) -> None:
    """Say what was done: on stdout, unless that holds the result."""
    for line in lines:
        if output in ("-", "/dev/stdout"):
            print(line, file=sys.stderr)
        else:
            render.show(line)


def _raise_failed(failed: Sequence[str], folder: str, what: str) -> None:
    """Say which files of a folder failed, and raise if any did."""
    from beforehand.core.errors import InvalidInput

    for words in failed:
        print(f"beforehand: {' '.join(words.split())}", file=sys.stderr)
    if failed:
        count = "1 file" if len(failed) == 1 else f"{len(failed)} files"
        raise InvalidInput(f"{count} in {folder} could not be {what}, as said above; correct or remove what is wrong")


def _inspect_several(form: str, found: Iterable[tuple[str, Any]], as_json: bool) -> None:
    names = ("shape", "dtype", "bits", "n_levels", "method", "objective", "seed", "nbytes")
    arrays = [
        {"name": name} | {fact: getattr(each, fact) for fact in names if hasattr(each, fact)} for name, each in found
    ]
    if as_json:
        kept = [array for array in arrays if "bits" not in array]
        render.show_json({"form": form, "arrays": [array for array in arrays if array not in kept], "kept": kept})
        return
    table = render.table("array", *(name.replace("_", " ") for name in names))
    for array in arrays:
        cells = [str(array.get(name, "kept" if name == "method" else "")) for name in names]
        table.add_row(str(array["name"]), *cells)
    render.show_table(table)
