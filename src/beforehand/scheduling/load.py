"""The rate of arrivals that gives a load."""

import math

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked


def overloaded(load: float, servers: int) -> InvalidInput:
    """That so many servers cannot keep up with a log's arrivals, which load each of them so much, and how many can."""
    enough = math.floor(load * servers * (1 + 1e-12)) + 1
    return InvalidInput(
        f"the log's arrivals make a load of {load:.3g} for each server, but a queue needs less than 1; take at least "
        f"{enough} servers (--servers {enough}), or name the load to plan for (--load 0.8)"
    )


def arrival_rate(mean: float, *, load: float | None, rate: float | None, servers: int = 1) -> float:
    """The rate of arrivals, from exactly one of the load of each server and the rate itself.

    Raises:
        InvalidInput: both or neither is given, or what is given would overload the servers.
    """
    if (load is None) == (rate is None):
        raise InvalidInput(f"load is {load} and rate is {rate}, but exactly one of them must be given")
    if load is not None:
        if not checked("load", load, above=True) < 1:
            raise InvalidInput(f"load is {load}, but must be below 1: the servers must keep up")
        return float(load) * servers / mean
    arrivals = checked("rate", rate, above=True)  # type: ignore[arg-type]
    if not arrivals * mean < servers:
        raise InvalidInput(
            f"rate is {rate}, but must be below {servers / mean:g}: jobs of mean size {mean:g} take {servers} "
            f"server{'s' * (servers > 1)} that long"
        )
    return arrivals
