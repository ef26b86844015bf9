"""Choosing order, guard and handling for requests to a language model, and checking the choice."""

from beforehand.scheduling.serving.plan.planner import audit, plan_serving
from beforehand.scheduling.serving.plan.serving_plan import ServingPlan

__all__ = ["ServingPlan", "audit", "from_json", "plan_serving"]

from_json = ServingPlan.from_json  # for `core.load_plan`, where a file does not name its kind
