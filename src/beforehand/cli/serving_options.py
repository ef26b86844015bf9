"""What the commands about serving language models share: their options, and how a reader's words become objects."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beforehand.cli.inputs import read_trace

if TYPE_CHECKING:
    from beforehand.core import Predictor, Trace
    from beforehand.scheduling.serving import EngineProfile, Policy

Requests = Annotated[
    Path,
    typer.Argument(
        metavar="TRACE",
        help="Requests, a row each: a table with arrival, prompt_tokens and output_tokens in npz, csv, jsonl or "
        "parquet, or a public log such as Azure's or BurstGPT.",
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        "--profile", metavar="NAME|FILE", help="How fast the engine is: what calibrate wrote, or a published profile."
    ),
]
Slo = Annotated[
    str | None,
    typer.Option(
        "--slo",
        metavar="ttft=S,itl=S",
        help="A request is good if its first token comes within ttft seconds, and the others itl seconds apart.",
    ),
]
PolicyText = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="NAME|JSON",
        help="The order: a name such as fcfs (any other word lists them all), or an object as plans hold it.",
    ),
]
HandlingText = Annotated[
    str,
    typer.Option(
        "--handling",
        metavar="NAME|JSON",
        help="What becomes of the KV cache during a tool call: preserve, discard, swap, min_waste, infercept, "
        "time_to_live, or an object as plans hold it.",
    ),
]
Lengths = Annotated[
    str | None,
    typer.Option(
        "--lengths",
        metavar="exact|noisy:SIGMA",
        help="How long answers are predicted to be: exactly, or off by a lognormal factor of that sigma; else as the "
        "trace's predicted_tokens say.",
    ),
]
SLO_NAMES: Final = ("ttft", "itl")


def read_requests(path: Path) -> "Trace":
    """The requests of a file of any kind.

    Raises:
        InvalidInput: it cannot be read, or holds something else.
        CorruptData: it is damaged.
    """
    return read_trace(path, "requests")


def read_profile(text: str) -> "EngineProfile":
    """A published profile by its name, or one from a file.

    Raises:
        InvalidInput: it is neither.
        CorruptData: the file is damaged.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling.serving import PROFILES, EngineProfile

    if text in PROFILES:
        return PROFILES[text]
    if not Path(text).exists():
        raise InvalidInput(
            f"profile is {text!r}, but must be a file that calibrate wrote, or one of {', '.join(PROFILES)}"
        )
    return EngineProfile.load(text)


def read_policy(text: str) -> "Policy":
    """A policy by its name, as plans print it, or in JSON; `default` is the guarded order by engine time.

    Raises:
        InvalidInput: there is none of that name, or an option is out of range.
        CorruptData: it is neither.
    """
    from beforehand.scheduling.serving import Boosted, ShortestWork, policy_from_json

    return Boosted(ShortestWork()) if text == "default" else policy_from_json(text)


def read_lengths(text: str | None, seed: int) -> "str | Predictor | None":
    """What says how long answers will be, as `simulate` takes it.

    Raises:
        InvalidInput: the words mean nothing.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.workloads.requests import LognormalErrors

    if text is None or text == "exact":
        return text
    kind, colon, number = text.partition(":")
    if kind == "noisy" and colon:
        try:
            return LognormalErrors(float(number), seed=seed)
        except ValueError:  # of float; an error of ours is one too, and says the same
            pass
    raise InvalidInput(f"lengths is {text!r}, but must be 'exact', or 'noisy:' and a sigma from 0 to 10")


def read_slo(text: str | None) -> dict[str, float] | None:
    """Limits by name, in seconds.

    Raises:
        InvalidInput: a name is unknown, or a limit no number above 0.
    """
    from beforehand.core.errors import InvalidInput

    if text is None:
        return None
    limits: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = 0.0
        if name not in SLO_NAMES or name in limits or not 0 < limit < float("inf"):
            raise InvalidInput(f"slo is {text!r}, but must be such as ttft=0.5,itl=0.05, in seconds; give one or both")
        limits[name] = limit
    return limits
