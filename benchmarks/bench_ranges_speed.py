"""Range filters on the same keys, queries and bits: time per query and per key built, of one thread.

Run: BEFOREHAND_RANGE_RIVALS=FOLDER python benchmarks/bench_ranges_speed.py [--size 1000000] [--bits 12]
[--only NAME...] [-o FILE]
"""

from collections.abc import Sequence

import numpy as np
from range_contenders import CONTENDERS, WORKLOADS, Bench, bench
from report import options, take

from beforehand.ranges import Design, PrefixModel, Proteus
from beforehand.ranges.keys import encode_keys
from beforehand.reporting import Sheet, seconds

KINDS = {
    "empty_ns": "Ranges without a key, one by one in C++: ns a query",
    "full_ns": "Ranges with a key, one by one in C++: ns a query",
    "batch_ns": "Ranges without a key, in one call from numpy: ns a query",
    "build_ns": "Building, choice of the design included: ns a key",
}
PREFIX_BITS = 60
LONGEST = 62  # prefixes that a range spans, or one more: fewer than the cap of 64
DESIGNS = (
    Design(approx="fuse", approx_bits=PREFIX_BITS),
    Design(exact="elias_fano", exact_bits=16, approx="fuse", approx_bits=PREFIX_BITS),
    Design(approx="bloom", approx_bits=PREFIX_BITS),
    Design(exact="trie", exact_bits=16, approx="bloom", approx_bits=PREFIX_BITS),
    Design(approx="locality", approx_bits=64),
)


def speeds(bench: Bench, bits: float, names: Sequence[str]) -> list[Sheet]:
    """A table for each kind of time; the workloads are measured one after the other, all contenders of each in turn."""
    found = {workload: {name: bench.measured(name, workload, bits) for name in names} for workload in WORKLOADS}
    sheets = []
    for kind, title in KINDS.items():
        rows = []
        for name in names:
            cells = [found[workload][name] for workload in WORKLOADS]
            told = [cell if isinstance(cell, str) else f"{cell[kind]:,.0f}" if kind in cell else "" for cell in cells]
            if any(told):
                rows.append([name, *told])
        below = f"{bench.size:,} keys, {bits:g} bits per key; processor time; queries are the best of 5 passes."
        sheets.append(Sheet(title=title, columns=["", *map(str, WORKLOADS)], rows=rows, below=below))
    return sheets


def longest(bench: Bench, bits: float) -> Sheet:
    """What the longest questions take that a filter answers with no: those that end just below the cap on probes."""
    bench.prepare(WORKLOADS[0])
    keys = bench.codes("keys")
    lo = np.random.default_rng(1).integers(0, 2**64 - 2**20, 100_000, np.uint64)
    rows = []
    for design in DESIGNS:
        built = Proteus.build(keys, design=design, bits_per_key=bits)
        hi = lo + np.uint64((LONGEST - 1) << (64 - PREFIX_BITS))
        empty = ~built.may_intersect(lo, hi)
        rows.append([str(design), f"{bench.asked('Proteus', built, lo[empty], hi[empty], bits):,.0f}"])
    return Sheet(
        title=f"The longest questions that are probed, of {LONGEST} or {LONGEST + 1} prefixes and answered with no",
        columns=["Proteus", "ns a query, one by one in C++"],
        rows=rows,
        below=f"{bench.size:,} {WORKLOADS[0].keys} keys, {bits:g} bits per key; longer ones are told yes at once.",
    )


def models(bench: Bench, bits: float) -> Sheet:
    """What the model and the search for a design take, beside reading the keys."""
    rows = []
    for workload in WORKLOADS:
        bench.prepare(workload)
        keys, sample = bench.codes("keys"), (bench.codes("sample_lo"), bench.codes("sample_hi"))
        read = encode_keys(keys)
        search = seconds(lambda codes=read, sample=sample: PrefixModel(codes, sample).best(bits_per_key=bits))
        rows.append([str(workload), f"{1e3 * seconds(lambda keys=keys: encode_keys(keys)):.1f}", f"{1e3 * search:.1f}"])
    return Sheet(
        title="Choosing a design from 20,000 sample queries: ms",
        columns=["", "to check the order of the keys and copy them", "model and search"],
        rows=rows,
        below=f"{bench.size:,} keys, {bits:g} bits per key; processor time, best of 5.",
    )


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--size", type=int, default=1_000_000, help="keys (default: 1000000)")
    parser.add_argument("--bits", type=float, default=12, help="bits per key (default: 12)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, help="who is raced (default: all)")
    chosen = parser.parse_args()
    with bench(chosen.size) as folder:
        made = Bench(folder, chosen.size)
        sheets = [longest(made, chosen.bits), models(made, chosen.bits), *speeds(made, chosen.bits, chosen.only)]
    take([lambda sheet=sheet: sheet for sheet in sheets], chosen.output)


if __name__ == "__main__":
    main()
