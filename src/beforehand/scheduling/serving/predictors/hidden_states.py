"""Hidden states of a causal model of Hugging Face, by layer and position; torch is imported when they are asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput, MissingDependency

BATCH_TOKENS: Final = 4096
NEEDED: Final = "training a probe needs torch and transformers; pip install torch transformers"


class Answer(NamedTuple):
    """A prompt and what the model answered, as tokens."""

    prompt: list[int]
    answer: list[int]
    ended: bool  # by itself, not cut


def import_torch() -> Any:
    """The module.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependency(NEEDED) from error
    return torch


def load_model(model: Any) -> Any:
    """The model itself, or the one in a folder or on a hub, ready to be asked.

    Raises:
        MissingDependency: torch or transformers is not installed.
        InvalidInput: There is no causal model.
    """
    import_torch()
    if hasattr(model, "generate"):
        return model.eval()
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise MissingDependency(NEEDED) from error
    try:
        return AutoModelForCausalLM.from_pretrained(str(model)).eval()
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(f"model is {model!s}, but no causal model can be loaded from it: {reason}") from error


def decoder_layers(model: Any) -> Any:
    """The decoder layers: the longest list of modules that all return states as wide as `config.hidden_size`.

    Raises:
        InvalidInput: There is none, or there are two of the same length.
    """
    torch = import_torch()
    width = getattr(model.config, "text_config", model.config).hidden_size
    lists = {name: each for name, each in model.named_modules() if isinstance(each, torch.nn.ModuleList) and len(each)}
    fitting: dict[int, bool] = {}

    def check(layer: Any, arguments: Any, output: Any) -> None:
        state = output[0] if isinstance(output, tuple) else output
        fitting[id(layer)] = torch.is_tensor(state) and state.shape[-1] == width

    handles = [layer.register_forward_hook(check) for each in lists.values() for layer in each]
    try:
        with torch.inference_mode():
            model(input_ids=torch.zeros((1, 2), dtype=torch.long, device=model.device))
    finally:
        for handle in handles:
            handle.remove()
    found = {name: each for name, each in lists.items() if all(fitting.get(id(layer), False) for layer in each)}
    longest = max(map(len, found.values()), default=0)
    names = [name for name, each in found.items() if len(each) == longest]
    if len(names) != 1:
        what = f"{len(names)} lists that could be ({', '.join(names)})" if names else "no list that could be"
        raise InvalidInput(f"{type(model).__name__} has {what} its decoder layers; pass one with a single stack")
    return found[names[0]]


@contextmanager
def watching(model: Any, layers: Sequence[int]) -> Iterator[dict[int, Any]]:
    """A dict that holds what each of these layers returned in the newest forward pass, (rows, positions, hidden)."""
    stack, newest = decoder_layers(model), {}

    def keep(place: int) -> Any:
        def hook(layer: Any, arguments: Any, output: Any) -> None:
            newest[place] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [stack[place].register_forward_hook(keep(place)) for place in layers]
    try:
        yield newest
    finally:
        for handle in handles:
            handle.remove()


def states(
    model: Any, answers: Sequence[Answer], layers: Sequence[int], prefill: str
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """For each answer its place and the states before each of its tokens, float32 (layers, tokens, hidden).

    One pass for each answer, in batches of like length. The first state stands for the prompt as `prefill` says.
    """
    torch = import_torch()
    order = sorted(range(len(answers)), key=lambda place: len(answers[place].prompt) + len(answers[place].answer))
    with watching(model, layers) as newest, torch.inference_mode():
        while order:
            longest = len(answers[order[-1]].prompt) + len(answers[order[-1]].answer)
            batch = [order.pop() for _ in range(min(len(order), max(1, BATCH_TOKENS // longest)))]
            tokens = torch.zeros((len(batch), longest), dtype=torch.long)
            mask = torch.zeros_like(tokens)
            for row, place in enumerate(batch):
                both = answers[place].prompt + answers[place].answer
                tokens[row, : len(both)] = torch.tensor(both)
                mask[row, : len(both)] = 1
            logits = model(input_ids=tokens.to(model.device), attention_mask=mask.to(model.device)).logits
            for row, place in enumerate(batch):
                prompt, count = len(answers[place].prompt), len(answers[place].answer)
                found = torch.stack([newest[layer][row, prompt - 1 : prompt + count - 1].float() for layer in layers])
                if prefill != "last":
                    weights = _weights(torch, prefill, logits[row, :prompt].float())
                    whole = torch.stack([newest[layer][row, :prompt].float() for layer in layers])
                    found[:, 0] = (whole * weights[:, None]).sum(1)
                yield place, found.cpu().numpy()


def _weights(torch: Any, prefill: str, logits: Any) -> Any:
    """How much each token of the prompt counts: the same, or by the entropy of what could follow it."""
    if prefill == "mean":
        return torch.full((logits.shape[0],), 1 / logits.shape[0], device=logits.device)
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    return entropy / entropy.sum().clamp(min=1e-12)
