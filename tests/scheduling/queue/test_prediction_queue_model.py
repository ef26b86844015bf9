"""Random walks through a `PredictionQueue`, each step compared with a sorted list that does the same slowly."""

import asyncio
import copy
import math
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.scheduling import PredictionQueue
from beforehand.scheduling.policies import UNKNOWN
from tests.scheduling.every_policy import EVERY, WRAPPED, works

POLICIES = [*(policy for policy in EVERY if not works(policy)), *WRAPPED]
NUMBERS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 2.5, 4.0])
FAILURES = st.sampled_from([math.nan, -1.0, 1e101, "ten", None, ValueError("no idea")])


@dataclass(eq=False)
class Answer:
    """What a predictor says, and whether at once or when the walk lets it."""

    value: object
    late: bool
    given: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self):
        return self._later() if self.late else self._now()

    async def _later(self):
        await self.given.wait()
        return self._now()

    def _now(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    @property
    def good(self):
        return isinstance(self.value, float) and 0 <= self.value <= 1e100


ANSWERS = st.builds(Answer, NUMBERS | NUMBERS | NUMBERS | FAILURES, st.sampled_from([False, False, False, True]))


@dataclass(eq=False)
class Job:
    """The model's own idea of a job."""

    ticket: object
    answers: dict
    view: object
    failed: set = field(default_factory=set)
    pending: str | None = None


class Walk(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = 0.0
        self.waiting, self.running = [], []
        self.put, self.served, self.guarded, self.cancelled, self.errors = 0, 0, 0, 0, 0

    @initialize(policy=st.sampled_from(POLICIES), max_wait=st.sampled_from([None, 0.0, 2.0, 5.0]), ageing=NUMBERS)
    def start(self, policy, max_wait, ageing):
        self.policy, self.max_wait, self.ageing = policy, max_wait, ageing
        self.queue = PredictionQueue(
            policy,
            cheap=lambda answers: answers["cheap"](),
            expensive=lambda answers: answers["expensive"](),
            max_wait=max_wait,
            ageing=ageing,
            clock=lambda: self.now,
        )

    def teardown(self):
        for job in self.waiting:
            self.queue.cancel(job.ticket)
        self.do(lambda: None)
        self.runner.close()

    def do(self, act):
        """Run one step inside the loop, and let tasks get on."""

        async def step():
            result = act()
            for _ in range(5):
                await asyncio.sleep(0)
            return result

        return self.runner.run(step())

    # The model

    def ask(self, job):
        while (wanted := self.policy.asks(job.view)) is not None and wanted not in job.failed:
            if job.answers[wanted].late and not job.answers[wanted].given.is_set():
                job.pending = wanted
                return
            self.hear(job, wanted)

    def hear(self, job, wanted):
        job.pending = None
        answer = job.answers[wanted]
        if not answer.good:
            self.errors += 1
            job.failed.add(wanted)
        elif wanted == "cheap":
            job.view.cheap = answer.value
        else:
            job.view.predicted = answer.value

    def key(self, job):
        rank = self.policy.rank(job.view)
        return (rank + self.ageing * job.view.arrival if abs(rank) <= UNKNOWN else rank), job.view.sequence

    def next(self, jobs):
        """Which of these jobs is to run, and whether its time is up."""
        oldest = min(jobs, key=lambda job: job.view.sequence)
        if self.max_wait is not None and oldest.view.arrival + self.max_wait <= self.now:
            return oldest, True
        return min(jobs, key=self.key), False

    # The walk

    @rule(jobs=st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=4))
    def put_some(self, jobs):
        for cheap, expensive in jobs:
            self.put_one(cheap, expensive)

    def put_one(self, cheap, expensive):
        answers = {"cheap": cheap, "expensive": expensive}
        ticket = self.do(lambda: self.queue.put_nowait(self.put, answers))
        assert ticket.job == self.put
        assert ticket.state == "waiting"
        job = Job(ticket, answers, copy.copy(ticket.view))
        job.view.cheap = job.view.predicted = math.nan
        assert (job.view.arrival, job.view.sequence) == (self.now, self.put)
        self.ask(job)
        self.waiting.append(job)
        self.put += 1

    @precondition(lambda self: self.waiting)
    @rule()
    def get_one(self):
        job, guarded = self.next(self.waiting)
        ticket = self.do(self.queue.get_nowait)
        assert ticket is job.ticket
        assert ticket.state == "running"
        self.waiting.remove(job)
        self.running.append(job)
        self.served += 1
        self.guarded += guarded
        if not job.view.started:
            assert ticket.waited == self.now - job.view.arrival
            job.view.started = True
        job.pending = None  # nobody waits for it any more; if the job is handed back, it is asked for anew

    @rule(by=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
    def let_time_pass(self, by):
        self.now += by

    @precondition(lambda self: any(job.pending for job in self.waiting))
    @rule(data=st.data())
    def let_a_predictor_answer(self, data):
        job = data.draw(st.sampled_from([job for job in self.waiting if job.pending]))
        self.do(job.answers[job.pending].given.set)
        self.hear(job, job.pending)
        self.ask(job)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def let_predictors_answer_too_late(self, data):
        job = data.draw(st.sampled_from(self.running))
        self.do(lambda: [answer.given.set() for answer in job.answers.values()])

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel_one(self, data):
        job = data.draw(st.sampled_from(self.waiting))
        assert self.do(lambda: self.queue.cancel(job.ticket)) is True
        assert self.queue.cancel(job.ticket) is False
        assert job.ticket.state == "cancelled"
        self.waiting.remove(job)
        self.cancelled += 1

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), name=st.sampled_from(["cheap", "predicted"]), value=NUMBERS)
    def update_one(self, data, name, value):
        job = data.draw(st.sampled_from(self.waiting))
        self.do(lambda: self.queue.update(job.ticket, **{name: value}))
        setattr(job.view, name, value)
        if self.policy.asks(job.view) != job.pending:
            job.pending = None
        if not job.pending:
            self.ask(job)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), more=st.sampled_from([0.0, 0.5, 1.0]))
    def hand_one_back(self, data, more):
        job = data.draw(st.sampled_from(self.running))
        job.view.age += more
        self.ask(job)
        yields = bool(self.waiting) and self.next([*self.waiting, job])[0] is not job
        assert self.do(lambda: self.queue.should_yield(job.ticket, job.view.age)) is yields
        self.do(lambda: self.queue.requeue(job.ticket, job.view.age))
        assert job.ticket.state == "waiting"
        self.running.remove(job)
        self.waiting.append(job)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish_one(self, data):
        job = data.draw(st.sampled_from(self.running))
        self.queue.done(job.ticket)
        self.running.remove(job)

    @invariant()
    def both_agree(self):
        if not hasattr(self, "queue"):
            return
        assert len(self.queue) == self.queue.qsize() == len(self.waiting)
        stats = self.queue.stats
        assert (stats.put, stats.served, stats.guarded) == (self.put, self.served, self.guarded)
        assert (stats.cancelled, stats.predictor_errors) == (self.cancelled, self.errors)
        for job in (*self.waiting, *self.running):
            assert repr(job.view) == repr(job.ticket.view)  # nan equals nan


TestWalk = Walk.TestCase
