"""Every design tried in the same memory, or each in the least that reaches a target; and the choice among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, final

from beforehand.core.errors import InvalidInput
from beforehand.core.report import Outcome, Verdict, judge
from beforehand.streams.candidates import DICTIONARY, DICTIONARY_BYTES, Candidate, Design, Trial, Tried, saving

WORTH_IT: Final = 0.05  # of the baseline's error
FEWEST: Final = 10_000  # arrivals: with less, nothing is certain


class Choice(NamedTuple):
    """The best design without a predictor, the one to take, what a predictor saves, and whether it is worth it."""

    baseline: Tried
    best: Tried
    saved: Outcome
    verdict: Verdict


@final
@dataclass(frozen=True, kw_only=True)
class Search:
    """Which designs fit, are fast enough, and err least.

    Args:
        trial: On what, and by what.
        designs: All of them.
        arrivals: Of the whole sample.
        min_rate: Items a second that each must count; None for any.
        untried: What was left out, and why.
    """

    trial: Trial
    designs: Sequence[Design]
    arrivals: int
    min_rate: float | None
    untried: dict[str, str] = field(default_factory=dict)

    def at(self, total: int) -> list[Tried]:
        """All designs in that much memory, without those that do not fit or are too slow.

        Raises:
            InvalidInput: no design without a predictor is left.
        """
        found = []
        self.untried.clear()
        for design in self.designs:
            tried = self.trial.run(self._named(design, total), total)
            if tried is None:
                model = "" if design.predictor is None else ", with its model"
                self.untried[design.name] = f"{total:,} bytes do not suffice{model}"
            elif self._slow(tried):
                self.untried[design.name] = f"it counts {tried.items_per_second:,.0f} items/s"
            else:
                found.append(tried)
        if all(tried.design.predictor is not None for tried in found):
            reasons = "; ".join(f"{name}: {why}" for name, why in self.untried.items())
            raise InvalidInput(f"no design without a predictor is left ({reasons}); allow more memory or a lower rate")
        return found

    def for_target(self, target: float) -> tuple[int, list[Tried], Mapping[str, int]]:
        """The least memory with which the best design reaches the target, all designs in it, and what each needs.

        Raises:
            InvalidInput: no design reaches it.
        """
        needed = {}
        for design in self.designs:
            least = self.trial.least_memory(design, target)
            if least is not None and not self._slow(self.trial.run(design, least)):
                needed[design.name] = least
        blind = [needed[each.name] for each in self.designs if each.predictor is None and each.name in needed]
        if not needed:
            raise InvalidInput(f"target is {target}, but no design reaches it with any memory; allow more")
        if "exact" in needed:
            needed[DICTIONARY] = needed["exact"]
        total = min(needed.values())
        tried = self.at(total)
        if blind and total < min(blind) and self.choose(tried).verdict != "worth it":
            total = min(blind)
            tried = self.at(total)
        return total, tried, needed

    def choose(self, tried: Sequence[Tried]) -> Choice:
        """Weigh the best design without a predictor against the best with one."""

        def key(each: Tried) -> tuple[float, bool]:
            return each.replay.value, each.design.name != DICTIONARY

        baseline = min((each for each in tried if each.design.predictor is None), key=key)
        learned = min((each for each in tried if each.design.predictor is not None), key=key, default=None)
        if learned is None:
            saved = Outcome(baseline.design.name, 0.0, 0.0, 0.0)
            return Choice(baseline, baseline, saved, self._judged(saved))
        saved = saving(learned, baseline)
        verdict = self._judged(saved)
        return Choice(baseline, learned if saved.value > WORTH_IT else baseline, saved, verdict)

    def _judged(self, saved: Outcome) -> Verdict:
        return judge(saved, WORTH_IT) if self.arrivals >= FEWEST else "unclear"

    def _slow(self, tried: Tried | None) -> bool:
        return tried is not None and self.min_rate is not None and tried.items_per_second < self.min_rate

    def _named(self, design: Design, total: int) -> Design:
        """The design, which is a dictionary where all keys that the horizon will have are sure to fit."""
        if design.options != {"policy": "exact"}:
            return design
        keys = self.trial.stream.distinct_after(self.trial.horizon or 0)
        return replace(design, name=DICTIONARY) if DICTIONARY_BYTES * keys <= total else design


def candidates(tried: Sequence[Tried], baseline: Tried, needed: Mapping[str, int]) -> tuple[Candidate, ...]:
    """What a plan keeps: the baseline first, then the others by their errors."""
    others = sorted((each for each in tried if each is not baseline), key=lambda each: each.replay.value)
    return tuple(each.candidate(needed.get(each.design.name)) for each in [baseline, *others])
