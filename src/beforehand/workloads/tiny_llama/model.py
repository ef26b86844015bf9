"""The tiny Llama: trained on the tiny language in seconds or minutes, saved as Hugging Face saves models."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from beforehand.core.errors import InvalidInput, MissingDependency
from beforehand.workloads.tiny_llama import language
from beforehand.workloads.tiny_llama.language import END, MOST_WORDS, PAD, SEPARATOR, START, draw, vocabulary

UNKNOWN: Final = "<unk>"
CHAT: Final = (
    "{% for message in messages %}"
    f"{{% if message['role'] == 'user' %}}{START} {{{{ message['content'] }}}} {SEPARATOR}"
    f"{{% elif message['role'] == 'assistant' %}} {{{{ message['content'] }}}} {END} {{% endif %}}"
    "{% endfor %}"
)
IGNORED: Final = -100  # the label that torch's loss leaves out
POOL: Final = 64  # batches drawn at once, to sort exchanges by length


@final
@dataclass(frozen=True)
class Size:
    """The measures of a tiny Llama, and how long it is trained."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_heads: int
    steps: int
    tokens: int = 2000  # of a step
    learning_rate: float = 3e-3
    words: int = 384  # of the vocabulary


FULL: Final = Size(hidden=256, intermediate=512, layers=4, heads=8, key_heads=4, steps=700)
SMALL: Final = Size(hidden=64, intermediate=128, layers=4, heads=2, key_heads=1, steps=120)


def make_tiny_llama(
    out: str | os.PathLike[str],
    *,
    small: bool = False,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Train a Llama of 2.5 million weights on the tiny language, and save it with its tokenizer.

    Args:
        out: A folder that does not exist yet, or is empty.
        small: A model of 0.1 million weights after 120 steps: to try the plumbing, as its answers are seldom lawful.
        seed: Of weights and exchanges.
        progress: Called after each step with the steps done, all steps, and the loss in nats a word.

    Returns:
        The folder: `config.json`, weights, a tokenizer whose tokens are words, with a chat template, and `law.json`.
        It appears once it is whole.

    Cost:
        About 6 minutes on one core; small, about 20 seconds.

    Raises:
        InvalidInput: `out` exists and is not an empty folder; `seed` is negative.
        MissingDependency: torch or transformers is not installed.

    Example:
        Train it once, then serve it::

            make_tiny_llama("tiny", small=True)  # python -m vllm.entrypoints.openai.api_server --model tiny
    """
    target = Path(out)
    if seed < 0:
        raise InvalidInput(f"seed is {seed}, but must be at least 0")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidInput(f"{target} exists already; name a new folder")
    transformers = _transformers()
    size = SMALL if small else FULL
    model = _trained(size, seed, progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        model.save_pretrained(waiting)
        _tokenizer(transformers, size.words).save_pretrained(waiting)
        law = {"format": 1, "tasks": list(language.TASKS), "most_words": MOST_WORDS, "seed": seed, **asdict(size)}
        (waiting / "law.json").write_text(json.dumps(law, indent=1) + "\n", encoding="utf-8")
        for made, mode in ((waiting, 0o755), *((each, 0o644) for each in waiting.iterdir())):
            made.chmod(mode)
        os.replace(waiting, target)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return target


def tiny_llama(root: str | os.PathLike[str] = "build", *, small: bool = False, seed: int = 0) -> Path:
    """The folder of a tiny Llama below `root`, trained unless it is there.

    Guarantee:
        The folder's name holds a digest of the parameters and of the code that made it, so what is found fits. Where
        several processes ask at once, one trains and the others wait.

    Raises:
        MissingDependency: torch or transformers is not installed.

    Example:
        The model of the tests::

            folder = tiny_llama("build", small=True)
    """
    digest = hashlib.sha256(repr((SMALL if small else FULL, seed)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    folder = Path(root) / f"tiny-llama-{'small-' if small else ''}{digest.hexdigest()[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_name(f".{folder.name}.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # others wait for the one that trains
            if not folder.exists():
                make_tiny_llama(folder, small=small, seed=seed)
    return folder


def exchanges(count: int, *, seed: int) -> list[language.Exchange]:
    """Questions with lawful answers, drawn at random; the same seed draws the same."""
    random = np.random.Generator(np.random.Philox(key=seed))
    return [draw(random) for _ in range(count)]


def _trained(size: Size, seed: int, progress: Callable[[int, int, float], None] | None) -> Any:
    torch, transformers = _torch(), _transformers()
    config = transformers.LlamaConfig(
        vocab_size=size.words,
        hidden_size=size.hidden,
        intermediate_size=size.intermediate,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        head_dim=32,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=size.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, size.learning_rate, total_steps=size.steps, pct_start=0.1)
    for step, (tokens, labels) in zip(range(size.steps), _batches(size, seed), strict=False):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mask = torch.from_numpy(tokens != 0)
            logits = model(input_ids=torch.from_numpy(tokens), attention_mask=mask.long()).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), torch.from_numpy(labels[:, 1:]).flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if progress:
            progress(step + 1, size.steps, float(loss.detach()))
    return model.eval()


def _batches(size: Size, seed: int) -> Iterator[tuple[Any, Any]]:
    """Endless tokens and labels, int64 (exchanges, words): exchanges of like length, the loss on answers only."""
    random = np.random.Generator(np.random.Philox(key=seed))
    token = {word: place for place, word in enumerate(_words(size.words))}
    while True:
        pool, batches = [draw(random) for _ in range(POOL * size.tokens // 72)], []
        pool.sort(key=lambda exchange: len(exchange.question) + len(exchange.answer))
        while pool:
            longest, rows = len(pool[-1].question) + len(pool[-1].answer), []
            for exchange in pool[-max(1, size.tokens // longest) :]:
                words = [token[word] for word in (*exchange.question, *exchange.answer)]
                rows.append((words, len(exchange.question)))
            del pool[-len(rows) :]
            tokens, labels = np.zeros((2, len(rows), longest), np.int64)
            labels[:] = IGNORED
            for row, (words, question) in enumerate(rows):
                tokens[row, : len(words)] = words
                labels[row, question : len(words)] = words[question:]
            batches.append((tokens, labels))
        for place in random.permutation(len(batches)):
            yield batches[place]


def _words(count: int) -> list[str]:
    """The words of the model's vocabulary: those of the language, one for unknown words, and some that never come."""
    words = [*vocabulary(), UNKNOWN]
    return words + [f"<unused{n}>" for n in range(count - len(words))]


def _tokenizer(transformers: Any, count: int) -> Any:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    words = {word: place for place, word in enumerate(_words(count))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(each, special=True) for each in (PAD, START, SEPARATOR, END, UNKNOWN)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        chat_template=CHAT,
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingDependency("the tiny Llama is trained with torch; pip install torch transformers") from error
    return torch


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency("the tiny Llama needs transformers; pip install torch transformers") from error
    return transformers
