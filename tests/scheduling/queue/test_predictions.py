import asyncio
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import SPJF, SPRPT, OneBit, PredictionQueue, SkipPredict
from tests.scheduling.queue_steps import drain, put, settle


@pytest.mark.parametrize(
    "answer", [math.nan, math.inf, -0.5, 1e101, "many", None, np.array([1.0, 2.0]), ValueError("none"), KeyError()]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_predictor_that_fails_never_loses_a_job(answer, late):
    def predict(job):
        if job != "hard":
            return 5.0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def predict_late(job):
        await asyncio.sleep(0)
        return predict(job)

    async def main():
        queue = PredictionQueue(SPJF(), expensive=predict_late if late else predict)
        tickets = put(queue, "hard", "easy", "easy too")
        await settle()
        assert queue.stats.predictor_errors == 1
        assert math.isnan(tickets[0].view.predicted)
        return drain(queue)

    assert asyncio.run(main()) == ["easy", "easy too", "hard"]


@pytest.mark.parametrize(
    "answer", [3, True, np.float32(3.0), np.array(3.0), np.array([3.0]), np.array([[3]]), np.array(["3"])]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_number_counts_in_whatever_form_a_predictor_gives_it(answer, late):
    async def predict_late(job):
        return answer

    async def main():
        queue = PredictionQueue(SPJF(), expensive=predict_late if late else lambda job: answer)
        (ticket,) = put(queue, "job")
        await settle()
        assert ticket.view.predicted == (1.0 if answer is True else 3.0)
        assert queue.stats.predictor_errors == 0

    asyncio.run(main())


@pytest.mark.parametrize("late", [False, True])
def test_the_first_exception_of_each_predictor_is_logged_with_its_traceback(late, caplog):
    def no_idea(job):
        raise LookupError(f"no idea of {job}")

    async def no_idea_late(job):
        no_idea(job)

    async def main():
        predictor = no_idea_late if late else no_idea
        queue = PredictionQueue(SkipPredict(1.0), cheap=lambda job: 2.0 if job else predictor(job), expensive=predictor)
        put(queue, 1, 2, 3, 0, 0)
        await settle()
        assert queue.stats.predictor_errors == 5

    asyncio.run(main())
    assert [record.args[0] for record in caplog.records] == ["expensive", "cheap"]
    assert [record.exc_info[0] for record in caplog.records] == [LookupError] * 2
    assert "the expensive predictor raised LookupError, but must answer a number" in caplog.text
    assert "in no_idea" in caplog.text
    assert "no idea of 1" in caplog.text


@pytest.mark.parametrize(("answer", "shown"), [("many", "'many'"), (-1.0, "-1.0"), (None, "None"), ([3.0], "[3.0]")])
def test_an_answer_that_is_no_number_is_logged_as_it_is(answer, shown, caplog):
    queue = PredictionQueue(SPJF(), expensive=lambda job: answer)
    put(queue, "a", "b")
    (record,) = caplog.records
    assert f"the expensive predictor answered {shown}, but must" in record.getMessage()
    assert record.exc_info is None


def test_a_failure_is_seen_where_nobody_set_up_logging():
    program = (
        "from beforehand.scheduling import SPJF, PredictionQueue\n"
        "PredictionQueue(SPJF(), expensive=lambda job: 1 / 0).put_nowait('job')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "the expensive predictor raised ZeroDivisionError" in done.stderr


def test_a_cheap_predictor_that_fails_makes_a_job_long_and_is_not_asked_again():
    asked = []

    def cheap(job):
        asked.append(job)
        raise RuntimeError

    queue = PredictionQueue(OneBit(1.0), cheap=cheap)
    (ticket,) = put(queue, "job")
    queue.get_nowait()
    queue.requeue(ticket, 1.0)
    assert asked == ["job"]
    assert queue.stats.predictor_errors == 1


def test_put_does_not_wait_for_a_predictor_and_its_late_answer_ranks_the_job_anew():
    async def main():
        ready = {}

        async def side_car(job):
            await ready.setdefault(job, asyncio.Event()).wait()
            return job

        queue = PredictionQueue(SPJF(), expensive=side_car)
        for job in (3, 2, 1):
            await queue.put(job, job)
        await settle()
        ready[2].set()
        await settle()
        order = [queue.get_nowait().job]  # the one that is known
        ready[1].set()
        await settle()
        return [*order, queue.get_nowait().job, queue.get_nowait().job]

    assert asyncio.run(main()) == [2, 1, 3]


def test_a_late_cheap_answer_leads_to_the_expensive_predictor_for_longs_only():
    async def main():
        asked = []

        async def cheap(job):
            await asyncio.sleep(0)
            return job

        queue = PredictionQueue(SkipPredict(2.0), cheap=cheap, expensive=lambda job: asked.append(job) or float(job))
        put(queue, 5, 1, 3)
        assert asked == []
        await settle()
        assert asked == [5, 3]
        return drain(queue)

    assert asyncio.run(main()) == [1, 3, 5]


@pytest.mark.parametrize("leave", ["get_nowait", "cancel"])
def test_a_predictor_that_never_returns_is_cancelled_when_its_job_leaves(leave):
    async def main():
        cancelled = []

        async def hangs(job):
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(job)

        queue = PredictionQueue(SPJF(), expensive=hangs)
        (ticket,) = put(queue, "job")
        await settle()
        queue.get_nowait() if leave == "get_nowait" else queue.cancel(ticket)
        await settle()
        assert cancelled == ["job"]
        assert queue.stats.predictor_errors == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_predictor_that_ends_after_dispatch_changes_nothing(ends):
    async def main():
        async def stubborn(job):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if ends == "raises":
                    raise ValueError(job) from None
            return 1.0

        queue = PredictionQueue(SPJF(), expensive=stubborn)
        put(queue, "job")
        await settle()
        ticket = queue.get_nowait()
        await settle()
        assert ticket.state == "running"
        assert math.isnan(ticket.view.predicted)
        assert queue.stats.predictor_errors == 0
        assert len(queue) == 0

    asyncio.run(main())


def test_jobs_can_share_a_shielded_answer():
    async def scenario():
        shared = asyncio.get_running_loop().create_future()
        queue = PredictionQueue(SPJF(), expensive=lambda job: asyncio.shield(shared))
        first, second = (queue.put_nowait(name) for name in ("first", "second"))
        queue.cancel(first)
        await asyncio.sleep(0)
        shared.set_result(3.0)
        for _ in range(3):
            await asyncio.sleep(0)
        assert second.view.predicted == 3.0
        assert queue.stats.predictor_errors == 0

    asyncio.run(scenario())


def test_an_async_predictor_needs_a_running_loop():
    async def predict(job):
        return 1.0

    queue = PredictionQueue(SPJF(), expensive=predict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInput, match="expensive is async, but no event loop runs"):
            queue.put_nowait("job")
    assert len(queue) == 0
    assert queue.stats.put == 0


def asked_late(policy, **predictors):
    """A queue whose expensive predictor answers when the test sets an event, and the questions that it was asked."""
    questions = []

    async def side_car(job):
        questions.append((job, asyncio.Event()))
        await questions[-1][1].wait()
        return 7.0

    return PredictionQueue(policy, expensive=side_car, **predictors), questions


def test_a_job_that_ran_before_the_answer_came_is_asked_about_anew_when_it_is_handed_back():
    async def main():
        queue, questions = asked_late(SPRPT())
        (ticket,) = put(queue, "job")
        await settle()
        queue.get_nowait()
        queue.requeue(ticket, 1.0)
        await settle()
        assert len(questions) == 2
        questions[1][1].set()
        await settle()
        assert ticket.view.predicted == 7.0

    asyncio.run(main())


def test_an_update_from_outside_withdraws_the_question_that_it_answers_and_no_other():
    async def main():
        queue, questions = asked_late(SkipPredict(1.0), cheap=lambda job: 2.0)
        first, second = put(queue, "a", "b")
        await settle()
        queue.update(first, predicted=3.0)
        queue.update(second, cheap=4.0)
        for _, event in questions:
            event.set()
        await settle()
        assert (first.view.predicted, second.view.predicted) == (3.0, 7.0)
        assert queue.stats.predictor_errors == 0
        queue.update(put(queue, "c")[0], cheap=0.5)  # a short one, about which nothing more is wanted
        await settle()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
