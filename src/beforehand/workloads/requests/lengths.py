"""Requests without tools: prompts and answers with the lengths of public data, never a prompt itself."""

from typing import Any, Final

import numpy as np

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import Floats, normals, uniforms
from beforehand.workloads.requests.arrivals import (
    AZURE_CODE_BURSTS,
    Arrivals,
    arrival_times,
    process,
)

PROMPT, OUTPUT = 110, 111  # purposes of random numbers
SHORTEST_PROMPT, LONGEST_PROMPT = 15, 60  # of instructions without a document
MOST_REQUESTS: Final = 100_000_000
# Output quantiles of 138 published rows; what was cut at 512 tokens has a share of its own.
ALPACA_SHARES = (0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50, 0.60, 0.65, 0.70, 0.739)
ALPACA_OUTPUT = (2, 15, 26.5, 39, 47, 66.5, 83, 152, 237.5, 341, 391, 471, 511)
ALPACA_CAP = 512
# Quantiles of the Azure LLM inference trace, 2023-11-16: 19,366 requests of conversations, 8,819 of code completion.
AZURE_SHARES = (0, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.995, 0.999, 1)
CONV_PROMPT = (2, 181, 207, 396, 1020, 1189, 2734, 4083, 4142, 4831, 6179, 14050)
CONV_OUTPUT = (7, 41, 54, 85, 129, 395, 424, 451, 601, 643, 954, 1000)
CODE_PROMPT = (3, 75, 147, 578, 1469, 2744, 5187, 7303, 7436, 7436, 7437, 7437)
CODE_OUTPUT = (6, 6, 7, 9, 13, 24, 55, 90, 251, 359, 825, 1899)
HEAVY_MEDIAN, HEAVY_SIGMA, HEAVY_RANGE = 80, 1.3, (2, 1900)


def alpaca_like(n: int, *, rate: float, seed: int, arrivals: Arrivals = "poisson") -> Trace:
    """Short instructions with answers of up to 512 tokens, a quarter of which are cut there.

    Args:
        n: Requests, from 1 to 100,000,000.
        rate: Requests a second.
        seed: From 0 to 2**64 - 1; another seed draws other requests of the same kind.
        arrivals: `"poisson"`, or `Gamma`, `OnOff` or `Replay`.

    Guarantee:
        A trace of kind `requests`: `arrival` in seconds, `prompt_tokens` from 15 to 60, `output_tokens` of mean 265.
        The first rows are the same for every `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> trace = alpaca_like(1000, rate=14.0, seed=0)
        >>> int(trace["output_tokens"].max())
        512

    Reference:
        Quantiles of the answers in the published data of TRAIL, arXiv:2410.01035.
    """
    _check(n)
    share = uniforms(np.arange(n), seed, OUTPUT)
    output = np.where(share > ALPACA_SHARES[-1], ALPACA_CAP, _log_linear(share, ALPACA_SHARES, ALPACA_OUTPUT))
    return _requests("alpaca_like", n, rate, seed, arrivals, _short_prompts(n, seed), output, max_tokens=ALPACA_CAP)


def azure_conv_like(n: int, *, rate: float = 5.5, seed: int, arrivals: Arrivals = "poisson") -> Trace:
    """Requests with the lengths of Azure's conversation service: prompts of a thousand tokens, answers of two hundred.

    Args:
        n: Requests, from 1 to 100,000,000.
        rate: Requests a second; the service had 5.5.
        seed: From 0 to 2**64 - 1; another seed draws other requests of the same kind.
        arrivals: `"poisson"`, which the service's own nearly are within a second; `AZURE_CONV_BURSTS` adds how its rate
            changes from minute to minute, and near the limit of an engine doubles the time that requests wait.

    Guarantee:
        A trace of kind `requests`: `arrival` in seconds, `prompt_tokens`, and `output_tokens` of mean 211, independent
        of the prompts. The first rows are the same for every `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> azure_conv_like(1000, seed=0)
        Trace('requests', 1000 rows of arrival, prompt_tokens, output_tokens)

    Reference:
        Patel and others: Splitwise. ISCA 2024, arXiv:2311.18677. The data: AzurePublicDataset, of 2023.
    """
    return _azure("azure_conv_like", n, rate, seed, arrivals, CONV_PROMPT, CONV_OUTPUT)


