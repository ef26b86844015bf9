"""How long iterations take, and what they do."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, final

from beforehand.integrations.vllm.recorder import StepRecorder
from beforehand.scheduling.engine_view import EngineView

CLOSEST = 0.25  # measured over predicted step times count from a quarter to four


@final
class StepClock:
    """Times the iterations of an engine, also where the next one is scheduled before the last one has ended.

    Args:
        engine: Whose mean step it keeps.
        clock: Seconds.
        recorder: Where to keep every iteration; None for nowhere.
        scaled: Whether to compare what iterations take with what the engine's profile says.
    """

    def __init__(
        self,
        engine: EngineView,
        clock: Callable[[], float],
        *,
        scaled: bool = False,
        recorder: StepRecorder | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self.recorder = recorder
        self._scaled = scaled
        self._begun: deque[tuple[float, tuple[int, int, int] | None]] = deque(maxlen=64)
        self._ended = float("-inf")
        self._ratio = 1.0
        self.scale = 1.0

    def begun(self, began: float, tokens: Mapping[str, int], requests: Mapping[str, Any]) -> None:
        """An iteration of these new tokens was scheduled; `began` is when vLLM was asked to."""
        if tokens:
            wanted = self.recorder is not None or self._scaled
            self._begun.append((began, load_of(tokens, requests) if wanted else None))

    def ended(self) -> None:
        """The oldest iteration has ended."""
        if not self._begun:
            return
        began, load = self._begun.popleft()
        now = self._clock()
        seconds = now - max(began, self._ended)
        self._ended = now
        self._engine.stepped(seconds)
        if load is None or not seconds > 0:
            return
        if self.recorder is not None:
            self.recorder.add(*load, seconds)
        if self._scaled:
            says = float(self._engine.costs.step_seconds(*load))
            self._ratio += (seconds / says - self._ratio) / 32
            self.scale = min(max(self._ratio, CLOSEST), 1 / CLOSEST)


def load_of(tokens: Mapping[str, int], requests: Mapping[str, Any]) -> tuple[int, int, int]:
    """New tokens, context of those that decode, and prefill pairs, just after vLLM has scheduled them."""
    context = pairs = 0
    for id, new in tokens.items():
        request = requests.get(id)
        if request is None:
            continue
        computed = request.num_computed_tokens  # with the new ones
        if new == 1 and request.num_output_tokens:
            context += computed
        else:
            pairs += new * (computed - new) + new * (new + 1) // 2
    return sum(tokens.values()), context, pairs
