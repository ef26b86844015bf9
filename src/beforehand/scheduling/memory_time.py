"""KV memory integrated over the time that it is held: what an operation costs, in token-seconds.

All functions take numbers or arrays; times are in seconds, amounts in tokens.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from beforehand.scheduling.engine_view import EngineView

Action = Literal["preserve", "discard", "swap"]


class Wastes(NamedTuple):
    """What keeping, dropping or copying out a KV cache during a pause costs, in token-seconds."""

    preserve: Any
    discard: Any
    swap: Any

    def least(self, *, swap: bool = True) -> Action:
        """The cheapest of the three, or of two without `swap`; of equal ones the first of preserve, swap, discard.

        What is not known (nan) is never the cheapest, unless nothing is known: then it is discarded.

        Example:
            >>> Wastes(728.0, 1285.3, 803.1).least()
            'preserve'
        """
        allowed: dict[Action, Any] = {"preserve": self.preserve, "swap": self.swap, "discard": self.discard}
        known = {action: waste for action, waste in allowed.items() if waste == waste and (swap or action != "swap")}
        return min(known, key=known.__getitem__, default="discard")


def prefill(uncached: Any, held: Any, *, per_step: Any, tau: Any) -> Any:
    """Memory-time of computing a prompt: the sum of what is held after each iteration, times what an iteration takes.

    Args:
        uncached: Tokens to compute; none cost nothing.
        held: Tokens that are there before.
        per_step: Tokens computed in an iteration, at least 1.
        tau: Seconds of an iteration.

    Example:
        >>> round(prefill(1000, 0, per_step=256, tau=0.02), 6)
        50.72
    """
    steps = _parts(uncached, per_step)
    return tau * (steps * held + per_step * steps * (steps - 1) / 2 + uncached)


def decode(context: Any, tokens: Any, *, tau: Any) -> Any:
    """Memory-time of an answer: each iteration holds one token more; the first token comes with the prefill.

    Args:
        context: Tokens held after the prefill.
        tokens: Output tokens; one or none cost nothing.
        tau: Seconds of an iteration.

    Example:
        >>> round(decode(1000, 41, tau=0.02), 6)
        816.4
    """
    more = (tokens - 1) * (tokens > 1)
    return tau * (more * context + more * (more + 1) / 2)


def whole_blocks(tokens: Any, block_size: int) -> Any:
    """The tokens that the blocks of so many tokens have room for."""
    return block_size * _parts(tokens, block_size)


def wastes(context: Any, seconds: Any, engine: EngineView, *, cached: Any = 0.0) -> Wastes:
    """What others lose by a pause, by what is done with the KV cache meanwhile.

    Args:
        context: Tokens in the KV cache when the pause begins.
        seconds: How long it lasts from now on.
        engine: The engine's state, as `update` sets it.
        cached: Tokens that are expected to be still there at the end, if they are discarded.

    Example:
        >>> from beforehand.scheduling.engine_profile import PROFILES
        >>> engine = EngineView(profile=PROFILES["gptj-6b-a100-40g"], decoding=128, context_tokens=20_000,
        ...                     prefill_tokens=256, tau_d=15.9264e-3, tau_p=27.7792e-3)
        >>> [round(float(each), 3) for each in wastes(1040, 0.7, engine)]
        [728.0, 1285.285, 803.058]
    """
    costs, others, room = engine.costs, engine.context_tokens, engine.prefill_tokens
    again = np.maximum(context - cached, 0.0) if isinstance(context, np.ndarray) else max(context - cached, 0.0)
    recompute = prefill(again, cached, per_step=room, tau=engine.tau_p)
    delay = _parts(again, room) * (engine.tau_p - engine.tau_d) * others
    copies = 2 * costs.swap_seconds(context) * (1 - costs.swap_overlap)
    return Wastes(seconds * whole_blocks(context, costs.block_size), recompute + delay, copies * (context + others))


def _parts(tokens: Any, size: Any) -> Any:
    """Into how many parts of this size so many tokens go; the last need not be full."""
    # On arrays // takes several times as long as a division, whose rounding matters to no whole number of tokens.
    return np.ceil(tokens / size) if isinstance(tokens, np.ndarray) else -(-tokens // size)
