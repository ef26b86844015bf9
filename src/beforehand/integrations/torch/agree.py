"""What all ranks must have in common before the first step, found out by one exchange."""

from collections.abc import Mapping
from typing import Any, TypeVar

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch.host import torch_for

T = TypeVar("T")


def agreed(group: Any, facts: Mapping[str, str], problem: Exception | None, offer: T) -> T:
    """What rank 0 offers, once all ranks are known to hold the same facts and none has a problem.

    Args:
        group: The process group.
        facts: What must be equal, by name.
        problem: Why this rank cannot go on; it takes part nevertheless, so that no other waits for it.
        offer: What rank 0 decides for all.

    Raises:
        InvalidInput: Another rank has a problem, or other facts; on all ranks.
    """
    collectives = torch_for("agreed").distributed
    rows: list[Any] = [None] * collectives.get_world_size(group)
    said = None if problem is None else f"{type(problem).__name__}: {problem}"
    collectives.all_gather_object(rows, (said, dict(facts), offer), group=group)
    if problem is not None:
        raise problem
    for rank, (said, _, _) in enumerate(rows):
        if said is not None:
            raise InvalidInput(f"rank {rank} cannot take part ({said}); mend it there")
    for rank, (_, theirs, _) in enumerate(rows):
        for name, fact in rows[0][1].items():
            if theirs.get(name) != fact:
                raise InvalidInput(
                    f"{name} of rank {rank} is {theirs.get(name)}, but of rank 0 {fact}; pass the same on all ranks"
                )
    decided: T = rows[0][2]
    return decided
