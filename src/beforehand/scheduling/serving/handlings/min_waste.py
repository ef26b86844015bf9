"""The least waste, by the predicted duration of the call: the handling of LAMPS."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import final

from beforehand.scheduling.inputs import flag, settle
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling import Decision, fits_host, pause_wastes


@final
@dataclass(frozen=True, slots=True)
class MinWaste:
    """Preserve, discard or swap, whichever wastes least memory over the predicted duration of the call.

    A call whose duration nobody predicts (nan) is not preserved for.

    Args:
        swap: Whether it may swap; if the host tier has no room, the better of the other two is taken.

    Guarantee:
        The action is the one of least waste, of equal ones the first of preserve, swap, discard.

    Raises:
        InvalidInput: `swap` is not a bool; in `decide`, the view has no engine.

    Example:
        >>> from beforehand.scheduling.engine_profile import PROFILES
        >>> from beforehand.scheduling.policies.view import ToolView
        >>> from beforehand.scheduling.engine_view import EngineView
        >>> engine = EngineView(profile=PROFILES["gptj-6b-a100-40g"], free_host_tokens=100_000)
        >>> engine.update(now=0.0, decoding=128, context_tokens=20_000)
        >>> view = View(arrival=0.0, sequence=0, resident=1040, tool=ToolView(seconds=0.5), engine=engine)
        >>> MinWaste().decide(view)
        ('preserve', inf)
        >>> view.tool.seconds = 28.0
        >>> MinWaste().decide(view)
        ('swap', inf)

    Reference:
        Shahout, Liang, Xin, Lao, Cui, Yu, Mitzenmacher: Fast Inference for Augmented Large Language Models.
        arXiv:2410.18248.
    """

    _: KW_ONLY
    swap: bool = True

    def __post_init__(self) -> None:
        """Validate the field."""
        settle(self, swap=flag("swap", self.swap))

    __str__ = label

    def decide(self, view: View) -> Decision:
        """The action of least waste, for good."""
        seconds = view.tool.seconds if view.tool else math.nan
        return pause_wastes(view, seconds).least(swap=self.swap and fits_host(view)), math.inf
