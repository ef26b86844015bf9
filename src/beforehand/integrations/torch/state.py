"""What a rank keeps in a checkpoint."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients.codec import Codec
from beforehand.integrations.torch.hook import Hook
from beforehand.integrations.torch.host import torch_for

VERSION = 1
FIELDS = {"version": int, "codec": str, "step": int, "workers": int, "rank": int, "kept": dict}


def state_dict(codec: Codec, hook: Hook) -> dict[str, Any]:
    """See `Handle.state_dict`."""
    torch = torch_for("state_dict")
    return {
        "version": VERSION,
        "codec": codec.to_json(),
        "step": hook.step,
        "workers": hook.driver.workers,
        "rank": hook.driver.rank,
        "kept": {name: torch.from_numpy(np.array(value)) for name, value in hook.encoders.state().items()},
    }


def load_state_dict(codec: Codec, hook: Hook, state: Mapping[str, Any], strict: bool) -> None:
    """See `Handle.load_state_dict`."""
    for name, kind in FIELDS.items():
        if not isinstance(state.get(name), kind):
            raise CorruptData(f"state has {name}={state.get(name)!r}; pass what state_dict() returned")
    if state["version"] != VERSION:
        raise CorruptData(f"state has version {state['version']}, but this library reads {VERSION}; take a newer one")
    if state["codec"] != codec.to_json():
        raise InvalidInput(f"state is of {state['codec']}, but attached is {codec.to_json()}; attach the same codec")
    kept = {name: value.numpy() for name, value in state["kept"].items()}
    mine, theirs = (hook.driver.rank, hook.driver.workers), (state["rank"], state["workers"])
    if mine != theirs:
        told = f"state is of rank {theirs[0]} of {theirs[1]}, but this is rank {mine[0]} of {mine[1]}"
        if strict:
            raise InvalidInput(f"{told}; load each rank's own, or take strict=False")
        warnings.warn(f"{told}: what was left of earlier rounds is dropped", stacklevel=3)
        kept = {}
    hook.step = state["step"]
    hook.encoders.load(kept)
