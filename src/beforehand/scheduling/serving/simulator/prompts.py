"""What is known of prompts in a trace, for predictors that read them, and predictions made beforehand."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.trace import Trace
from beforehand.scheduling.serving.simulator.request import Requests

FREE: Final = Price(per="request")
REPEATED: Final = ("max_tokens", "tenant")  # columns that hold for all segments of a conversation


def segment_features(trace: Trace) -> dict[str, NDArray[Any]]:
    """What `PromptLength` may know of each segment, conversation by conversation.

    `prompt_tokens` are all tokens before the answer, with earlier answers and what tools returned; `turn` counts
    on over the segments.

    Example:
        >>> calls = {"output_tokens": [5], "seconds": [1.0], "return_tokens": [30], "tool": ["search"]}
        >>> columns = {"arrival": [0.0], "prompt_tokens": [100], "output_tokens": [7]}
        >>> features = segment_features(Trace("requests", columns, children={"calls": ([0, 1], calls)}))
        >>> features["prompt_tokens"], features["turn"]
        (array([100, 135]), array([0, 1]))
    """
    requests = Requests.of(trace)
    counts = np.diff(requests.first)
    begin = np.repeat(requests.first[:-1], counts)
    added = np.concatenate(([0], np.cumsum(requests.output + requests.returned)))
    place = np.arange(len(requests.output))
    turn = place - begin
    if "turn" in trace.columns:
        turn = turn + np.repeat(trace["turn"], counts)
    found: dict[str, NDArray[Any]] = {
        "prompt_tokens": np.repeat(requests.prompt, counts) + added[place] - added[begin],
        "turn": turn,
    }
    found |= {name: np.repeat(trace[name], counts) for name in REPEATED if name in trace.columns}
    if "prefix_id" in trace.columns and trace["prefix_id"].dtype.kind in "iu":
        found["prefix_id"] = np.repeat(trace["prefix_id"], counts)
    return found


@final
@dataclass(frozen=True, eq=False)
class Recorded:
    """Predictions that were made beforehand, as a predictor: one for each segment, at a price.

    Args:
        values: What it answers, whatever it is asked.
        price: What each answer costs.
    """

    values: NDArray[np.float64]
    price: Price = FREE

    def predict(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """The predictions.

        Raises:
            InvalidInput: there is another number of segments.
        """
        if len(features) != len(self.values):
            raise InvalidInput(
                f"there are {len(self.values)} predictions, but {len(features)} segments; pass one for each segment, "
                "conversation by conversation"
            )
        return self.values

    def only(self, segments: NDArray[np.bool_]) -> "Recorded":
        """Those of these segments."""
        return self if segments.all() else Recorded(self.values[segments], self.price)
