"""What a model answers to prompts: recorded, or generated now."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, whole
from beforehand.scheduling.serving.predictors.hidden_states import Answer, import_torch

TOGETHER: Final = 64  # prompts that are answered at once


def answers_of(
    model: Any,
    prompts: Sequence[Any],
    *,
    temperature: float,
    max_new_tokens: int,
    seed: int,
    tell: Callable[[str, int, int], None],
) -> list[Answer]:
    """Answers to all prompts: those that are given, and for prompts alone what the model writes.

    Raises:
        InvalidInput: A prompt or an answer is empty, or holds what is no token of the model.
    """
    vocabulary = getattr(model.config, "text_config", model.config).vocab_size
    ends = _ends(model)
    found: list[Answer | None] = []
    for place, each in enumerate(prompts):
        pair = isinstance(each, tuple) and len(each) == 2 and not np.isscalar(each[0])
        prompt = _tokens(each[0] if pair else each, f"prompts[{place}]", vocabulary)
        answer = _tokens(each[1], f"the answer to prompts[{place}]", vocabulary) if pair else []
        found.append(Answer(prompt, answer, bool(pair and answer[-1] in ends)))
    wanting = [place for place, each in enumerate(found) if each and not each.answer]
    checked("temperature", temperature)
    whole("max_new_tokens", max_new_tokens, least=1)
    wanting.sort(key=lambda place: len(found[place].prompt))  # type: ignore[union-attr]
    torch = import_torch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for first in range(0, len(wanting), TOGETHER):
            batch = wanting[first : first + TOGETHER]
            written = _generated(torch, model, [found[place].prompt for place in batch], temperature, max_new_tokens)  # type: ignore[union-attr]
            for place, tokens in zip(batch, written, strict=True):
                end = next((n for n, token in enumerate(tokens) if token in ends), None)
                kept = tokens if end is None else tokens[: end + 1]
                found[place] = Answer(found[place].prompt, kept, end is not None)  # type: ignore[union-attr]
            tell("answering", first + len(batch), len(wanting))
    return [each for each in found if each]


def _generated(torch: Any, model: Any, prompts: list[list[int]], temperature: float, most: int) -> list[list[int]]:
    longest = max(map(len, prompts))
    tokens = torch.zeros((len(prompts), longest), dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        tokens[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    drawn = {"temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
    with torch.inference_mode():
        both = model.generate(
            input_ids=tokens.to(model.device), attention_mask=mask.to(model.device), max_new_tokens=most,
            pad_token_id=_ends(model)[0], do_sample=temperature > 0, **drawn,
        )  # fmt: skip
    return [row[longest:].tolist() for row in both]


def _ends(model: Any) -> list[int]:
    """The tokens that end an answer."""
    for config in (getattr(model, "generation_config", None), model.config):
        ends = getattr(config, "eos_token_id", None)
        if ends is not None:
            return list(ends) if isinstance(ends, list | tuple) else [ends]
    raise InvalidInput(f"{type(model).__name__} names no eos_token_id, so no answer ends; set it in its configuration")


def _tokens(given: Any, name: str, vocabulary: int) -> list[int]:
    try:
        tokens = np.asarray(given)
    except ValueError as error:
        raise InvalidInput(f"{name} is no sequence of token ids; tokenize it first") from error
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu" or not tokens.size:
        raise InvalidInput(f"{name} is no sequence of token ids, of at least one; tokenize it first")
    if tokens.min() < 0 or tokens.max() >= vocabulary:
        raise InvalidInput(f"{name} holds {tokens.min()} to {tokens.max()}, but tokens are from 0 to {vocabulary - 1}")
    return [int(token) for token in tokens]
