"""What tells the future, and what the telling costs."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@final
@dataclass(frozen=True)
class Price:
    """What knowing in advance costs, each time it is asked.

    Args:
        seconds: Processor time, in seconds.
        bytes: Memory or traffic, in bytes; a fraction where several uses share one byte.
        tokens: Tokens that a language model reads or writes.
        per: What the price is paid for: a call, a value, a job.

    Raises:
        InvalidInput: an amount is negative or not finite; prices per different things are added.

    Example:
        >>> print(Price(seconds=2e-9, per="value") + Price(seconds=4e-10, bytes=0.5, per="value"))
        2.4 ns and 0.5 bytes per value
        >>> print(Price())
        nothing
    """

    seconds: float = 0.0
    bytes: float = 0
    tokens: float = 0.0
    per: str = "call"

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        for name in ("seconds", "bytes", "tokens"):
            amount = getattr(self, name)
            if not 0 <= amount < math.inf:
                raise InvalidInput(f"{name} is {amount}, but a price must be finite and at least 0")

    def __add__(self, other: "Price") -> "Price":
        """Both prices together; they must be paid for the same thing."""
        if not isinstance(other, Price):
            return NotImplemented
        if self.per != other.per:
            raise InvalidInput(
                f"a price per {self.per} and one per {other.per} cannot be added; convert one of them first"
            )
        return Price(self.seconds + other.seconds, self.bytes + other.bytes, self.tokens + other.tokens, self.per)

    def __str__(self) -> str:
        """In words, with three digits and the unit that fits."""
        parts = []
        if self.seconds:
            scale, unit = next((pair for pair in SECONDS if self.seconds >= pair[0]), SECONDS[-1])
            parts.append(f"{self.seconds / scale:.3g} {unit}")
        if self.bytes:
            parts.append(f"{self.bytes:.3g} bytes")
        if self.tokens:
            parts.append(f"{self.tokens:.3g} tokens")
        return f"{' and '.join(parts)} per {self.per}" if parts else "nothing"


@runtime_checkable
class Predictor(Protocol):
    """Any object that maps rows of features to one estimate each, and says what that costs."""

    @property
    def price(self) -> Price:
        """What one prediction costs."""

    def predict(self, features: NDArray[Any]) -> NDArray[Any]:
        """One estimate for each row of `features`."""
