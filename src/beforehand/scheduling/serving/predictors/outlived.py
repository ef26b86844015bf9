"""What is left of an answer that has become longer than was predicted."""

from __future__ import annotations

from typing import Final, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.predictors.lifetimes import BELOW_INFINITY, FEW, Lifetimes, LifetimesByName, within

RECENT: Final = 4096  # finished lengths kept of each tenant
OWN: Final = 64  # from here on a tenant's own lengths speak
PRIOR_TOKENS: Final = 256.0  # before anything is known


@final
class Outlived:
    """Answer lengths that have been seen, and what is left of an answer that has outlived its prediction.

    A prediction of 100 tokens says nothing any more about an answer that has 100. What is left then is the mean excess
    of the lengths that were longer: those of the tenant from 64 on, else of all, and 256 tokens before there are 8.

    Guarantee:
        `remaining` is at least 1. Where almost no answer was longer a Pareto tail is fitted, so that it rises with age.

    Cost:
        `observe` 5 µs; `remaining` 1 µs, and 200 µs after a new length. Memory for at most 4,096 tenants.

    Example:
        >>> outlived = Outlived()
        >>> for tokens in (10, 20, 30, 40, 50, 60, 70, 80, 90, 100):
        ...     outlived.observe(tokens)
        >>> outlived.remaining(40)
        35.0
    """

    __slots__ = ("_all", "_tenants")

    def __init__(self) -> None:
        self._all = Lifetimes(RECENT)
        self._tenants = LifetimesByName(RECENT)

    def observe(self, tokens: float, tenant: str = "") -> None:
        """Note the length of a finished answer.

        Raises:
            InvalidInput: it is negative, nan or above 1e100.
        """
        self._all.add(tokens)
        if tenant:
            self._tenants.add(tenant, tokens)

    def remaining(self, age: float, tenant: str = "") -> float:
        """The expected tokens that are left after `age` of them.

        Raises:
            InvalidInput: `age` is negative, nan or infinite.
        """
        if not within(age, BELOW_INFINITY):
            raise InvalidInput(f"age is {age!r}, but must be a finite number of tokens, at least 0")
        known = self._tenants.get(tenant, OWN) if tenant else None
        if known is None:
            known = self._all
            if len(known) < FEW:
                return PRIOR_TOKENS
        left = known.mean(age)
        return left if left > 1.0 else 1.0
