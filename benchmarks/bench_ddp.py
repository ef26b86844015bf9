"""Data parallel training of a model of characters over slow links: seconds of a step, bytes, time to a loss.

Real processes with gloo between them, in network namespaces whose links the kernel shapes; so it needs root and torch.
torch's own hooks run in the same processes, in turns with ours. About 19 minutes in all on two cores without other
work: 10 for `steps`, a third of it with two workers; 6 for `target`; 3 for `loss`. --parts, --links, --workers,
--methods and --repeats take a part; --add keeps what the file of -o holds already. That file has what was measured so
far after each training.

Not for you where the network is no bottleneck: at 1 Gb/s plain sums are as good as anything.
"""

import itertools
import json
import math
import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch_hooks
from report import keep, options, show

from beforehand.gradients import THC, BlockFloat8, BlockInt, Cast, LowRank, TopK, TopKChunked
from beforehand.integrations.torch.orders import Method, Order
from beforehand.integrations.torch.workers import Finished, Workers
from beforehand.reporting import Sheet
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM

FAST = "10gbit"  # while a model is built and warms up
WARM, LEAST = 3, 3  # steps before those that count, and how many count at least
SLOW, TARGET, SECONDS = 25, 2.6, 40.0  # Mb/s, loss and limit of the second
EQUAL = 25  # steps of the third


def ours(codec: Any) -> Method:
    """A codec by its best transport, with as short a warm-up as torch's hooks have here."""
    return Method("", codec, warmup_steps=2)


def theirs(attach: Any) -> Method:
    """A hook of torch."""
    return Method("", None, attach=attach)


METHODS = {
    "float32": ours(Cast("float32")),
    "torch float32": theirs(torch_hooks.torch_float32),
    "torch fp16": theirs(torch_hooks.torch_fp16),
    "float16": ours(Cast("float16")),
    "bfloat16": ours(Cast("bfloat16")),
    "THC lanes": ours(THC(bits="lane")),
    "THC 4 bits": ours(THC()),
    "THC 3 bits": ours(THC(bits=3)),
    "int8/256": ours(BlockInt()),
    "int4/32": ours(BlockInt(bits=4, block=32)),
    "e4m3/256": ours(BlockFloat8()),
    "TopKChunked 2": ours(TopKChunked()),
    "TopKChunked .5": ours(TopKChunked(bits_per_coordinate=0.5)),
    "TopK 1 %": ours(TopK()),
    "LowRank 4": ours(LowRank(start_step=2)),
    "torch PowerSGD 4": theirs(partial(torch_hooks.power_sgd, rank=4)),
    "torch PowerSGD 1": theirs(partial(torch_hooks.power_sgd, rank=1)),
}
TO_TARGET = ("float32", "torch fp16", "THC 4 bits", "THC lanes", "TopKChunked 2", "LowRank 4", "torch PowerSGD 4")

Key = tuple[str, int, int, str]  # part, workers, Mb/s (0: none), method


