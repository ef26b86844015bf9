"""`quantization plan`: the error against the bytes, as a table in the terminal and a picture on a page."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beforehand.cli import page, render
from beforehand.cli.answer import Answer
from beforehand.cli.queue_options import Html
from beforehand.reporting import Sheet

if TYPE_CHECKING:  # the area's imports wait until a command needs them
    from beforehand.cli.figures import Draw
    from beforehand.quantization import QuantizationPlan

SETTLED = ("count", "method", "objective", "axis", "block", "scale", "zero")  # by a plan or a table
MOST_BITS = 9  # that are drawn
LEDE = "The least error for every number of bytes, of all ways to keep these values, with all that a file holds."
Objective = Annotated[
    Literal["unbiased", "mse"],
    typer.Option(
        help="Will values be read, as weights and embeddings are (mse: the smallest error), or summed, as gradients "
        "and counts are (unbiased: errors cancel, at about twice the error)?"
    ),
]
Axis = Annotated[int | None, typer.Option(help="One table of levels for each index along this axis.")]
Unnamed = Annotated[
    Literal["float8_e4m3fn", "float8_e5m2"] | None,
    typer.Option("--dtype", help="What a .npy of float8 holds, which numpy does not write down."),
]
Drop = Annotated[bool, typer.Option("--drop-nulls", help="Leave out rows with nulls or empty cells.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same bytes everywhere.")]


def plan(
    context: typer.Context,
    sample: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="Vectors along the last axis of an array, in any file that encode reads, or a trace."
        ),
    ],
    bits: Annotated[
        float | None, typer.Option(help="Bits a value, such as 4.25, with all that the file will hold.")
    ] = None,
    max_vnmse: Annotated[float | None, typer.Option(help="The error allowed, instead of --bits; else 0.01.")] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Bytes of the codes, instead of --bits; what is kept beside them comes on top.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
    objective: Objective = "mse",
    access: Annotated[
        Literal["element", "row", "whole"],
        typer.Option(help="What must be readable alone; rotation needs row or whole."),
    ] = "row",
    axis: Axis = None,
    block: Annotated[int | None, typer.Option(min=1, help="Only blocks of this many values.")] = None,
    bytes_per_second: Annotated[float | None, typer.Option(help="The link's speed, if codes travel.")] = None,
    seed: Seed = 0,
    kind: Annotated[str | None, typer.Option(help="What the rows are, if the file does not say it.")] = None,
    name: Annotated[str | None, typer.Option(help="The array or column, if the file has several.")] = None,
    dtype: Unnamed = None,
    drop_nulls: Drop = False,
    html: Html = None,
) -> None:
    """Find the least error for the bytes at hand, and say what knowing the data is worth.

    Tries one table for all values, for rows and for columns, scaled blocks,
    rotation, NF4 and integers, and shows the best for every number of bits.
    `encode --plan` writes what was chosen, of this file or of another one.
    """
    from beforehand import quantization as area
    from beforehand.cli.inputs import keep_input
    from beforehand.cli.quantized_files import Reading, read_vectors
    from beforehand.core.errors import InvalidInput
    from beforehand.core.files import writing

    keep_input(sample, output, html)
    if str(output) == "-":
        raise InvalidInput("--output is -, but stdout is for the table; name a file")
    options: dict[str, Any] = {
        "access": access, "axis": axis, "block": block, "bytes_per_second": bytes_per_second, "seed": seed,
    }  # fmt: skip
    budget: dict[str, Any] = {"bits": bits, "max_vnmse": max_vnmse, "max_bytes": max_bytes}
    with render.progress(2) as steps:
        steps.begin("reading")
        reading = Reading(names=() if name is None else (name,), unnamed=dtype, drop_nulls=drop_nulls)
        vectors = read_vectors(sample, kind, reading)
        steps.begin("trying designs")
        chosen = area.plan(vectors, **budget, objective=objective, **options)
    if output:
        with writing(output) as stream:
            stream.write(chosen.to_json().encode())
    codes = Path(sample).with_suffix(".bhq").name
    words = ["beforehand", "quantization", "encode", sample, "--plan", str(output or "plan.json"), "-o", codes]
    answer(chosen, Path(sample).name).give(html, command=page.command(context), after=shlex.join(words))
    if output:
        render.show(f"wrote {output}")


def answer(found: "QuantizationPlan", name: str) -> Answer:
    """What was found for the file of that name, as a terminal and a page show it."""
    columns = ["bits a value", "vNMSE", "interval", "design", "seconds", "gain in bits"]
    rows = []
    baseline = found.candidates[0].design
    marks = {found.design: " (chosen)", baseline: " (baseline)"}
    every = sorted({*found.frontier, found.chosen, found.candidates[0]}, key=lambda each: each.bits)
    for each, after in zip(every, [*every[1:], None], strict=True):
        alike = after is not None and f"{after.bits:.3f}" == f"{each.bits:.3f}"
        if after is not None and alike and after.vnmse.value <= each.vnmse.value and each.design not in marks:
            continue  # it takes hardly fewer bytes than the next, and errs more
        mark = marks.get(each.design, "")
        error = each.vnmse
        rows.append(
            [
                f"{each.bits:.3f}",
                render.number(error.value),
                f"{render.number(error.low)} to {render.number(error.high)}",
                each.design + mark,
                str(each.price).partition(" and ")[0],
                "-" if each.design == baseline else f"{each.gain_bits.value:z.2f}",
            ]
        )
    return Answer(
        question=f"How few bytes can the values in {name} take?",
        lede=LEDE,
        told="\n".join(
            [
                f"{found.verdict}: {found.expected} vNMSE expected with {found.chosen.bits:.4g} bits a value, "
                f"{found.nbytes:,} bytes for {found.vectors:,} vectors with {found.values:,} values.",
                f"{found.why}.",
            ]
        ),
        sheets=[
            Sheet(
                title="The best for their bits, of all that was tried: all that a file holds, seconds to find levels, "
                "encode and decode a value",
                columns=columns,
                rows=rows,
            )
        ],
        draw=partial(drawn, found),
    )


def planned(context: typer.Context, path: Path, output: str) -> Any:
    """The plan of a file, beside which no option may say how to encode.

    Raises:
        InvalidInput: one does; the file cannot be read, or would be overwritten; it is another area's plan.
        CorruptData: the file holds no plan.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core import load_plan
    from beforehand.core.errors import InvalidInput

    settle(context, f"the plan {path}")
    keep_input(path, output)
    chosen = load_plan(path)
    if chosen.area != "quantization":
        raise InvalidInput(f"{path} is a plan of {chosen.area}, but must be one of quantization")
    return chosen


