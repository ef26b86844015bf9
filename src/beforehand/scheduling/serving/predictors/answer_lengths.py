"""What finished answers say about those to come, when nobody predicts."""

import math
from collections import OrderedDict, deque
from typing import Final, final

KEPT: Final = 4_096  # finished answers
BEFORE: Final = 256.0  # tokens, before the first answer has finished
TENANTS: Final = 4_096
HALF_LIFE: Final = 64  # answers after which an old claim counts half
FURTHEST: Final = math.log(8.0)  # a tenant's claims are corrected by at most this factor


@final
class FinishedLengths:
    """The mean length of the last answers."""

    def __init__(self) -> None:
        self._kept: deque[int] = deque(maxlen=KEPT)
        self._sum = 0

    def add(self, tokens: int) -> None:
        """An answer of this many tokens has finished."""
        if len(self._kept) == KEPT:
            self._sum -= self._kept[0]
        self._kept.append(tokens)
        self._sum += tokens

    @property
    def mean(self) -> float:
        """Mean of the last 4,096 answers in tokens; 256 before the first."""
        return self._sum / len(self._kept) if self._kept else BEFORE


@final
class ClaimedLengths:
    """How far each tenant's own predictions are off, so that a lie is worth nothing for long.

    Guarantee:
        A tenant whose claims are off by a constant factor, from 1/8 to 8, is corrected to within a fifth after 220
        answers.
    """

    def __init__(self) -> None:
        self._errors: OrderedDict[str, float] = OrderedDict()  # mean of log(actual / claimed), newest counting most

    def corrected(self, tenant: str, claimed: float) -> float:
        """The tokens that such a claim has meant so far."""
        return max(claimed, 1.0) * math.exp(self._errors.get(tenant, 0.0))

    def add(self, tenant: str, claimed: float, actual: int) -> None:
        """An answer has finished for which the tenant had claimed a length."""
        error = math.log(max(actual, 1) / max(claimed, 1.0))
        old = self._errors.get(tenant, 0.0)
        new = old + (1.0 - 0.5 ** (1.0 / HALF_LIFE)) * (error - old)
        self._errors[tenant] = min(max(new, -FURTHEST), FURTHEST)
        self._errors.move_to_end(tenant)
        if len(self._errors) > TENANTS:
            self._errors.popitem(last=False)
