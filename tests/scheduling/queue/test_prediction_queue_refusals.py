import math
import pickle

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    Boosted,
    DelayPredict,
    PredictionQueue,
    QueueFull,
    QueueShutDown,
    ShortestWork,
    SkipPredict,
)
from tests.scheduling.queue_steps import put, sizes


def test_a_ticket_is_done_once_and_only_while_it_runs():
    queue = sizes()
    (ticket,) = put(queue, 1)
    with pytest.raises(InvalidInput, match="Ticket\\(1, waiting\\) must be running"):
        queue.done(ticket)
    queue.done(queue.get_nowait())
    with pytest.raises(InvalidInput, match="Ticket\\(1, done\\) must be running"):
        queue.done(ticket)
    with pytest.raises(InvalidInput, match="must be waiting or running"):
        queue.update(ticket, predicted=1.0)
    assert queue.cancel(ticket) is False


def test_a_ticket_of_another_queue_is_refused():
    one, other = sizes(), sizes()
    (ticket,) = put(other, 1)
    for use in (one.done, one.cancel, one.update, lambda each: one.requeue(each, 1.0), one.done):
        with pytest.raises(InvalidInput, match="must be of this queue"):
            use(ticket)
    with pytest.raises(InvalidInput, match="ticket is 3, but"):
        one.cancel(3)


@pytest.mark.parametrize("bad", [math.nan, -1.0, 1e101, "1", True])
def test_bad_predictions_from_outside_are_refused_and_change_nothing(bad):
    queue = sizes()
    (ticket,) = put(queue, 1)
    for name in ("cheap", "predicted"):
        with pytest.raises(InvalidInput, match=name):
            queue.update(ticket, **{name: bad})
    with pytest.raises(InvalidInput, match="predicted"):
        queue.update(ticket, cheap=3.0, predicted=bad)
    assert ticket.view.predicted == 1.0
    assert math.isnan(ticket.view.cheap)


@pytest.mark.parametrize("size", [0.0, math.nan, math.inf, -1.0])
def test_a_size_that_is_none_is_refused_and_the_job_still_runs(size):
    queue = sizes()
    put(queue, 1)
    ticket = queue.get_nowait()
    with pytest.raises(InvalidInput, match="size is"):
        queue.done(ticket, size=size)
    queue.done(ticket, size=1.0)


def test_service_never_falls_and_only_a_running_job_can_be_handed_back():
    queue = sizes()
    (ticket,) = put(queue, 1)
    with pytest.raises(InvalidInput, match="must be running"):
        queue.requeue(ticket, 1.0)
    with pytest.raises(InvalidInput, match="must be running"):
        queue.should_yield(ticket, 1.0)
    queue.get_nowait()
    assert queue.should_yield(ticket, 2.0) is False
    with pytest.raises(InvalidInput, match=r"served is 1\.0, but must be at least 2"):
        queue.requeue(ticket, 1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": SPJF}, "policy is <class"),
        ({"policy": "spjf"}, "policy is 'spjf'"),
        ({"policy": SPJF()}, "expensive is None, but SPJF"),
        ({"policy": SPJF(by="cheap"), "expensive": float}, "cheap is None"),
        ({"policy": SkipPredict(1.0), "cheap": float}, "expensive is None, but SkipPredict"),
        ({"policy": DelayPredict(1.0)}, "expensive is None, but DelayPredict"),
        ({"policy": SPRPT(work=0.1), "expensive": float}, "leave the works 0"),
        ({"policy": SkipPredict(1.0, cheap_work=0.1), "cheap": float, "expensive": float}, "leave the works 0"),
        ({"policy": DelayPredict(1.0, expensive_work=0.1), "expensive": float}, "leave the works 0"),
        ({"policy": LAS(quantum=0.0)}, "quantum is 0"),
        ({"policy": SPJF(), "expensive": 3.0}, "expensive is 3.0, but must be a Predictor"),
        ({"policy": FCFS(), "max_wait": -1.0}, "max_wait is -1.0"),
        ({"policy": FCFS(), "max_wait": math.nan}, "max_wait is nan"),
        ({"policy": FCFS(), "ageing": -1.0}, "ageing is -1.0"),
        ({"policy": FCFS(), "ageing": math.inf}, "ageing is inf"),
        ({"policy": FCFS(), "maxsize": -1}, "maxsize is -1"),
        ({"policy": FCFS(), "maxsize": True}, "maxsize is True"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        PredictionQueue(options.pop("policy"), **options)


def test_a_policy_that_ranks_nan_is_refused_when_it_does():
    class Broken:
        rank = staticmethod(lambda view: math.nan)
        review_age = asks = stages = staticmethod(lambda view=None: None)

    with pytest.raises(InvalidInput, match="ranked a job nan, but ranks must be numbers"):
        PredictionQueue(Broken()).put_nowait("job")


def test_errors_survive_a_journey_to_another_process():
    for error in (QueueShutDown("shut down"), QueueFull("full")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_job_that_the_recorder_refused_is_counted_once_when_it_is_reported_again():
    class Full:
        room = False

        def append(self, row):
            if not self.room:
                raise OSError("no space left")

    rows = Full()
    queue = PredictionQueue(FCFS(), recorder=rows)
    queue.put_nowait("job")
    ticket = queue.get_nowait()
    with pytest.raises(OSError, match="no space"):
        queue.done(ticket, size=1.0)
    assert ticket.state == "running"
    assert queue.health().jobs == 0
    rows.room = True
    queue.done(ticket, size=1.0)
    assert queue.health().jobs == 1


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Boosted(SPJF()), "boost or knee 'auto'"),
        (ShortestWork(), "on a single server take"),
        (Boosted(ShortestWork(), boost=1, knee=1), "on a single server"),
    ],
    ids=str,
)
def test_a_policy_that_cannot_rank_jobs_here_is_refused_at_once(policy, message):
    with pytest.raises(InvalidInput, match=message):
        PredictionQueue(policy, expensive=len)
