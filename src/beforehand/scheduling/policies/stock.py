"""The stock policies, each listed here and nowhere else."""

from typing import Any, Final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.lamps import LAMPS
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.skip import Skip
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.trail import TRAIL

Stock = (
    FCFS
    | SPJF
    | PSPJF
    | SPRPT
    | LAS
    | OneBit
    | SkipPredict
    | DelayPredict
    | TRAIL
    | ShortestWork
    | LAMPS
    | Skip
    | Boosted
)

POLICIES: Final[dict[str, type[Stock]]] = {kind.__name__.lower(): kind for kind in get_args(Stock)}


def name_of(policy: Any) -> str:
    """The policy's name in `POLICIES`.

    Raises:
        InvalidInput: it is not a stock policy.
    """
    name = type(policy).__name__.lower()
    if POLICIES.get(name) is not type(policy):
        raise InvalidInput(f"policy is {policy!r}, but must be one of {', '.join(POLICIES)}")
    return name
