"""Proteus (arXiv:2207.01503): its claims, checked with its space of designs and with the one that we add."""

import statistics
import time
from importlib.util import find_spec

from beforehand.studies.claims import Begin, Claim, Found, NotRun, Study, judge
from beforehand.studies.proteus import accuracy, choice, in_rocksdb, rivals, shift, shift_in_rocksdb
from beforehand.studies.proteus.workloads import BITS, KINDS, Workload, workloads

STORED = 250_000  # keys in RocksDB
SCANS = 4_000  # of each filter in a turn there
SHIFTS = 500_000, 200_000  # keys there, and operations of a phase
PAPER = (
    "*Proteus: A Self-Designing Range Filter* ([arXiv:2207.01503](https://arxiv.org/abs/2207.01503), SIGMOD 2022). Of "
    "the paper the abstract and the released code were at hand, and no figure's values: the claims are the abstract's, "
    "the workloads those of the code. SOSD's keys are not shipped; `workloads.formats.sosd` reads them."
)
CLAIMS = (
    Claim(
        says="The model predicts the false-positive rate accurately.",
        source="abstract",
        requires="every filter that errs on 1 in 10,000 empty ranges or more: within 15 %, or the interval of the "
        "model meets that of the measurement; in both spaces",
    ),
    Claim(
        says="Its designs optimize the rate for the memory.",
        source="abstract",
        requires="the chosen trie and Bloom filter err at most 1.1 times as often as the best of a coarse grid that is "
        "built as a whole",
    ),
    Claim(
        says="It is robust where SuRF and Rosetta are brittle.",
        source="abstract",
        requires="the paper's space at most 1.1 times the better of them everywhere; each of them 5 times worse "
        "somewhere",
    ),
    Claim(
        says="Modeling costs little.",
        source="abstract",
        requires="the model with its choice takes at most 10 % of the time of the build",
    ),
    Claim(
        says="RocksDB answers up to 5.3 times faster than with SuRF or Rosetta.",
        source="abstract",
        requires="in the same place, 5.3 times less time than with each of them for empty scans of some workload, and "
        "less than with either for those of every one",
    ),
    Claim(
        says="It follows a workload that shifts.",
        source="abstract",
        requires="after a shift the rate rises, then falls below 1.5 times that of filters tuned to the new phase; in "
        "RocksDB too, where the library is built with it",
    ),
)


def steps(*, quick: bool) -> int:
    """How often `run` begins something."""
    return 2 * len(KINDS) + (2 if quick else len(KINDS)) + 3 + (len(KINDS) + 1 if _runs_rocksdb(quick) else 0)


def run(*, quick: bool = False, begin: Begin = lambda what: None) -> Study:
    """Check every claim.

    Args:
        quick: At the scale of a test: some seconds instead of some minutes.
        begin: Hears what begins, `steps` times.
    """
    start = time.thread_time()
    small = workloads(100_000, 50_000 if quick else 200_000)
    large = small if quick else workloads(1_000_000, 200_000)
    cells, compared, grids = [], [], []
    for workload in large:
        begin(f"{workload.name}: expected and measured")
        cells += accuracy.cells(workload)
    for workload in large:
        begin(f"{workload.name}: every filter")
        compared += rivals.rows(workload)
    for workload in small[1::2] if quick else small:
        begin(f"{workload.name}: every design")
        grids.append(choice.chosen(workload, quick=quick))
    begin("the cost of the model")
    cost = modeling_costs_little(large)
    begin("names of the standard library")
    named = rivals.names(4_000 if quick else 20_000)
    begin("a workload that shifts")
    shifts = shift.phases(*((50_000, 20_000) if quick else (1_000_000, 200_000)))
    scans, shifts_there = [], []
    if _runs_rocksdb(quick):
        for workload in workloads(STORED, (in_rocksdb.TURNS + 1) * SCANS):
            begin(f"{workload.name}: scans in RocksDB")
            scans.append(in_rocksdb.measured(workload, SCANS))
        begin("a workload that shifts, in RocksDB")
        shifts_there = shift_in_rocksdb.phases(*SHIFTS)
    scale = f"{len(large[0].keys):,} keys, {len(large[0].asked[0]):,} empty ranges, 4 workloads"
    found: tuple[Found | NotRun, ...] = (
        predicts_the_rate(cells, f"{scale}, {BITS[0]} to {BITS[-1]} bits per key"),
        chooses_the_best(grids),
        is_robust(compared, f"{scale}, 12 and 16 bits per key"),
        cost,
        is_faster(scans, f"{STORED:,} keys, {in_rocksdb.TURNS * SCANS:,} empty ranges, 4 workloads"),
        follows_shifts(shifts, shifts_there),
    )
    there = []
    if scans:
        there = [
            in_rocksdb.sheet(scans, STORED, SCANS),
            shift_in_rocksdb.sheet(shifts_there, *SHIFTS),
        ]
    return Study(
        name="Proteus",
        paper=PAPER,
        command="beforehand reproduce proteus" + (" --quick" if quick else ""),
        findings=[judge(claim, each) for claim, each in zip(CLAIMS, found, strict=True)],
        sheets=[
            accuracy.sheet(cells),
            choice.sheet(grids),
            rivals.sheet(compared + named),
            shift.sheet(shifts),
            *there,
        ],
        seconds=time.thread_time() - start,
    )


