"""Every stock policy with its options at values that matter, so that a policy which joins `POLICIES` is tested at once.

An option that is new here is a KeyError: give it values below.
"""

import itertools
import math
from dataclasses import fields
from typing import get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    LAMPS,
    LAS,
    POLICIES,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    ShortestWork,
    Skip,
    SkipPredict,
)
from beforehand.scheduling.policies.skip_predict import LongOrder
from beforehand.scheduling.policies.view import By

# Options that choose how a policy works come in all combinations, numbers that only set a level one after another.
CHOICES = {
    "by": get_args(By),
    "long_order": get_args(LongOrder),
    "preemptive": (True, False),
    "work": (0.0, 0.125),
    "cheap_work": (0.0, 0.0625),
    "expensive_work": (0.0, 0.125),
}
LEVELS = {
    "inner": (SPJF(),),
    "threshold": (1.5, 0.0, 0.5, math.inf),
    "limit": (0.75, 0.0, 1.0, math.inf),
    "fraction": (0.5, 0.0, 0.25, 1.0),
    "quantum": (1.0, 0.375),
}


def variants(kind):
    """The policy at its first level with all choices, then at its other levels."""
    names = [field.name for field in fields(kind)]
    levels = [name for name in names if name not in CHOICES]
    usual = {name: LEVELS[name][0] for name in levels}
    chosen = [name for name in names if name in CHOICES]
    for values in itertools.product(*(CHOICES[name] for name in chosen)):
        try:
            yield kind(**usual, **dict(zip(chosen, values, strict=True)))
        except InvalidInput:  # a combination that the policy forbids
            assert "preemptive" in chosen
    for name in levels:
        for value in LEVELS[name][1:]:
            yield kind(**(usual | {name: value}))


def works(policy):
    """Whether the server itself makes predictions."""
    return policy.stages().predicts


# Those that no stages can say, each with the numbers and inner policies that matter.
FOR_ENGINES = [ShortestWork(), ShortestWork(decode=0), ShortestWork(decode=2.5), LAMPS(), LAMPS(after=False)]
WRAPPED = [
    *(Skip(inner, threshold=1.5) for inner in (SPJF(), PSPJF(), SPRPT(), TRAIL(0.5))),
    *(Boosted(inner, boost=2.0, knee=1.5) for inner in (SPJF(), PSPJF(by="cheap"), SPRPT(), TRAIL(0.5))),
    *(Boosted(SPJF(), boost=boost, knee=knee) for boost, knee in ((0, 1), (math.inf, 1), (2, math.inf), (1e9, 1e-9))),
    Boosted(SkipPredict(1.5, preemptive=False), boost=2.0, knee=1.5),
    Boosted(Skip(SPRPT(), threshold=1.5), boost=2.0, knee=1.5),
]
WRAPPED_FOR_ENGINES = [
    Skip(LAMPS(), threshold=math.inf),
    Boosted(ShortestWork(), boost=30, knee=0.08),
    Boosted(LAMPS(), boost=30, knee=265),
    Boosted(Skip(ShortestWork(), threshold=9), boost=3, knee=1),
]
UNSTAGED = [*FOR_ENGINES, *WRAPPED, *WRAPPED_FOR_ENGINES]

EVERY = [policy for kind in POLICIES.values() if kind not in map(type, UNSTAGED) for policy in variants(kind)]
WITH_FORMULA = [policy for policy in EVERY if not isinstance(policy, LAS)]  # which has one only in its limit
EXTERNAL = [policy for policy in WITH_FORMULA if not works(policy)]
ON_THE_SERVER = [policy for policy in WITH_FORMULA if works(policy)]
NON_PREEMPTIVE = [policy for policy in EXTERNAL if policy.stages().start_pins]
# One of each kind that differs in more than a level or the key, for tests that take long.
USUAL = [
    policy for policy in EXTERNAL
    if getattr(policy, "by", "expensive") == "expensive"
    and all(getattr(policy, name, values[0]) == values[0] for name, values in LEVELS.items())
]  # fmt: skip
