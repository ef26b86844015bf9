"""The law of the tiny language: how much of an answer is left, given the question and the answer so far."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.tiny_llama.language import (
    BRIEF_STOP,
    CATEGORIES,
    LONG_COUNTS,
    LONG_SHARE,
    MEANS,
    MOST_LISTED,
    MOST_WORDS,
    PHRASES,
    SHAPE,
    STOPS,
    command_of,
)

Floats = NDArray[np.float64]


def remaining(question: list[str], answer: list[str]) -> Floats:
    """The distribution of the words left of an answer, the end among them, after the words of `answer`.

    No predictor can know more than this, so its median bounds the mean absolute error of all of them.

    Args:
        question: Words of a question of the language.
        answer: The words so far, without the end.

    Returns:
        At place r the probability of r more words, for r from 0 to 512 - len(answer); an answer that is cut counts
        with the words up to the cut.

    Raises:
        ValueError: `question` is none of the language, or `answer` none to it.

    Example:
        >>> law = remaining("<s> count down from 7 <sep>".split(), ["7", "6"])
        >>> int(law.argmax()), float(law.max())
        (6, 1.0)
    """
    task, command = command_of(question)
    law = _LENGTHS[task](command, answer)[len(answer) :].copy()
    if not law.size > 1:
        raise ValueError(f"{' '.join(answer)!r} is no beginning of an answer to {' '.join(question)!r}")
    law[0] = 0.0  # it has not ended
    total = law.sum()
    if not total > 0:
        raise ValueError(f"{' '.join(answer)!r} is longer than any answer to {' '.join(question)!r}")
    return np.asarray(law / total)


def mean_of(law: Floats) -> float:
    """The mean of a distribution over 0, 1, 2 and so on."""
    return float(law @ np.arange(law.size))


def median_of(law: Floats) -> float:
    """Its median, which has the least mean absolute error."""
    return float(np.searchsorted(np.cumsum(law), 0.5))


def _lengths(shares: dict[int, float]) -> Floats:
    """Probabilities of whole lengths, from 0 to the cut, to which what is longer counts."""
    lengths = np.zeros(MOST_WORDS + 1)
    for length, share in shares.items():
        lengths[min(length, MOST_WORDS)] += share
    return lengths


def _items(mean: float) -> Floats:
    share = [(SHAPE / (SHAPE + mean)) ** SHAPE]  # of no items, then of one more each
    for n in range(1, 4 * MOST_WORDS):
        share.append(share[-1] * (n - 1 + SHAPE) / n * mean / (SHAPE + mean))
    lengths = {3 * n + 2: share[n] for n in range(1, MOST_LISTED)}
    return _lengths({3: share[0]} | lengths | {3 * MOST_LISTED + 2: sum(share[MOST_LISTED:])})


def _geometric(stop: float, words: int, other: int) -> Floats:
    return _lengths({n * words + other: stop * (1 - stop) ** (n - 1) for n in range(1, 1000)})


NO_ANSWER: Final = np.zeros(0)
LISTED: Final = {category: _items(MEANS[category]) for category in CATEGORIES}
EXPANDED: Final = {template: _geometric(stop, 8, 1) for template, stop in STOPS.items()}
BRIEF: Final = _geometric(BRIEF_STOP, 1, 2)
FEWEST, MOST = LONG_COUNTS
LONG: Final = _lengths({7 * n + 2: 1 / (MOST - FEWEST + 1) for n in range(FEWEST, MOST + 1)})


def _count(command: list[str], answer: list[str]) -> Floats:
    return _lengths({int(command[3]) + 1: 1.0})


def _repeat(command: list[str], answer: list[str]) -> Floats:
    words = command[1:-2]
    return _lengths({int(command[-2]) * (len(words) + 3) + 1: 1.0}) if words in PHRASES else NO_ANSWER


def _list(command: list[str], answer: list[str]) -> Floats:
    if len(answer) > 1:
        items = int(answer[1])
        return _lengths({3 * items + 2 if items else 3: 1.0})
    return LISTED[command[2]]


def _expand(command: list[str], answer: list[str]) -> Floats:
    return EXPANDED[command[1]]


def _tell(command: list[str], answer: list[str]) -> Floats:
    if not answer:
        return np.asarray((1 - LONG_SHARE) * BRIEF + LONG_SHARE * LONG)
    if answer[0] == "brief":
        return BRIEF
    return _lengths({7 * int(answer[1]) + 2: 1.0}) if len(answer) > 1 else LONG


_LENGTHS = {"count": _count, "repeat": _repeat, "list": _list, "expand": _expand, "tell": _tell}
