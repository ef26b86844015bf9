"""The areas as the command line knows them, in the order of the tour: a new area is a line in `AREAS`."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import typer

from beforehand.cli import gradients, quantization, ranges, scheduling, streams
from beforehand.cli.page import Row
from beforehand.cli.scenes import gradients as gradients_scenes
from beforehand.cli.scenes import quantization as quantization_scenes
from beforehand.cli.scenes import ranges as ranges_scenes
from beforehand.cli.scenes import scheduling as scheduling_scenes
from beforehand.cli.scenes import streams as streams_scenes


class Scene(Protocol):
    """A row of the tour: plays one workload from the plan to the audit, and announces these two steps."""

    def __call__(self, begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
        """Play it."""


class Area(NamedTuple):
    """What the command line takes from an area.

    Args:
        name: Of its folders and of its group of commands.
        commands: `beforehand <name> ...`.
        scenes: Its rows in the tour.
        next_command: What to try next on a file of the reader's own, if this area takes such files.
    """

    name: str
    commands: typer.Typer
    scenes: tuple[Scene, ...]
    next_command: Callable[[Path], str | None]


AREAS = (
    Area("scheduling", scheduling.app, scheduling_scenes.SCENES, scheduling_scenes.next_command),
    Area("quantization", quantization.app, quantization_scenes.SCENES, quantization_scenes.next_command),
    Area("streams", streams.app, streams_scenes.SCENES, streams_scenes.next_command),
    Area("ranges", ranges.app, ranges_scenes.SCENES, ranges_scenes.next_command),
    Area("gradients", gradients.app, gradients_scenes.SCENES, gradients_scenes.next_command),
)
