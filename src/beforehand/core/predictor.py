"""Predictors, and the price of what they know in advance."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))


@final
@dataclass(frozen=True)
class Price:
    """What knowing in advance costs, each time it is asked.

    Args:
        seconds: Processor time, in seconds.
        bytes: Memory or traffic, in bytes; a fraction where several uses share one byte.
        tokens: Tokens that a language model reads or writes.
        per: What the price is paid for: a call, a value, a job.
        amount: What is paid in any other unit.
        unit: The unit of `amount`, such as `"core-hours"`. An amount of seconds, bytes or tokens is the field of that
            name.

    Guarantee:
        Prices of one unit add up; nothing is converted.

    Raises:
        InvalidInput: an amount is negative or not finite, or has no unit; prices per different things, or in different
            units of `amount`, are added.

    Example:
        >>> print(Price(seconds=2e-9, per="value") + Price(seconds=4e-10, bytes=0.5, per="value"))
        2.4 ns and 0.5 bytes per value
        >>> Price(amount=30, unit="tokens", per="job") == Price(tokens=30, per="job")
        True
        >>> print(Price(amount=1.5, unit="core-hours", per="job"))
        1.5 core-hours per job
        >>> print(Price())
        nothing
    """

    seconds: float = 0.0
    bytes: float = 0
    tokens: float = 0.0
    per: str = "call"
    amount: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        """Validate the fields, and move an amount of seconds, bytes or tokens to the field of that name."""
        for name in ("seconds", "bytes", "tokens", "amount"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise InvalidInput(f"{name} is {value}, but a price must be finite and at least 0")
        if self.amount and not self.unit:
            raise InvalidInput(f"amount is {self.amount}, but has no unit; pass unit=, such as 'core-hours'")
        if self.unit in ("seconds", "bytes", "tokens"):
            object.__setattr__(self, self.unit, getattr(self, self.unit) + self.amount)
            object.__setattr__(self, "amount", 0.0)
        if not self.amount:
            object.__setattr__(self, "unit", "")

    def __add__(self, other: "Price") -> "Price":
        """Both prices together; they must be paid for the same thing."""
        if not isinstance(other, Price):
            return NotImplemented
        if self.per != other.per:
            raise InvalidInput(
                f"a price per {self.per} and one per {other.per} cannot be added; convert one of them first"
            )
        if self.unit and other.unit and self.unit != other.unit:
            raise InvalidInput(
                f"a price in {self.unit} and one in {other.unit} cannot be added; convert one of them first"
            )
        seconds, tokens = self.seconds + other.seconds, self.tokens + other.tokens
        amount, unit = self.amount + other.amount, self.unit or other.unit
        return Price(seconds, self.bytes + other.bytes, tokens, self.per, amount, unit)

    @property
    def amounts(self) -> dict[str, float]:
        """What is paid, by unit, without the units that nothing is paid in."""
        parts = {"seconds": self.seconds, "bytes": self.bytes, "tokens": self.tokens, self.unit: self.amount}
        return {unit: amount for unit, amount in parts.items() if amount}

    def __str__(self) -> str:
        """In words, with three digits; seconds and bytes in the multiple that fits."""
        parts = []
        for unit, amount in self.amounts.items():
            multiples = {"seconds": SECONDS, "bytes": BYTES}.get(unit, ((1.0, unit),))
            scale, name = next((pair for pair in multiples if amount >= pair[0]), multiples[-1])
            parts.append(f"{amount / scale:.3g} {name}")
        return f"{' and '.join(parts)} per {self.per}" if parts else "nothing"


@runtime_checkable
class Predictor(Protocol):
    """Any object that maps rows of features to one estimate each, and says what that costs."""

    @property
    def price(self) -> Price:
        """What one prediction costs."""

    def predict(self, features: NDArray[Any]) -> NDArray[Any]:
        """One estimate for each row of `features`."""