def predicts_the_rate(cells: list[accuracy.Cell], scale: str) -> Found:
    """Expected beside measured, where enough ranges err."""
    counted = [cell for cell in cells if cell.counts]
    near = sum(cell.near for cell in counted)
    within = sum(cell.off <= accuracy.NEAR for cell in counted)
    worst = max(counted, key=lambda cell: cell.off)
    return Found(
        scale=scale,
        figure=f"{near} of {len(counted)} filters are that near, {within} of them within 15 %; the one that is "
        f"furthest off erred on {worst.measured.value:.1e} where {worst.expected:.1e} were expected",
        holds=near == len(counted),
        direction=near >= 0.9 * len(counted),
    )


def chooses_the_best(grids: list[choice.Chosen]) -> Found:
    """The chosen design beside the best of those built."""
    ratios = [each.ratio for each in grids]
    return Found(
        scale=f"100,000 keys, {len(grids)} workloads, {choice.BITS} bits per key, {sum(each.built for each in grids)} "
        "filters built",
        figure=f"the chosen one errs {min(ratios):.2f} to {max(ratios):.2f} times as often as the best built",
        holds=max(ratios) <= 1.1,
        direction=max(ratios) <= 1.5,
    )


def is_robust(compared: list[rivals.Row], scale: str) -> Found:
    """The paper's space beside SuRF and Rosetta."""
    floor = 1e-6  # none of so many erred
    shares = {
        name: [row.rates[rivals.PAPER].value / max(floor, row.rates[name].value) for row in compared]
        for name in ("SuRF", "Rosetta")
    }
    worst = max(max(pair) for pair in zip(*shares.values(), strict=True))
    brittle = {name: 1 / max(floor, min(ratios)) for name, ratios in shares.items()}
    listed = ", ".join(f"{name} errs up to {ratio:,.0f} times as often" for name, ratio in brittle.items())
    return Found(
        scale=scale,
        figure=f"Proteus errs at most {worst:.2f} times as often as the better of them; {listed}",
        holds=worst <= 1.1 and min(brittle.values()) >= 5,
        direction=min(brittle.values()) >= 5,
    )


def modeling_costs_little(large: list[Workload]) -> Found:
    """The time of the model beside that of the build."""
    times = [choice.cost(workload) for workload in large]
    shares = [model / build for model, build in times]
    return Found(
        scale=f"{len(large[0].keys):,} keys, 20,000 queries",
        figure=f"the model takes {1e3 * max(model for model, _ in times):.1f} ms at most, {min(shares):.0%} to "
        f"{max(shares):.0%} of the build",
        holds=max(shares) <= 0.1,
        direction=max(shares) <= 0.5,
    )


def is_faster(scans: list[in_rocksdb.Row], scale: str) -> Found | NotRun:
    """Wall time of scans in RocksDB with either rival over that with the paper's designs."""
    if not scans:
        built = find_spec("beforehand._rocksdb") is not None
        return NotRun(
            "takes minutes, with direct reads from a disk"
            + ("" if built else "; this library was built without RocksDB, make test-rocksdb builds it")
        )
    shares = {name: [statistics.median(row.ratios[name]) for row in scans] for name in in_rocksdb.RIVALS}
    least = min(map(min, shares.values()))
    longest = " and ".join(
        f"up to {max(ratios):.1f} times {how} {name}"
        for (name, ratios), how in zip(shares.items(), ("as long with", "with"), strict=True)
    )
    added = " and ".join(f"{max(row.wall[name] / row.wall[in_rocksdb.OURS] for row in scans):.1f}" for name in shares)
    return Found(
        scale=scale,
        figure=f"a scan takes {longest}, and at least {least:.2f} times with either; beside the designs that we add up "
        f"to {added} times",
        holds=least > 1 and all(max(ratios) >= 5.3 for ratios in shares.values()),
        direction=all(max(ratios) > 1 for ratios in shares.values()),
    )


def follows_shifts(shifts: list[shift.Phase], there: list[shift.Phase]) -> Found:
    """Rates after each shift, in memory and in RocksDB."""
    later = [*shifts[1:], *there[1:]]
    rises = [each.worst / each.tuned for each in later]
    falls = [each.last / each.tuned for each in later]
    return Found(
        scale=f"{len(shifts)} phases, correlated and uniform in turn, filters in memory"
        + (", and in RocksDB" if there else ""),
        figure=f"after a shift {min(rises):.1f} to {max(rises):.1f} times the rate of tuned filters, and in the last "
        f"quarter of the phase {min(falls):.2f} to {max(falls):.2f} times",
        holds=max(falls) <= 1.5 and min(rises) > max(falls),
        direction=max(falls) < max(rises),
    )


def _runs_rocksdb(quick: bool) -> bool:
    return not quick and find_spec("beforehand._rocksdb") is not None
