"""What a queue is planned for, and what a job costs there."""

import math
from dataclasses import dataclass
from typing import Final, Literal, final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite, flag, one_of, settle, switching, whole
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats
from beforehand.scheduling.simulation.simulator import MOST_SERVERS

Charge = Literal["external", "server"]
Goal = Literal["mean", "p95", "p99"]
SHARES: Final = {"p95": 0.95, "p99": 0.99}
ROUNDING: Final = 1e-7  # of a deadline: a job that takes just as long is in time


def percentile(times: Floats, share: float) -> float:
    """The time within which this share of the jobs is done."""
    place = min(math.ceil(share * len(times)), len(times)) - 1
    return float(np.partition(times, place)[place])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a queue is planned for.

    Args:
        load: The share of time that the jobs alone keep each server busy.
        cheap_cost: The price of a cheap prediction, in the unit of size.
        expensive_cost: That of an expensive one.
        charge: `"external"`, prices are added to the response time; `"server"`, they are work of the server.
        preemptive: Whether a job that was started can be preempted.
        servers: How many there are.
        switch_cost: Extra work of a job that was preempted: fixed, and for each unit of its age.
        memory_weight: What a unit of memory (the summed ages of unfinished jobs) costs.
        goal: What to keep small: the mean response time, or the time within which 95 % or 99 % of the jobs are done.
        slo: The time within which jobs should be done, in the unit of size; then the share of jobs that take longer is
            to be kept small.
    """

    load: float
    cheap_cost: float = 0.0
    expensive_cost: float = 0.0
    charge: Charge = "external"
    preemptive: bool = False
    servers: int = 1
    switch_cost: tuple[float, float] = (0.0, 0.0)
    memory_weight: float = 0.0
    goal: Goal = "mean"
    slo: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields.

        Raises:
            InvalidInput: an option is out of range; the server predicts itself, but cannot be interrupted, or its
                memory is weighed; there are two goals.
        """
        arrival_rate(1.0, load=self.load, rate=None)
        one_of("charge", self.charge, get_args(Charge))
        one_of("goal", self.goal, get_args(Goal))
        settle(
            self,
            load=float(self.load),
            cheap_cost=finite("cheap_cost", self.cheap_cost),
            expensive_cost=finite("expensive_cost", self.expensive_cost),
            preemptive=flag("preemptive", self.preemptive),
            servers=whole("servers", self.servers, least=1, most=MOST_SERVERS),
            switch_cost=switching(self.switch_cost),
            memory_weight=finite("memory_weight", self.memory_weight),
        )
        if self.charge == "server" and (not self.preemptive or self.memory_weight):
            what = "preemptive is False" if not self.preemptive else f"memory_weight is {self.memory_weight}"
            raise InvalidInput(
                f"charge is 'server' and {what}, but predictions on the server need preemptive=True and memory_weight=0"
                "; or charge them as 'external'"
            )
        if self.slo is not None:
            settle(self, slo=finite("slo", self.slo, above=True))
            if self.goal != "mean":
                raise InvalidInput(
                    f"goal is {self.goal!r} and slo is {self.slo:g}, but there is one goal; leave one out"
                )

    @property
    def simulated(self) -> bool:
        """Whether no formula holds."""
        return self.servers > 1 or self.switch_cost != (0.0, 0.0) or self.tail

    @property
    def tail(self) -> bool:
        """Whether the goal is about the slowest jobs rather than the mean."""
        return self.goal != "mean" or self.slo is not None

    @property
    def metric(self) -> str:
        """What a cost measures, in words."""
        if self.slo is not None:
            return f"share of jobs not done within {self.slo:g}"
        return "cost of a job" if self.goal == "mean" else f"{self.goal} of the cost of a job"

    @property
    def figure(self) -> str:
        """The same without prices, in words."""
        if self.slo is not None:
            return self.metric
        return "mean response" if self.goal == "mean" else f"{self.goal} of the response"

    @property
    def model(self) -> str:
        """What the figures assume, in words."""
        servers = "one server" if self.servers == 1 else f"{self.servers} servers"
        free = "preemption at a cost" if any(self.switch_cost) else "free preemption"
        simulated = ", simulated" if self.simulated else ""
        return f"Poisson arrivals, {servers}{simulated}, {free if self.preemptive else 'no preemption'}"

    @property
    def works(self) -> tuple[float, float]:
        """The work of a cheap and of an expensive prediction on the server itself."""
        return (self.cheap_cost, self.expensive_cost) if self.charge == "server" else (0.0, 0.0)

    def extra(self, cheap_calls: float, expensive_calls: float, memory: float) -> float:
        """What comes on top of a response time: the prices of predictions, and memory if it is weighed."""
        extra = self.memory_weight * memory if self.memory_weight else 0.0
        if self.charge == "external":
            extra += self.cheap_cost * cheap_calls + self.expensive_cost * expensive_calls
        return extra

    def cost(self, response_time: float, cheap_calls: float, expensive_calls: float, memory: float) -> float:
        """The mean cost of a job."""
        return response_time + self.extra(cheap_calls, expensive_calls, memory)

    def goal_of(self, times: Floats, extra: float = 0.0) -> float:
        """What the plan minimizes, of the response times of many jobs and what comes on top of each."""
        if self.slo is not None:
            return float(np.mean(times > (self.slo - extra) * (1 + ROUNDING)))
        if self.goal == "mean":
            return float(np.mean(times)) + extra
        return percentile(times, SHARES[self.goal]) + extra
