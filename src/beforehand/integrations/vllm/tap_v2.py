"""Hidden states of vLLM's model runner V2, the default on GPUs for dense models.

Written from its source: no CPU build runs it, so `problems` refuses it until a run on a GPU has shown that its rows
equal Hugging Face's states in eager mode and in graphs. `SHOWN` is where that is to be said.
"""

from typing import Any, Final

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm.tap import STATE, Due, Tap

SHOWN: Final = False
RUNNER: Final = ("model", "model_config", "use_aux_hidden_state_outputs", STATE)
REMEDY: Final = "start with VLLM_USE_V2_MODEL_RUNNER=0"


class V2Tap(Tap):
    """Reads the states that the model hands out beside its output; part of every graph that is captured later.

    Args:
        runner: A model runner V2 with a loaded model, before profiling and capture.
        layer: The decoder layer after which states are read, from 0.

    Raises:
        InvalidInput: Speculative decoding reads states of its own, or the model hands out none.
    """

    def __init__(self, runner: Any, layer: int) -> None:
        if runner.use_aux_hidden_state_outputs:
            raise InvalidInput("the runner hands out auxiliary states already, for speculative decoding; leave one out")
        if not hasattr(runner.model, "set_aux_hidden_state_layers"):
            raise InvalidInput(f"{type(runner.model).__name__} hands out no states; {REMEDY} and --enforce-eager")
        runner.model.set_aux_hidden_state_layers((layer + 1,))
        runner.use_aux_hidden_state_outputs = True
        self._runner = runner

    def states(self) -> Any:
        """The states of the newest token of each request, (requests, hidden); None if nothing ran."""
        kept = getattr(self._runner, STATE)
        if kept is None or kept.aux_hidden_states is None:
            return None
        return kept.aux_hidden_states[0][kept.input_batch.logits_indices]

    def due(self, *, every: bool) -> Due:
        """The requests to read; the batch holds them in an order of its own."""
        batch = getattr(self._runner, STATE).input_batch
        done = batch.num_computed_prefill_tokens_np + batch.num_scheduled_tokens
        complete = done >= batch.prefill_len_np
        rows = [row for row in range(batch.num_reqs) if complete[row] and (every or batch.is_prefilling_np[row])]
        return Due([batch.req_ids[row] for row in rows], rows)


def problems(runner: Any) -> list[str]:
    """Why this runner cannot be tapped; empty if it can."""
    lacking = [name for name in RUNNER if not hasattr(runner, name)]
    if lacking:
        return [f"{type(runner).__name__} has no {', '.join(lacking)}, so its structure is unknown; {REMEDY}"]
    if not SHOWN:
        return [f"the tap for model runner V2 has not been tried on a GPU yet; {REMEDY}"]
    return []
