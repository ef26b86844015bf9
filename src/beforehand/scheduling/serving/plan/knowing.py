"""What is known of a sample beforehand: predictions as the caller gives them, or fitted on the sample itself."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor, Price
from beforehand.core.trace import Trace
from beforehand.scheduling.serving.plan.knowledge import Accuracy
from beforehand.scheduling.serving.plan.known import (
    FREE_REFRESH,
    Calls,
    Durations,
    Known,
    Lengths,
    PredictorFile,
    Refined,
)
from beforehand.scheduling.serving.plan.traffic import Floats, Traffic
from beforehand.scheduling.serving.predictors.probe_report import ProbeReport
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.forecasts import source
from beforehand.scheduling.serving.simulator.prompts import FREE, segment_features
from beforehand.scheduling.serving.simulator.request import Requests

FOLDS: Final = 5
Given = str | ArrayLike | Predictor | PromptLength | ProbeReport | None


def know(
    trace: Trace, *, lengths: Given, expensive: Given, refine: Any, durations: Any, tools: Any
) -> tuple[Traffic, Known, dict[str, bytes]]:
    """The sample with its predictions, where they come from, and the files of predictors that were fitted, by name.

    The arguments are those of `plan_serving`.

    Raises:
        InvalidInput: there is not one usable prediction for each segment.
    """
    requests = Requests.of(trace)
    true = requests.output.astype(np.float64)
    refresh: Price = getattr(refine, "price", FREE_REFRESH)
    common: dict[str, Any] = {
        "calls": _calls(tools),
        "durations": _durations(durations),
        "refined": _refined(refine),
        "refresh_price": Price(seconds=refresh.seconds, per="refresh"),
    }
    files: dict[str, PredictorFile] = {}
    fitted: dict[str, bytes] = {}

    def read(role: str, given: Given) -> tuple[Lengths, Floats, Price]:
        content = b""
        if isinstance(given, PromptLength):
            predicted, price, content = given.predict(segment_features(trace)), given.price, _bytes(given)
        elif given is None and not _has_column(requests):
            predicted, price, content = _fit_prompts(trace, requests, true)
        if not content:
            return _given(role, given, requests, true)
        file = files[role] = PredictorFile.of(role, content)
        fitted[file.name] = content
        return "prompt", predicted, price

    seconds = _seconds(durations, requests)
    origin, predicted, price = read("lengths", lengths)
    if expensive is None:
        known = Known(lengths=origin, accuracy=Accuracy.of(predicted, true), price=price, files=files, **common)
        return Traffic(trace, predicted=predicted, price=price, durations=seconds), known, fitted
    second, better, dear = read("expensive", expensive)
    known = Known(
        lengths=second,
        accuracy=Accuracy.of(better, true),
        price=dear,
        cheap_lengths=origin,
        cheap=Accuracy.of(predicted, true),
        cheap_price=price,
        files=files,
        **common,
    )
    traffic = Traffic(trace, predicted=better, cheap=predicted, price=dear, cheap_price=price, durations=seconds)
    return traffic, known, fitted


def _seconds(durations: Any, requests: Requests) -> Floats | None:
    """Predicted seconds that the caller gave for each call; None where durations are known in another way."""
    if durations is None or isinstance(durations, str | ToolDurations | Predictor):
        return None
    truth = requests.seconds[~np.isnan(requests.seconds)]
    return source("durations", durations, truth, "call").values


def _has_column(requests: Requests) -> bool:
    """Whether the trace has a prediction for each of its segments."""
    return not requests.calls and not np.isnan(requests.predicted).any()


def _given(name: str, given: Given, requests: Requests, true: Floats) -> tuple[Lengths, Floats, Price]:
    """Where the caller's predictions come from, one for each segment, and the price of one."""
    if given is None:
        return "column", np.maximum(requests.predicted, 1.0), FREE
    if isinstance(given, str):
        if given != "exact":
            raise InvalidInput(f"{name} is {given!r}, but must be 'exact', an array or a predictor")
        return "exact", true, FREE
    price: Price = getattr(given, "price", FREE)
    values: Any = given
    if isinstance(given, ProbeReport):
        values = given.draw(true, np.zeros(len(true)), np.random.default_rng(0))
    elif isinstance(given, Predictor):
        try:
            values = given.predict(true)
        except Exception as error:  # whatever a predictor raises
            raise InvalidInput(f"{name} failed on the sample ({error!r}); a plan needs a prediction of each") from error
    try:
        predicted = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} must be 'exact', an array of numbers or a predictor ({error})") from error
    if predicted.shape != true.shape:
        raise InvalidInput(
            f"{name} has shape {predicted.shape}, but must hold a prediction for each of {len(true)} segments, "
            "conversation by conversation"
        )
    wrong = np.flatnonzero(~np.isfinite(predicted) | (predicted < 0))
    if len(wrong):
        raise InvalidInput(f"{name} is {predicted[wrong[0]]} at segment {wrong[0]}, but must be finite and at least 0")
    return "given", np.maximum(predicted, 1.0), Price(seconds=price.seconds, per="request")


def _fit_prompts(trace: Trace, requests: Requests, true: Floats) -> tuple[Floats, Price, bytes]:
    """Predictions by predictors fitted without the row's own fold; the price; and the one fitted on all, as bytes."""
    features = segment_features(trace)
    conversation = np.repeat(np.arange(len(trace)), np.diff(requests.first))
    fold = conversation * FOLDS // len(trace)
    predicted = np.empty(len(true))
    for each in range(FOLDS):
        inside, outside = fold == each, fold != each
        model = PromptLength().fit({name: column[outside] for name, column in features.items()}, true[outside])
        predicted[inside] = model.predict({name: column[inside] for name, column in features.items()})
    model = PromptLength().fit(features, true)
    return np.maximum(predicted, 1.0), model.price, _bytes(model)


def _bytes(model: PromptLength) -> bytes:
    """What it saves."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "lengths.npz")
        model.save(path)
        return path.read_bytes()


def _calls(tools: Any) -> Calls:
    if isinstance(tools, str):
        return "none" if tools == "none" else "exact"
    return "learned"


def _durations(durations: Any) -> Durations:
    if durations is None or isinstance(durations, ToolDurations):
        return "learned"
    if isinstance(durations, str):
        return "exact" if durations == "exact" else "mean"
    return "given"


def _refined(refine: Any) -> Refined:
    if refine is None:
        return "no"
    return "exact" if isinstance(refine, str) else "report"
