"""What `attach_fsdp2` returns: what compression did so far, what to keep of it, and a way to switch it off."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.gradients import WireBytes
from beforehand.gradients.codec import Codec
from beforehand.integrations.torch import state as states
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.handle import HookStats, weighted_mean
from beforehand.integrations.torch.scattering import CodedReduceScatter, Shared


@final
class ShardedHandle:
    """Compression of one sharded model's gradients on this rank; `attach_fsdp2` returns it."""

    def __init__(
        self, codec: Codec, hooks: Mapping[str, CodedReduceScatter], drivers: Sequence[GroupDriver], shared: Shared
    ) -> None:
        self.codec = codec
        self._hooks = hooks
        self._drivers = drivers
        self._shared = shared

    def stats(self) -> HookStats:
        """What compression did so far; ask between steps."""
        seconds, sent = self._shared.phases.seconds, WireBytes(0, 0)
        for driver in self._drivers:
            sent = sent.plus(driver.sent)
        last = [(name, rows.padded, rows.last) for name, hook in self._hooks.items() for rows in hook.rows.values()]
        return HookStats(
            steps=max((hook.step for hook in self._hooks.values()), default=0),
            sent=sent,
            plain=self._shared.plain,
            encode=seconds["encode"],
            exchange=seconds["exchange"],
            decode=seconds["decode"],
            at_limit=weighted_mean((length, of.at_limit) for _, length, of in last) or 0.0,
            rho=weighted_mean((length, of.rho) for _, length, of in last if of.rho is not None),
            truncation={name: of.truncation for name, _, of in last if of.truncation is not None},
            vnmse=None,
            fallbacks=dict(self._shared.fallbacks),
        )

    def pause(self) -> None:
        """Scatter exactly, in float32, from the next step on; call it on all ranks between the same steps."""
        self._shared.paused = True

    def resume(self) -> None:
        """Compress again from the next step on; call it on all ranks between the same steps."""
        self._shared.paused = False

    def state_dict(self) -> dict[str, Any]:
        """What to save in a checkpoint of this rank: numbers, strings and tensors. Each rank has its own.

        Guarantee:
            A run that loads it goes on with the same bits.
        """
        kept = {}
        for name, hook in self._hooks.items():
            kept[f"step//{name}"] = np.array(hook.step)
            for length, rows in hook.rows.items():
                kept.update({f"{key}/{length}/{name}": value for key, value in rows.state().items()})
        return states.state_dict(self.codec, self._drivers[0], self.stats().steps, kept)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = False) -> None:
        """Go on from what `state_dict` of this rank returned; call it on all ranks before a step.

        Args:
            state: As it was saved.
            strict: Refuse the state of another rank or number of ranks; else only its steps are taken, with a warning.

        Raises:
            CorruptData: It is no such state.
            InvalidInput: It is that of another codec or model, or, with `strict`, of another rank or number of ranks.
        """
        step, kept = states.loaded(self.codec, self._drivers[0], state, strict)
        other = {key.split("/", 2)[2] for key in kept} ^ set(self._hooks) if kept else set()
        if other:
            raise InvalidInput(f"state and module differ in what is sharded, {', '.join(sorted(other))}; shard alike")
        for hook in self._hooks.values():
            hook.step = step
            hook.rows.clear()
        for key, value in kept.items():
            kind, length, name = key.split("/", 2)
            if kind == "step":
                self._hooks[name].step = int(value)
            else:
                self._hooks[name].opened(int(length)).load({kind: value})
