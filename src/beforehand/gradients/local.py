"""All workers in one process, in lockstep: the driver that every other one must agree with."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Combine, Encoder, Exchange, Floats, Gather, Round, Sum
from beforehand.gradients.half import narrowed, widened
from beforehand.gradients.wire import WireBytes, gathered, shard_length, summed

Answers: TypeAlias = tuple[list[NDArray[Any]], WireBytes]
AnswerAll: TypeAlias = Callable[[Sequence[Exchange]], Answers]


class LocalRound(NamedTuple):
    """One round of all workers: each one's mean, and the bytes that one of them would send."""

    means: list[Floats]
    sent: WireBytes


def drive_local(encoders: Sequence[Encoder], gradients: Sequence[Floats], *, loss_scale: float = 1.0) -> LocalRound:
    """Run one round of n workers in this process.

    Args:
        encoders: One for each worker, by rank.
        gradients: Their gradients, float32, 1-D.
        loss_scale: By which gradients are multiplied (AMP).

    Guarantee:
        Sums run in the order of ranks. `sent` counts what one worker sends by a ring (`Sum`, `Gather`) or by two-shot
        (`Combine`), without headers.

    Raises:
        InvalidInput: There are not as many gradients as encoders, or the encoders do not exchange alike.
    """
    return in_lockstep(encoders, gradients, exchange_all, loss_scale=loss_scale)


def in_lockstep(
    encoders: Sequence[Encoder], gradients: Sequence[Floats], answer_all: AnswerAll, *, loss_scale: float
) -> LocalRound:
    """`drive_local`, with another way to answer the exchanges of all."""
    if len(encoders) != len(gradients):
        raise InvalidInput(f"there are {len(gradients)} gradients for {len(encoders)} encoders; pass one for each")
    rounds = [one.reduce(row, loss_scale=loss_scale) for one, row in zip(encoders, gradients, strict=True)]
    up = down = 0.0
    answers: list[NDArray[Any]] | None = None
    while True:
        yielded: list[Exchange] = []
        means: list[Floats] = []
        for rank, running in enumerate(rounds):
            try:
                yielded.append(_resume(running, None if answers is None else answers[rank]))
            except StopIteration as done:
                means.append(done.value)
        if not yielded:
            return LocalRound(means, WireBytes(up, down))
        if means or len({type(each) for each in yielded}) > 1:
            raise InvalidInput("the encoders exchange different things; open all with one codec, layout and reduction")
        answers, sent = answer_all(yielded)
        up, down = up + sent.up, down + sent.down


def exchange_all(exchanges: Sequence[Exchange]) -> Answers:
    """What each of these workers' exchanges, all of one type, is answered, and the bytes that one of them sends."""
    n, first = len(exchanges), exchanges[0]
    if isinstance(first, Combine):
        return _combine(cast(Sequence[Combine], exchanges))
    if isinstance(first, Gather):
        together = np.stack([each.payload for each in cast(Sequence[Gather], exchanges)])
        return [together] * n, gathered(first.payload.nbytes, n)
    total = _sum([each.values for each in cast(Sequence[Sum], exchanges)])
    return [total.copy() for _ in range(n)], summed(total.nbytes, n)


def _resume(running: Round, answer: NDArray[Any] | None) -> Exchange:
    return next(running) if answer is None else running.send(answer)


def _sum(values: list[NDArray[Any]]) -> NDArray[Any]:
    kind = {"uint16": "bfloat16", "float16": "float16"}.get(values[0].dtype.name)
    total = values[0].copy()
    with np.errstate(over="ignore", invalid="ignore"):  # infinite, as in any collective
        for each in values[1:]:
            if kind is None:
                total += each
            else:
                total = narrowed(widened(total, kind) + widened(each, kind), kind)
    return total


def _combine(exchanges: Sequence[Combine]) -> Answers:
    """Two-shot: worker j adds shard j of all, and everybody decodes all sums."""
    n, shards = len(exchanges), [each.shards for each in exchanges]
    size = shards[0].size
    length = shard_length(size, shards[0].unit, n)
    means = [np.empty(size, np.float32) for _ in range(n)]
    up = down = 0
    for owner, first in enumerate(range(0, size, length)):
        last = min(first + length, size)
        total = None
        for each in shards:
            message = each.encode(first, last)
            total = shards[owner].accumulate(total, message)
            up = max(up, message.nbytes)
        assert total is not None
        result = shards[owner].finish(total, n)
        down = max(down, result.nbytes)
        for each, mean in zip(shards, means, strict=True):
            mean[first:last] = each.decode(result, first, last, n)
    return list(means), WireBytes((n - 1) * up, (n - 1) * down)
