"""What a policy may know about the engine that runs its requests."""

import math
from dataclasses import dataclass
from typing import Final, final

from beforehand.scheduling.engine_profile import PROFILES, EngineProfile, WorkRates

DEFAULT_PROFILE: Final = PROFILES[
    "llama3-8b-a100-80g"
]  # where nobody has measured: only the ratios of its rates matter
KEPT: Final = 0.5 ** (1 / 32)  # of the mean step, after one more step


@final
@dataclass(slots=True)
class EngineView:
    """What a policy may know about an LLM engine; the engine owns it and keeps it up to date, once an iteration.

    Args:
        now: The time, in seconds.
        step_seconds: Exponential mean of what an iteration takes, with a half-life of 32 iterations.
        tau_d: What an iteration of the present batch takes without prefill.
        tau_p: What it takes with `prefill_tokens` of prefill.
        decoding: Requests that decode.
        context_tokens: Tokens in the KV cache of all running requests.
        prefill_tokens: Prompt tokens that an iteration has room for, at least 1.
        free_tokens: Tokens that the KV cache still has room for.
        free_host_tokens: Tokens that the host tier still has room for; 0 without one.
        profile: What iterations cost; None if nobody has measured.
        max_batched_tokens: New tokens that an iteration may have.

    Example:
        >>> engine = EngineView(profile=PROFILES["gptj-6b-a100-40g"])
        >>> engine.update(now=3.0, decoding=128, context_tokens=0)
        >>> engine.prefill_tokens, round(engine.tau_p, 7)
        (256, 0.0277792)
    """

    now: float = 0.0
    step_seconds: float = math.nan
    tau_d: float = math.nan
    tau_p: float = math.nan
    decoding: int = 0
    context_tokens: int = 0
    prefill_tokens: int = 1
    free_tokens: int = 0
    free_host_tokens: int = 0
    profile: EngineProfile | None = None
    max_batched_tokens: int = 2048

    @property
    def costs(self) -> EngineProfile:
        """The profile, or a published one where nobody has measured."""
        return self.profile or DEFAULT_PROFILE

    @property
    def rates(self) -> WorkRates:
        """Engine seconds for one more token."""
        return self.costs.work_rates(self.max_batched_tokens)

    def update(self, *, now: float, decoding: int, context_tokens: int, scale: float = 1.0) -> None:
        """Set what follows from the present batch.

        Args:
            now: The time, in seconds.
            decoding: Requests that decode.
            context_tokens: Tokens in the KV cache of all running requests.
            scale: What iterations take in truth, over what the profile says; a simulator's is 1.
        """
        costs = self.costs
        room = self.max_batched_tokens - decoding
        self.now, self.decoding, self.context_tokens = now, decoding, context_tokens
        self.prefill_tokens = max(min(max(costs.saturation - decoding, costs.block_size), room), 1)
        self.tau_d = scale * costs.step_seconds(decoding, context_tokens)
        self.tau_p = scale * costs.step_seconds(decoding + self.prefill_tokens, context_tokens)

    def stepped(self, seconds: float) -> None:
        """Count an iteration that took so long in `step_seconds`."""
        mean = self.step_seconds
        self.step_seconds = seconds if mean != mean else KEPT * mean + (1 - KEPT) * seconds
