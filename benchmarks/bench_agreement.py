"""Formula and simulation of the same queue: every golden pair of policy and distribution, by 40 million jobs.

Run: python benchmarks/bench_agreement.py [-o FILE]; a quarter of an hour.
"""

from golden import GOLDEN, told
from report import options, take

from beforehand.reporting import Sheet
from beforehand.scheduling import LAS, simulate

LOAD = 0.9
JOBS, SEEDS = 20_000_000, (1, 2)
QUANTILE = 2.056  # of Student's t with 26 degrees of freedom, by which an interval is wider than a standard error


def agreement() -> Sheet:
    """Two seeds of 20 million jobs for each policy and distribution, at load 0.9."""
    rows, largest = [], 0.0
    for entry in GOLDEN:
        if isinstance(entry.policy, LAS):
            continue  # golden is its limit, which no engine runs
        true = dict(entry.rows)[LOAD]
        row = [str(entry.policy), *told(entry.distribution), f"{true:.6f}"]
        for seed in SEEDS:
            found = simulate(entry.policy, entry.distribution, load=LOAD, jobs=JOBS, seed=seed)
            off = (found.response_time - true) / (found.interval / QUANTILE)
            largest = max(largest, abs(off))
            row += [f"{found.response_time:.5f}", f"{off:+.2f}"]
        rows.append(row)
    return Sheet(
        title=f"Formula and simulation at load {LOAD}: 2 x 20 million jobs, z in standard errors",
        columns=("policy", "sizes", "predictions", "formula", "seed 1", "z", "seed 2", "z"),
        rows=rows,
        below=f"The largest |z| of {len(SEEDS) * len(rows)} runs is {largest:.2f}.",
    )


if __name__ == "__main__":
    take([agreement], options(__doc__ or "").parse_args().output)
