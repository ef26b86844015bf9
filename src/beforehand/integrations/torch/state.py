"""What a rank keeps in a checkpoint."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import EncoderState
from beforehand.gradients.codec import Codec
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import torch_for

VERSION = 1
FIELDS = {"version": int, "codec": str, "step": int, "workers": int, "rank": int, "kept": dict}


def state_dict(codec: Codec, driver: GroupDriver, step: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    """See `Handle.state_dict`; `kept` are the arrays that rounds go on from."""
    torch = torch_for("state_dict")
    return {
        "version": VERSION,
        "codec": codec.to_json(),
        "step": step,
        "workers": driver.workers,
        "rank": driver.rank,
        "kept": {name: torch.from_numpy(np.array(value)) for name, value in kept.items()},
    }


def loaded(codec: Codec, driver: GroupDriver, state: Mapping[str, Any], strict: bool) -> tuple[int, dict[str, Any]]:
    """The step and what was kept, for `Handle.load_state_dict`; of another rank only the step."""
    if not isinstance(state, Mapping):
        raise CorruptData(f"state is a {type(state).__name__}; pass what state_dict() returned")
    for name, kind in FIELDS.items():
        if not isinstance(state.get(name), kind):
            raise CorruptData(f"state has {name}={state.get(name)!r}; pass what state_dict() returned")
    if state["version"] != VERSION:
        raise CorruptData(f"state has version {state['version']}, but this library reads {VERSION}; take a newer one")
    if state["codec"] != codec.to_json():
        raise InvalidInput(f"state is of {state['codec']}, but attached is {codec.to_json()}; attach the same codec")
    try:
        kept = {name: value.numpy() for name, value in state["kept"].items()}
        encoded = {name: value.reshape(-1) for name, value in kept.items() if not name.startswith("step/")}
        EncoderState(codec, state["step"], encoded)  # but for the steps of each module that FSDP2 shards
    except (AttributeError, TypeError, InvalidInput) as error:
        raise CorruptData(f"state holds what no encoder keeps ({error}); pass what state_dict() returned") from error
    mine, theirs = (driver.rank, driver.workers), (state["rank"], state["workers"])
    if mine == theirs:
        return state["step"], kept
    told = f"state is of rank {theirs[0]} of {theirs[1]}, but this is rank {mine[0]} of {mine[1]}"
    if strict:
        raise InvalidInput(f"{told}; load each rank's own, or take strict=False")
    warnings.warn(f"{told}: what was left of earlier rounds is dropped", stacklevel=3)
    return state["step"], {}
