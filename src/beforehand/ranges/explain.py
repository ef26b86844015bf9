"""What a Proteus filter says about itself."""

from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np

from beforehand.ranges.design import Design
from beforehand.ranges.native_filter import NativeFilter
from beforehand.ranges.prefix_model import FEW_EMPTY, PrefixModel, Space
from beforehand.ranges.strings import Strings
from beforehand.ranges.verdicts import few_empty

SAMPLED_GAPS: Final = 1000
WELL_USED: Final = 0.9  # of the budget
NAMED_RIVALS: Final = 3
HOPELESS: Final = 0.99  # from this rate on a design says yes to nearly everything
ALIKE: Final = 1.05  # times the rate of a design with the same approximate part: no rival of its own


@final
@dataclass(frozen=True)
class Story:
    """What was known while a filter was built, and is not in its bytes."""

    asked: int
    empty: int
    bits_per_key: float
    searched: Space | None  # None: the design was given
    beaten: tuple[tuple[Design, float], ...]
    fell_back: bool
    range_above_gap: tuple[float, float] | None  # medians, where ranges are the longer ones

    @classmethod
    def of(
        cls,
        model: PrefixModel,
        bits_per_key: float,
        searched: Space | None,
        ranked: list[tuple[Design, float]],
        fell_back: bool,
    ) -> Self:
        """Of a build that has just ended, of the first of some ranked designs, or of one that was given."""
        rivals = [(design, rate) for design, rate in _unlike(ranked)[1:] if rate < HOPELESS]
        beaten = tuple(rivals[:NAMED_RIVALS])
        return cls(model.asked, model.empty, bits_per_key, searched, beaten, fell_back, _long_ranges(model))


def told(made: NativeFilter, native: Any, story: Story | None) -> str:
    """The whole story, line by line."""
    design = Design.from_native(native.design)
    lines = [f"{made.count:,} key{'' if made.count == 1 else 's'} of {made.key_type}: {design}."]
    lines += [f"  {name}: {8 * size:,} bits" for name, size in native.parts]
    lines += [f"  in all: {8 * made.nbytes:,} bits, {made.bits_per_key:.4g} bits per key"]
    rate, interval = made.expected_false_positive_rate, native.interval
    if rate is None:
        lines += ["No rate of false positives was computed, as no query of a sample was empty."]
    else:
        low, high, empty, asked = interval
        lines += [f"Expected rate of false positives: {rate:.3g} (90 % interval {low:.3g} to {high:.3g})."]
        lines += [f"From {empty:,} empty {'query' if empty == 1 else 'queries'} of a sample of {asked:,}."]
    if story is None:
        return "\n".join([*lines, "It was read from bytes, which do not say what it was chosen from."])
    if story.beaten:
        lines += ["It was expected to err less than:"]
        lines += [f"  {other}: {rate:.3g}" for other, rate in story.beaten]
    return "\n".join(lines + [f"Note: {warning}." for warning in _warnings(made, story)])


def _unlike(ranked: list[tuple[Design, float]]) -> list[tuple[Design, float]]:
    """Without those that differ from a better design only in an exact part that hardly matters."""
    kept: list[tuple[Design, float]] = []
    for design, rate in ranked:
        part = design.approx, design.approx_bits
        alike = (known for other, known in kept if part == (other.approx, other.approx_bits))
        if design.approx == "none" or not any(rate <= ALIKE * known for known in alike):
            kept.append((design, rate))
    return kept


def _warnings(made: NativeFilter, story: Story) -> list[str]:
    notes = []
    if story.searched is not None and story.empty < FEW_EMPTY:
        few = few_empty(story.empty) if story.asked else "there was no sample"
        notes += [
            f"{few}, so the design is one that needs none; {FEW_EMPTY} empty queries and more choose a better one"
        ]
    if story.range_above_gap is not None:
        (length, gap), steps = story.range_above_gap, made.key_type.steps
        notes += [f"the median range, {length:.3g} {steps}, is longer than the median gap between keys, {gap:.3g}"]
    if made.count and made.bits_per_key < WELL_USED * story.bits_per_key:
        notes += [f"of {story.bits_per_key:g} bits per key, more than {made.bits_per_key:.3g} would not help"]
    if story.fell_back:
        notes += ["the fuse filter could not be built with this seed, and locality-preserving hashes took its place"]
    return notes


def _long_ranges(model: PrefixModel) -> tuple[float, float] | None:
    codes = model.codes.codes
    if isinstance(codes, Strings) or len(codes) < 2 or not model.asked:
        return None
    at = np.unique(np.linspace(0, len(codes) - 2, SAMPLED_GAPS).astype(np.int64))
    gap = float(np.median((codes[at + 1] - codes[at]).astype(np.float64)))
    lo, hi = model.ranges
    length = float(np.median((hi - lo).astype(np.float64))) + 1
    return (length, gap) if length > gap else None
