"""`ranges plan`: which range filter keys and recorded queries call for, and whether one pays."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from beforehand.cli import render
from beforehand.cli.range_inputs import read_piece

UNITS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def plan(
    trace: Annotated[
        Path, typer.Argument(metavar="TRACE", help="Ranges that were asked for: columns lo and hi, both ends included.")
    ],
    keys: Annotated[
        Path, typer.Option(metavar="FILE", help="Keys of one file or row group: .npy, Parquet, or a line each.")
    ],
    column: Annotated[str | None, typer.Option(help="Column of a Parquet file of keys.")] = None,
    bits_per_key: Annotated[float, typer.Option(help="Memory of every filter, everything included.")] = 12.0,
    read_cost: Annotated[
        str, typer.Option(help="A look into such a piece: about 100us on an SSD, 30ms on object storage.")
    ] = "100us",
    queries_per_build: Annotated[
        int, typer.Option(min=1, help="Queries that a filter serves until its piece is written anew.")
    ] = 1_000_000,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="What to choose among besides prefix-bloom and none; proteus if not given."),
    ] = None,
    worst_case: Annotated[
        str | None, typer.Option(metavar="LENGTH:RATE", help="Err at most so often on every empty range: 64:0.01.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of hashes and draws.")] = 0,
    save: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the plan, in JSON.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Where to write it for hosts without Python, in bytes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Say whether a range filter would pay, and which one.

    A query for a narrow range finds nothing in most files, row groups or
    tables of a database, and yet each is read. A range filter of 8 to 20
    bits per key answers instead: surely nothing here, or perhaps. It never
    says no where a key lies.

    The queries should be a sample of those that one piece is asked, empty
    ones and others in their true proportions; some thousands are enough.
    The plan states how often the filter will err, with an interval, what a
    query saves, and what a plain Bloom filter of prefixes would do. explain
    and audit take it, and so do databases and readers of Parquet files.
    """
    from beforehand import ranges
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput
    from beforehand.core.files import writing

    for given in (trace, keys):
        keep_input(given, save, policy)
    for path in (save, policy):
        if path is not None and not path.absolute().parent.is_dir():
            raise InvalidInput(f"{path.parent} is no folder; make it, or name another place")
    if save is not None and policy is not None and save.resolve() == policy.resolve():
        raise InvalidInput(f"--output and --policy are both {save}, but one would overwrite the other; name two files")
    cost, worst = seconds_of(read_cost), _worst_case(worst_case)
    with render.progress(2) as steps:
        steps.begin("reading")
        queries, known = read_piece(trace, keys, column)
        steps.begin("planning")
        chosen = ranges.plan(
            known,
            queries,
            bits_per_key=bits_per_key,
            read_cost=cost,
            queries_per_build=queries_per_build,
            filters=filters or ("proteus",),
            worst_case=worst,
            seed=seed,
        )
    if as_json:
        print(chosen.to_json())
    else:
        render.show(chosen.explain())
    if save is not None:
        with writing(save) as file:
            file.write(chosen.to_json().encode())
    if policy is not None:
        written = chosen.policy()  # refused where no filter pays
        with writing(policy) as file:
            file.write(written)
    for path in (save, policy):
        if path is not None and not as_json:
            render.show(f"\nwrote {path}")


def seconds_of(text: str) -> float:
    """Seconds that a number and a unit say, such as `100us`, `30ms` or `2s`.

    Raises:
        InvalidInput: they say none.
    """
    from beforehand.core.errors import InvalidInput

    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|ms|us|µs|ns)\s*", text)
    if found is None:
        raise InvalidInput(f"{text!r} is no time; write a number and s, ms, us or ns, such as 100us")
    return float(found[1]) * UNITS[found[2]]


def _worst_case(text: str | None) -> tuple[int, float] | None:
    from beforehand.core.errors import InvalidInput

    if text is None:
        return None
    length, colon, rate = text.partition(":")
    try:
        return int(length), float(rate if colon else "none")
    except ValueError:
        raise InvalidInput(
            f"worst-case is {text!r}, but must be a length and a rate with a colon between them, such as 64:0.01"
        ) from None
