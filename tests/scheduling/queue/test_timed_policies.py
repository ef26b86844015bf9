"""Policies whose ranks change while jobs wait."""

import math

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, SPJF, Log, PredictionQueue, View, replay, simulate
from tests.scheduling.queue_steps import Clock, ResponseRatio, drain, put


class Hurried(ResponseRatio):
    """Jobs may be preempted: what is left, less a tenth of the wait squared."""

    def rank(self, view):
        return view.left("expensive") - (view.now - view.arrival) ** 2 / 10


def test_the_highest_response_ratio_goes_first_as_it_is_when_a_worker_becomes_free():
    clock = Clock()
    queue = PredictionQueue(ResponseRatio(), expensive=float, clock=clock)
    put(queue, 10.0)
    clock.now = 9.0
    put(queue, 2.0)  # ratios 9/10 and 0 now, 10/10 and 1/2 at 10, 14/10 and 5/2 at 14
    clock.now = 10.0
    assert queue.get_nowait().job == 10.0
    put(queue, 10.0)
    clock.now = 14.0
    assert drain(queue) == [2.0, 10.0]


def test_equal_ranks_go_in_order_of_arrival_also_after_a_job_was_handed_back():
    queue = PredictionQueue(ResponseRatio(), expensive=float, clock=lambda: 1.0)
    first, second, third = put(queue, 1.0, 2.0, 3.0)
    assert [queue.get_nowait(), queue.get_nowait()] == [first, second]
    first.view.started = False
    queue.requeue(first, 0.0)
    assert [queue.get_nowait(), queue.get_nowait()] == [first, third]


def test_a_running_job_yields_once_another_has_passed_it():
    clock = Clock()
    queue = PredictionQueue(Hurried(), expensive=float, clock=clock)
    (other,) = put(queue, 6.0)
    clock.now = 1.0
    put(queue, 5.0)
    running = queue.get_nowait()
    assert running.job == 5.0
    clock.now = 5.0
    assert not queue.should_yield(running, 0.0)  # 5 - 1.6 against 6 - 2.5
    clock.now = 6.0
    assert queue.should_yield(running, 0.0)  # 5 - 2.5 against 6 - 3.6
    assert not queue.should_yield(running, 0.25)
    queue.update(other, predicted=4.0)
    assert queue.should_yield(running, 0.25)
    queue.requeue(running, 0.25)
    assert queue.get_nowait() is other


def test_cancelled_jobs_and_those_whose_time_is_up_leave_the_order():
    clock = Clock()
    queue = PredictionQueue(ResponseRatio(), expensive=float, max_wait=5.0, clock=clock)
    long, gone, _ = put(queue, 100.0, 1.0, 2.0)
    queue.cancel(gone)
    assert queue.get_nowait() is long  # nobody has waited yet
    put(queue, 50.0)
    clock.now = 5.0
    assert [queue.get_nowait().job, queue.get_nowait().job] == [2.0, 50.0]
    assert queue.stats.guarded == 2
    assert len(queue) == 0


def test_a_view_tells_the_time_to_timed_policies_only():
    assert math.isnan(View(arrival=1.0, sequence=0).now)
    (ticket,) = put(PredictionQueue(SPJF(), expensive=float, clock=lambda: 3.0), 1.0)
    assert math.isnan(ticket.view.now)
    (ticket,) = put(PredictionQueue(ResponseRatio(), expensive=float, clock=lambda: 3.0), 1.0)
    assert ticket.view.now == 3.0


class Forgetful(ResponseRatio):
    timed = False


LOG = Log([1.0, 2.0, 4.0, 1.0], expensive=[1.0, 2.0, 4.0, 1.0], arrival=[0.0, 0.25, 0.5, 2.5])


def test_a_policy_that_goes_by_the_time_and_does_not_say_so_is_refused():
    with pytest.raises(InvalidInput, match=r"ranked a job nan.*or set timed = True if it goes by the time"):
        put(PredictionQueue(Forgetful(), expensive=float), 1.0)
    with pytest.raises(InvalidInput, match=r"ranked a job nan.*or set timed = True if it goes by the time"):
        replay(Forgetful(), LOG)


def test_a_timed_policy_whose_stages_know_no_time_is_refused():
    class Staged(ResponseRatio):
        def stages(self):
            return FCFS().stages()

    for use in (lambda: PredictionQueue(Staged(), expensive=float), lambda: replay(Staged(), LOG)):
        with pytest.raises(InvalidInput, match="is timed, but stages know no time"):
            use()


def test_whether_a_policy_is_timed_is_true_or_false():
    class Often(ResponseRatio):
        timed = "often"

    with pytest.raises(InvalidInput, match="timed is 'often', but must be True or False"):
        PredictionQueue(Often(), expensive=float)


def test_a_replay_serves_the_highest_response_ratio_first():
    # At 1 the jobs of 2 and 4 have waited 0.75 and 0.5; at 3 those of 4 and 1 have waited 2.5 and 0.5.
    assert replay(ResponseRatio(), LOG).completion.tolist() == [1.0, 3.0, 7.0, 8.0]


def test_a_simulation_of_ranks_that_grow_needs_jobs_that_run_to_their_end():
    with pytest.raises(InvalidInput, match=r"is timed and ranked a started job .*return FIRST for"):
        replay(Hurried(), LOG)
    result = simulate(ResponseRatio(), LOG, load=0.5, jobs=300, seed=0)
    assert result.response_time > LOG.mean
