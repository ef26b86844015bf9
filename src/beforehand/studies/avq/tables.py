"""The smallest error that levels can have, on nine distributions, beside figures that must come out again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from beforehand.quantization import levels
from beforehand.quantization.options import Method, Objective
from beforehand.quantization.theory import Floats, rotation_vnmse
from beforehand.reporting import Sheet
from beforehand.studies.claims import Begin, Found

SMALL, LARGE = 2**16, 2**20
QUICK = ("Normal", "LogN(0,1)")
LLOYD_MAX = {1: 4.40, 2: 9.30, 3: 14.62, 4: 20.22}  # decibels of N(0, 1), by bits: Max 1960


def truncated_normal(random: np.random.Generator, size: int) -> Floats:
    """The first `size` standard normal values within [-1, 1]."""
    drawn = random.standard_normal(int(1.6 * size) + 100)
    return drawn[np.abs(drawn) <= 1][:size]


DATA: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "Normal": lambda random, size: random.standard_normal(size),
    "LogN(0,0.5)": lambda random, size: np.exp(0.5 * random.standard_normal(size)),
    "LogN(0,1)": lambda random, size: np.exp(random.standard_normal(size)),
    "LogN(0,3)": lambda random, size: np.exp(3 * random.standard_normal(size)),
    "Exp(1)": lambda random, size: random.standard_exponential(size),
    "TruncNorm[-1,1]": truncated_normal,
    "Laplace": lambda random, size: random.laplace(size=size),
    "Student t3": lambda random, size: random.standard_t(3, size),
    "Uniform[-1,1]": lambda random, size: random.uniform(-1, 1, size),
}


@final
@dataclass(frozen=True)
class Column:
    """One kind of levels on vectors of one length; a cell is the mean vNMSE over the seeds."""

    head: str
    s: int
    size: int
    seeds: int
    objective: Objective = "unbiased"
    method: Method = "exact"

    def vnmse(self, data: str) -> Floats:
        """The vNMSE of each seed's vector."""
        draw = DATA[data]
        return np.array(
            [
                levels(draw(np.random.default_rng(seed), self.size), self.s, method=self.method,
                       objective=self.objective).vnmse
                for seed in range(self.seeds)
            ]
        )  # fmt: skip


COLUMNS = (
    Column("s = 4, 2^16", 4, SMALL, 8),
    Column("8", 8, SMALL, 8),
    Column("16", 16, SMALL, 8),
    Column("64", 64, SMALL, 8),
    Column("s = 16, 2^20", 16, LARGE, 4),
    Column("uniform, s = 16, 2^20", 16, LARGE, 4, method="uniform"),
    Column("k-means, s = 16, 2^20", 16, LARGE, 2, objective="mse"),
)
EXPECTED = {  # in the order of the columns, to the digits that must come out
    "Normal": (".849", ".1216", ".02427", ".001307", ".02591", ".0776", ".00953"),
    "LogN(0,0.5)": (".188", ".0279", ".00565", ".000300", ".00630", ".0813", ".00238"),
    "LogN(0,1)": (".555", ".0858", ".01743", ".000873", ".0226", "1.80", ".00928"),
    "LogN(0,3)": (".32", ".043", ".0064", ".00013", ".0062", ".61", ".0032"),
    "Exp(1)": (".276", ".0449", ".00943", ".000519", ".01015", ".0943", ".00408"),
    "TruncNorm[-1,1]": (".2550", ".04647", ".01013", ".000571", ".01012", ".01019", ".00445"),
    "Laplace": ("1.49", ".193", ".0383", ".00205", ".0418", ".286", ".0153"),
    "Student t3": ("3.61", ".382", ".0726", ".00345", ".101", "19.4", ".039"),
    "Uniform[-1,1]": (".2216", ".0408", ".00886", ".000500", ".00889", ".00889", ".00390"),
}
Means = dict[str, list[Floats]]


def measure(quick: bool, begin: Begin) -> Means:
    """The vNMSE of each seed, by distribution and column; `quick` leaves out long vectors and most distributions."""
    result: Means = {}
    for data in names(quick):
        begin(f"optimal levels on {data}")
        result[data] = [column.vnmse(data) for column in columns(quick)]
    return result


def names(quick: bool) -> tuple[str, ...]:
    """The distributions."""
    return QUICK if quick else tuple(DATA)


def columns(quick: bool) -> tuple[Column, ...]:
    """What is measured on each."""
    return tuple(column for column in COLUMNS if column.size == SMALL) if quick else COLUMNS


def agreement(found: Means) -> Found:
    """Whether every mean is the expected figure, to its digits."""
    cells = [
        (_digits(float(vnmse.mean()), like), like, f"{data}, {column.head}", column.size)
        for data, row in found.items()
        for vnmse, like, column in zip(row, EXPECTED[data], COLUMNS, strict=False)
    ]
    wrong = [f"{where}: {got} for {like}" for got, like, where, _ in cells if got != like]
    figure = f"{len(cells) - len(wrong)} of {len(cells)} means" + (f"; not {'; '.join(wrong)}" if wrong else "")
    powers = sorted({size.bit_length() - 1 for *_, size in cells})
    return Found(scale=" and ".join(f"2^{power}" for power in powers), figure=figure, holds=not wrong)


def sheet(found: Means) -> Sheet:
    """The means with their relative standard deviation, and what a random rotation gives on any data."""
    rows = []
    for data, cells in found.items():
        row = [data]
        for vnmse, like, column in zip(cells, EXPECTED[data], COLUMNS, strict=False):
            mean = float(vnmse.mean())
            spread = f" ({vnmse.std() / mean:.2g})" if column.size == SMALL else ""
            row.append(_digits(mean, like) + spread)
        rows.append(row)
    width = len(rows[0])
    rotated = [f"{rotation_vnmse(c.s, c.objective):.3g}" if c.method == "exact" else "-" for c in COLUMNS]
    rows.append(["any, after rotation", *rotated][:width])
    return Sheet(
        title="The vNMSE of optimal levels, beside uniform levels, exact k-means and a random rotation",
        columns=["data", *(column.head for column in COLUMNS)][:width],
        rows=rows,
        below="In parentheses, the relative standard deviation over the seeds. k-means is the smallest error of "
        "rounding to the nearest level, which is biased, so it is not comparable with the columns to its left.",
    )


def winners(found: Means) -> Sheet:
    """Which of adaptive levels and rotation has the smaller error, for each number of levels."""
    rows = []
    for place, column in enumerate(COLUMNS):
        measured = {data: cells[place].mean() for data, cells in found.items() if place < len(cells)}
        if column.method == "exact" and column.objective == "unbiased" and measured:
            rotation = rotation_vnmse(column.s)
            adaptive = [data for data, vnmse in measured.items() if vnmse < rotation]
            others = [data for data in measured if data not in adaptive]
            head = f"{column.s} levels, 2^{column.size.bit_length() - 1} values"
            rows.append([head, ", ".join(adaptive) or "none", ", ".join(others) or "none"])
    return Sheet(
        title="Where adaptive levels have the smaller error, and where a random rotation has it",
        columns=["", "adaptive levels", "rotation"],
        rows=rows,
        below="After a rotation no value can be read alone: if single values must be readable, only levels of the data "
        "can be used.",
    )


def _digits(value: float, like: str) -> str:
    """The value with as many decimals as that figure has."""
    return f"{value:.{len(like.split('.')[1])}f}".removeprefix("0")
