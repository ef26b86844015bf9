"""Jobs of LLM services: lengths with the quantiles of public logs, predictions, and arrivals."""

import math

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput

Floats = NDArray[np.float64]
SECONDS_PER_TOKEN = 0.02
CHEAP, EXPENSIVE = 1.0, 0.3  # spread of the logarithm of prediction over size
GAPS, SIZES, ERRORS = 0, 1, {"cheap": 2, "expensive": 3}  # streams of random numbers
# Quantiles of the tokens that a request wrote, in the two hours of the Azure LLM inference trace 2023.
CODE_SHARES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 0.9997, 1)
CODE_TOKENS = (6, 7, 8, 9, 11, 13, 16, 20, 29, 39, 55, 90, 128, 171, 251, 359, 825, 932, 1899)
CHAT_SHARES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1)
CHAT_TOKENS = (7, 41, 54, 77, 91, 103, 129, 177, 217, 384, 400, 424, 451, 540, 601, 643, 954, 1000)


def code(count: int, *, seed: int, load: float = 0.9) -> Trace:
    """Generated jobs of a code-completion service: most are short, a few are fifty times as long.

    Args:
        count: Jobs.
        seed: Another seed gives other jobs of the same kind.
        load: The load that they put on one server, above 0.

    Guarantee:
        A trace of kind `jobs`: `size` in seconds at 50 tokens a second, `tokens`, Poisson `arrival`, and as predictions
        `cheap` and `expensive`, with lognormal errors of sigma 1 and 0.3. Its metadata say that it is generated, and
        from what quantiles.

    Raises:
        InvalidInput: `count` is below 1, or `load` not positive and finite.

    Example:
        >>> jobs = code(1000, seed=0)
        >>> jobs.meta["generated"]
        'with the quantiles of Azure LLM code lengths, 2023'
    """
    return _jobs("code", CODE_SHARES, CODE_TOKENS, count, seed, load)


def conversations(count: int, *, seed: int, load: float = 0.9) -> Trace:
    """Generated jobs of a chat service: answers of about a hundred tokens, and answers of about four hundred.

    Args:
        count: Jobs.
        seed: Another seed gives other jobs of the same kind.
        load: The load that they put on one server, above 0.

    Guarantee:
        As for `code`.

    Raises:
        InvalidInput: `count` is below 1, or `load` not positive and finite.

    Example:
        >>> conversations(3, seed=0)["tokens"].dtype
        dtype('int64')
    """
    return _jobs("conversation", CHAT_SHARES, CHAT_TOKENS, count, seed, load)


def predicted(size: Floats, sigma: float, *, seed: int, stream: int = 0) -> Floats:
    """Predictions of these sizes with lognormal errors, of median 1.

    Args:
        size: The true sizes.
        sigma: Standard deviation of the factor's logarithm, from 0 to 10.
        seed: Another seed gives other errors.
        stream: Another stream of the same seed gives independent errors.

    Raises:
        InvalidInput: `sigma` is out of range.

    Example:
        >>> predicted(np.array([1.0, 2.0]), 0.0, seed=0)
        array([1., 2.])
    """
    if not 0 <= sigma <= 10:
        raise InvalidInput(f"sigma is {sigma}, but must be from 0, always right, to 10")
    return size * np.exp(sigma * np.random.default_rng((seed, stream)).standard_normal(len(size)))


def _jobs(name: str, shares: tuple[float, ...], tokens: tuple[int, ...], count: int, seed: int, load: float) -> Trace:
    if count < 1 or not 0 < load < math.inf:
        raise InvalidInput(f"count is {count} and load {load}, but count must be at least 1 and load positive, finite")
    share = np.random.default_rng((seed, SIZES)).random(count)
    written = np.rint(np.exp(np.interp(share, shares, np.log(tokens)))).astype(np.int64)
    size: Floats = SECONDS_PER_TOKEN * written.astype(np.float64)
    gaps = np.random.default_rng((seed, GAPS)).exponential(_mean(shares, tokens) / load, count)
    columns = {"arrival": np.cumsum(gaps), "size": size, "tokens": written}
    for prediction, sigma in (("cheap", CHEAP), ("expensive", EXPENSIVE)):
        columns[prediction] = predicted(size, sigma, seed=seed, stream=ERRORS[prediction])
    source = f"with the quantiles of Azure LLM {name} lengths, 2023"
    return Trace("jobs", columns, meta={"generated": source, "unit": "seconds", "seed": seed})


def _mean(shares: tuple[float, ...], tokens: tuple[int, ...]) -> float:
    """Seconds of the mean job: the logarithm of the tokens is linear between the quantiles."""
    low, high = np.array(tokens[:-1], float), np.array(tokens[1:], float)
    return float(np.sum(np.diff(shares) * (high - low) / np.log(high / low))) * SECONDS_PER_TOKEN
