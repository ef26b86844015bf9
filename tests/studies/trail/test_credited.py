"""The credit for a long answer: it moves a request forward by a bounded time, and nobody who runs."""

from beforehand.scheduling.serving import Boosted, EngineView, ShortestWork, View
from beforehand.studies.trail.credited import Credited

GUARD = Boosted(ShortestWork(decode=0), boost=10.0, knee=0.1)


def test_the_head_start_is_at_most_that_of_the_guard_and_the_longest_answer():
    policy, engine = Credited(GUARD, 0.01), EngineView()
    first = View(0.0, 0, context=100_000, predicted=1.0, engine=engine)
    least = GUARD.inner.rank(View(0.0, 0, context=1, engine=engine))
    later = GUARD.bound(least) + 0.01 * 500 + 0.02
    other = View(later, 1, context=1, predicted=500.0, engine=engine)
    assert policy.rank(first) < policy.rank(other)


def test_who_runs_keeps_his_place_and_a_length_is_asked_for():
    policy = Credited(GUARD, 0.01)
    running = View(0.0, 0, context=10, predicted=500.0, started=True, engine=EngineView())
    assert policy.rank(running) == float("-inf")
    assert policy.asks(View(0.0, 0)) == "expensive"
    assert policy.asks(running) is None
