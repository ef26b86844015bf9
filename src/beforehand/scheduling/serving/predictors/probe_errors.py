"""How far off a probe is, at every token of answers that did not train it, and how far off those are that see less."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.serving.predictors.hidden_states import Answer
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe, bin_of
from beforehand.scheduling.serving.predictors.probe_report import LayerErrors, ProbeReport
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength

Floats = NDArray[np.float64]
KEPT: Final = 4096  # pairs of true and predicted tokens in a report
SAMPLED: Final = 16  # positions of an answer, beside the first
FITTED: Final = 2000  # requests that the prompt-only predictor learns from; its time is cubic


class Judged(NamedTuple):
    """A probe's predictions at every token of each answer that ended."""

    answers: list[Answer]
    probabilities: list[NDArray[np.float32]]
    raw: float
    smoothed: float
    accuracy: float
    cross_entropy: float


def judge_layer(probe: LengthProbe, answers: Sequence[Answer], probabilities: Sequence[NDArray[np.float32]]) -> Judged:
    """Errors over all tokens of the answers that ended.

    Args:
        probe: Whose probabilities they are.
        answers: The answers.
        probabilities: By answer: (tokens, k), the first at the prompt.
    """
    whole = [place for place, each in enumerate(answers) if each.ended]
    rows = [probabilities[place] for place in whole]
    left = np.concatenate([_left(answers[place]) for place in whole])
    bins = bin_of(probe.bins, left)
    table = np.concatenate(rows)
    sure = np.maximum(table[np.arange(left.size), bins], 1e-12)
    return Judged(
        [answers[place] for place in whole],
        rows,
        raw=float(np.abs(probe.expected(table) - left).mean()),
        smoothed=_by_token(left, refreshed(probe, rows, 1)),
        accuracy=float((table.argmax(1) == bins).mean()),
        cross_entropy=float(-np.log(sure).mean()),
    )


def refreshed(
    probe: LengthProbe, rows: Sequence[NDArray[np.float32]], every: int, *, smooth: bool = True
) -> list[Floats]:
    """Tokens left at each token of each answer, by a probe that is asked at every `every`-th; between, counted down.

    All answers advance together, so that one call smooths them all.
    """
    longest = max(each.shape[0] for each in rows)
    k = rows[0].shape[1]
    belief = np.full((len(rows), k), np.nan)
    newest = np.zeros(len(rows))
    found = [np.empty(each.shape[0]) for each in rows]
    lengths = np.array([each.shape[0] for each in rows])
    for at in range(longest):
        active = np.flatnonzero(lengths > at)
        if at % every == 0:
            said = np.stack([rows[place][at] for place in active.tolist()])
            belief[active] = probe.smooth(belief[active] if smooth else None, said, every)
            newest[active] = probe.expected(belief[active])
        for place in active.tolist():
            found[place][at] = max(newest[place] - at % every, 1.0)
    return found


def report_on(
    probe: LengthProbe,
    tested: Judged,
    *,
    train: Sequence[Answer],
    counts: tuple[int, int, int],
    cut: float,
    layers: tuple[LayerErrors, ...],
    seed: int,
) -> ProbeReport:
    """The report on test requests."""
    left = [_left(each) for each in tested.answers]
    whole = [each for each in train if each.ended]
    rows = tested.probabilities
    floored = probe.with_smoothing(floor=0.02)
    divided = probe.with_smoothing(divide_by_marginal=True)
    said: dict[str, list[Floats]] = {
        "smoothed every token": refreshed(probe, rows, 1),
        "smoothed every 8": refreshed(probe, rows, 8),
        "with a floor of 0.02": refreshed(floored, rows, 1),
        "divided by the marginal": refreshed(divided, rows, 1),
        "raw every token": refreshed(probe, rows, 1, smooth=False),
        "raw every 8": refreshed(probe, rows, 8, smooth=False),
        "own first one counted down": [_down(probe.expected(each[0]), len(each)) for each in rows],
        "PromptLength counted down": _prompt_only(whole, tested.answers),
        "median counted down": [_down(np.median([len(each.answer) for each in whole]), len(each)) for each in rows],
        "clairvoyant": left,
    }
    truth = np.concatenate(left)
    every = np.concatenate(said["smoothed every 8"])
    random = np.random.Generator(np.random.Philox(key=seed))
    positions = [np.union1d([0], random.choice(each.size, min(SAMPLED, each.size), replace=False)) for each in left]
    pairs = random.permutation(truth.size)[:KEPT]
    progress = np.concatenate([np.arange(each.size) / each.size for each in left])
    return ProbeReport(
        model=str(probe.model),
        layer=probe.layer,
        layers=layers,
        requests=counts,
        cut=cut,
        errors={name: (_by_token(truth, each), _by_request(left, each)) for name, each in said.items()},
        deciles={name: _by_decile(left, said[name]) for name in ("smoothed every token", "raw every token")},
        sampled={
            name: _by_token(
                np.concatenate([each[at] for each, at in zip(left, positions, strict=True)]),
                [each[at] for each, at in zip(said[name], positions, strict=True)],
            )
            for name in ("raw every token", "smoothed every token", "median counted down")
        },
        calibration=_calibration(probe, np.concatenate(rows), truth),
        truth=tuple(truth[pairs].tolist()),
        progress=tuple(progress[pairs].tolist()),
        predicted=tuple(every[pairs].tolist()),
    )


def _left(answer: Answer) -> Floats:
    return np.arange(len(answer.answer), 0, -1).astype(np.float64)


def _down(first: float | Floats, count: int) -> Floats:
    return np.asarray(np.maximum(float(first) - np.arange(count), 1.0))


def _by_token(truth: Floats, said: Sequence[Floats]) -> float:
    return float(np.abs(np.concatenate(said) - truth).mean())


def _by_request(left: Sequence[Floats], said: Sequence[Floats]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(left, said, strict=True)]))


def _by_decile(left: Sequence[Floats], said: Sequence[Floats]) -> tuple[float, ...]:
    tenth = np.concatenate([np.arange(each.size) * 10 // each.size for each in left])
    errors = np.abs(np.concatenate(said) - np.concatenate(left))
    return tuple((np.bincount(tenth, errors, 10) / np.maximum(np.bincount(tenth, minlength=10), 1)).tolist())


def _calibration(probe: LengthProbe, table: NDArray[np.float32], left: Floats) -> float:
    """Over tenths of confidence, how far it is from the share that is right, weighted by how many states are there."""
    bins = bin_of(probe.bins, left)
    sure, right = table.max(1), table.argmax(1) == bins
    tenth = np.minimum((sure * 10).astype(np.int64), 9)
    gaps = np.bincount(tenth, sure, 10) - np.bincount(tenth, right, 10)
    return float(np.abs(gaps).sum() / left.size)


def _prompt_only(train: Sequence[Answer], test: Sequence[Answer]) -> list[Floats]:
    """A predictor that reads the prompt alone, fitted to the requests that trained the probe."""
    newest = train[-FITTED:]
    predictor = PromptLength().fit(_features(newest), [len(each.answer) for each in newest])
    first = predictor.predict(_features(test))
    return [_down(length, len(each.answer)) for length, each in zip(first, test, strict=True)]


def _features(answers: Sequence[Answer]) -> Mapping[str, list[object]]:
    return {"prompts": [each.prompt for each in answers], "prompt_tokens": [len(each.prompt) for each in answers]}
