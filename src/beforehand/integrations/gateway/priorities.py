"""Priorities for stock engines: the order of a policy as one whole number for each request."""

import logging
import math
import time
from collections import OrderedDict
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy, check_policy, is_timed
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.view import ToolView, View
from beforehand.scheduling.serving.predictors.answer_lengths import ClaimedLengths, FinishedLengths

log = logging.getLogger("beforehand.gateway")

EPOCH: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z: replicas agree without talking to each other
MOST: Final = 2**53 - 1  # what every reader of JSON holds exactly
DEFAULT: Final = Boosted(ShortestWork(), boost=30.0, knee=0.08)
KEPT: Final = 65_536


@final
class Priorities:
    """Turn what is known of a request into the priority that a stock engine orders by; the lowest runs first.

    For vLLM under `--scheduling-policy priority` and SGLang under `--enable-priority-scheduling`. A priority is the
    policy's key in milliseconds since 2026, so several gateways in front of one engine agree without talking.

    Args:
        policy: Any policy but one whose ranks change with time. One that is not `Boosted` gets the guard around it, in
            its log form with a boost of 30 s; first come, first served needs none. None: `ShortestWork`, guarded.
        lengths: Predicts output tokens from the columns `prompt_tokens`, `max_tokens`, `tools`, `turn`, `prefix_id`
            and `tenant`, such as a `PromptLength`. None: the mean of the last 4,096 answers is expected.

    Guarantee:
        `priority` always answers: a predictor that raises, or answers nonsense, costs a request its own prediction,
        and the mean takes its place. Clients' claims are corrected by how far their tenant's earlier ones were off. No
        request is overtaken by one that arrives later than `policy.bound` allows.

    Cost:
        About 10 µs for a request, and what the predictor takes.

    Raises:
        InvalidInput: the policy is none, depends on time, or still has `"auto"` in it.

    Example:
        >>> priorities = Priorities()
        >>> short = priorities.priority(100, "anna", now=1.8e9)
        >>> long = priorities.priority(8000, "ben", now=1.8e9)
        >>> short < long < priorities.priority(100, "anna", now=1.8e9 + 300)
        True
    """

    def __init__(self, policy: Policy | None = None, *, lengths: Any = None) -> None:
        self.policy: Policy = DEFAULT if policy is None else _guarded(policy)
        self.lengths = lengths
        self.finished_lengths = FinishedLengths()
        self.claims = ClaimedLengths()
        self.failures = 0
        self._engine = EngineView()
        self._sequence = 0
        self._claimed: OrderedDict[str, tuple[str, float]] = OrderedDict()  # by request: tenant, claim

    def predicted_tokens(self, features: dict[str, list[Any]]) -> float:
        """The output tokens that the predictor expects of one request; nan if there is none, or it fails."""
        if self.lengths is None:
            return math.nan
        try:
            found = float(self.lengths.predict(features)[0])
        except Exception:  # of any predictor: it must not cost a request more than its prediction
            if not self.failures:
                log.exception("the predictor of lengths has failed; the mean takes its place")
            self.failures += 1
            return math.nan
        if not 0 <= found < math.inf:
            self.failures += 1
            return math.nan
        return found

    def expected_tokens(
        self, predicted: float, *, max_tokens: float = math.inf, tenant: str = "", claimed: float = math.nan
    ) -> float:
        """The output tokens to go by: a trusted claim, corrected; else the prediction; else the mean.

        Args:
            predicted: What `predicted_tokens` said, or nan.
            max_tokens: The cap on the answer.
            tenant: Who claims.
            claimed: What a client that is trusted says, or nan.
        """
        length = self.claims.corrected(tenant, claimed) if claimed >= 0 else predicted
        if not length >= 0:
            length = self.finished_lengths.mean
        return min(max(length, 1.0), max(max_tokens, 1.0))

    def priority(
        self,
        prompt_tokens: float,
        tenant: str = "",
        now: float | None = None,
        *,
        id: str = "",
        predicted: float | None = None,
        claimed: float = math.nan,
        max_tokens: float = math.inf,
        cached: float = 0.0,
        tool: ToolView | None = None,
        engine: EngineView | None = None,
    ) -> int:
        """The priority of a request.

        Args:
            prompt_tokens: Tokens of its prompt.
            tenant: Whose it is.
            now: When its conversation first came, in seconds since 1970; None: now.
            id: Its name, under which `finished` will report the truth.
            predicted: Its output tokens, if somebody else was asked for them; nan if that failed. None: ask `lengths`.
            claimed: Its output tokens, as a client that is trusted says.
            max_tokens: The cap on its output.
            cached: Tokens of its prompt that the engine was sent before.
            tool: The call expected at its end.
            engine: The engine that will take it.
        """
        if predicted is None:
            predicted = self.predicted_tokens(features(prompt_tokens, max_tokens, tenant))
        length = self.expected_tokens(predicted, max_tokens=max_tokens, tenant=tenant, claimed=claimed)
        if id and claimed >= 0:
            self._claimed[id] = tenant, claimed
            if len(self._claimed) > KEPT:
                self._claimed.popitem(last=False)
        arrival = (time.time() if now is None else now) - EPOCH
        self._sequence += 1
        view = View(
            arrival=arrival, sequence=self._sequence, cheap=length, predicted=length, remaining=length, tenant=tenant,
            enqueued=arrival, context=int(prompt_tokens), cached=cached, max_tokens=max_tokens, tool=tool,
            engine=engine or self._engine,
        )  # fmt: skip
        if view.engine is self._engine:
            self._engine.update(now=arrival, decoding=0, context_tokens=0)
        key = arrival if isinstance(self.policy, FCFS) else self.policy.rank(view)
        return int(min(max(math.floor(1000 * key), -MOST), MOST)) if key == key else int(1000 * arrival)

    def finished(self, id: str, output_tokens: float) -> None:
        """An answer has come to its end with so many tokens; predictions of later ones go by it.

        Args:
            id: The request's name.
            output_tokens: How many there were; an answer without any says nothing.
        """
        if not output_tokens >= 1:
            return
        self.finished_lengths.add(int(output_tokens))
        tenant, claimed = self._claimed.pop(id, ("", math.nan))
        if claimed == claimed:
            self.claims.add(tenant, claimed, int(output_tokens))

    def planned_anew(self, policy: Policy | None, *, lengths: Any = None) -> "Priorities":
        """The same with another policy and predictor; what was learned from finished answers stays."""
        new = Priorities(policy, lengths=lengths)
        new.finished_lengths, new.claims, new._claimed = self.finished_lengths, self.claims, self._claimed
        return new


def features(
    prompt_tokens: float, max_tokens: float, tenant: str, *, tools: int = 0, turn: int = 0, prefix: int = -1
) -> dict[str, list[Any]]:
    """One request as a predictor of lengths takes it."""
    return {
        "prompt_tokens": [prompt_tokens],
        "max_tokens": [max_tokens],
        "tenant": [tenant],
        "tools": [tools],
        "turn": [turn],
        "prefix_id": [prefix],
    }


def _guarded(policy: Policy) -> Policy:
    """The policy with a guard around it.

    Raises:
        InvalidInput: it is none, depends on time, or still has `"auto"` in it.
    """
    check_policy(policy)
    if is_timed(policy):
        raise InvalidInput(f"policy is {policy}, whose ranks change with time, but a priority stays; pass another")
    if isinstance(policy, FCFS):
        return policy
    if not isinstance(policy, Boosted):
        policy = Boosted(policy, boost=DEFAULT.boost, knee=math.inf)
    if policy.is_auto:
        raise InvalidInput(f"policy is {policy}, in which boost or knee is 'auto'; plan it, or pass both numbers")
    return policy
