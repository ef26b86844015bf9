"""The command `beforehand`: its commands, and how errors leave it."""

import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from beforehand import __version__
from beforehand.cli import catalog, plans, tour, trace
from beforehand.cli.areas import AREAS

app = typer.Typer(
    name="beforehand",
    help="What a little knowledge beforehand is worth: plan a design, see its price, build it, audit it.",
    epilog="Start with: beforehand tour",
    add_completion=False,
    rich_markup_mode="markdown",  # rich's own would swallow [report]
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog="Example: beforehand tour --report report.html")(tour.tour)
app.command(epilog="Example: beforehand systems --json")(catalog.systems)
app.command(epilog="Example: beforehand explain plan.json")(plans.explain)
app.command(epilog="Example: beforehand audit plan.json holdout.npy")(plans.audit)
app.command(epilog="Example: beforehand reproduce QUIVER --quick")(catalog.reproduce)
app.add_typer(trace.app, name="trace")
for area in AREAS:
    app.add_typer(area.commands, name=area.name)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"beforehand {__version__}")
        raise typer.Exit


@app.callback()
def _beforehand(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; an error is one line on stderr, and code 2."""
    try:
        code = app(list(arguments), prog_name="beforehand", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if "--debug" in arguments:
            raise
        print(f"beforehand: {_in_words(error)}", file=sys.stderr)
        return 2


def _in_words(error: Exception) -> str:
    """One line; a wrong command line also says where the right ones stand."""
    if hasattr(error, "format_message"):  # typer's own errors, whose base class it does not export
        context = getattr(error, "ctx", None)
        message = _with_value(error.format_message(), error.__cause__).rstrip(".")
        words = f"{message}. See {context.command_path if context else 'beforehand'} --help"
    elif isinstance(error, MemoryError):
        words = "this needs more memory than there is"
    else:
        words = str(error) or type(error).__name__
    return " ".join(words.split())


def _with_value(message: str, cause: BaseException | None) -> str:
    """Typer's message without pydantic's manner of speaking, which leaves out what was given."""
    message = message.replace("Value error, ", "")
    details = cause.errors() if cause is not None and hasattr(cause, "errors") else []
    if not details:
        return message
    return re.sub(
        r"Input should be a valid (\w+), unable to parse string as an? \w+",
        lambda found: f"{details[0]['input']!r} is not {'an' if found[1] == 'integer' else 'a'} {found[1]}",
        message,
    )