def settle(context: typer.Context, by: str) -> None:
    """Raise if an option says how to find levels, where something else settles that.

    Raises:
        InvalidInput: one does.
    """
    from beforehand.core.errors import InvalidInput

    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in SETTLED and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            raise InvalidInput(f"{parameter.opts[0]} is {value}, but {by} settles that; drop one of them")


def promise(plan: Any) -> str:
    """What a plan expects, in a few words."""
    known = plan.expected
    return f"{known.value:.3g} ({known.low:.3g} to {known.high:.3g}), {known.design}"


def check_form(plan: Any, axes: int) -> None:
    """Raise unless an array of so many axes is what a plan was made for.

    Raises:
        InvalidInput: it is not.
    """
    from beforehand.core.errors import InvalidInput

    alone = plan.kept == "alone" and plan.chosen.codec.axis is None
    if (axes > 1) == alone or (axes > 2) != (plan.kept == "runs"):
        form = "one vector" if alone else "an array of more than two axes" if plan.kept == "runs" else "a matrix"
        raise InvalidInput(f"this array has {axes} axes, but the plan is for {form}; make one for this file")


def drawn(found: "QuantizationPlan") -> dict[str, "Draw"]:
    """The frontier, and that of what knows nothing, by their caption."""
    import numpy as np

    from beforehand.cli import figures
    from beforehand.quantization.candidates import frontier

    shown = [each for each in found.candidates if each.bits <= MOST_BITS] or [found.chosen]
    x = np.unique([each.bits for each in shown])
    curves = {"best": frontier(shown), "without": frontier(each for each in shown if each.knows_nothing)}
    lines = {
        name: np.array([min((p.vnmse.value for p in points if p.bits <= bits), default=np.inf) for bits in x])
        for name, points in curves.items()
    }
    positive = {name: np.where(line > 0, line, np.inf) for name, line in lines.items()}  # 0 has no logarithm
    marks = {found.design: (found.chosen.bits, found.expected.value)} if found.expected.value > 0 else {}
    caption = "The least error over the bits that are kept for a value, and that of what knows nothing of the data."
    across, up = "bits a value, all counted", "vNMSE"
    colors = {"best": "accent", "without": "other"}
    return {caption: figures.curves(x, positive, colors, across=across, up=up, marks=marks)}
