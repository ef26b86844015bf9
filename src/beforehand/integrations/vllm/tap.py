"""Hidden states of vLLM's model runner V1, read after each forward pass."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from beforehand.core.errors import InvalidInput

STATE: Final = "execute_model_state"  # what a runner keeps between the forward pass and sampling


class Due(NamedTuple):
    """Requests whose newest token's state is to be read in this step."""

    ids: list[str]
    rows: list[int]  # of the states


class Tap(ABC):
    """What every tap does: say which requests are due, and hand out the states of the pass that has just run."""

    _runner: Any
    _decoding: frozenset[str] = frozenset()  # of the last step that was looked at, whose prompts are complete

    @abstractmethod
    def states(self) -> Any:
        """The states of the pass that has just run, (tokens, hidden); None if nothing ran."""

    def due(self, *, every: bool) -> Due:
        """The requests to read in the step that has just run, and the rows of their newest tokens.

        Args:
            every: Whether requests that decode are read, too; a prefill that has just been completed always is.
        """
        runner = self._runner
        step = getattr(runner, STATE).scheduler_output
        scheduled: Mapping[str, int] = step.num_scheduled_tokens
        # An id that decoded may stand for a prompt again: a session that goes on, a name used twice, one evicted before
        # its first token.
        begun = step.scheduled_new_reqs or step.scheduled_cached_reqs.resumed_req_ids
        if not (every or begun) and sum(scheduled.values()) == len(scheduled) and self._decoding.issuperset(scheduled):
            return Due([], [])
        ids, rows, decoding, row = [], [], [], -1
        for id in runner.input_batch.req_ids:
            count = scheduled.get(id, 0)
            row += count
            request = runner.requests[id]
            written = request.num_computed_tokens + count - request.num_prompt_tokens  # output tokens computed
            complete = count > 0 and written >= len(request.output_token_ids)
            if complete:
                decoding.append(id)
            if complete and (every or count > 1 or written == 0):
                ids.append(id)
                rows.append(row)
        self._decoding = frozenset(decoding)
        return Due(ids, rows)


class AuxTap(Tap):
    """Reads the states that the model hands out beside its output, as it does for EAGLE-3.

    Works in eager mode and under compilation, as it is part of the forward pass.

    Args:
        runner: A model runner with a loaded model that has not run yet.
        layer: The decoder layer after which states are read, from 0.

    Raises:
        InvalidInput: Somebody else reads these states already.
    """

    def __init__(self, runner: Any, layer: int) -> None:
        if runner.use_aux_hidden_state_outputs:
            raise InvalidInput("the runner hands out auxiliary states already, for speculative decoding; leave one out")
        runner.model.set_aux_hidden_state_layers((layer + 1,))
        runner.use_aux_hidden_state_outputs = True
        self._runner = runner

    def states(self) -> Any:
        """The states of the pass that has just run, (tokens, hidden); None if nothing ran."""
        kept = getattr(self._runner, STATE)
        return None if kept is None or kept.aux_hidden_states is None else kept.aux_hidden_states[0]


class HookTap(Tap):
    """Reads what a decoder layer returns, where a model cannot hand it out. Eager mode only: graphs run no Python.

    Args:
        runner: A model runner with a loaded model.
        layer: The decoder layer after which states are read, from 0.

    Raises:
        InvalidInput: The model runs compiled, or its layers are not found.
    """

    def __init__(self, runner: Any, layer: int) -> None:
        if not runner.model_config.enforce_eager:
            raise InvalidInput("this model hands out no states unless it runs in eager mode; pass --enforce-eager")
        self._runner = runner
        self._newest: Any = None
        decoder_layers(runner.model, runner.model_config.hf_text_config.num_hidden_layers)[layer].register_forward_hook(
            self._keep
        )

    def _keep(self, layer: Any, arguments: Any, output: Any) -> None:
        hidden, residual = output if isinstance(output, tuple) else (output, None)
        self._newest = hidden if residual is None else hidden + residual

    def states(self) -> Any:
        """The states of the pass that has just run, (tokens, hidden); None if nothing ran."""
        newest, self._newest = self._newest, None
        return newest if getattr(self._runner, STATE) is not None else None


def tap(runner: Any, layer: int) -> Tap:
    """The tap that this runner's model allows.

    Raises:
        InvalidInput: It allows none.
    """
    if hasattr(runner.model, "set_aux_hidden_state_layers") and hasattr(runner, "use_aux_hidden_state_outputs"):
        return AuxTap(runner, layer)
    return HookTap(runner, layer)


def decoder_layers(model: Any, count: int) -> Any:
    """The decoder layers of a model of vLLM: its longest list of modules.

    Raises:
        InvalidInput: It has no list of `count` modules.
    """
    lists = [each for each in model.modules() if type(each).__name__ == "ModuleList" and len(each) == count]
    if not lists:
        raise InvalidInput(f"{type(model).__name__} has no list of {count} decoder layers, so no probe can read it")
    return lists[0]