def azure_code_like(n: int, *, rate: float = 2.6, seed: int, arrivals: Arrivals = AZURE_CODE_BURSTS) -> Trace:
    """Requests with the lengths of Azure's code completion: prompts of two thousand tokens, answers of a dozen.

    Args:
        n: Requests, from 1 to 100,000,000.
        rate: Requests a second; the service had 2.6.
        seed: From 0 to 2**64 - 1; another seed draws other requests of the same kind.
        arrivals: By default in bursts, as they came: busy 18 % of the time. `"poisson"` queues far less.

    Guarantee:
        A trace of kind `requests`: `arrival` in seconds, `prompt_tokens`, and `output_tokens` of mean 29, independent
        of the prompts. The first rows are the same for every `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> int(np.median(azure_code_like(1000, seed=0)["output_tokens"]))
        13

    Reference:
        As for `azure_conv_like`.
    """
    return _azure("azure_code_like", n, rate, seed, arrivals, CODE_PROMPT, CODE_OUTPUT)


def heavy_tailed(n: int, *, rate: float, seed: int, arrivals: Arrivals = "poisson") -> Trace:
    """Short instructions with lognormal answers: half below 80 tokens, one in a hundred above 1,600.

    Args:
        n: Requests, from 1 to 100,000,000.
        rate: Requests a second.
        seed: From 0 to 2**64 - 1; another seed draws other requests of the same kind.
        arrivals: `"poisson"`, or `Gamma`, `OnOff` or `Replay`.

    Guarantee:
        A trace of kind `requests`: `arrival` in seconds, `prompt_tokens` from 15 to 60, `output_tokens` from 2 to 1,900
        with median 80, sigma 1.3 and mean 177. The first rows are the same for every `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> int(heavy_tailed(1000, rate=18.7, seed=0)["output_tokens"].max())
        1900
    """
    _check(n)
    output = np.clip(HEAVY_MEDIAN * np.exp(HEAVY_SIGMA * normals(np.arange(n), seed, OUTPUT)), *HEAVY_RANGE)
    return _requests("heavy_tailed", n, rate, seed, arrivals, _short_prompts(n, seed), output)


def _azure(
    name: str, n: int, rate: float, seed: int, arrivals: Arrivals, prompts: tuple[int, ...], outputs: tuple[int, ...]
) -> Trace:
    _check(n)
    row = np.arange(n)
    prompt = np.interp(uniforms(row, seed, PROMPT), AZURE_SHARES, prompts)
    output = _log_linear(uniforms(row, seed, OUTPUT), AZURE_SHARES, outputs)
    return _requests(name, n, rate, seed, arrivals, prompt, output)


def _requests(
    name: str, n: int, rate: float, seed: int, arrivals: Arrivals, prompt: Floats, output: Floats, **constant: int
) -> Trace:
    columns: dict[str, Any] = {"arrival": arrival_times(n, rate, arrivals, seed)}
    columns |= {"prompt_tokens": _tokens(prompt), "output_tokens": _tokens(output)}
    columns |= {column: np.full(n, value, np.int64) for column, value in constant.items()}
    meta = {"generated": name, "seed": int(seed), "rate": float(rate), "arrivals": str(process(arrivals))}
    return Trace("requests", columns, meta=meta)


def _tokens(lengths: Floats) -> Any:
    return np.maximum(np.rint(lengths), 1).astype(np.int64)


def _log_linear(share: Floats, shares: Any, tokens: Any) -> Floats:
    """Quantiles whose logarithm is linear between those given."""
    found: Floats = np.exp(np.interp(share, shares, np.log(tokens)))
    return found


def _short_prompts(n: int, seed: int) -> Floats:
    span = LONGEST_PROMPT - SHORTEST_PROMPT + 1
    found: Floats = SHORTEST_PROMPT - 1 + np.ceil(uniforms(np.arange(n), seed, PROMPT) * span)
    return found


def _check(n: int) -> None:
    """Raise unless `n` is a number of requests.

    Raises:
        InvalidInput: it is not.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= MOST_REQUESTS:
        raise InvalidInput(f"n is {n!r}, but must be a whole number of requests from 1 to {MOST_REQUESTS:,}")
