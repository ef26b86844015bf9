"""The heaviest keys of a stream, in fixed memory, with bounds for every key."""

from typing import Any, Final, Literal, final, get_args

from numpy.typing import ArrayLike

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import KeyKind, Keys
from beforehand.streams.sizes import MOST_SLOTS, Sizes, allocating, as_bytes, is_whole, sizes, sizes_for
from beforehand.streams.summary import Merging, Tracking, as_weights, check_common, check_gate_slack

Policy = Literal["exact", "assoc", "filtered", "gated"]

POLICIES: Final[dict[type, Policy]] = {  # what holds the counters, and its name
    _native.SpaceSaving: "exact",
    _native.Assoc: "assoc",
    _native.Filtered: "filtered",
    _native.Gated: "gated",
}
KINDS: Final[dict[int, Any]] = dict(enumerate(POLICIES, start=1))  # by byte 10 of what to_bytes() returns
SIZES: Final[dict[str, tuple[str, ...]]] = {  # what must be the same in two that merge
    "exact": ("deletions",),
    "assoc": ("capacity",),
    "filtered": ("capacity", "cells"),
    "gated": ("capacity", "cells", "gate_cells", "registers", "gate_slack"),
}


@final
class SpaceSaving(Tracking, Merging):
    """Count the heaviest keys of a stream in fixed memory, with certified bounds for every key.

    Keeps a few counters. A key without one starts from what it may have come before, and that is its possible error.
    Policies differ in who gets a counter:

    * "exact" is Space Saving as published: every new key takes over the least counter.
    * "assoc" looks for the least counter among eight only, those that a key's hash allows: more counters in the same
      memory, and half as fast again where few keys repeat, but nothing is promised beforehand.
    * "filtered" is Filtered Space-Saving: keys without a counter share cells, and take over the least counter once
      their cell has reached it.
    * "gated" puts a small gate before that, in which a key first comes up to 15 times; rare keys never go farther. The
      most accurate, and what a predictor has to beat.

    Of `estimate`, "lower" and "upper" are the bounds. "count" is what the counter says, and 0 for keys without one: the
    default of "exact" and "assoc", as in the literature. "mid", the default of the others, lies in the middle of what
    is likely; with "gated", keys without a counter get the mean weight of all such keys.

    Args:
        capacity: How many keys to track, from 1 to 2**32 - 2. With "exact", for an error of at most a share `e` of the
            stream take `round(1 / e)`. Cells and gate come on top, in the proportions that `memory` has. "assoc" rounds
            up to a multiple of 8.
        memory: Bytes instead, or text such as "256KiB"; covers all that counts, not labels. At least 2 KiB for "gated".
        policy: "exact", "assoc", "filtered" or "gated".
        key: What keys are: "u64", "i64", "str", "bytes"; "auto" takes the kind of the first.
        seed: Of all hashes. Pass a random one if the keys come from an adversary; the hash is not cryptographic.
        labels: Whether tracked strings keep their text, so that `top` can show it; yes, if not given.
        deletions: Allow `delete`; policy "exact" only.
        gate_slack: How much the gate may lose, as a share of the least count; from 0.01 to 16, policy "gated" only.

    Guarantee:
        With `lower, upper = bounds(keys)`, `lower <= true weight <= upper` for every key, tracked or not, after any
        updates, deletions and merges; `upper - lower <= error_bound`. Beforehand, `error_bound <= total / capacity` for
        "exact" and "filtered", so that a heavier key is always tracked; for "gated", unless it was merged, that times
        `1 + gate_slack`, and 15 units, each below twice the mean weight, on top. The same stream gives the same bytes,
        however it is cut into batches. Strings are told apart by a hash of 64 bits: of D distinct ones, two are counted
        together with a chance of about D**2 / 2**65.

    Cost:
        20 bytes a counter, 24 beyond 65,534 counters, 2 more with a gate, 16 in all with "assoc"; one more once a
        weight is not 1, and 8 more once the total passes 2**32 - 1.
        `update` takes O(1) amortized for each key and releases the GIL above 10,000 keys; hand in arrays, as one call
        for each key costs more than counting it. Not locked: a second thread gets `InvalidInput`.

    Raises:
        InvalidInput: An argument breaks its rule.
        CapacityExceeded: There is not so much memory.

    Example:
        >>> summary = SpaceSaving(capacity=2)
        >>> summary.update([7, 7, 7, 8, 9])
        >>> summary.bounds(7), summary.bounds(9), summary.bounds(8)
        ((3, 3), (1, 2), (0, 1))
        >>> summary.error_bound  # what 9 may have come before; at most 5 / 2
        1

    Reference:
        Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams. ICDT 2005.
        Homem, Carvalho: Finding top-k elements in data streams. Information Sciences 180 (2010).
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        capacity: int | None = None,
        memory: int | str | None = None,
        policy: Policy = "exact",
        key: KeyKind = "auto",
        seed: int = 0,
        labels: bool | None = None,
        deletions: bool = False,
        gate_slack: float = 1.0,
    ) -> None:
        if policy not in get_args(Policy):
            raise InvalidInput(f"policy is {policy!r}, but must be one of {', '.join(get_args(Policy))}")
        check_common(key, seed, labels)
        if not isinstance(deletions, bool):
            raise InvalidInput(f"deletions is {deletions!r}, but must be True or False")
        if deletions and policy != "exact":
            raise InvalidInput(f'deletions is True with policy {policy!r}, but only policy "exact" takes them')
        check_gate_slack(gate_slack)
        if gate_slack != 1 and policy != "gated":
            raise InvalidInput(f'gate_slack is {gate_slack} with policy {policy!r}, but only policy "gated" has a gate')
        size = _sizes(capacity, memory, policy)
        common = (int(seed), key, labels is not False)
        match policy:
            case "exact":
                self._native = _native.SpaceSaving(size.capacity, *common, deletions)
            case "assoc":
                with allocating(16 * size.capacity):  # all at once; the others grow
                    self._native = _native.Assoc(size.capacity, *common)
            case "filtered":
                self._native = _native.Filtered(size.capacity, *common, size.cells)
            case "gated":
                parts = size.cells, size.gate_cells, size.registers
                self._native = _native.Gated(size.capacity, *common, *parts, float(gate_slack))

    @property
    def policy(self) -> Policy:
        """How the counters are given out."""
        return POLICIES[type(self._native)]

    @property
    def _default(self) -> str:
        return "count" if self.policy in ("exact", "assoc") else "mid"

    def _like(self) -> dict[str, Any]:
        sizes = {name: getattr(self._native, name) for name in SIZES[self.policy]}
        return {"policy": self.policy, "seed": self.seed} | sizes

    def delete(self, keys: Keys, weights: ArrayLike | None = None) -> None:
        """Take back what was counted before; the weight of keys that are not tracked is ignored.

        Args:
            keys: As in `update`, without nulls.
            weights: As in `update`.

        Guarantee:
            Bounds hold as long as no key is deleted more often than it came. If at most (1 - 1/a) of the inserted
            weight I is deleted, a/e counters give an error of at most e times what is left.

        Raises:
            InvalidInput: It was made without `deletions=True`; a tracked key would fall below 0. Nothing was deleted.
        """
        if self.policy != "exact" or not self._native.deletions:
            raise InvalidInput("this summary takes no deletions; make it with policy='exact', deletions=True")
        self._native.remove(keys, None if weights is None else as_weights(weights))

    @classmethod
    def _read(cls, data: bytes) -> "SpaceSaving":
        return cls._of(KINDS[data[10]].from_bytes(data))

    def __repr__(self) -> str:
        """Say what it is and what it holds."""
        return f"SpaceSaving(capacity={self.capacity}, policy={self.policy!r}, total={self.total}, tracked={len(self)})"


def _sizes(capacity: int | None, memory: int | str | None, policy: str) -> Sizes:
    if memory is not None and capacity is None:
        return sizes(as_bytes(memory), policy)
    if memory is not None or capacity is None:
        raise InvalidInput("capacity and memory are both given or both left out; pass one of them")
    if not is_whole(capacity) or not 1 <= capacity <= MOST_SLOTS:
        raise InvalidInput(
            f"capacity is {capacity!r}, but must be from 1 to 2**32 - 2; take round(1 / e) for an error of at most a "
            "share e of the stream"
        )
    return sizes_for(int(capacity), policy)
