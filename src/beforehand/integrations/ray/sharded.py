"""A stream counted by several Ray actors, each of which holds a summary."""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal, final, get_args

from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.integrations.ray.host import ray_for
from beforehand.streams import Partitioned, Top
from beforehand.streams.keys import Keys
from beforehand.streams.sharding import MOST_SHARDS, routed, split
from beforehand.streams.summary import as_weights

Partition = Literal["hash", "round_robin"]


@final
class ShardedSummary:
    """Count a stream in several processes, on one machine or many, and ask them as if they were one.

    Needs `ray.init()` before. The actors end with this object.

    Args:
        n: How many actors, 1 to 65,535; each takes one core.
        factory: Makes an empty summary, the same each time: a function without arguments, or a plan, whose `build` it
            then is. The actors call it, so it must survive pickling.
        partition: "hash" gives each key to one actor, so that nothing is lost by merging. "round_robin" gives each
            batch as it is to the next actor: no splitting, but every actor meets every key, and answers come from a
            merged summary, whose error is the sum of theirs at most.
        in_flight: How many batches may wait at an actor; `update` waits while there are as many.

    Guarantee:
        `lower <= true weight <= upper` for every key over all batches of the `update` calls that returned, and of none
        but those. With "hash" bounds are those of the summary that owns the key.

    Cost:
        `update` hashes and groups integers at about 2 ns a key, and copies them into the object store once; actors read
        them there without a copy. Batches of a million keys keep the overhead of a call below that of counting.
        Arrow strings stay Arrow (by pyarrow); a list of str is pickled, which takes longer than counting it.

    Raises:
        MissingDependency: ray is not installed.
        InvalidInput: An option breaks its rule; a summary that hashed shards cannot hold. What an actor refuses is
            raised by a later call, with a note that names its shard; the other shards have counted their part of that
            batch.

    Example:
        The heaviest keys of many files, on all cores::

            ray.init()
            counted = ShardedSummary(8, lambda: SpaceSaving(memory="4MiB", policy="gated"))
            for path in paths:
                counted.update(numpy.load(path, mmap_mode="r"))
            print(counted.top(20))
    """

    def __init__(
        self, n: int, factory: Callable[[], Any] | Any, *, partition: Partition = "hash", in_flight: int = 4
    ) -> None:
        if partition not in get_args(Partition):
            raise InvalidInput(f"partition is {partition!r}, but must be one of {', '.join(get_args(Partition))}")
        for name, value, most in (("n", n, MOST_SHARDS), ("in_flight", in_flight, 2**31)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InvalidInput(f"{name} is {value!r}, but must be a whole number from 1 to {most}")
        self._ray = ray_for("ShardedSummary")
        make = factory if callable(factory) else factory.build
        first = make()  # what is wrong with it shows here, not in an actor
        if partition == "hash":
            Partitioned([first])
        else:
            first.copy().merge(first)
        actor = self._ray.remote(Shard)
        self._shards = [actor.remote(make) for _ in range(n)]
        self._pending: list[deque[Any]] = [deque() for _ in range(n)]
        self._seed, self._partition, self._in_flight, self._next = first.seed, partition, in_flight, 0

    def update(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Count keys; returns when they are on their way.

        Args:
            keys: One key, or a batch of them, as in `SpaceSaving`; large batches are worth it.
            weights: How often each came: an integer for all, or one for each; at least 1. All 1 if not given.

        Raises:
            InvalidInput: A key is none, weights are none or of another length; nothing was counted. What an actor
                refused: see above.
        """
        checked = None if weights is None else as_weights(weights)
        if self._partition == "round_robin":
            self._send(self._next, keys, checked)
            self._next = (self._next + 1) % len(self._shards)
            return
        for shard, (part, heavy) in enumerate(split(keys, checked, len(self._shards), self._seed)):
            if len(part):
                self._send(shard, part, heavy)

    def estimate(self, keys: Keys, *, estimator: Any = None) -> Any:
        """The weight of each key, as one number; as in `SpaceSaving`."""
        return self._asked("estimate", keys, estimator=estimator)

    def bounds(self, keys: Keys) -> Any:
        """What each key weighs at least and at most; as in `SpaceSaving`."""
        return self._asked("bounds", keys)

    def top(self, k: int) -> Top:
        """The k heaviest of the tracked keys, by their estimates; as in `SpaceSaving`."""
        return self.result().top(k)  # type: ignore[no-any-return]

    def result(self) -> Any:
        """All that was counted so far, as something of this process that needs Ray no more.

        Returns:
            With "hash" a `Partitioned` of the actors' summaries; with "round_robin" one summary, into which Ray has
            merged them pair by pair. The actors keep what they have, and count on.
        """
        self._drain()
        found = [shard.get.remote() for shard in self._shards]
        if self._partition == "hash":
            return Partitioned(self._ray.get(found))
        merge = self._ray.remote(merged)
        while len(found) > 1:
            found = [
                merge.remote(*found[i : i + 2]) if i + 1 < len(found) else found[i] for i in range(0, len(found), 2)
            ]
        return self._ray.get(found[0])

    def _asked(self, question: str, keys: Keys, **options: Any) -> Any:
        if self._partition == "round_robin":
            return getattr(self.result(), question)(keys, **options)
        self._drain()

        def ask(asked: list[tuple[int, Any]]) -> Any:
            return self._ray.get([self._shards[shard].ask.remote(question, part, options) for shard, part in asked])

        return routed(keys, len(self._shards), self._seed, ask)

    def _send(self, shard: int, keys: Any, weights: Any) -> None:
        while len(self._pending[shard]) >= self._in_flight:
            self._wait(shard)
        self._pending[shard].append(self._shards[shard].update.remote(keys, weights))

    def _drain(self) -> None:
        for shard, pending in enumerate(self._pending):
            while pending:
                self._wait(shard)

    def _wait(self, shard: int) -> None:
        """For the oldest batch at an actor."""
        try:
            self._ray.get(self._pending[shard].popleft())
        except Exception as error:
            error.add_note(f"raised in shard {shard} of {len(self._shards)}")
            raise


class Shard:
    """What an actor is: a summary in a process of its own."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.summary = make()

    def update(self, keys: Any, weights: Any) -> None:
        """Count."""
        self.summary.update(keys, weights)

    def ask(self, question: str, keys: Any, options: dict[str, Any]) -> Any:
        """Answer."""
        return getattr(self.summary, question)(keys, **options)

    def get(self) -> Any:
        """Hand out the summary; what arrives is a copy."""
        return self.summary


def merged(mine: Any, theirs: Any) -> Any:
    """Two summaries as one, which travel as bytes."""
    return mine.merge(theirs)
