"""Pilots: short trainings with the codecs that can still win, and how many steps each needs to a loss."""

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.candidates import CASTS, Candidate
from beforehand.gradients.codec import Codec
from beforehand.gradients.inputs import numbers

Pilot: TypeAlias = Callable[[Codec], tuple[ArrayLike, ArrayLike]]
AIM: Final = 2 / 3  # of the steps of float32, whose loss there is the target: others may need more steps


class Curve(NamedTuple):
    """The losses of a pilot after so many steps."""

    steps: NDArray[np.float64]
    losses: NDArray[np.float64]

    @classmethod
    def of(cls, pilot: Pilot, codec: Codec) -> Self:
        """Run it.

        Raises:
            InvalidInput: What it returns is no curve.
        """
        found = pilot(codec)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise InvalidInput(f"the pilot of {codec.to_json()} returned {found!r}, but must return steps and losses")
        steps, losses = (numbers("steps and losses of a pilot", part, np.float64) for part in found)
        if steps.ndim != 1 or steps.shape != losses.shape or not steps.size or (np.diff(steps) <= 0).any():
            raise InvalidInput(
                f"the pilot of {codec.to_json()} returned steps of shape {steps.shape} and losses of {losses.shape}, "
                "but must return as many of both, with ascending steps"
            )
        return cls(steps, losses)

    @property
    def loss(self) -> float | None:
        """The last one; None where it is not finite."""
        return float(self.losses[-1]) if math.isfinite(self.losses[-1]) else None

    def reached(self, target: float) -> float | None:
        """After how many steps the loss was no higher, on a line between evaluations; None if it never was."""
        there = np.flatnonzero(self.losses <= target)
        if not there.size:
            return None
        at = int(there[0])
        if at == 0 or not math.isfinite(self.losses[at - 1]):
            return float(self.steps[at])
        (above, below), (before, after) = self.losses[at - 1 : at + 1], self.steps[at - 1 : at + 1]
        return float(before + (after - before) * (above - target) / (above - below))


def piloted(candidates: Sequence[Candidate], pilot: Pilot, target: float | None) -> tuple[dict[Codec, Curve], float]:
    """What pilots found, and the target.

    After float32 and the fastest sum, pilots are run from the shortest step on, until none can win any more if it needs
    no fewer steps than float32.

    Raises:
        InvalidInput: The target lies above the first loss of float32, or below the last.
    """
    plain, *_ = CASTS
    curves: dict[Codec, Curve] = {plain: Curve.of(pilot, plain)}
    target = _target(curves[plain], target)
    fewest = curves[plain].reached(target) or 0.0
    ahead = sorted(candidates, key=lambda each: each.step.value)
    sums = [each for each in ahead if each.codec in CASTS]
    best = math.inf
    for each in (sums[0], *(each for each in ahead if each.codec not in CASTS)):
        if each is not sums[0] and each.step.value * fewest >= best:
            break
        if each.codec not in curves:
            curves[each.codec] = Curve.of(pilot, each.codec)
        best = min(best, each.step.value * (curves[each.codec].reached(target) or math.inf))
    return curves, target


def _target(plain: Curve, given: float | None) -> float:
    """The loss to reach."""
    if given is None:
        aim = plain.steps[0] + AIM * (plain.steps[-1] - plain.steps[0])
        given = float(plain.losses[np.searchsorted(plain.steps, aim)])
    reached = plain.reached(given)
    if reached is None:
        raise InvalidInput(
            f"target_loss is {given:g}, but the pilot of float32 ended with {plain.losses[-1]:.6g} after "
            f"{plain.steps[-1]:g} steps; run it longer, or aim for less"
        )
    if reached == 0:
        raise InvalidInput(f"target_loss is {given:g}, but training begins with {plain.losses[0]:.6g}; aim for less")
    return given
