"""Options that the commands for LLM serving share, and how they are read."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from beforehand.core import Trace
    from beforehand.scheduling.serving import EngineProfile

Requests = Annotated[
    Path,
    typer.Argument(
        metavar="TRACE",
        help="Requests: a table with arrival, prompt_tokens and output_tokens in npz, csv, jsonl or parquet, or a "
        "public log of an LLM service.",
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="How long the engine's iterations take: a file that calibrate wrote, or llama3-8b-a100-80g or "
        "gptj-6b-a100-40g.",
    ),
]
Lengths = Annotated[
    str | None,
    typer.Option(
        metavar="exact|noisy:TOKENS",
        help="Predicted output tokens: the true ones, or those with errors of so many tokens on average; else the "
        "trace's own column predicted_tokens.",
    ),
]
Slo = Annotated[
    str | None,
    typer.Option(metavar="ttft=S,itl=S", help="Limits in seconds: to the first token, between tokens, or both."),
]
Slots = Annotated[int, typer.Option(min=1, help="Requests that run at the same time, at most.")]
KvTokens = Annotated[
    int | None, typer.Option(min=1, help="Tokens that the KV cache holds; else what the profile says.")
]
HostTokens = Annotated[int, typer.Option(min=0, help="Tokens that the host tier holds; 0 for none.")]


@contextmanager
def named_as_options() -> Iterator[None]:
    """Inside it, an error about the KV cache names the option of the command line, and no argument of Python."""
    from beforehand.core.errors import CapacityExceeded

    try:
        yield
    except CapacityExceeded as error:
        told = str(error).partition("; raise it")[0].replace("kv_tokens = ", "--kv-tokens ")
        raise CapacityExceeded(f"{told}; raise it, or leave out what is too long") from error


def profile_of(given: str) -> "EngineProfile":
    """The shipped profile of that name, or the one in the file.

    Raises:
        InvalidInput: there is neither.
        CorruptData: the file holds no profile.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.serving import PROFILES, EngineProfile

    if given in PROFILES:
        return PROFILES[given]
    if not Path(given).exists():
        raise InvalidInput(
            f"profile is {given!r}, but must be {', '.join(PROFILES)} or a file that `beforehand scheduling calibrate` "
            "wrote"
        )
    return EngineProfile.load(given)


def slo_of(given: str | None) -> dict[str, float] | None:
    """The limits that `ttft=0.5,itl=0.05` says.

    Raises:
        InvalidInput: it says something else.
    """
    from beforehand.core.errors import InvalidInput

    if given is None:
        return None
    found: dict[str, float] = {}
    for part in given.split(","):
        name, _, value = part.strip().partition("=")
        limit = _number(value)
        if name not in ("ttft", "itl") or name in found or not 0 < limit < math.inf:
            raise InvalidInput(f"slo is {given!r}, but must hold seconds, such as ttft=0.5,itl=0.05; give one or both")
        found[name] = limit
    return found


def lengths_of(given: str | None, seed: int) -> Any:
    """The argument `lengths` of `simulate` that `exact` or `noisy:46.1` says.

    Raises:
        InvalidInput: it says something else.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.workloads.requests import NormalErrors

    if given in (None, "exact"):
        return given
    kind, _, error = given.partition(":")
    tokens = _number(error)
    if kind != "noisy" or not 0 <= tokens < math.inf:
        raise InvalidInput(f"lengths is {given!r}, but must be exact, or noisy with a mean error, such as noisy:46.1")
    return NormalErrors(mae=tokens, most=2**31, seed=seed)


def read_requests(path: Path) -> "Trace":
    """The requests in a file, whatever its format.

    Raises:
        InvalidInput: it cannot be read, or holds no requests.
        CorruptData: it is damaged.
    """
    from beforehand.cli.inputs import naming, read_trace
    from beforehand.scheduling.serving import check_requests

    trace = read_trace(path, "requests")
    with naming(path):
        check_requests(trace)
    return trace


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
