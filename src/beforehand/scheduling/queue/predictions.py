"""Predictors of a queue, which it never waits for and whose failures it survives."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.scheduling.inputs import MOST
from beforehand.scheduling.policies.policy import Policy, stages_of
from beforehand.scheduling.policies.view import By, View
from beforehand.scheduling.queue.ticket import Ticket

Predict = Callable[[Any], float | Awaitable[float]]


class Predictions:
    """The predictors of one queue.

    What a predictor answers is written into the job's view. One that raises, or whose answer is not a number from 0
    to 1e100, is counted and not asked again about that job.

    Args:
        policy: Says which prediction it wants next.
        cheap: A `Predictor`, or a function of the features, plain or async.
        expensive: Likewise.
        answered: Called with a ticket that has just got an answer it had to wait for.

    Raises:
        InvalidInput: the policy wants a prediction that nobody makes, or spends the server's time on predictions.
    """

    __slots__ = ("_answered", "_asks", "_functions", "errors")

    def __init__(
        self,
        policy: Policy,
        cheap: Predictor | Predict | None,
        expensive: Predictor | Predict | None,
        answered: Callable[[Ticket[Any]], None],
    ) -> None:
        stages = stages_of(policy)
        self._functions: dict[str, Predict] = {}
        for name, predictor in (("cheap", cheap), ("expensive", expensive)):
            if predictor is not None:
                self._functions[name] = _function(name, predictor)
        for view in (View(0.0, 0), View(0.0, 0, age=MOST, cheap=MOST)):
            wanted = policy.asks(view)
            if wanted is not None and wanted not in list(self._functions):
                raise InvalidInput(f"{wanted} is None, but {policy} asks for it; pass a predictor or another policy")
        if stages is not None and stages.predicts:
            raise InvalidInput(
                f"policy is {policy}, whose works put each job into a band of its own, but in a queue predictors run "
                "elsewhere; leave the works 0"
            )
        self._asks = policy.asks
        self._answered = answered
        self.errors = 0

    def ask(self, ticket: Ticket[Any]) -> None:
        """Ask for the predictions that the policy wants; an async predictor answers later."""
        view = ticket.view
        for _ in self._functions:  # each at most once
            wanted = self._asks(view)
            if wanted is None or wanted in ticket._asked:
                return
            try:
                answer = self._functions[wanted](ticket._features)
            except Exception:
                answer = math.nan
            if type(answer) is not float:
                if isawaitable(answer):
                    self._await(ticket, wanted, answer)
                    return
                answer = _as_float(answer)
            if not 0.0 <= answer <= MOST:
                self.errors += 1
                ticket._asked += (wanted,)
                return
            if wanted == "cheap":
                view.cheap = answer
            else:
                view.predicted = answer

    def renounce(self, ticket: Ticket[Any], *, unless_wanted: bool = False) -> None:
        """Stop waiting for an answer; if `unless_wanted`, only where the policy has learned it in another way."""
        task = ticket._task
        if task is not None and not (unless_wanted and self._asks(ticket.view) == ticket._asked[-1]):
            ticket._task = None
            ticket._asked = ticket._asked[:-1]  # a job that is handed back may ask again
            task.cancel()

    def _await(self, ticket: Ticket[Any], wanted: By, answer: Awaitable[float]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if iscoroutine(answer):
                answer.close()
            raise InvalidInput(f"{wanted} is async, but no event loop runs; put jobs from a coroutine") from None
        ticket._asked += (wanted,)
        ticket._task = asyncio.ensure_future(answer, loop=loop)
        ticket._task.add_done_callback(partial(self._receive, ticket, wanted))

    def _receive(self, ticket: Ticket[Any], wanted: By, task: asyncio.Future[float]) -> None:
        failed = task.cancelled() or task.exception() is not None  # asked for even if late, or asyncio would report it
        if ticket._task is not task:
            return
        ticket._task = None
        answer = math.nan if failed else _as_float(task.result())
        if not 0.0 <= answer <= MOST:
            self.errors += 1
            return
        if wanted == "cheap":
            ticket.view.cheap = answer
        else:
            ticket.view.predicted = answer
        self._answered(ticket)


def _function(name: str, predictor: Predictor | Predict) -> Predict:
    """The predictor as a function of the features of one job."""
    if isinstance(predictor, Predictor):
        predict = predictor.predict
        return lambda features: predict(np.asarray(features)[None])[0]
    if not callable(predictor):
        raise InvalidInput(f"{name} is {predictor!r}, but must be a Predictor or a function of the features")
    return predictor


def _as_float(answer: Any) -> float:
    """What a predictor answered; nan if it is not a number."""
    try:
        return float(answer)
    except Exception:
        return math.nan
