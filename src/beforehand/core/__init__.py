"""The four nouns of every area: Trace, Predictor, Plan, Report."""

from beforehand.core.plan import Plan, load_plan
from beforehand.core.predictor import Predictor, Price
from beforehand.core.report import Outcome, Report, Verdict
from beforehand.core.trace import Child, Trace

__all__ = ["Child", "Outcome", "Plan", "Predictor", "Price", "Report", "Trace", "Verdict", "load_plan"]
