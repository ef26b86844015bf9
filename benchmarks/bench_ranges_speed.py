"""Range filters on the same keys, queries and bits: time per query and per key built, of one thread.

Run: BEFOREHAND_RANGE_RIVALS=FOLDER python benchmarks/bench_ranges_speed.py [--size 1000000] [--bits 12] [-o FILE]
"""

from range_contenders import CONTENDERS, WORKLOADS, Bench, bench
from report import options, take

from beforehand.reporting import Sheet

KINDS = {
    "empty_ns": "Ranges without a key, one by one in C++: ns a query",
    "full_ns": "Ranges with a key, one by one in C++: ns a query",
    "batch_ns": "Ranges without a key, in one call from numpy: ns a query",
    "build_ns": "Building, choice of the design included: ns a key",
}


def speeds(bench: Bench, bits: float) -> list[Sheet]:
    """A table for each kind of time; the workloads are measured one after the other, all contenders of each in turn."""
    found = {workload: {name: bench.measured(name, workload, bits) for name in CONTENDERS} for workload in WORKLOADS}
    sheets = []
    for kind, title in KINDS.items():
        rows = []
        for name in CONTENDERS:
            cells = [found[workload][name] for workload in WORKLOADS]
            told = [cell if isinstance(cell, str) else f"{cell[kind]:,.0f}" if kind in cell else "" for cell in cells]
            if any(told):
                rows.append([name, *told])
        below = f"{bench.size:,} keys, {bits:g} bits per key; processor time; queries are the best of 5 passes."
        sheets.append(Sheet(title=title, columns=["", *map(str, WORKLOADS)], rows=rows, below=below))
    return sheets


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--size", type=int, default=1_000_000, help="keys (default: 1000000)")
    parser.add_argument("--bits", type=float, default=12, help="bits per key (default: 12)")
    chosen = parser.parse_args()
    with bench(chosen.size) as folder:
        sheets = speeds(Bench(folder, chosen.size), chosen.bits)
    take([lambda sheet=sheet: sheet for sheet in sheets], chosen.output)


if __name__ == "__main__":
    main()
