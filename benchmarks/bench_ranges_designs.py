"""The designs that our model takes in the space of the Proteus paper, beside those of the authors' code.

Run: BEFOREHAND_RANGE_RIVALS=FOLDER python benchmarks/bench_ranges_designs.py [--size 1000000] [-o FILE]
"""

from range_contenders import WORKLOADS, Bench, bench
from report import options, take

from beforehand.ranges import PrefixModel
from beforehand.reporting import Sheet

ALL_BUDGETS = (8, 10, 12, 14, 16, 18)


def designs(bench: Bench) -> Sheet:
    """The paper's space: what our model takes, and what the released code does, cell by cell."""
    rows = []
    for workload in WORKLOADS:
        bench.prepare(workload)
        sample = (bench.codes("sample_lo"), bench.codes("sample_hi"))
        model = PrefixModel(bench.codes("keys"), sample, max_probes=None)
        for name, told in (("ours", True), ("authors'", False)):
            row = [str(workload), name]
            for bits in ALL_BUDGETS:
                if told:
                    best = model.best(bits_per_key=bits, space="paper")
                    row.append(f"{best.exact_bits} / {best.approx_bits}")
                else:
                    theirs = bench.measured("Proteus, authors'", workload, bits)
                    row.append(theirs if isinstance(theirs, str) else _without_cut(theirs["design"]))
            rows.append(row)
    same = sum(
        a == b for us, them in zip(rows[::2], rows[1::2], strict=True) for a, b in zip(us[2:], them[2:], strict=True)
    )
    return Sheet(
        title=f"Designs in the paper's space, {bench.size:,} keys: bits of the trie / of the Bloom filter",
        columns=["", "", *(f"{bits} bits" for bits in ALL_BUDGETS)],
        rows=rows,
        below=f"The same in {same} of {len(WORKLOADS) * len(ALL_BUDGETS)} cells.",
    )


def _without_cut(design: str) -> str:
    trie, bloom = design.split(" / ")
    return f"{trie.split()[0]} / {bloom}"


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--size", type=int, default=1_000_000, help="keys (default: 1000000)")
    chosen = parser.parse_args()
    with bench(chosen.size) as folder:
        made = Bench(folder, chosen.size)
        take((lambda: designs(made),), chosen.output)


if __name__ == "__main__":
    main()
