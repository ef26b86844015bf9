"""Training through a switch that loses packets and does not wait for all."""

from typing import Any, Final, NamedTuple

import numpy as np

from beforehand.gradients import THC, Layout, Switch
from beforehand.gradients.exchange import Floats
from beforehand.reporting import Sheet
from beforehand.studies import digits
from beforehand.studies.claims import Found

WORKERS: Final = 10
CODEC: Final = THC(truncation=1 / 64)  # fixed: with some workers missing, norms say too little to choose by
SLOW: Final = {7: 5.0, 8: 5.0, 9: 5.0}  # ranks by the factor on their packets' time
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "no loss, all wait": {},
    "1 % loss": {"loss": 0.01},
    "3 of 10 slow": {"slow_workers": SLOW},
    "3 of 10 slow, quorum .7": {"slow_workers": SLOW, "quorum": 0.7},
    "1 % loss, 3 of 10 slow, quorum .7": {"loss": 0.01, "slow_workers": SLOW, "quorum": 0.7},
    "1 % loss, 1 of 10 slow, quorum .9": {"loss": 0.01, "slow_workers": {9: 5.0}, "quorum": 0.9},
}
QUICK: Final = ("no loss, all wait", "1 % loss", "1 % loss, 3 of 10 slow, quorum .7")


class Trial(NamedTuple):
    """One setting: accuracy by seed, and per round what the switch did."""

    setting: str
    accuracy: list[float]
    missing: float  # share of workers that a chunk's sum lacks
    again: float  # packets sent again
    time: float  # in times of a packet


def trials(quick: bool) -> list[Trial]:
    """Every setting with the same batches; workers that a sum came too late for take the others' parameters."""
    return [_trial(name, options, quick) for name, options in SETTINGS.items() if not quick or name in QUICK]


def _trial(name: str, options: dict[str, Any], quick: bool) -> Trial:
    layout, accuracy = Layout(digits.TENSORS), []
    lacking, again, times = [], [], []
    for seed in range(1, 2 if quick else 4):
        encoders = [CODEC.open(layout, rank=rank, workers=WORKERS, reduction="combine") for rank in range(WORKERS)]
        switch = Switch(workers=WORKERS, seed=seed, **options)

        def mean(rows: Floats, encoders: Any = encoders, switch: Switch = switch) -> Floats:
            done = switch.drive(encoders, list(rows))
            lacking.append(1 - float(done.counts.mean()) / WORKERS)
            again.append(done.retransmissions)
            times.append(done.seconds)
            return done.means[0]  # of a worker that is never slow

        accuracy.append(digits.train(mean, workers=WORKERS, steps=60 if quick else 140, seed=seed).accuracy)
    return Trial(name, accuracy, float(np.mean(lacking)), float(np.mean(again)), float(np.mean(times)))


def sheet(found: list[Trial]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Ten workers learn digits through a switch",
        columns=["setting", "accuracy", "workers missing", "sent again", "time of a round"],
        rows=[
            [each.setting, " ".join(f"{accuracy:.3f}" for accuracy in each.accuracy), f"{100 * each.missing:.1f} %",
             f"{each.again:.0f}", f"{each.time:.0f}"]
            for each in found
        ],
        below="Simulated, in virtual time: a packet takes 1, to and from slow workers 5; after 20 it is sent again. "
        "Accuracy on images held out, mean over the last 20 steps, for each seed.",
    )  # fmt: skip


def tolerates(found: list[Trial], quick: bool) -> Found:
    """Accuracy beside that without loss."""
    base = found[0]
    behind = {each.setting: float(np.mean(base.accuracy) - np.mean(each.accuracy)) for each in found[1:]}
    worst = max(behind, key=lambda setting: behind[setting])
    same = next(each for each in found if each.setting == "1 % loss").accuracy == base.accuracy
    return Found(
        scale=f"digits, {WORKERS} workers, {'60 steps' if quick else '140 steps, 3 seeds'}",
        figure=f"accuracy {np.mean(base.accuracy):.3f} without loss; at worst {100 * behind[worst]:.1f} points less "
        f"({worst}); with loss alone {'the same bits' if same else 'other bits'}",
        holds=behind[worst] <= 0.02 and same,
        direction=behind[worst] <= 0.05,
    )
