"""Public logs of language models as requests: when each came, how long its prompt was, and how long its answer."""

from os import PathLike
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.workloads.formats.public_logs import LOGS, recognized
from beforehand.workloads.reading import Reading, Table, look, read_table
from beforehand.workloads.requests.shared_prefixes import shared_prefixes

FOUND: Final = Reading()  # by looking at the file
MOST_TOKENS: Final = 2**31
BLOCK_SIZES: Final = tuple(2**power for power in range(14))  # of tokens, as engines have them
NEEDED: Final = ("arrival", "prompt_tokens", "size")


def read_request_log(path: str | PathLike[str], *, reading: Reading = FOUND) -> Trace:
    """Read the requests of a public log of a language model's service.

    The Azure LLM traces of 2023 to 2025, BurstGPT, Mooncake, Qwen-Bailian, and the results that `vllm bench serve`
    saves with `--save-detailed`; the beginning of the file says which. Whoever has a table of his own names its columns
    `arrival`, `prompt_tokens` and `output_tokens`, and loads it with `Trace.load(path, kind="requests")`.

    Args:
        path: The file; `-` is stdin.
        reading: How to read the file, where that is not to be found by looking at it.

    Guarantee:
        A trace of kind `requests`, sorted by arrival, ties as in the file: `arrival` in seconds since the earliest that
        is kept, float64; `prompt_tokens` and `output_tokens`, int64 from 1; `turn`, where the log counts the requests
        of a conversation; `prefix_id` and `prefix_tokens`, where it has hashes of the blocks of prompts, by
        `shared_prefixes`. Its metadata hold `source`, and `left_out`: by reason how many rows are no request that was
        answered. Every row of the file is a request or counted there.

    Cost:
        A second for a million rows of csv with pyarrow.

    Raises:
        InvalidInput: the file cannot be read, is no such log, or holds no arrivals; no request is left.
        CorruptData: the file is damaged, or a cell is not what its column holds.
        MissingDependency: the format needs a library that is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "code.csv")
        >>> rows = ["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:17:03.9799600,4808,10"]
        >>> _ = path.write_text("\\n".join(rows))
        >>> read_request_log(path)["prompt_tokens"]
        array([4808])
        >>> folder.cleanup()
    """
    name = str(path)
    log = recognized(look(name, reading))
    if log is None or log.SIZE_UNIT != "tokens":
        known = ", ".join(each.SOURCE for each in LOGS if each.SIZE_UNIT == "tokens")
        raise InvalidInput(
            f"{name} is no public log of requests with their tokens ({known}); name the columns of your own table "
            "arrival, prompt_tokens and output_tokens"
        )
    rows = log.read(name, reading)
    for column in NEEDED:
        if column not in rows.columns:
            raise InvalidInput(
                f"{name} ({log.SOURCE}) has no {'output_tokens' if column == 'size' else column}, but requests need "
                "arrival, prompt_tokens and output_tokens; record them all"
            )
    arrival, prompt, output = (rows.columns[column] for column in NEEDED)
    with np.errstate(invalid="ignore"):
        reasons = rows.left_out | {
            "no arrival": ~np.isfinite(arrival),
            "no prompt": ~(prompt >= 1),
            "no answer": ~(output >= 1),
        }
    keep, left_out = np.ones(len(arrival), dtype=np.bool_), {}
    for reason, those in reasons.items():
        count = int((keep & those).sum())
        keep &= ~those
        if count:
            left_out[reason] = count
    if not keep.any():
        why = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()) or "it is empty"
        raise InvalidInput(f"none of the {len(keep):,} rows of {name} is an answered request ({why}); record some")
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(arrival[kept], kind="stable")]
    columns: dict[str, NDArray[Any]] = {"arrival": arrival[kept] - arrival[kept[0]]}
    for column, values in (("prompt_tokens", prompt), ("output_tokens", output)):
        columns[column] = _whole(rows.table, column, values, kept)
    if "turn" in rows.columns:
        columns["turn"] = _whole(rows.table, "turn", rows.columns["turn"], kept)
    hashes = getattr(log, "BLOCKS", None)  # its column with the blocks of prompts
    if hashes is not None:
        columns |= _prefixes(read_table(name, [hashes], reading), hashes, columns["prompt_tokens"], kept)
    return Trace("requests", columns, meta={"source": log.SOURCE, "left_out": left_out})


def _prefixes(table: Table, name: str, prompt: NDArray[np.int64], kept: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Which prefix each prompt begins with, from the hashes of its blocks.

    The size of a block is that by which nearly all prompts have as many as they need; without one nothing is shared.
    """
    every = table.lists(name)
    chains = [every[row] for row in kept.tolist()]
    count = np.array([len(chain) for chain in chains])
    fits = {size: np.mean(-(-prompt // size) == count) for size in BLOCK_SIZES}
    size = max(BLOCK_SIZES, key=lambda each: fits[each])
    if fits[size] < 0.9:
        return {}
    names, blocks = shared_prefixes(chains)
    return {"prefix_id": names, "prefix_tokens": np.minimum(blocks * size, prompt)}


def _whole(table: Any, name: str, values: NDArray[Any], kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts as integers.

    Raises:
        InvalidInput: one is no whole number, or beyond all lengths; it names the line.
    """
    taken = values[kept]
    good = (taken == np.rint(taken)) & (taken <= MOST_TOKENS) & (taken >= 0)
    if not good.all():
        row = int(kept[np.argmin(good)])
        raise InvalidInput(
            f"{table.path}: {name} is {values[row]:g} in {table.where} {table.lines[row]}, but must be a whole number "
            f"up to {MOST_TOKENS:,}; correct the row"
        )
    return taken.astype(np.int64)
