"""What the plug-in says of its probe in vLLM's log, from whichever process it runs in."""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("vllm.beforehand")  # a child of vLLM's own, so that it goes where that goes


def probe_off(reason: str) -> None:
    """No probe reads this engine; everything else works as it would."""
    LOGGER.error("the length probe is off: %s", reason)


def probe_failed(error: Exception) -> None:
    """The probe has failed while the engine runs, and is off from here on."""
    LOGGER.error("the length probe is off, since it failed", exc_info=error)
