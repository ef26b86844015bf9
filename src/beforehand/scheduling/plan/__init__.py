"""Choosing a policy from a log, and checking the choice."""

from beforehand.scheduling.plan.curves import curves
from beforehand.scheduling.plan.planner import audit, plan_queue
from beforehand.scheduling.plan.queue_plan import QueuePlan

__all__ = ["QueuePlan", "audit", "curves", "from_json", "plan_queue"]

from_json = QueuePlan.from_json  # for `core.load_plan`, where a file does not name its kind
