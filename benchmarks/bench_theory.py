"""Closed forms: the time of one distribution and policy at five loads, and how far the digits are from the golden ones.

No rival with predictions is known. For exact ones (SRPT) the same integral as a book prints it, by nested adaptive
quadrature, stands beside; it needs scipy, without which its row is left out. Not for you where a log is at hand: that
is exact, and faster.

Run: python benchmarks/bench_theory.py [-o FILE]
"""

import math

from golden import EXACT, GOLDEN, told
from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import SPRPT, Exponential, JobDistribution, Policy, expect
from beforehand.scheduling.formulas import distribution_formula, keyed_phase

LOADS = (0.5, 0.7, 0.8, 0.9, 0.95)


def five_loads(policy: Policy, distribution: JobDistribution) -> None:
    """As the first question about this distribution finds it: nothing is known yet."""
    for table in (
        keyed_phase.grid_of,
        keyed_phase.table_of,
        distribution_formula._attained,
        distribution_formula._moments,
    ):
        table.cache_clear()
    for load in LOADS:
        expect(policy, distribution, load=load)


def by_the_book(load: float) -> float:
    """SRPT with exponential sizes, by nested adaptive quadrature."""
    from scipy.integrate import quad

    def busy(x: float) -> float:
        return load * float(quad(lambda t: t * math.exp(-t), 0, x)[0])

    def response(x: float) -> float:
        square = quad(lambda t: t * t * math.exp(-t), 0, x)[0] + x * x * math.exp(-x)
        return load * square / (2 * (1 - busy(x)) ** 2) + quad(lambda a: 1 / (1 - busy(a)), 0, x)[0]

    return float(quad(lambda x: response(x) * math.exp(-x), 0, math.inf, epsabs=1e-10, epsrel=1e-10)[0])


def golden() -> Sheet:
    """One row for each distribution and policy of the golden table."""
    rows = []
    for entry in GOLDEN:
        took = seconds(lambda entry=entry: five_loads(entry.policy, entry.distribution), 3)
        found = [(expect(entry.policy, entry.distribution, load=load), true) for load, true in entry.rows]
        off = max(abs(result.response_time / true - 1) for result, true in found)
        accuracy = max(result.accuracy for result, _ in found)
        rows.append(
            [str(entry.policy), *told(entry.distribution), f"{took * 1e3:.0f}", f"{off:.1e}", f"{accuracy:.1e}"]
        )
    return Sheet(
        title="One distribution and policy at five loads, nothing cached",
        columns=["policy", "sizes", "predictions", "ms", "off golden", "accuracy"],
        rows=rows,
        below="CPU time of one thread, best of 3. The reference values are rounded, some to nine digits.",
    )


def beside() -> Sheet:
    """The textbook's integral for SRPT."""
    truth = next(
        dict(entry.rows) for entry in GOLDEN if isinstance(entry.policy, SPRPT) and entry.distribution == EXACT
    )
    distribution, rows = JobDistribution(Exponential(), EXACT.expensive), []
    contenders = {"beforehand": lambda load: expect(SPRPT(), distribution, load=load).response_time}
    try:
        import scipy

        contenders[f"nested quad, scipy {scipy.__version__}"] = by_the_book
    except ImportError:
        print("scipy is missing: pip install scipy for its row")
    for name, response in contenders.items():
        whole = (
            (lambda: five_loads(SPRPT(), distribution))
            if name == "beforehand"
            else lambda: [by_the_book(a) for a in LOADS]
        )
        off = max(abs(response(load) / truth[load] - 1) for load in LOADS)
        rows.append([name, f"{seconds(whole, 1) * 1e3:.0f}", f"{off:.1e}"])
    return Sheet(
        title="SRPT, exponential sizes, five loads",
        columns=["contender", "ms", "off golden"],
        rows=rows,
        below="Rivals compute response times only; ours are memory, interruptions and an accuracy estimate as well.",
    )


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    take((beside, golden), chosen.output)


if __name__ == "__main__":
    main()
