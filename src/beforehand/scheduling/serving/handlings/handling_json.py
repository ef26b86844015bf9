"""Handlings as text: JSON and names."""

import json
from dataclasses import fields
from typing import Any, Final, get_args

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.inputs import kind_of, made, one_of
from beforehand.scheduling.memory_time import Action
from beforehand.scheduling.serving.handlings.always import Always
from beforehand.scheduling.serving.handlings.infer_cept import InferCept
from beforehand.scheduling.serving.handlings.min_waste import MinWaste
from beforehand.scheduling.serving.handlings.time_to_live import TimeToLive
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

StockHandling = Always | MinWaste | InferCept | TimeToLive

HANDLINGS: Final[dict[str, type[StockHandling]]] = {
    "always": Always,
    "min_waste": MinWaste,
    "infercept": InferCept,
    "time_to_live": TimeToLive,
}
NAMES: Final = (*get_args(Action), *(name for name in HANDLINGS if name != "always"))  # that need no option


def handling_to_json(handling: StockHandling) -> str:
    """The handling as JSON text; recorded durations stay behind.

    Raises:
        InvalidInput: it is not a stock handling.

    Example:
        >>> handling_to_json(Always("swap"))
        '{"handling": "always", "action": "swap"}'
    """
    name = next((name for name, kind in HANDLINGS.items() if kind is type(handling)), None)
    if name is None:
        raise InvalidInput(f"handling is {handling!r}, but must be one of {', '.join(HANDLINGS)}")
    options = {each.name: getattr(handling, each.name) for each in fields(handling) if each.name != "durations"}
    return json.dumps({"handling": name} | options)


def handling_from_json(text: str, *, durations: ToolDurations | None = None) -> StockHandling:
    """The handling that `handling_to_json` wrote, or that somebody wrote by hand.

    Args:
        text: JSON, or a name, which means its defaults; `preserve`, `discard` and `swap` mean always that.
        durations: Those that a time to live goes by; None: fresh ones.

    Raises:
        CorruptData: `text` is neither.
        InvalidInput: the handling or an option is unknown, missing or out of range.

    Example:
        >>> handling_from_json("swap")
        Always(action='swap')
        >>> handling_from_json('{"handling": "infercept", "estimate": "predicted"}')
        InferCept(estimate='predicted', swap=True, period=0.01)
    """
    kind_of("text", text, str, "what handling_to_json wrote, or a name such as 'min_waste'")
    word = text.strip()
    given: Any
    if word.isidentifier():
        given = {"handling": word}
    else:
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CorruptData(
                f"{text[:60]!r} is neither one of {', '.join(NAMES)} nor JSON of a handling ({error})"
            ) from error
    if not isinstance(given, dict) or not isinstance(given.get("handling"), str):
        raise CorruptData(f'{text[:60]!r} does not describe a handling; write one such as {{"handling": "min_waste"}}')
    name = given["handling"]
    if name not in HANDLINGS:
        one_of("handling", name, NAMES)
    options = {option: value for option, value in given.items() if option != "handling"}
    if name in get_args(Action):
        name, options = "always", {"action": name} | options
    kind = HANDLINGS[name]
    if kind is TimeToLive:
        return made(name, kind, options, durations=ToolDurations() if durations is None else durations)
    return made(name, kind, options)
