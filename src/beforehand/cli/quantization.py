"""`quantization encode | decode | inspect | plan`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from beforehand.cli import render

app = typer.Typer(
    help="Fewer bytes for arrays of numbers, at the smallest error those bytes allow.", invoke_without_command=True
)
Method = Literal["auto", "exact", "histogram", "uniform", "rotation", "scaled"]
Scale = Literal["float16", "bfloat16", "e8m0"]
Objective = Annotated[
    Literal["unbiased", "mse"],
    typer.Option(help="unbiased: rounding errs to neither side; mse: the smallest error, but biased."),
]
Axis = Annotated[int | None, typer.Option(help="One table of levels for each index along this axis.")]
Block = Annotated[int | None, typer.Option(min=1, help="One table for each run of this many values.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same bytes everywhere.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads; the result does not depend on them.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where to write; never the input itself.")]
CodeFile = Annotated[Path, typer.Argument(metavar="IN.bhq", help="What encode wrote.")]


@app.callback()
def _quantization(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog="Example: beforehand quantization encode weights.npy --levels 16 -o weights.bhq")
def encode(
    array: Annotated[Path, typer.Argument(metavar="IN.npy", help="An array of numbers, as numpy.save writes it.")],
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
    objective: Objective = "unbiased",
    axis: Axis = None,
    block: Annotated[
        int | None,
        typer.Option(min=1, help="One table for each run of this many values; with --method scaled one scale."),
    ] = None,
    scale: Annotated[
        Scale | None, typer.Option(help="The dtype of scales, with --method scaled; else float16.")
    ] = None,
    zero: Annotated[bool, typer.Option("--zero", help="With --method scaled: make 0 a level.")] = False,
    threads: Threads = 1,
) -> None:
    """Round an array to the levels that suit it best, and write the codes."""
    from beforehand import quantization as area
    from beforehand.cli.inputs import keep_input, naming, read_array
    from beforehand.core.files import writing
    from beforehand.quantization.inputs import as_values

    keep_input(array, output)
    with render.progress(4) as steps:
        steps.begin("reading")
        x = read_array(array)
        with naming(array):
            steps.begin("finding levels")
            values = as_values(x)
            options: dict[str, Any] = {"axis": axis, "block": block, "scale": scale, "zero": zero, "threads": threads}
            levels = area.levels(values, count, method=method, objective=objective, **options)
            steps.begin("encoding")
            codes = area.encode(values, levels, seed=seed, threads=threads)
        steps.begin("writing")
        with writing(output) as stream:
            size = stream.write(codes.to_bytes())
    smaller = f"{size:,} bytes, {codes.bits_per_value:.3g} bits a value, {x.nbytes / size:.3g} times smaller"
    render.show(
        f"wrote {output}: {smaller}; vNMSE {levels.vnmse:.3g} ({levels.method}, {levels.objective}, seed {seed})"
    )


@app.command(epilog="Example: beforehand quantization decode weights.bhq -o weights.npy")
def decode(codes: CodeFile, output: Output, threads: Threads = 1) -> None:
    """Turn codes back into an array of the dtype and shape that were encoded."""
    import numpy as np

    from beforehand import quantization as area
    from beforehand.cli.inputs import keep_input
    from beforehand.core.files import writing

    keep_input(codes, output)
    with render.progress(3) as steps:
        steps.begin("reading")
        read = _read_codes(codes)
        steps.begin("decoding")
        array = area.decode(read, threads=threads)
        steps.begin("writing")
        with writing(output) as stream:
            np.lib.format.write_array(stream, array, allow_pickle=False)
    render.show(f"wrote {output}: {array.dtype} of shape {array.shape}")


@app.command(epilog="Example: beforehand quantization inspect weights.bhq --json")
def inspect(
    codes: CodeFile, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")] = False
) -> None:
    """Say what a file of codes holds, without decoding it."""
    read = _read_codes(codes)
    names = (
        "shape",
        "dtype",
        "bits",
        "n_levels",
        "method",
        "objective",
        "seed",
        "stream",
        "clipped",
        "nbytes",
        "bits_per_value",
    )
    facts = {name: getattr(read, name) for name in names}
    if as_json:
        old_names = {"s": read.n_levels}  # for one release
        render.show_json(facts | old_names | {"levels": read.levels.tolist()})
        return
    tables = read.levels.reshape(-1, read.levels.shape[-1])
    first = ", ".join(f"{level:.5g}" for level in tables[0])
    facts |= {"tables": len(tables), "levels": first if len(tables) == 1 else f"first table: {first}"}
    render.console().print(render.facts([(name.replace("_", " "), value) for name, value in facts.items()]))


@app.command(epilog="Example: beforehand quantization plan weights.npy --bits 4 -o plan.json")
def plan(
    sample: Annotated[
        Path, typer.Argument(metavar="IN", help="Complete vectors: the rows of a .npy array, or a trace.")
    ],
    bits: Annotated[int | None, typer.Option(min=1, max=8, help="Bits a value; or give --max-vnmse.")] = None,
    max_vnmse: Annotated[float | None, typer.Option(help="The error allowed; or give --bits.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
    objective: Objective = "unbiased",
    access: Annotated[
        Literal["element", "row", "whole"],
        typer.Option(help="What must be readable alone; rotation needs row or whole."),
    ] = "element",
    axis: Axis = None,
    block: Block = None,
    bytes_per_second: Annotated[float | None, typer.Option(help="The link's speed, if codes travel.")] = None,
    seed: Seed = 0,
    kind: Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it.")] = None,
) -> None:
    """Choose a design on a sample: what it will gain, what it costs, and whether it is worth it."""
    from beforehand import quantization as area
    from beforehand.cli.inputs import keep_input, read_sample
    from beforehand.core.files import writing

    keep_input(sample, output)
    options: dict[str, Any] = {
        "access": access, "axis": axis, "block": block, "bytes_per_second": bytes_per_second, "seed": seed,
    }  # fmt: skip
    with render.progress(2) as steps:
        steps.begin("reading")
        vectors = read_sample(sample, kind)
        steps.begin("trying designs")
        chosen = area.plan(vectors, bits=bits, max_vnmse=max_vnmse, objective=objective, **options)
    render.show(chosen.explain())
    if output:
        with writing(output) as stream:
            stream.write(chosen.to_json().encode())
        render.show(f"wrote {output}")


def _read_codes(path: Path) -> Any:
    from beforehand import quantization as area
    from beforehand.cli.inputs import naming, read_bytes

    data = read_bytes(path)
    with naming(path):
        return area.Codes.from_bytes(data)
