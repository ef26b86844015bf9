"""How much of the study is run: for a test, or in full."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from beforehand.studies.lamps.engines import Engine


@final
@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes of the runs.

    Args:
        quick: Whether it is that of a test.
        conversations: Of a run.
        seeds: Of the main comparisons at a load past the knee.
        ablation: Of orders with the same handling, and of calls that are known or not.
        few: Of everything else.
        side: Conversations of a run of the side tables, some of whose orders rank all requests in every iteration.
        hurry: How much faster they come past the knee, so that few of them make a queue.
    """

    quick: bool
    conversations: int
    seeds: Sequence[int]
    ablation: Sequence[int]
    few: Sequence[int]
    side: int
    hurry: float = 1.0

    def rates(self, engine: Engine) -> dict[str, float]:
        """Loads by name."""
        middle = {} if self.quick else {"at the knee": engine.knee}
        return {"half load": engine.half} | middle | {"past the knee": self.past(engine)}

    def past(self, engine: Engine) -> float:
        """Conversations a second past the knee."""
        return self.hurry * engine.past

    def seeds_at(self, load: str) -> Sequence[int]:
        """Seeds of the runs at a load."""
        return self.seeds if load == "past the knee" else self.few

    def __str__(self) -> str:
        """For the verdicts."""
        return f"{self.conversations:,} conversations, {len(self.seeds)} seeds" + ("; --quick" if self.quick else "")


FULL = Scale(quick=False, conversations=3000, seeds=range(10), ablation=range(10), few=range(4), side=1000)
QUICK = Scale(quick=True, conversations=200, seeds=range(3), ablation=range(1), few=range(1), side=120, hurry=4.0)
