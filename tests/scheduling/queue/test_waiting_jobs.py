"""The orders by rank and by arrival in which tickets wait, after many of them have come and gone."""

import numpy as np

from beforehand.scheduling import LAS, PredictionQueue
from tests.scheduling.queue_steps import Clock, put, sizes


def test_what_was_left_behind_stays_bounded_over_100_000_jobs():
    clock = Clock()
    queue = sizes(max_wait=50.0, clock=clock)
    orders, tickets = queue._waiting, []
    for step, size in enumerate(np.random.default_rng(0).exponential(size=100_000).tolist()):
        clock.now = float(step)
        tickets.append(queue.put_nowait(step, size))
        if tickets[step // 2].state == "waiting":
            queue.update(tickets[step // 2], predicted=1.0)
        if step % 3:
            queue.get_nowait()
        if step % 7 == 0:
            queue.cancel(tickets[step - step % 5])
        assert len(orders._by_rank) <= 2 * len(queue) + 64
    assert queue.stats.guarded > 1000
    assert queue.stats.cancelled > 1000
    assert [ticket for ticket in tickets if ticket.state == "waiting"] == list(orders.tickets.values())


def test_jobs_that_are_ranked_anew_again_and_again_leave_a_bounded_number_of_entries():
    queue = sizes()
    (*_, last) = put(queue, *range(10))
    for predicted in range(10_000):
        queue.update(last, predicted=predicted % 13)
        assert len(queue._waiting._by_rank) <= 10 + 65


def test_jobs_that_are_handed_back_again_and_again_keep_their_places_by_arrival_in_bounded_memory():
    clock = Clock()
    queue = PredictionQueue(LAS(quantum=1.0), max_wait=100.0, clock=clock)
    put(queue, *range(50))
    for _ in range(20_000):
        ticket = queue.get_nowait()
        queue.requeue(ticket, ticket.view.age + 1.0)
        assert max(len(queue._waiting._by_rank), len(queue._waiting._returned)) <= 2 * 50 + 65
    put(queue, *range(50, 60))
    clock.now = 100.0
    assert [queue.get_nowait().job for _ in range(60)] == list(range(60))
    assert queue.stats.guarded == 60


def test_the_oldest_is_found_among_new_jobs_and_those_that_were_handed_back():
    clock = Clock()
    queue = sizes(max_wait=10.0, clock=clock)
    old, middle, young = put(queue, 3, 1, 2)
    assert queue.get_nowait() is middle
    queue.requeue(middle, 0.5)
    clock.now = 10.0
    assert [queue.get_nowait() for _ in range(3)] == [old, middle, young]
    assert queue.stats.guarded == 3


def test_a_job_that_is_handed_back_when_its_time_is_up_is_next():
    clock = Clock()
    queue = PredictionQueue(LAS(quantum=1.0), max_wait=5.0, clock=clock)
    put(queue, "old")
    old = queue.get_nowait()
    clock.now = 6.0
    put(queue, "b", "c")
    assert queue.get_nowait().job == "b"
    clock.now = 7.0
    assert not queue.should_yield(old, 3.0)
    queue.requeue(old, 3.0)
    assert queue.get_nowait() is old


def test_a_running_job_yields_to_one_of_equal_rank_only_if_that_came_before():
    queue = PredictionQueue(LAS(quantum=1.0))
    put(queue, "a", "b")
    first, second = queue.get_nowait(), queue.get_nowait()
    queue.requeue(second, 0.5)
    assert not queue.should_yield(first, 0.5)
    queue.requeue(first, 0.5)
    assert queue.get_nowait() is first
    assert queue.get_nowait() is second
    queue.requeue(first, 0.5)
    assert queue.should_yield(second, 0.5)
