"""`scheduling train-probe`: read from a model's hidden states how much of its answer is left."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from beforehand.cli import render
from beforehand.cli.queue_options import Json, Seed

EXAMPLE: Final = "Example: beforehand scheduling train-probe --model DIR --prompts prompts.txt --output probe.npz"


def train_probe(
    model: Annotated[str, typer.Option(metavar="DIR", help="A causal model of Hugging Face: its folder, or its name.")],
    prompts: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help='A prompt a line; or jsonl with objects that have a "prompt" and, if it was recorded, the "answer", '
            "each as text or as token ids.",
        ),
    ],
    layers: Annotated[str, typer.Option(help="Layers to try, from 0: all, or numbers such as 8,11,14.")] = "all",
    bins: Annotated[str, typer.Option(help="How many equal bins of remaining tokens; log: 16 that widen.")] = "10",
    max_length: Annotated[int, typer.Option(min=16, help="Where the bins end, in tokens.")] = 512,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Where answers that are written now are cut.")] = 512,
    temperature: Annotated[float, typer.Option(min=0, help="Of answers that are written now.")] = 1.0,
    chat: Annotated[bool, typer.Option("--chat", help="Put each prompt into the model's chat template.")] = False,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the probe, an npz file.")] = Path(
        "probe.npz"
    ),
    as_json: Json = False,
) -> None:
    """How much of an answer is left, by the states of the model that writes it?

    Trains a probe on every layer, and keeps the best. The table says how far
    off it is on requests that did not train it, beside predictors that see
    the prompt alone. ProbeWorker runs it inside vLLM. Needs torch and
    transformers.
    """
    from beforehand.cli.inputs import keep_input
    from beforehand.core.errors import InvalidInput
    from beforehand.scheduling import serving

    keep_input(prompts, output)
    if output.suffix != ".npz":
        raise InvalidInput(f"{output} must end in .npz, as a probe is saved as npz; rename it")
    with render.progress(None) as bar:
        told = ""

        def tell(what: str, done: int, steps: int) -> None:
            nonlocal told
            if what != told:
                told = what
                bar.begin(what)

        bar.begin("reading")
        given = _tokenized(model, _read(prompts), chat)
        probe, report = serving.train_probe(
            model, given, layers=_layers(layers), bins="log" if bins == "log" else _number(bins),
            max_length=max_length, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed, progress=tell,
        )  # fmt: skip
    probe.save(output)
    if as_json:
        print(report.to_json())
        return
    render.show(report.table())
    render.show(f"a row of a refresh takes {probe.price.seconds * 1e6:.3g} µs here\n\nwrote {output}")


def _read(path: Path) -> list[dict[str, Any]]:
    """What the file says: objects with a prompt, and perhaps an answer.

    Raises:
        InvalidInput: it cannot be read, or is no such file.
    """
    from beforehand.core.errors import InvalidInput

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text in UTF-8; convert it first") from error
    if path.suffix != ".jsonl":
        return [{"prompt": line} for line in lines if line.strip()]
    found = []
    for number, line in enumerate(lines, 1):
        try:
            each = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}, line {number}, is not JSON; write an object with a prompt") from error
        if not isinstance(each, dict) or not isinstance(each.get("prompt"), str | list):
            raise InvalidInput(f'{path}, line {number}, has no prompt; write an object such as {{"prompt": "text"}}')
        if not isinstance(each.get("answer", ""), str | list):
            raise InvalidInput(f"{path}, line {number}, has an answer that is neither text nor token ids")
        found.append(each)
    return found


def _tokenized(model: str, given: list[dict[str, Any]], chat: bool) -> list[Any]:
    """Prompts, or pairs of prompts and answers, as token ids."""
    from beforehand.core.errors import InvalidInput, MissingDependency

    texts = chat or any(isinstance(each.get(name), str) for each in given for name in ("prompt", "answer"))
    tokenizer: Any = None
    if texts:
        try:
            from transformers import AutoTokenizer
        except ImportError as error:
            raise MissingDependency("training a probe needs transformers; pip install torch transformers") from error
        try:
            tokenizer = AutoTokenizer.from_pretrained(model)
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InvalidInput(f"model is {model}, but no tokenizer can be loaded from it: {reason}") from error

    def prompt(said: Any) -> Any:
        if not isinstance(said, str):
            return said
        if not chat:
            return tokenizer.encode(said)
        turn = [{"role": "user", "content": said}]
        return tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)

    def answer(said: Any) -> Any:
        if not isinstance(said, str):
            return said
        return [*tokenizer.encode(said, add_special_tokens=False), tokenizer.eos_token_id]

    return [
        (prompt(each["prompt"]), answer(each["answer"])) if "answer" in each else prompt(each["prompt"])
        for each in given
    ]


def _layers(words: str) -> Any:
    return "all" if words == "all" else [_number(each) for each in words.split(",")]


def _number(word: str) -> int:
    from beforehand.core.errors import InvalidInput

    try:
        return int(word)
    except ValueError as error:
        raise InvalidInput(f"{word!r} is not a whole number") from error