@dataclass
class Results:
    """All trainings so far, shown as tables."""

    asked: Namespace
    runs: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def add(self, key: Key, done: Finished) -> None:
        """One more; the file holds it too."""
        trained = done.trained
        phases = trained.phases
        run = {
            "step_seconds": trained.step_seconds[WARM:],
            "bytes": done.wire_bytes,
            "codec_seconds": None if phases is None else phases["encode"] + phases["decode"],
            "curve": [(point.steps, point.seconds, point.metrics["loss"]) for point in trained.curve],
            "reached": trained.reached and trained.reached.seconds,
        }
        self.runs.setdefault(key, []).append(run)
        spent = time.monotonic() - self.began
        step = statistics.median(run["step_seconds"] or trained.step_seconds)
        print(f"{spent:6.0f} s  {' '.join(map(str, key))}: {step * 1e3:.0f} ms a step", flush=True)
        if self.asked.output:
            keep(self.sheets(), self.asked.output)
            kept = json.loads(self.asked.output.read_text())
            kept["runs"] = [{"key": key, "repeats": runs} for key, runs in self.runs.items()]
            self.asked.output.write_text(json.dumps(kept, indent=1) + "\n")

    def sheets(self) -> list[Sheet]:
        """A table for each number of workers, one for the target, one for the loss."""
        made = {"steps": self._steps, "target": self._target, "loss": self._loss}
        return [sheet(workers) for part, sheet in made.items() for workers in self._having(part, 1)]

    def again(self, key: Key) -> int:
        """How often this was trained: the seed of the next training."""
        return len(self.runs.get(key, []))

    def _having(self, part: str, place: int) -> list[Any]:
        """What stands at a place of the keys of a part."""
        return sorted({key[place] for key in self.runs if key[0] == part})

    def _of(self, part: str, workers: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Each method's trainings, in the order of METHODS."""
        for name in METHODS:
            for key, runs in self.runs.items():
                if (key[0], key[1], key[3]) == (part, workers, name):
                    yield name, runs

    def _steps(self, workers: int) -> Sheet:
        rows, rates = [], self._having("steps", 2)
        for name in (name for name in METHODS if name in self._having("steps", 3)):
            cells, sent, codec = [], math.nan, math.nan
            for link in rates:
                runs = self.runs.get(("steps", workers, link, name), [])
                cells.append(spread([1e3 * statistics.median(run["step_seconds"]) for run in runs]))
                for run in runs:
                    sent = run["bytes"] / 1e6
                    codec = math.nan if run["codec_seconds"] is None else 1e3 * run["codec_seconds"]
            rows.append([name, digits(sent), digits(codec), *cells])
        return Sheet(
            title=f"{workers} workers: milliseconds of a step, median of each repeat: mean (least to most)",
            columns=["", "MB a step", "codec, ms", *(f"{rate} Mb/s" for rate in rates)],
            rows=rows,
            below="MB that one worker sends in a step, headers included. Codec: encoding and decoding, on the thread "
            "that exchanges.",
        )

    def _target(self, workers: int) -> Sheet:
        rows = []
        for name, runs in self._of("target", workers):
            met = [run["reached"] for run in runs if run["reached"] is not None]
            missed = [f"{len(runs) - len(met)} of {len(runs)} missed it"] if len(met) < len(runs) else []
            steps = [run["curve"][-1][0] for run in runs]
            ends = [run["curve"][-1][2] for run in runs]
            cells = ["; ".join([spread(met), *missed] if met else missed), spread(steps), spread(ends)]
            cells.append(spread([1e3 * statistics.median(run["step_seconds"]) for run in runs]))
            rows.append([name, *cells])
        return Sheet(
            title=f"{workers} workers at {SLOW} Mb/s, 8 x 64 letters each: seconds to a loss of {TARGET}",
            columns=["", "seconds", "steps", "loss at the end", "ms a step"],
            rows=rows,
            below=f"Training ends at the target, or after {SECONDS:.0f} s without evaluations.",
        )

    def _loss(self, workers: int) -> Sheet:
        trained = self._of("loss", workers)
        found = {name: statistics.mean(run["curve"][-1][2] for run in runs) for name, runs in trained}
        plain = found.get("float32", math.nan)
        return Sheet(
            title=f"{workers} workers: loss after {EQUAL} equal steps",
            columns=["", "loss", "above float32"],
            rows=[[name, f"{loss:.4f}", f"{loss / plain - 1:+.2%}"] for name, loss in found.items()],
            below="Mean over seeds, where there are several; the same for all methods.",
        )


def spread(values: list[float]) -> str:
    """The mean, and from where to where."""
    if not values:
        return ""
    mean = digits(statistics.mean(values))
    return mean if len(values) == 1 else f"{mean} ({digits(min(values))} to {digits(max(values))})"


def digits(value: float) -> str:
    """Three digits, or nothing."""
    return "" if math.isnan(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def order(name: str, names: list[str], seed: int, **more: Any) -> Order:
    """One training."""
    return Order(**{"method": names.index(name), "seed": seed, "target": None, "seconds": 600.0, "warm": WARM} | more)


def steps(asked: Namespace, results: Results) -> None:
    """Seconds of a step, over each link."""
    names = asked.methods
    for workers in asked.workers:
        with ShapedLinks(workers, FAST) as links, team(CharLM(), names, workers, links) as crew:
            for _, link, name in itertools.product(range(asked.repeats or 2), asked.links, names):
                key = ("steps", workers, link, name)
                links.shape(FAST)
                done = crew.run(
                    order(
                        name,
                        names,
                        results.again(key),
                        steps=2000,
                        least=WARM + LEAST,
                        seconds=asked.seconds,
                        evaluate=False,
                    ),
                    lambda mark, link=link: links.shape(f"{link}mbit") if mark == "counting" else None,
                )
                results.add(key, done)


def target(asked: Namespace, results: Results) -> None:
    """Seconds to a loss, over a slow link."""
    names = [name for name in TO_TARGET if name in asked.methods]
    workers = asked.workers[0]
    with ShapedLinks(workers, f"{SLOW}mbit") as links, team(CharLM(sequences=8), names, workers, links) as crew:
        for _, name in itertools.product(range(asked.repeats or 2), names):
            key = ("target", workers, SLOW, name)
            wanted = order(name, names, results.again(key), target=("loss", TARGET), steps=10**6, seconds=SECONDS)
            results.add(key, crew.run(wanted))


def loss(asked: Namespace, results: Results) -> None:
    """The loss after equal steps, without a slow link."""
    names, workers = asked.methods, asked.workers[-1]
    with ShapedLinks(workers, FAST) as links, team(CharLM(), names, workers, links) as crew:
        for _, name in itertools.product(range(asked.repeats or 1), names):
            key = ("loss", workers, 0, name)
            results.add(key, crew.run(order(name, names, results.again(key), steps=EQUAL)))


def team(job: CharLM, names: list[str], workers: int, links: ShapedLinks) -> Workers:
    """The processes."""
    return Workers(job, [METHODS[name] for name in names], workers=workers, links=links)


PARTS = {"steps": steps, "target": target, "loss": loss}


def numbers(text: str) -> list[int]:
    """`2,4`."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Take the parts that were asked for."""
    parser = options(__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help="steps,target,loss")
    parser.add_argument("--links", type=numbers, default=[25, 50, 200, 1000], help="Mb/s: 25,50,200,1000")
    parser.add_argument("--workers", type=numbers, default=[2, 4], help="processes: 2,4")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS), help="names, by commas")
    parser.add_argument("--repeats", type=int, help="trainings of each; 2, but 1 for loss")
    parser.add_argument("--seconds", type=float, default=1.2, help="of each training of the first part")
    parser.add_argument("--add", action="store_true", help="to the trainings in the file of -o")
    asked = parser.parse_args()
    if lacks := torch_hooks.missing(root=True):
        print(lacks)
        return
    results = Results(asked)
    if asked.add:
        kept = json.loads(asked.output.read_text())["runs"]
        results.runs = {tuple(each["key"]): each["repeats"] for each in kept}
    for part in asked.parts:
        PARTS[part](asked, results)
    for sheet in results.sheets():
        show(sheet)


if __name__ == "__main__":
    main()
