"""`scheduling make-tiny-model`: a language model that is trained here, with a known law of lengths."""

from pathlib import Path
from typing import Annotated, Final

import typer

from beforehand.cli import render
from beforehand.cli.queue_options import Seed

EXAMPLE: Final = "Example: beforehand scheduling make-tiny-model --output tiny --small"


def make_tiny_model(
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the model.")],
    small: Annotated[
        bool, typer.Option("--small", help="20 seconds in place of 6 minutes; its answers are seldom lawful.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Train a language model small enough to try a probe, or an engine, on any machine.

    Its language has five kinds of questions, whose answers are as long as the
    question says, or as their first words say, or as nobody can know. vLLM
    and transformers load the folder. Needs torch and transformers.
    """
    from beforehand.workloads.tiny_llama import model

    size = model.SMALL if small else model.FULL
    last = 0.0
    with render.progress(size.steps) as bar:

        def tell(done: int, steps: int, loss: float) -> None:
            nonlocal last
            last = loss
            bar.begin(f"training, loss {loss:.2f}")

        made = model.make_tiny_llama(output, small=small, seed=seed, progress=tell)
    render.show(f"loss {last:.3f} nats a word after {size.steps} steps\n\nwrote {made}")
