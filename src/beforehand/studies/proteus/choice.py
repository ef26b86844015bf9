"""Whether the chosen design is the best of its space, when all of them are built; and what choosing costs."""

import time
from dataclasses import dataclass
from typing import Final, final

from beforehand.core.errors import InvalidInput
from beforehand.ranges import Design, PrefixModel, Proteus
from beforehand.ranges.design import Exact
from beforehand.reporting import Sheet, seconds
from beforehand.studies.proteus.workloads import Rate, Workload

BITS: Final = 12
EXACT_STEP: Final = 8
APPROX_STEP: Final = 2  # 4 at the scale of a test


@final
@dataclass(frozen=True)
class Chosen:
    """The design that the model chose, and the best of those that were built."""

    workload: str
    built: int
    design: Design
    rate: Rate
    best: Design
    least: Rate

    @property
    def ratio(self) -> float:
        """The rate of the chosen one over that of the best."""
        return self.rate.value / self.least.value if self.least.value else float(self.rate.value > 0) + 1


def chosen(workload: Workload, *, quick: bool) -> Chosen:
    """Build a coarse grid of tries and Bloom filters, and measure them all."""
    model = PrefixModel(workload.keys, workload.sample, max_probes=None)
    design = model.best(bits_per_key=BITS, space="paper")
    rate = workload.measured(Proteus.build(workload.keys, design=design, bits_per_key=BITS))
    found: list[tuple[Rate, Design]] = []
    for exact in range(0, 40, EXACT_STEP):
        kind: Exact = "trie" if exact else "none"
        for approx in range(64, max(exact, 24), -(2 * APPROX_STEP if quick else APPROX_STEP)):
            tried = Design(exact=kind, exact_bits=exact, approx="bloom", approx_bits=approx, max_probes=None)
            if not model.fits(tried, bits_per_key=BITS) or model.expected(tried, bits_per_key=BITS) > 0.2:
                continue  # one that is that bad is not the best
            try:
                built = Proteus.build(workload.keys, design=tried, bits_per_key=BITS)
            except InvalidInput:  # the estimate of a trie was too low
                continue
            found.append((workload.measured(built), tried))
    least, best = min(found, key=lambda pair: pair[0].value, default=(rate, design))
    return Chosen(workload.name, len(found), design, rate, best, least)


def cost(workload: Workload) -> tuple[float, float]:
    """Seconds of the model with its choice, and of the build in the paper's space that follows."""

    def choose() -> Design:
        model = PrefixModel(workload.keys, workload.sample, max_probes=None)
        return model.best(bits_per_key=BITS, space="paper")

    design = choose()
    start = time.thread_time()
    Proteus.build(workload.keys, design=design, bits_per_key=BITS)
    return seconds(choose, 3), time.thread_time() - start


def sheet(found: list[Chosen]) -> Sheet:
    """Chosen and best."""
    return Sheet(
        title="The chosen design and the best of those built",
        columns=["workload", "built", "chosen", "measured", "best built", "measured there"],
        rows=[
            [
                each.workload,
                str(each.built),
                str(each.design),
                f"{each.rate.value:.2e}",
                str(each.best),
                f"{each.least.value:.2e}",
            ]
            for each in found
        ],
        below=f"Tries and Bloom filters in {BITS} bits per key, exact prefixes in steps of {EXACT_STEP} bits; those of "
        "which the model expects more than 0.2 are left out.",
    )
