"""Conversations that call tools: how often, how long the calls take, how much they return."""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import Floats, normals, uniforms
from beforehand.workloads.requests.arrivals import Arrivals, arrival_times, check_numbers, process
from beforehand.workloads.requests.lengths import MOST_REQUESTS

# Purposes of random numbers: of a conversation, then of each of its calls.
CLASS, CALLS, PROMPT, LAST = 130, 131, 132, 133
SECONDS, OUTPUT, RETURNED, HUNG = 134, 135, 136, 137
MOST_CALLS: Final = 64
PROMPTS, ROOM, MOST_TOKENS = (8, 1848), 1984, 2048  # tokens of a prompt; of a conversation at a call, and in all
LONGEST_CALL, HUNG_SECONDS = 60.0, 600.0
AGENTIC_MEDIAN, AGENTIC_SIGMA = 0.01220, 4.0785  # seconds; 86 % are below 1 s and 95 % below 10 s


class Moments(NamedTuple):
    """Mean and standard deviation of a lognormal variable."""

    mean: float
    sd: float


class ToolClass(NamedTuple):
    """What conversations with one kind of tool are like."""

    name: str
    weight: int
    seconds: Moments
    calls: Moments
    prompt: Moments
    output: Moments
    returned: Moments
    last: Moments


def _chat(name: str, seconds: Moments, calls: Moments) -> ToolClass:
    """A class with the lengths of the three that talk, which are pooled."""
    lengths = Moments(111, 277), Moments(52, 85), Moments(27, 82), Moments(105, 126)
    return ToolClass(name, 65, seconds, calls, *lengths)


CLASSES: Final = (
    ToolClass(
        "math", 99, Moments(9e-5, 6e-5), Moments(2.8, 1.3), Moments(411, 56), Moments(126, 140), Moments(21, 5),
        Moments(113, 135.6),
    ),
    ToolClass(
        "qa", 49, Moments(0.72, 0.20), Moments(3.1, 1.2), Moments(934, 7), Moments(182, 137), Moments(57, 9),
        Moments(162, 194.4),
    ),
    ToolClass(
        "virtual_environment", 54, Moments(0.086, 0.022), Moments(5.4, 1.0), Moments(1973, 0), Moments(4, 0),
        Moments(10, 11), Moments(4, 0),
    ),
    _chat("chat", Moments(28.2, 18), Moments(3.5, 2.0)),
    _chat("image", Moments(19.9, 15), Moments(6.9, 3.9)),
    _chat("speech", Moments(17.2, 17), Moments(6.9, 3.9)),
)  # fmt: skip


