"""The two engines of the study, and the conversations that they serve."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, final

from beforehand.core.trace import Trace
from beforehand.scheduling.serving import PROFILES, EngineProfile

HOST_TOKENS: Final = 10_000_000  # a host tier that is never full

Workload = Callable[[float, int, int], Trace]  # conversations a second, how many, seed


@final
@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine and the loads at which it is looked at, in conversations a second.

    Args:
        name: As the tables have it.
        profile: What iterations cost.
        budget: New tokens that an iteration may have.
        half: About half of what it can serve.
        knee: Where a queue forms.
        past: Beyond it.
    """

    name: str
    profile: EngineProfile
    budget: int
    half: float
    knee: float
    past: float

    @property
    def options(self) -> dict[str, Any]:
        """What `simulate` is told about it."""
        return {"profile": self.profile, "max_batched_tokens": self.budget}


GPTJ: Final = Engine(
    name="GPT-J 6B, A100 40 GB",
    profile=PROFILES["gptj-6b-a100-40g"],
    budget=512,
    half=2.25,
    knee=4.0,
    past=4.5,
)
LLAMA: Final = Engine(
    name="Llama-3-8B, A100 80 GB",
    profile=replace(PROFILES["llama3-8b-a100-80g"], saturation=256),
    budget=2048,
    half=6.0,
    knee=10.0,
    past=12.0,
)
ENGINES: Final = (GPTJ, LLAMA)
