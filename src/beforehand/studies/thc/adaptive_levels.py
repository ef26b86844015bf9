"""Levels chosen for each block beside those that all workers share, at about equal bytes."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from beforehand.gradients import Adaptive, BlockInt, Layout, simulate
from beforehand.gradients.codec import Codec
from beforehand.gradients.exchange import Floats
from beforehand.reporting import Sheet
from beforehand.studies.claims import Found
from beforehand.studies.round_seconds import round_seconds
from beforehand.studies.thc.errors import PUBLISHED, best_thc, samples
from beforehand.workloads.gradient_samples import gradients

CODECS: Final[dict[str, Codec]] = {
    "published table": PUBLISHED,
    "Adaptive, 4096": Adaptive(),
    "Adaptive, 1024": Adaptive(block=1024),
    "int4, blocks of 32": BlockInt(bits=4, block=32),
}
SPARSE: Final = "sparse"


class Beside(NamedTuple):
    """Errors on one gradient, by codec; THC's is that of its best table."""

    data: str
    thc: float
    others: dict[str, float]


def beside(real: Mapping[str, Floats]) -> list[Beside]:
    """Noise, structured samples, equal workers, and what is given of real gradients."""
    random = np.random.default_rng(1)
    heavy = random.choice([-1, 1], (4, 2**16)) * random.lognormal(size=(4, 2**16))
    given = {
        "normal": gradients("normal", correlation=0.0, seed=1)["gradient"],
        "lognormal": heavy.astype(np.float32),
        **samples(),
        "4 identical": gradients("normal", correlation=1.0, seed=1)["gradient"],
        **real,
    }
    return [
        Beside(name, best_thc(rows), {codec: float(simulate(each, rows).vnmse) for codec, each in CODECS.items()})
        for name, rows in given.items()
    ]


def costs(size: int = 2**18) -> dict[str, tuple[float, float]]:
    """Bytes for each parameter that one of 4 workers sends, and nanoseconds of a whole round for each coordinate."""
    layout, x = Layout([("gradient", (size,))]), np.random.default_rng(0).standard_normal(size, np.float32)
    return {
        name: (
            codec.wire_bytes(layout, workers=4).total / size,
            1e9 * round_seconds(codec, layout, x, workers=4) / size,
        )
        for name, codec in CODECS.items()
    }


def sheet(found: list[Beside], spent: Mapping[str, tuple[float, float]]) -> Sheet:
    """All of them, then what they cost."""
    rows = [[each.data, f"{each.thc:.4f}", *(f"{error:.4f}" for error in each.others.values())] for each in found]
    for place, what in enumerate(("bytes for each parameter", "ns for each coordinate")):
        cells = [f"{spent[codec][place]:.3g}" for codec in CODECS]
        rows.append([f"*{what}*", cells[0], *cells])
    return Sheet(
        title="Levels of one's own: vNMSE of 4 workers",
        columns=["gradient", "THC's best table", *CODECS],
        rows=rows,
        below="Both ways, by two-shot. Samples do not correlate between workers. Time is one worker's processor's.",
    )


def serves(found: list[Beside], spent: Mapping[str, tuple[float, float]]) -> Found:
    """Which wins on dense gradients and which on sparse ones, and at what price."""
    ratios = {each.data: each.others["Adaptive, 4096"] / each.thc for each in found}
    smaller = {each.data: each.others["Adaptive, 1024"] / each.thc for each in found}
    dense = [ratio for data, ratio in ratios.items() if data != SPARSE and "step" not in data]
    real = "; ".join(f"{data}: {ratio:.2f} and {smaller[data]:.2f}" for data, ratio in ratios.items() if "step" in data)
    price = spent["Adaptive, 4096"][1] / spent["published table"][1]
    return Found(
        scale="4 workers, 2^16 coordinates",
        figure=f"error of Adaptive in blocks of 4096 over that of THC's best table: {min(dense):.2f} to "
        f"{max(dense):.2f} on dense samples, {ratios[SPARSE]:.2f} on sparse ones; on real gradients, in blocks of 4096 "
        f"and 1024: {real or 'none at hand'}; for {price:.0f} times THC's time",
        holds=ratios[SPARSE] <= 0.7 and min(dense) > 1,
        direction=ratios[SPARSE] < 1,
    )
