"""The tables of the survey of queues with predictions: ours beside what is known, and where print went wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from beforehand.reporting import Sheet
from beforehand.scheduling import (
    FCFS,
    PSPJF,
    SPJF,
    SPRPT,
    ExactError,
    Exponential,
    ExponentialError,
    JobDistribution,
    OneBit,
    Simulation,
    Weibull,
    expect,
    simulate,
)
from beforehand.scheduling.formulas.newest_first import one_bit_newest_first
from beforehand.scheduling.policies.stock import Stock
from beforehand.studies.claims import Found
from beforehand.studies.skip_predict.costs import EXPONENTIAL, WEIBULL, minimum

EXACT: Final = JobDistribution(Exponential(), expensive=ExactError(), cheap=ExactError())
POLICIES: Final[dict[str, tuple[Stock, JobDistribution]]] = {
    "FIFO": (FCFS(), EXACT),
    "SJF": (SPJF(), EXACT),
    "SPJF": (SPJF(), EXPONENTIAL),
    "PSJF": (PSPJF(), EXACT),
    "PSPJF": (PSPJF(), EXPONENTIAL),
    "SRPT": (SPRPT(), EXACT),
    "SPRPT": (SPRPT(), EXPONENTIAL),
}
MISPRINTED = ("PSPJF", "SPRPT")
# Mean response times of M/M/1 with exponential errors, from a separate evaluation, in the order of POLICIES.
KNOWN = {
    0.5: (2.0, 1.7127, 1.7948, 1.5314, 1.6637, 1.4254, 1.6583),
    0.6: (2.5, 1.9625, 2.1086, 1.7526, 1.9528, 1.6041, 1.9394),
    0.7: (3.3333, 2.3122, 2.5726, 2.0839, 2.3971, 1.8746, 2.3688),
    0.8: (5.0, 2.8822, 3.3758, 2.6589, 3.1945, 2.3528, 3.1375),
    0.9: (10.0, 4.1969, 5.3610, 4.0518, 5.2238, 3.5521, 5.0985),
    0.95: (20.0, 6.2640, 8.6537, 6.2648, 8.6185, 5.5410, 8.4046),
    0.98: (50.0, 11.2849, 16.9502, 11.5513, 17.1189, 10.4947, 16.7642),
    0.99: (100.0, 18.4507, 29.0536, 18.9556, 29.4154, 17.6269, 28.9414),
}
PRINTED = {("SPRPT", 0.9): 5.0481, ("PSPJF", 0.99): 29.3783}  # of Table 1, what is at hand

SIZES: Final = {"exponential": Exponential(), "Weibull(1/2)": Weibull(0.5)}
BITS: Final = {"exact": ExactError(), "exponential error": ExponentialError()}
ORDERS: Final[dict[str, Callable[[float, JobDistribution, float], float]]] = {
    "non-preemptive": lambda t, distribution, load: (
        expect(OneBit(t, preemptive=False), distribution, load=load).response_time
    ),
    "newest short first": lambda t, distribution, load: one_bit_newest_first(t, distribution, load=load).response_time,
    "shorts in order": lambda t, distribution, load: expect(OneBit(t), distribution, load=load).response_time,
}
# The least mean response time over all thresholds, from a separate evaluation, in the order of ORDERS.
KNOWN_BEST = {
    ("exponential", "exact", 0.5): (1.782188, 1.564377, 1.539993),
    ("exponential", "exponential error", 0.5): (1.848581, 1.697162, 1.705223),
    ("exponential", "exact", 0.9): (5.283668, 4.759631, 4.590100),
    ("exponential", "exponential error", 0.9): (6.368132, 5.964591, 5.953045),
    ("exponential", "exact", 0.98): (16.635575, 15.954669, 15.481306),
    ("exponential", "exponential error", 0.98): (22.587367, 22.027926, 21.906142),
    ("Weibull(1/2)", "exact", 0.5): (3.019022, 1.608900, 1.668929),
    ("Weibull(1/2)", "exponential error", 0.5): (3.156971, 1.737500, 2.007275),
    ("Weibull(1/2)", "exact", 0.9): (8.950809, 4.665318, 5.233915),
    ("Weibull(1/2)", "exponential error", 0.9): (10.666699, 5.820843, 7.482376),
    ("Weibull(1/2)", "exact", 0.98): (22.691057, 13.805121, 16.554665),
    ("Weibull(1/2)", "exponential error", 0.98): (30.098230, 19.044408, 25.008344),
}
PRINTED_BEST = {"exact": 15.194, "exponential error": 20.918}  # of Table 3: Weibull, preemptive, load .98
PRINTED_FIFO = 29.0  # of Table 3: Weibull, load .9

Setting = tuple[str, str, float]  # sizes, bit, load


@final
@dataclass(frozen=True)
class Best:
    """The best threshold of one order in one setting, and the mean response time there."""

    threshold: float
    response_time: float


@final
@dataclass(frozen=True)
class Tables:
    """What fills the survey's tables.

    Args:
        means: Table 1, by load, in the order of `POLICIES`.
        simulated: The misprinted entries of Table 1, simulated.
        best: Tables 2 and 3, in the order of `ORDERS`.
        fifo: First come, first served with Weibull sizes at load .9, by formula and simulated.
        long: Newest short first at the best thresholds of Weibull sizes at load .98, by bit: long jobs simulated.
    """

    means: dict[float, tuple[float, ...]]
    simulated: dict[tuple[str, float], Simulation]
    best: dict[Setting, tuple[Best, ...]]
    fifo: tuple[float, Simulation]
    long: dict[str, tuple[float, float]]


def fill(quick: bool) -> Tables:
    """All figures; `quick` takes few loads and settings."""
    loads = (0.5, 0.9, 0.99) if quick else tuple(KNOWN)
    settings = [setting for setting in KNOWN_BEST if not quick or setting[1:] == ("exact", 0.9)]
    jobs = 1 if quick else 20
    best = {setting: _best(setting) for setting in settings}
    return Tables(
        means={
            load: tuple(
                expect(policy, distribution, load=load).response_time for policy, distribution in POLICIES.values()
            )
            for load in loads
        },
        simulated={
            (name, load): simulate(*POLICIES[name], load=load, jobs=jobs * 200_000 * (1 + 4 * (load > 0.95)), seed=3)
            for name, load in PRINTED
        },
        best=best,
        fifo=(
            expect(FCFS(), WEIBULL, load=0.9).response_time,
            simulate(FCFS(), WEIBULL, load=0.9, jobs=jobs * 1_500_000, seed=4, control_variate=False),
        ),
        long={
            bit: _newest_first_simulated(bit, best[setting][1].threshold, jobs * 1_000_000)
            for bit in PRINTED_BEST
            if (setting := ("Weibull(1/2)", bit, 0.98)) in best
        },
    )


def agreement(tables: Tables) -> Found:
    """Table 1 beside the known values, its two doubtful columns beside simulation."""
    off = {
        f"{name} at {load:g}"
        for load, means in tables.means.items()
        for name, ours, known in zip(POLICIES, means, KNOWN[load], strict=True)
        if abs(ours - known) > 1.01e-4
    }
    sides = {key: _nearer(run, _ours(tables, key), PRINTED[key]) for key, run in tables.simulated.items()}
    cells = len(POLICIES) * len(tables.means)
    listed = "; ".join(
        f"{name} at {load:g} is {_ours(tables, (name, load)):.4f} and not {printed:.4f} as printed"
        for (name, load), printed in PRINTED.items()
    )
    return Found(
        scale=f"M/M/1, exponential error, {len(tables.means)} loads, by formula",
        figure=f"{cells - len(off)} of {cells} to one unit of the fourth decimal"
        f"{''.join(f'; not {where}' for where in sorted(off))}; {listed}",
        holds=not off and all(sides.values()), direction=not off,
    )  # fmt: skip


def one_bit_helps(tables: Tables) -> Found:
    """Tables 2 and 3 beside the known values."""
    worst = {
        near: max(
            abs(best.response_time / known - 1)
            for setting, found in tables.best.items()
            for best, known in zip(found, KNOWN_BEST[setting], strict=True)
            if (setting[2] < 0.98) == near
        )
        for near in {setting[2] < 0.98 for setting in tables.best}
    }
    fifo = tables.fifo[0]
    sizes, bit, load = "exponential", "exact", 0.9
    found = tables.best[sizes, bit, load]
    listed = [
        f"at most {max(100 * worst[near], 0.001):.3f} % off {'below' if near else 'at'} load .98"
        for near in sorted(worst, reverse=True)
    ]
    return Found(
        scale=f"{len(tables.best)} settings of sizes, bit and load, {len(ORDERS)} orders, best T of each, by formula",
        figure=f"{'; '.join(listed)}; exponential sizes, exact bit, load .9: {found[0].response_time:.3f} without and "
        f"{found[2].response_time:.3f} with preemption, FIFO 10; Weibull sizes at .9: FIFO {fifo:.2f}",
        holds=max(worst.values()) <= 0.02 and abs(fifo - 28) < 1e-6,
        direction=found[0].response_time < 10,
    )


def table_one(tables: Tables) -> Sheet:
    """Table 1."""
    rows = [
        [f"{load:g}", *(_cell(name, load, value) for name, value in zip(POLICIES, means, strict=True))]
        for load, means in tables.means.items()
    ]
    return Sheet(
        title="The survey's Table 1, by formula",
        columns=["load", *POLICIES],
        rows=rows,
        below="Mean response times, M/M/1, exponential error. In print the columns SPRPT (by .3 to 1 %) and PSPJF (at "
        "high load) are too low; the two printed figures in parentheses are those available. See Errata.",
    )


def best_thresholds(tables: Tables) -> Sheet:
    """Tables 2 and 3."""
    rows = [
        [sizes, bit, f"{load:g}", *(f"{one.response_time:.3f} at {one.threshold:.2f}" for one in found)]
        for (sizes, bit, load), found in tables.best.items()
    ]
    return Sheet(
        title="One bit of advice at its best threshold",
        columns=["sizes", "bit", "load", *ORDERS],
        rows=rows,
        below="Mean response time at the best threshold T, in mean sizes, as the survey's Tables 2 and 3 simulate it. "
        "In the last two columns short jobs preempt long ones, and run newest first or in order of arrival.",
    )


def errata(tables: Tables) -> Sheet:
    """What we would print in place of some figures."""
    remarks = {
        "SPRPT": "the column is .3 to 1 % low; the survey's own simulation in Table 2 agrees with us",
        "PSPJF": "the column is low at high load, by too little for this simulation to tell",
    }
    rows = []
    for (name, load), run in tables.simulated.items():
        figures = (f"{PRINTED[name, load]:.4f}", f"{_ours(tables, (name, load)):.4f}", _simulated(run))
        rows.append([f"survey, Table 1, {name} at load {load:g}", *figures, remarks[name]])
    fifo, run = tables.fifo
    figures = (f"{PRINTED_FIFO:.2f}", f"{fifo:.2f}", _simulated(run))
    rows.append(["survey, Table 3, Weibull, FIFO at load 0.9", *figures, "Pollaczek-Khinchine gives 28 exactly"])
    for bit, (response, interval) in tables.long.items():
        best = tables.best["Weibull(1/2)", bit, 0.98][1]
        figures = (f"{PRINTED_BEST[bit]:.3f}", f"{best.response_time:.3f}", f"{response:.2f} +- {interval:.2f}")
        remark = f"a tenth above the least, which is at T = {best.threshold:.1f}; short jobs by formula, long simulated"
        rows.append([f"survey, Table 3, Weibull, preemptive at load 0.98, bit: {bit}", *figures, remark])
    caption = ("survey, Figure 1, caption, the bounce", "max(|z - a|, z)", "min(|z - a|, z)", "-")
    rows.append([*caption, "with max the rank would not fall"])
    return Sheet(
        title="Errata",
        columns=["where", "printed", "we find", "simulated", "remark"],
        rows=rows,
        below="Every long paper has such slips; none of the survey's conclusions depends on them. Intervals "
        "are of 95 %. We are glad to be corrected in turn.",
    )


def _best(setting: Setting) -> tuple[Best, ...]:
    sizes, bit, load = setting
    distribution = JobDistribution(SIZES[sizes], cheap=BITS[bit])
    return tuple(
        Best(*minimum(lambda t, order=order: order(t, distribution, load), 0.2, 40))  # type: ignore[misc]
        for order in ORDERS.values()
    )


def _newest_first_simulated(bit: str, threshold: float, jobs: int) -> tuple[float, float]:
    """Short jobs by formula, since no stock policy takes the newest first; long ones, which wait as ever, simulated."""
    distribution = JobDistribution(SIZES["Weibull(1/2)"], cheap=BITS[bit])
    formula = one_bit_newest_first(threshold, distribution, load=0.98)
    share = (formula.response_time - formula.short) / (formula.long - formula.short)
    run = simulate(OneBit(threshold), distribution, load=0.98, jobs=jobs, seed=5)
    return formula.short + share * (run.long - formula.short), run.interval


def _simulated(run: Simulation) -> str:
    return f"{run.response_time:.3f} +- {run.interval:.3f}"


def _ours(tables: Tables, key: tuple[str, float]) -> float:
    name, load = key
    return tables.means[load][list(POLICIES).index(name)]


def _nearer(run: Simulation, ours: float, printed: float) -> bool:
    return abs(run.response_time - ours) <= max(run.interval, abs(run.response_time - printed))


def _cell(name: str, load: float, value: float) -> str:
    printed = PRINTED.get((name, load))
    return f"{value:.4f}" + (f" (print: {printed:.4f})" if printed else "")
