"""Every stock policy with its options at values that matter, so that a policy which joins `POLICIES` is tested at once.

An option that is new here is a KeyError: give it values below.
"""

import itertools
import math
from dataclasses import fields
from typing import get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import LAS, POLICIES
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


EVERY = [policy for kind in POLICIES.values() for policy in variants(kind)]
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
