"""What a queue is planned for, and what a job costs there."""

from dataclasses import dataclass
from typing import Literal, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite, flag, one_of, settle, switching, whole
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.simulation.simulator import MOST_SERVERS

Charge = Literal["external", "server"]


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
    """

    load: float
    cheap_cost: float = 0.0
    expensive_cost: float = 0.0
    charge: Charge = "external"
    preemptive: bool = False
    servers: int = 1
    switch_cost: tuple[float, float] = (0.0, 0.0)
    memory_weight: float = 0.0

    def __post_init__(self) -> None:
        """Validate the fields.

        Raises:
            InvalidInput: an option is out of range; the server predicts itself, but cannot be interrupted, or its
                memory is weighed.
        """
        arrival_rate(1.0, load=self.load, rate=None)
        one_of("charge", self.charge, get_args(Charge))
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

    @property
    def simulated(self) -> bool:
        """Whether no formula holds."""
        return self.servers > 1 or self.switch_cost != (0.0, 0.0)

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

    def cost(self, response_time: float, cheap_calls: float, expensive_calls: float, memory: float) -> float:
        """The objective that the plan minimizes."""
        cost = response_time
        if self.charge == "external":
            cost += self.cheap_cost * cheap_calls + self.expensive_cost * expensive_calls
        return cost + self.memory_weight * memory if self.memory_weight else cost