def tool_mix(
    n: int,
    *,
    rate: float,
    seed: int,
    arrivals: Arrivals = "poisson",
    single_call: bool = False,
    hung: float = 0.0,
    agentic: bool = False,
) -> Trace:
    """Conversations of six kinds that call tools, from calculators to people who answer after half a minute.

    Args:
        n: Conversations, from 1 to 100,000,000.
        rate: Conversations a second.
        seed: From 0 to 2**64 - 1; another seed draws other conversations of the same kind.
        arrivals: Of conversations: `"poisson"`, or `Gamma`, `OnOff` or `Replay`.
        single_call: One call in each conversation.
        hung: The share of calls that hang, and last 600 s; from 0 to 1.
        agentic: Calls last as in coding agents: 86 % below 1 s and 95 % below 10 s, whatever the tool.

    Guarantee:
        A trace of kind `requests` with one row a conversation: `arrival` in seconds, `prompt_tokens`, and
        `output_tokens` of the last answer; and a child table `calls` with the `output_tokens` of the answer that ends
        in the call, its `seconds`, `return_tokens` and `tool`. No conversation has more than 2,048 tokens; a call that
        would begin beyond 1,984 is left out, and so are those after it. Calls last at most 60 s, unless they hang. The
        first rows are the same for every `n`.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> trace = tool_mix(1000, rate=4.0, seed=0)
        >>> sorted(set(trace.children["calls"]["tool"].tolist()))
        ['chat', 'image', 'math', 'qa', 'speech', 'virtual_environment']

    Reference:
        Classes, numbers and durations of calls: Abhyankar and others: INFERCEPT. ICML 2024, arXiv:2402.01869. Lengths:
        measured on the authors' 397 published conversations.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= MOST_REQUESTS:
        raise InvalidInput(f"n is {n!r}, but must be a whole number of conversations from 1 to {MOST_REQUESTS:,}")
    check_numbers(hung=hung)
    if not 0 <= hung <= 1:
        raise InvalidInput(f"hung is {hung}, but must be the share of calls that hang, from 0 to 1")
    row = np.arange(n)
    weights = np.cumsum([each.weight for each in CLASSES])
    kind = np.searchsorted(weights, uniforms(row, seed, CLASS) * weights[-1])
    wanted = np.rint(_plain("calls", kind, normals(row, seed, CALLS)))
    calls = np.ones(n, np.int64) if single_call else np.clip(wanted, 1, MOST_CALLS).astype(np.int64)
    prompt = np.clip(np.rint(_lognormal("prompt", kind, normals(row, seed, PROMPT))), *PROMPTS)

    owner = np.repeat(row, calls)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(calls) - calls, calls)
    counter, of_kind = owner * MOST_CALLS + number, kind[owner]
    output = np.maximum(np.rint(_lognormal("output", of_kind, normals(counter, seed, OUTPUT))), 1)
    returned = np.maximum(np.rint(_lognormal("returned", of_kind, normals(counter, seed, RETURNED))), 1)
    z = normals(counter, seed, SECONDS)
    seconds = AGENTIC_MEDIAN * np.exp(AGENTIC_SIGMA * z) if agentic else _lognormal("seconds", of_kind, z)
    seconds = np.minimum(seconds, LONGEST_CALL)
    if hung:
        seconds = np.where(uniforms(counter, seed, HUNG) <= hung, HUNG_SECONDS, seconds)

    after = prompt[owner] + _running(output + returned, owner, number)  # tokens once the call has returned
    kept = after <= ROOM  # what is added is positive, so that whatever comes after the first beyond is beyond too
    counts = np.bincount(owner[kept], minlength=n)
    context = prompt + np.bincount(owner[kept], (output + returned)[kept], minlength=n)
    last = np.maximum(np.rint(_lognormal("last", kind, normals(row, seed, LAST))), 1)
    names = np.array([each.name for each in CLASSES])
    columns = {
        "arrival": arrival_times(n, rate, arrivals, seed),
        "prompt_tokens": prompt.astype(np.int64),
        "output_tokens": np.minimum(last, MOST_TOKENS - context).astype(np.int64),
    }
    table = {
        "output_tokens": output[kept].astype(np.int64),
        "seconds": seconds[kept],
        "return_tokens": returned[kept].astype(np.int64),
        "tool": names[of_kind[kept]],
    }
    options = {"single_call": single_call, "hung": float(hung), "agentic": agentic}
    meta: dict[str, Any] = {"generated": "tool_mix", "seed": int(seed), "rate": float(rate)}
    meta |= {"arrivals": str(process(arrivals))} | {name: value for name, value in options.items() if value}
    offsets = np.concatenate(([0], np.cumsum(counts)))
    return Trace("requests", columns, children={"calls": (offsets, table)}, meta=meta)


def _plain(name: str, kind: NDArray[np.int64], z: Floats) -> Floats:
    """Normal variables with the moments of each class."""
    moments = np.array([getattr(each, name) for each in CLASSES])
    found: Floats = moments[kind, 0] + moments[kind, 1] * z
    return found


def _lognormal(name: str, kind: NDArray[np.int64], z: Floats) -> Floats:
    """Lognormal variables with the moments of each class."""
    moments: list[Moments] = [getattr(each, name) for each in CLASSES]
    variance = np.array([math.log1p((each.sd / each.mean) ** 2) for each in moments])
    middle = np.log([each.mean for each in moments]) - variance / 2
    found: Floats = np.exp(middle[kind] + np.sqrt(variance)[kind] * z)
    return found


def _running(values: Floats, owner: NDArray[np.int64], number: NDArray[np.int64]) -> Floats:
    """Sums over the calls of each conversation so far; tokens are whole, so that nothing is rounded."""
    total = np.cumsum(values)
    first = np.flatnonzero(number == 0)
    before = np.zeros(len(first)) if not len(first) else total[first] - values[first]
    summed: Floats = total - before[owner]
    return summed
