"""What is known of one request that the engine holds."""

import math
from dataclasses import dataclass
from typing import Any, final

from beforehand.integrations.vllm.forecasts import Forecast
from beforehand.integrations.vllm.hints import Hints
from beforehand.integrations.vllm.places import Place
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.predictors.outlived import Outlived


@final
@dataclass(slots=True, eq=False)
class Tracked:
    """A request, its view, and what the view is made from."""

    request: Any
    view: View
    hints: Hints
    place: Place
    limit: float  # output tokens at most
    forecast: Forecast
    conversation: str  # its name; "" if it has none
    refined: float = math.nan  # tokens left, by the newest prediction of a probe
    refined_age: int = 0
    posterior: Any = None  # probabilities of the probe's bins, smoothed
    urgent: bool = False  # has waited for too long
    first_token: float = math.nan  # s
    handling: str = ""
    over: bool = False  # its answer has ended

    def refresh(self, outlived: Outlived) -> View:
        """The view, as it is now."""
        view, request = self.view, self.request
        age = view.age = float(request.num_output_tokens)
        view.context = request.num_tokens
        view.resident = request.num_computed_tokens
        left = self.refined - (age - self.refined_age)
        if left != left:
            left = view.predicted - age
            if left <= 0 and view.started:
                left = outlived.remaining(age, view.tenant)
        view.remaining = min(max(left, 1.0), max(self.limit - age, 1.0))
        return view
