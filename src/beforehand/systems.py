"""The nine published systems, as data; `python -m beforehand.systems` prints the page of the documentation."""

from dataclasses import dataclass
from typing import final

from beforehand.reporting import markdown

NOT_BUILT = "not built yet"
NOT_RUN = "not run yet"


@final
@dataclass(frozen=True, kw_only=True)
class System:
    """One published system and where it lives here.

    Args:
        name: As published.
        also: Other names of the system.
        title: Of the paper.
        arxiv: The paper's number there.
        area: The part of this library that holds it.
        imported: The line that imports it; None until its area is built.
        command: The command that runs it; None likewise.
        study: What our study of the paper's claims found; None before it has run.
        part: Which part of it is built, if not all of it.
    """

    name: str
    also: tuple[str, ...] = ()
    title: str
    arxiv: str
    area: str
    imported: str | None = None
    command: str | None = None
    study: str | None = None
    part: str | None = None


SYSTEMS = (
    System(
        name="SkipPredict",
        also=("DelayPredict",),
        title="SkipPredict: When to Invest in Predictions for Scheduling",
        arxiv="2402.03564",
        area="scheduling",
        imported="from beforehand.scheduling import SkipPredict",
        command="beforehand scheduling plan-queue",
        study="of 10 claims 8 reproduced, 2 direction only",
    ),
    System(
        name="TRAIL",
        title="Don't Stop Me Now: Embedding Based Scheduling for LLMs",
        arxiv="2410.01035",
        area="scheduling",
        imported="from beforehand.scheduling import TRAIL",
        command="beforehand scheduling simulate-serving",
        study="of 7 claims 6 reproduced, 1 direction only",
    ),
    System(
        name="LAMPS",
        also=("MARS",),
        title="Fast Inference for Augmented Large Language Models",
        arxiv="2410.18248",
        area="scheduling",
        imported="from beforehand.scheduling import LAMPS",
        command="beforehand scheduling simulate-serving",
        study="of 7 claims 4 reproduced, 1 direction only, 2 not reproduced",
    ),
    System(
        name="LSS",
        also=("Learned Space Saving",),
        title="Learning-Based Heavy Hitters and Flow Frequency Estimation in Streams",
        arxiv="2406.16270",
        area="streams",
        imported="from beforehand.streams import LearnedSpaceSaving",
        command="beforehand streams plan",
        study="of 7 claims 5 reproduced, 1 direction only, 1 not reproduced",
    ),
    System(
        name="Learned sliding window",
        also=("LWCSS",),
        title="Learning-Augmented Frequency Estimation in Sliding Windows",
        arxiv="2409.11516",
        area="streams",
        imported="from beforehand.streams import LearnedSlidingWindow",
        command="beforehand streams top",
        study="of 5 claims 3 reproduced, 1 direction only, 1 not reproduced",
    ),
    System(
        name="AVQ",
        also=("QUIVER",),
        title="Optimal and Near-Optimal Adaptive Vector Quantization",
        arxiv="2402.03158",
        area="quantization",
        imported="from beforehand.quantization import levels",
        command="beforehand quantization encode",
        study="of 11 claims 8 reproduced, 3 direction only",
    ),
    System(
        name="THC",
        title="THC: Accelerating Distributed Deep Learning Using Tensor Homomorphic Compression",
        arxiv="2302.08545",
        area="gradients",
        imported="from beforehand.gradients import THC",
        command="beforehand gradients plan",
        study="of 11 claims 9 reproduced, 1 direction only, 1 not run",
    ),
    System(
        name="TopK-Chunked",
        also=("utility",),
        title="Beyond Throughput and Compression Ratios: Towards High End-to-end Utility of Gradient Compression",
        arxiv="2407.01378",
        area="gradients",
        imported="from beforehand.gradients import TopKChunked",
        command="beforehand gradients bench",
        study="of 9 claims 8 reproduced, 1 not run",
    ),
    System(
        name="Proteus",
        title="Proteus: A Self-Designing Range Filter",
        arxiv="2207.01503",
        area="ranges",
        imported="from beforehand.ranges import Proteus",
        command="beforehand ranges plan",
        study="of 6 claims 3 reproduced, 3 direction only",
    ),
)


def page() -> str:
    """The documentation's page of systems, in MyST."""
    lines = [
        "# The published systems",
        "",
        "Find yours by its name in the paper or another name. `beforehand systems` prints this table.",
        "",
    ]
    rows = []
    for system in SYSTEMS:
        here = ["-", "-", NOT_BUILT]
        if system.imported:
            study = f"{system.part}; study {system.study or NOT_RUN}" if system.part else system.study or NOT_RUN
            here = [f"`{system.imported}`", f"`{system.command}`", study]
        paper = f"{system.title}, [arXiv:{system.arxiv}](https://arxiv.org/abs/{system.arxiv})"
        rows.append([system.name, ", ".join(system.also) or "-", system.area, *here, paper])
    lines += markdown(("system", "also", "area", "import", "command", "study", "paper"), rows)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
