"""What the model expects, beside what filters then do."""

from dataclasses import dataclass
from typing import Final, final

from beforehand.ranges import Design, PrefixModel, Proteus
from beforehand.ranges.prefix_model import SPACES, Space
from beforehand.reporting import Sheet
from beforehand.studies.proteus.workloads import BITS, Rate, Workload

LEAST: Final = 1e-4  # rarer errors are too few to compare
NEAR: Final = 0.15


@final
@dataclass(frozen=True)
class Cell:
    """One filter: what was expected, and what it did."""

    workload: str
    space: Space
    bits: int
    design: Design
    expected: float
    interval: tuple[float, float]
    measured: Rate

    @property
    def counts(self) -> bool:
        """Whether enough ranges erred to compare."""
        return self.measured.value >= LEAST

    @property
    def off(self) -> float:
        """By how much the expectation is off, as a share of what was measured."""
        return abs(self.expected / self.measured.value - 1)

    @property
    def near(self) -> bool:
        """Whether it is off by 15 % at most, or the two intervals meet."""
        low, high = self.interval
        return self.off <= NEAR or (low <= self.measured.high and self.measured.low <= high)


def cells(workload: Workload) -> list[Cell]:
    """Both spaces at every memory."""
    made = []
    for space in SPACES:
        max_probes = None if space == "paper" else 64
        model = PrefixModel(workload.keys, workload.sample, max_probes=max_probes)
        for bits in BITS:
            design = model.best(bits_per_key=bits, space=space)
            built = Proteus.build(workload.keys, design=design, bits_per_key=bits)
            made.append(
                Cell(
                    workload.name,
                    space,
                    bits,
                    design,
                    model.expected(design, bits_per_key=bits),
                    model.interval(design, bits_per_key=bits),
                    workload.measured(built),
                )
            )
    return made


def sheet(found: list[Cell]) -> Sheet:
    """Every cell."""
    return Sheet(
        title="Expected and measured",
        columns=["workload", "space", "bits per key", "design", "expected", "90 % interval", "measured"],
        rows=[
            [
                cell.workload,
                cell.space,
                str(cell.bits),
                str(cell.design),
                f"{cell.expected:.2e}",
                f"{cell.interval[0]:.1e} to {cell.interval[1]:.1e}",
                f"{cell.measured.value:.2e} ({cell.measured.low:.1e} to {cell.measured.high:.1e})",
            ]
            for cell in found
        ],
        below="The share of empty ranges that a filter answers with yes. The paper's space: a trie and a Bloom filter, "
        "chosen as its released code does, without a cap on probes. The extended one: Elias-Fano, fuse filters and "
        "locality-preserving hashes. The sample has 20,000 empty ranges; the model's interval holds what that leaves "
        "open, the other is Wilson's of 95 %.",
    )
