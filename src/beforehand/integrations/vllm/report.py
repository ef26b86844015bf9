"""What the plug-in says in vLLM's log."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from beforehand.core.errors import InvalidInput

LOGGER: Final = logging.getLogger("vllm.beforehand")  # a child of vLLM's own, so that it goes where that goes


def active(policy: Any) -> None:
    """The order has been taken over."""
    LOGGER.info("beforehand orders the requests by %s", policy)


def not_active(problems: Sequence[str], *, strict: bool) -> None:
    """The engine stays as it is, for these reasons.

    Raises:
        InvalidInput: the user wants no engine rather than a stock one.
    """
    text = "; ".join(problems)
    if strict:
        raise InvalidInput(f"beforehand cannot order the requests of this engine, and BEFOREHAND_STRICT is 1: {text}")
    LOGGER.error("beforehand is off, and vLLM serves first come, first served: %s", text)


def failed(error: Exception) -> None:
    """Our own code has failed while the engine runs."""
    LOGGER.error("beforehand is off, and vLLM serves first come, first served, since it failed", exc_info=error)


def probe_off(reason: str) -> None:
    """No probe reads this engine; everything else works as it would."""
    LOGGER.error("the length probe is off: %s", reason)


def probe_failed(error: Exception) -> None:
    """The probe has failed while the engine runs, and is off from here on."""
    LOGGER.error("the length probe is off, since it failed", exc_info=error)
