"""A queue whose workers are shared among tenants by weight, each tenant's jobs in the order of a policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.queue.prediction_queue import PredictionQueue
from beforehand.scheduling.queue.tenants import TenantJobs
from beforehand.scheduling.queue.ticket import J


@final
class FairQueue(PredictionQueue[J]):
    """A `PredictionQueue` whose workers are shared among tenants, so that none is slowed down by another's flood.

    The next job is of the tenant to whom the least work was handed out, divided by its weight; among the jobs of one
    tenant the policy decides. Short jobs come first only within a tenant, so the mean response time is longer than
    that of a plain `PredictionQueue`.

    Args:
        policy: Ranks the jobs of one tenant.
        tenant: The tenant of a job: a function of what was put, such as `lambda request: request.user`.
        weights: The weights of tenants, above 0; 1 for those that are not in it.
        **options: Those of `PredictionQueue`. `max_wait` and `maxsize` hold for the jobs of all tenants together.

    Guarantee:
        While two tenants both have jobs waiting, the work handed out to each, divided by its weight, grows by the same
        amount up to `x / w + x / v`, with x the largest job and w and v their weights. That holds for one worker that
        reports each size with `done` before it takes the next job, and for any number of workers where the expensive
        predictions are exact. Else jobs that run are counted as their prediction, or as the mean job without one, until
        their size is reported, and the difference grows by that error of those that run. Where no size is reported and
        nothing predicted, work is the number of jobs. A tenant that had nothing waiting saves nothing up. Jobs that
        `max_wait` puts first are charged to their tenant, and come on top.

    Cost:
        `put` and `get` take O(log n), two to three times as long as those of a `PredictionQueue`.

    Raises:
        InvalidInput: as in `PredictionQueue`; a weight is not above 0 and finite; from `put`, if a tenant is not
            hashable.

    Example:
        >>> from beforehand.scheduling import FairQueue, SPJF
        >>> queue = FairQueue(SPJF(), tenant=lambda job: job[0], expensive=lambda job: job[1])
        >>> for job in (("a", 1), ("a", 1), ("a", 3), ("b", 2), ("b", 5)):
        ...     ticket = queue.put_nowait(job)
        >>> [queue.get_nowait().job for _ in range(len(queue))]
        [('a', 1), ('b', 2), ('a', 1), ('a', 3), ('b', 5)]

    Reference:
        Goyal, Vin, Cheng: Start-time Fair Queueing. IEEE/ACM Transactions on Networking 5(5), 1997. For language
        models: Sheng, Cao, Li, Zhu, Li, Zhuo, Gonzalez, Stoica: Fairness in Serving Large Language Models. OSDI 2024.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        tenant: Callable[[J], Hashable],
        weights: Mapping[Any, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(policy, **options)
        if not callable(tenant):
            raise InvalidInput(f"tenant is {tenant!r}, but must be a function of the job that names its tenant")
        if weights is not None and not isinstance(weights, Mapping):
            raise InvalidInput(f"weights is {weights!r}, but must map tenants to numbers, such as {{'gold': 2.0}}")
        self._waiting = TenantJobs(self._max_wait, tenant, weights or {}, lambda: self._order(math.inf))
