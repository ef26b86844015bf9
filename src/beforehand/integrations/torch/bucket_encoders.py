"""The encoders of a model's buckets, which keep what they know when DDP cuts the buckets anew."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final

from numpy.typing import NDArray

from beforehand.gradients import Encoder, Layout
from beforehand.integrations.torch.phases import Rounds

State: TypeAlias = dict[str, NDArray[Any]]
Opened: TypeAlias = Callable[[Layout, int, int], Encoder]  # of a layout, the number of a bucket, and the step


@final
class BucketEncoders:
    """One encoder for each bucket, found by the tensors in it.

    What is kept from round to round belongs to parameters; so it moves with them to the encoder of a new bucket.
    """

    def __init__(self, opened: Opened) -> None:
        self._open = opened
        self._rounds: dict[Layout, Rounds] = {}
        self._waiting: State = {}  # of parameters whose bucket has not come yet

    def rounds(self, layout: Layout, bucket: int, step: int) -> Rounds:
        """The rounds of this bucket, at this step."""
        found = self._rounds.get(layout)
        if found is None:
            self._waiting = self.state()
            names = dict(layout.tensors).keys()
            self._rounds = {each: kept for each, kept in self._rounds.items() if names.isdisjoint(dict(each.tensors))}
            found = self._rounds[layout] = Rounds(self._open(layout, bucket, step))
            found.encoder.load(self._waiting)
        found.encoder.step = step
        return found

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Of the buckets so far."""
        return tuple(self._rounds)

    def state(self) -> State:
        """What all encoders keep, by kind and parameter."""
        kept = dict(self._waiting)
        for each in self._rounds.values():
            kept.update(each.encoder.state())
        return kept

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Start anew from what `state` returned."""
        self._rounds = {}
        self._waiting = dict(state)
