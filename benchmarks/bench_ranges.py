"""Range filters on the same keys, queries and bits: how often each says yes where no key is.

Not for you where most ranges hold a key, where they are longer than the gaps between keys, or where the smallest and
the largest key of each file tell enough.

Run: BEFOREHAND_RANGE_RIVALS=FOLDER python benchmarks/bench_ranges.py [--size 1000000] [--bits 12] [--cells FILE]
[-o FILE]
"""

import json
import math
from pathlib import Path
from typing import Any

from range_contenders import CONTENDERS, OURS, THEIRS, WORKLOADS, Bench, Workload, bench, state
from report import first_line, options, take

from beforehand.reporting import Sheet

# Kept cells of ours are those of the last commit of these, and none where these differ from it.
MEASURED = (
    "native/ranges", "native/support", "src/beforehand/ranges", "benchmarks/range_rivals",
    "benchmarks/range_contenders.py",
)  # fmt: skip


def defaults() -> Sheet:
    """Who is compared, and what each does otherwise."""
    rows = [[name, state(name), "Apache-2.0", ours.differs] for name, ours in OURS.items()]
    rows += [[name, state(name), rival.license, rival.differs] for name, rival in THEIRS.items()]
    return Sheet(title="Who is compared", columns=["", "commit", "license", "settings"], rows=rows)


def measured(bench: Bench, name: str, workload: Workload, bits: float, cells: Path | None) -> dict[str, Any] | str:
    """From the file of cells, if it has this one of the same code, or anew, and then added to the file."""
    if name in OURS and first_line("git", "status", "--porcelain", "--", *MEASURED):
        cells = None  # no commit says what was measured
    known = json.loads(cells.read_text(encoding="utf-8")) if cells and cells.exists() else {}
    code = first_line("git", "log", "-1", "--format=%h", "--", *MEASURED) if name in OURS else state(name)
    cell = f"{name} {code}: {workload}, {bench.size} keys, {bits:g} bits"
    if cell in known:
        return known[cell]
    figures = bench.measured(name, workload, bits)
    if cells and not isinstance(figures, str):  # what failed is tried again
        cells.write_text(json.dumps(known | {cell: figures}, indent=2, default=str) + "\n", encoding="utf-8")
    return figures


def rates(bench: Bench, bits: float, kept: Path | None = None) -> Sheet:
    """How often each says yes to ranges that hold no key, with the bits that it really takes."""
    found: dict[str, list] = {name: [] for name in CONTENDERS}
    for workload in WORKLOADS:
        for name, cells in found.items():
            cells.append(measured(bench, name, workload, bits, kept))
    bench.prepare(WORKLOADS[-1])  # whose ranges are counted below, even if every cell was known
    rows = []
    for name, cells in found.items():
        sizes = [cell["bits_per_key"] for cell in cells if not isinstance(cell, str)]
        told = [cell if isinstance(cell, str) else f"{cell['rate']:.2g}" for cell in cells]
        missed = max((cell["missed"] for cell in cells if not isinstance(cell, str)), default=0.0)
        size = " to ".join(sorted({f"{size:.1f}" for size in (min(sizes), max(sizes))}, key=float)) if sizes else ""
        rows.append([name, size, *told, f"{missed:.1g}" if missed else "0"])
    asked = len(bench.codes("empty_lo"))
    gains = _gain(found["Proteus"], found["Proteus, authors'"], asked)
    return Sheet(
        title=f"False positives, {bench.size:,} keys, {bits:g} bits per key",
        columns=["", "real bits", *map(str, WORKLOADS), "keys missed"],
        rows=rows,
        below=f"{gains}Of {asked:,} empty ranges in each column; keys missed: the largest share, of as many ranges "
        "that hold one.",
    )


def _gain(ours: list, theirs: list, asked: int) -> str:
    if any(isinstance(them, str) for them in theirs):
        return ""
    none = any(us["rate"] == 0 for us in ours)  # which counts as one
    ratios = [them["rate"] / max(us["rate"], 1 / asked) for us, them in zip(ours, theirs, strict=True)]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    times = f"{'at least ' if none else ''}{mean:.1f} times"
    return f"The authors' Proteus errs {times} as often as ours (geometric mean; least {min(ratios):.1f}). "


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--size", type=int, default=1_000_000, help="keys (default: 1000000)")
    parser.add_argument("--bits", type=float, default=12, help="bits per key (default: 12)")
    parser.add_argument("--cells", type=Path, help="go on from what an earlier run left in this file, and add to it")
    chosen = parser.parse_args()
    with bench(chosen.size) as folder:
        made = Bench(folder, chosen.size)
        take((defaults, lambda: rates(made, chosen.bits, chosen.cells)), chosen.output)


if __name__ == "__main__":
    main()
