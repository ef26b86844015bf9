"""Summaries that commands make, read, merge and write."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beforehand.cli.stream_results import facts_of, wrote

MEMORY = "256KiB"


def make(
    *, memory: str | None, policy: str | None, predictor: Path | None, plan: Path | None, window: int | None, seed: int
) -> Any:
    """A new summary as the options ask for it.

    Raises:
        InvalidInput: options contradict each other, or a file does not hold what it should.
        CorruptData: a file is damaged.
    """
    from beforehand import streams
    from beforehand.core.errors import InvalidInput

    if plan is not None:
        given = {"memory": memory, "policy": policy, "predictor": predictor, "window": window}
        for name, value in given.items():
            if value is not None:
                raise InvalidInput(f"{name} is {str(value)!r}, but the plan says it; leave --{name} out")
        return _planned(plan)
    if policy is not None and (predictor or window):
        other = "predictor" if predictor else "window"
        raise InvalidInput(f"policy is {policy!r}, but with a {other} there is only one; leave --policy out")
    options: dict[str, Any] = {"memory": memory or MEMORY, "seed": seed}
    model = None if predictor is None else _model(predictor)
    if window is not None:
        if model is None:
            return streams.SlidingWindow(window, **options)
        return streams.LearnedSlidingWindow(model, window, **options)
    if model is not None:
        return streams.LearnedSpaceSaving(model, **options)
    return streams.SpaceSaving(policy=policy or "gated", **options)  # type: ignore[arg-type]


def _planned(path: Path) -> Any:
    from beforehand.core.errors import InvalidInput
    from beforehand.core.plan import load_plan

    plan: Any = load_plan(path)
    if plan.area != "streams":
        raise InvalidInput(f"{path} is a plan for {plan.area}, but must be one for streams; make it by streams plan")
    summary = plan.build()
    if not hasattr(summary, "top"):
        raise InvalidInput(f"{path} plans a {type(summary).__name__}, which names no keys; plan with --metric recall")
    return summary


def _model(path: Path) -> Any:
    from beforehand.core.errors import InvalidInput

    model = read(path)
    if not hasattr(model, "predict"):
        raise InvalidInput(f"{path} holds a {type(model).__name__}, but must hold a model; make it by streams train")
    return model


def read(path: Path) -> Any:
    """A summary or a predictor.

    Raises:
        InvalidInput: the file cannot be read.
        CorruptData: it holds neither, or is damaged.
    """
    from beforehand.cli.inputs import naming, read_bytes
    from beforehand.streams import from_bytes

    data = read_bytes(path)
    with naming(path):
        return from_bytes(data)


def merged(paths: Sequence[Path]) -> Any:
    """The summary of all streams of which these files hold summaries.

    Raises:
        InvalidInput: a file cannot be read, or holds what does not merge with the first.
        CorruptData: a file is damaged.
        CapacityExceeded: they hold more than a summary can count.
    """
    from beforehand.cli.inputs import naming
    from beforehand.core.errors import InvalidInput

    whole = read(paths[0])
    with naming(paths[0]):
        if not hasattr(whole, "merge"):
            raise InvalidInput(f"it holds a {type(whole).__name__}, which does not merge; pass summaries that do")
    for path in paths[1:]:
        other = read(path)
        with naming(path):
            _merge(whole, other, paths[0])
    return whole


def _merge(whole: Any, other: Any, first: Path) -> None:
    """Merge; errors name the first file instead of `this`, as `naming` does the other."""
    from beforehand.cli.stream_inputs import kind_in_words, mixed
    from beforehand.core.errors import InvalidInput

    if type(other) is not type(whole):
        raise InvalidInput(f"it holds a {type(other).__name__}, but {first} a {type(whole).__name__}; merge like ones")
    kinds = kind_in_words(other.key_kind), kind_in_words(whole.key_kind)
    if "none" not in kinds and kinds[0] != kinds[1]:
        raise InvalidInput(mixed(*kinds, first))
    try:
        whole.merge(other)
    except InvalidInput as error:
        raise InvalidInput(str(error).replace("other ", "it ", 1).replace("this one", str(first), 1)) from error


def check_place(path: Path | None, *inputs: str | Path | None) -> None:
    """Refuse a place that cannot be written, or that is an input, before a long stream is read, not after.

    Raises:
        InvalidInput: there is no such folder, or it does not allow it; an input is there.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput

    for given in inputs:
        if given is not None:
            keep_input(Path(given), path)
    if path is None or (path.exists() and not path.is_file() and not path.is_dir()):  # a device, or a pipe
        return
    folder = Path(os.path.realpath(path)).parent
    code = errno.EISDIR if path.is_dir() else 0 if folder.is_dir() else errno.ENOENT
    if code or not os.access(folder, os.W_OK):
        raise InvalidInput(f"{path} cannot be written: {os.strerror(code or errno.EACCES)}; choose another place")


def write(summary: Any, path: Path) -> None:
    """Write what `read` reads."""
    from beforehand.core.files import writing

    with writing(path) as stream:
        stream.write(summary.to_bytes())
    wrote(path)


def facts(stored: Any) -> dict[str, Any]:
    """What there is to say about a predictor, or about a summary that tracks no keys."""
    if not hasattr(stored, "predict"):
        return facts_of(stored)
    price = stored.price
    return {
        "model": repr(stored),
        "horizon": stored.horizon,
        "bytes": price.bytes,
        "nanoseconds_per_key": round(1e9 * price.seconds, 1),
    }
