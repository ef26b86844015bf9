"""Whether a plan of a gradient codec comes true: predicted and measured seconds of a step, over shaped links.

A model of characters is recorded in this process; real processes with gloo between them then measure link and
computation, and train with every codec. Needs root and torch; some 10 minutes on two cores without other work.

What to look for: the plan's choice beside the best that was measured, and its verdict on the fast link.
"""

import os
import statistics
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import link_hooks
import torch_hooks
from report import keep, options, show

from beforehand.core import Trace
from beforehand.gradients import (
    THC,
    BlockFloat8,
    BlockInt,
    Cast,
    Codec,
    GradientPlan,
    Link,
    LowRank,
    TopK,
    TopKChunked,
    plan,
)
from beforehand.integrations.torch import record_gradients
from beforehand.integrations.torch.orders import Method, Order, Trained
from beforehand.integrations.torch.workers import Workers
from beforehand.reporting import Sheet
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM

FAST = "10gbit"  # while a model is built and warms up
WARM, LEAST = 3, 8  # steps before those that count, and how many are taken at least
CODECS: dict[str, Codec] = {
    "float32": Cast("float32"),
    "float16": Cast("float16"),
    "bfloat16": Cast("bfloat16"),
    "THC lanes": THC(bits="lane"),
    "THC 4 bits": THC(),
    "THC 3 bits": THC(bits=3),
    "int8/256": BlockInt(),
    "int4/32": BlockInt(bits=4, block=32),
    "e4m3/256": BlockFloat8(),
    "TopKChunked 8": TopKChunked(bits_per_coordinate=8.0),
    "TopKChunked 2": TopKChunked(),
    "TopK 1 %": TopK(),
    "LowRank 4": LowRank(start_step=2),
}
PROBES = {each.__name__: each for each in (link_hooks.no_exchange, link_hooks.measured_link)}
NAMES = [*CODECS, *PROBES]
METHODS = [Method(name, codec, warmup_steps=2) for name, codec in CODECS.items()]
METHODS += [Method(name, None, attach=attach) for name, attach in PROBES.items()]
STEPS = (0, 5, 10, 15, 20)  # that are recorded


class Case(NamedTuple):
    """One link: the plan, and the milliseconds of a step that were measured with each codec."""

    workers: int
    mbits: int
    plan: GradientPlan
    measured: dict[str, float]

    def predicted(self, name: str) -> float:
        """Milliseconds of a step, by the plan."""
        codec = CODECS[name]
        return 1e3 * next(each.step.value for each in self.plan.candidates if each.codec == codec)

    @property
    def chosen(self) -> str:
        """The name of what the plan takes."""
        return next(name for name, each in CODECS.items() if each == self.plan.chosen.codec)

    @property
    def admissible(self) -> list[str]:
        """What errs no more than the plan allows."""
        codecs = [each.codec for each in self.plan.candidates if each.vnmse.value <= self.plan.max_vnmse]
        return [name for name, each in CODECS.items() if each in codecs]

    @property
    def best(self) -> str:
        """The fastest of them, as measured."""
        return min(self.admissible, key=lambda name: self.measured[name])


def cases(asked: Namespace) -> Iterator[Case]:
    """All links, for each number of workers."""
    for workers in asked.workers:
        trace = record_gradients(CharLM(), workers=workers, steps=STEPS)
        with tempfile.TemporaryDirectory() as folder, ShapedLinks(workers, FAST) as links:
            os.environ[link_hooks.FILE] = str(Path(folder) / "link.json")
            with Workers(CharLM(), METHODS, workers=workers, links=links) as crew:
                for mbits in asked.links:
                    yield case(asked, trace, workers, mbits, links, crew)


def case(asked: Namespace, trace: Trace, workers: int, mbits: int, links: ShapedLinks, crew: Workers) -> Case:
    """One link."""

    def train(name: str, seed: int, steps: int, at_mark: Callable[[str], object]) -> Trained:
        number = NAMES.index(name)
        order = Order(
            method=number,
            seed=seed,
            target=None,
            steps=steps,
            seconds=asked.seconds,
            warm=WARM,
            evaluate=False,
            least=LEAST,
        )
        return crew.run(order, at_mark).trained

    def median(name: str) -> float:
        """Milliseconds of a step."""
        found = []
        for repeat in range(asked.repeats):
            links.shape(FAST)
            done = train(name, repeat, 2000, lambda mark: links.shape(f"{mbits}mbit") if mark == "counting" else None)
            found.append(statistics.median(done.step_seconds[WARM:]))
        return 1e3 * statistics.mean(found)

    links.shape(f"{mbits}mbit")
    train("measured_link", 0, 1, lambda mark: None)
    link = Link.from_json(Path(os.environ[link_hooks.FILE]).read_text())
    compute = median("no_exchange")
    made = plan(trace, link=link, workers=workers, compute_seconds=compute / 1e3, candidates=list(CODECS.values()))
    measured = {name: median(name) for name in CODECS}
    print(
        f"{workers} workers, {mbits} Mb/s: {link}, computing {compute:.0f} ms; {made.verdict}: {made.design}",
        flush=True,
    )
    return Case(workers, mbits, made, measured)


def steps(workers: int, found: list[Case]) -> Sheet:
    """What was predicted and measured."""
    rows = [[name, *(f"{each.predicted(name):.0f} / {each.measured[name]:.0f}" for each in found)] for name in CODECS]
    return Sheet(
        title=f"{workers} workers: milliseconds of a step, predicted / measured",
        columns=["", *(f"{each.mbits} Mb/s" for each in found)],
        rows=rows,
    )


def choices(found: list[Case]) -> Sheet:
    """What was chosen beside what was best."""
    rows = []
    for each in found:
        behind = each.measured[each.chosen] / each.measured[each.best] - 1
        cast = next(name for name, codec in CODECS.items() if codec == each.plan.candidates[0].codec)
        ahead = min(each.measured[name] for name in ("float32", "float16", "bfloat16")) / each.measured[each.chosen]
        rows.append(
            [f"{each.workers}, {each.mbits} Mb/s", each.plan.verdict, each.chosen, each.best, f"{behind:+.0%}", cast,
             f"{1 + each.plan.gain.value:.2f} / {ahead:.2f}"]
        )  # fmt: skip
    return Sheet(
        title="What the plan takes, and the fastest that errs no more than it allows",
        columns=["workers, link", "verdict", "taken", "fastest", "slower by", "baseline", "gain, predicted / measured"],
        rows=rows,
        below="Gain: how many times as fast as the best of float32 and 16 bits; predicted, that of the best codec that "
        "compresses, measured, that of what was taken.",
    )


def numbers(text: str) -> list[int]:
    """`2,4`."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Take all cases."""
    if lacks := torch_hooks.missing(root=True):
        print(lacks)
        return
    parser = options(__doc__)
    parser.add_argument("--links", type=numbers, default=[25, 50, 200, 1000], help="Mb/s: 25,50,200,1000")
    parser.add_argument("--workers", type=numbers, default=[2], help="processes: 2")
    parser.add_argument("--repeats", type=int, default=2, help="trainings of each")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each training")
    asked = parser.parse_args()
    found = list(cases(asked))
    sheets = [steps(workers, [each for each in found if each.workers == workers]) for workers in asked.workers]
    sheets.append(choices(found))
    for sheet in sheets:
        show(sheet)
    if asked.output:
        keep(sheets, asked.output)


if __name__ == "__main__":
    main()
