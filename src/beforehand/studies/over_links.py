"""Real trainings over links as slow as one likes: needs torch, root and minutes."""

import math
import statistics
from collections.abc import Mapping
from typing import NamedTuple

from beforehand.core.errors import MissingDependency, TimedOut
from beforehand.gradients.codec import Codec
from beforehand.reporting import Sheet
from beforehand.studies.claims import NotRun

QUICK = NotRun("needs minutes, torch and root; run without --quick")


class Ran(NamedTuple):
    """What one way of exchanging gradients gave, the median over trainings.

    Args:
        name: Of the codec.
        step: Seconds.
        reached: Seconds of training until the target was met; infinite where it was not.
        loss: After the seconds that every training took.
        megabytes: That a worker sends in a step, with headers.
    """

    name: str
    step: float
    reached: float
    loss: float
    megabytes: float


def train(
    codecs: Mapping[str, Codec], *, rate: str, workers: int = 2, until: Mapping[str, float], repeats: int = 1
) -> list[Ran] | NotRun:
    """Train the language model with plain sums in 32 and 16 bits and these codecs, on links of this rate."""
    try:
        from beforehand.integrations.torch import compare
        from beforehand.workloads.shaped_links import ShapedLinks
        from beforehand.workloads.training_jobs import CharLM

        with ShapedLinks(workers, rate) as links:
            found = compare(
                CharLM(), codecs=list(codecs.values()), workers=workers, link=links, until=until, repeats=repeats
            )
    except (MissingDependency, TimedOut) as error:  # a slow machine must not cost all other claims
        return NotRun(f"not here: {error}")
    names = dict(zip(found.methods, ("float32", "float16", *codecs), strict=True))
    ran = [
        Ran(
            names[row.method],
            statistics.median(row.step_seconds),
            statistics.median(row.seconds) if row.seconds else math.inf,
            row.equal_seconds,
            (row.bytes or 0) / 1e6,
        )
        for row in found.rows
    ]
    return sorted(ran, key=lambda each: list(names.values()).index(each.name))


def sheet(title: str, ran: list[Ran], below: str, *, target: bool) -> Sheet:
    """All of them; with a target also when it was reached, and the loss at equal time."""
    columns, rows = ["codec", "MB a step", "ms a step", "of float32", "of float16"], []
    for each in ran:
        shares = (each.step / ran[0].step, each.step / ran[1].step)
        rows.append(
            [each.name, f"{each.megabytes:.2f}", f"{1e3 * each.step:.0f}", *(f"{share:.2f}" for share in shares)]
        )
        if target:
            rows[-1] += ["-" if math.isinf(each.reached) else f"{each.reached:.0f}", f"{each.loss:.3f}"]
    if target:
        columns += ["s to target", "loss at equal time"]
    below = f"{below} Wall time of processes that share the cores of this machine."
    return Sheet(title=title, columns=columns, rows=rows, below=below)
