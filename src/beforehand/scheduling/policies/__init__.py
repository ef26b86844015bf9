"""The policy interface, for policies of your own, and the stock policies in one module for each kind."""

from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.policies.view import BANDS, FIRST, UNKNOWN, View

__all__ = ["BANDS", "FIRST", "UNKNOWN", "Policy", "Stage", "Stages", "View"]
