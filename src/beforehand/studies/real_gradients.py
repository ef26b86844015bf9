"""Gradients of trainings, by a name that says of what and when: what noise alone would hide."""

import contextlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import MissingDependency
from beforehand.studies import digits

Gradients = dict[str, NDArray[np.float32]]  # (workers, d) by name


def at_hand(quick: bool) -> Gradients:
    """All that the installed libraries and the time of a test permit."""
    found: Gradients = {}
    for of in (of_digits,) if quick else (of_characters, of_digits):
        with contextlib.suppress(MissingDependency):
            found |= of()
    return found


def of_characters(steps: Sequence[int] = (0, 50, 200), *, workers: int = 4) -> Gradients:
    """Of a language model of 1.4 million parameters that learns Python's source, letter by letter.

    Raises:
        MissingDependency: torch is not installed.
    """
    from beforehand.integrations.torch import record_gradients
    from beforehand.workloads.training_jobs import CharLM

    trace = record_gradients(CharLM(), workers=workers, steps=steps)
    return {f"characters, step {step}": trace["gradient"][trace["step"] == step] for step in steps}


def of_digits(steps: Sequence[int] = (0, 60), *, workers: int = 4) -> Gradients:
    """Of a network of 85,002 parameters that learns to read.

    Raises:
        MissingDependency: scikit-learn is not installed.
    """
    kept = digits.train(workers=workers, steps=max(steps) + 1, keep=steps).gradients
    return {f"digits, step {step}": rows for step, rows in kept.items()}
