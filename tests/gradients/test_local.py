import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Combine,
    Gather,
    RoundStats,
    Sum,
    TernGrad,
    drive,
    drive_local,
)
from beforehand.gradients.half import narrowed, widened
from beforehand.gradients.local import exchange_all
from tests.gradients.rounds import layout_of, lognormal, opened


class Plain:
    """A shard that sends float32 as it is, in units of two."""

    unit = 2

    def __init__(self, x):
        self.x, self.size = x, len(x)

    def encode(self, first, last):
        assert first % 2 == 0
        return self.x[first:last].view(np.uint8)

    def accumulate(self, total, message):
        values = message.view(np.float32)
        return values.copy() if total is None else total + values

    def finish(self, total, count):
        return (total / np.float32(count)).view(np.uint8)

    def result_bytes(self, coordinates, count):
        return 4 * coordinates

    def decode(self, message, first, last, count):
        return message.view(np.float32)


class Tell:
    """Gathers maxima, then sums, then combines."""

    def __init__(self):
        self.workers, self.step, self.last = 3, 0, RoundStats()

    def reduce(self, gradient, *, loss_scale=1.0):
        maxima = yield Gather(gradient[:1].view(np.uint8))
        total = yield Sum(gradient)
        mean = yield Combine(Plain(gradient))
        return np.concatenate([maxima.view(np.float32).ravel(), total, mean])

    def state(self):
        return {}

    def load(self, state):
        pass


ROWS = np.arange(18, dtype=np.float32).reshape(3, 6)


def test_a_round_of_three_phases_is_answered_by_rank():
    means, sent = drive_local([Tell() for _ in ROWS], ROWS)
    expected = [*ROWS[:, 0], *ROWS.sum(axis=0), *ROWS.mean(axis=0)]
    assert all(np.array_equal(mean, expected) for mean in means)
    assert (sent.up, sent.down) == (2 * 4 + 2 / 3 * 24 + 2 * 8, 2 / 3 * 24 + 2 * 8)
    assert sent.total == sent.up + sent.down


def test_shards_that_are_left_over_are_short_or_missing():
    rows = np.arange(20, dtype=np.float32).reshape(2, 10)
    five = [Combine(Plain(rows[rank % 2])) for rank in range(5)]
    answers, sent = exchange_all(five * 2)  # ten workers, five shards of two
    assert np.allclose(answers[0], rows[0] * 0.6 + rows[1] * 0.4)
    assert sent == (9 * 8, 9 * 8)


def test_sums_of_bfloat16_are_rounded_at_each_step():
    values = [narrowed(np.array([x], np.float32), "bfloat16") for x in (256.0, 1.0, 1.0)]
    answers, _ = exchange_all([Sum(each) for each in values])
    assert np.array_equal(answers[0], values[0])  # 257 has too many bits


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_sums_of_16_bits_overflow_as_in_any_collective(kind):
    values = [narrowed(np.array(each, np.float32), kind) for each in ([6e4, np.inf, 2.5], [6e4, -np.inf, 0.25])]
    answers, _ = exchange_all([Sum(each) for each in values])
    expected = [np.inf if kind == "float16" else 119808, np.nan, 2.75]
    assert np.array_equal(widened(answers[0], kind), np.array(expected, np.float32), equal_nan=True)
    assert answers[0].dtype == values[0].dtype


def test_a_driver_answers_one_worker():
    class Alone:
        def answer(self, exchange):
            return exchange_all([exchange])[0][0]

    assert np.array_equal(drive(Tell(), ROWS[1], Alone()), [6, *ROWS[1], *ROWS[1]])


def test_one_worker_alone_keeps_its_gradient():
    alone = Tell()
    alone.workers = 1
    assert drive(alone, ROWS[1], None) is ROWS[1] or np.shares_memory(drive(alone, ROWS[1], None), ROWS)


def test_workers_who_do_not_exchange_alike_are_refused():
    class Other(Tell):
        def reduce(self, gradient, *, loss_scale=1.0):
            yield Sum(gradient)
            return gradient

    class Silent(Tell):
        def reduce(self, gradient, *, loss_scale=1.0):
            return gradient
            yield

    for stranger in (Other(), Silent()):
        with pytest.raises(InvalidInput, match="exchange different things"):
            drive_local([Tell(), stranger], ROWS[:2])
    with pytest.raises(InvalidInput, match="2 gradients for 3 encoders"):
        drive_local([Tell()] * 3, ROWS[:2])


@pytest.mark.parametrize("codec", [THC(), TernGrad(), BlockInt(), BlockFloat8(), QSGD(), Adaptive(block=1024)], ids=str)
@pytest.mark.parametrize("workers", [2, 3])
def test_shards_know_the_length_of_a_result_before_there_is_one(codec, workers):
    rounds = [
        encoder.reduce(row)
        for encoder, row in zip(opened(codec, layout_of(5000), workers), lognormal(workers, 5000), strict=True)
    ]
    exchanges = [next(each) for each in rounds]
    if isinstance(exchanges[0], Gather):
        answers, _ = exchange_all(exchanges)
        exchanges = [each.send(answer) for each, answer in zip(rounds, answers, strict=True)]
    shards = exchanges[0].shards
    for last in range(shards.unit, shards.size + 1, shards.unit):
        total = shards.accumulate(None, shards.encode(0, last))
        assert shards.finish(total, workers).nbytes == shards.result_bytes(last, workers)
