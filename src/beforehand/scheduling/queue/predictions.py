"""Predictors of a queue, which it never waits for and whose failures it survives."""

from __future__ import annotations

import asyncio
import logging
import math
import reprlib
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import Any

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.scheduling.inputs import MOST
from beforehand.scheduling.policies.policy import Policy, stages_of
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import By, View
from beforehand.scheduling.queue.ticket import Ticket

Predict = Callable[[Any], float | Awaitable[float]]
LOGGER = logging.getLogger(__name__)


class Predictions:
    """The predictors of one queue.

    What a predictor answers is written into the job's view; an array of one element is that element. One that raises,
    or whose answer is not a number from 0 to 1e100, is counted and not asked again about that job. The first such
    failure of each predictor is logged as a warning, with its traceback if it raised.

    Args:
        policy: Says which prediction it wants next.
        cheap: A `Predictor`, or a function of the features, plain or async.
        expensive: Likewise.
        answered: Called with a ticket that has just got an answer it had to wait for.

    Raises:
        InvalidInput: the policy wants a prediction that nobody makes, spends the server's time on predictions, ranks by
            what an LLM engine does, or is a `Boosted` without numbers.
    """

    __slots__ = ("_answered", "_asks", "_functions", "_logged", "errors")

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
        if isinstance(policy, Stock):
            policy.rank(
                View(0.0, 0, cheap=1.0, predicted=1.0)
            )  # raises if it needs an LLM engine, or has no numbers yet
        if stages is not None and stages.predicts:
            raise InvalidInput(
                f"policy is {policy}, whose works put each job into a band of its own, but in a queue predictors run "
                "elsewhere; leave the works 0"
            )
        self._asks = policy.asks
        self._answered = answered
        self._logged: set[str] = set()
        self.errors = 0

    def ask(self, ticket: Ticket[Any]) -> None:
        """Ask for the predictions that the policy wants; an async predictor answers later."""
        view = ticket.view
        for _ in self._functions:  # each at most once
            wanted = self._asks(view)
            if wanted is None or wanted in ticket._asked:
                return
            try:
                answer: Any = self._functions[wanted](ticket._features)
            except Exception as error:
                ticket._asked += (wanted,)
                self._failed(wanted, error)
                return
            number = answer
            if type(answer) is not float:
                if isawaitable(answer):
                    self._await(ticket, wanted, answer)
                    return
                number = _as_float(answer)
            if not 0.0 <= number <= MOST:
                ticket._asked += (wanted,)
                self._failed(wanted, answer)
                return
            if wanted == "cheap":
                view.cheap = number
            else:
                view.predicted = number

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
        # The exception is asked for even if it comes too late, or asyncio would report it.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        answer: Any = task.result() if error is None else error
        if ticket._task is not task:
            return
        ticket._task = None
        number = _as_float(answer)
        if not 0.0 <= number <= MOST:
            self._failed(wanted, answer)
            return
        if wanted == "cheap":
            ticket.view.cheap = number
        else:
            ticket.view.predicted = number
        self._answered(ticket)

    def _failed(self, wanted: By, answer: Any) -> None:
        """Count a failure, and log the first of this predictor: what it raised, or what it answered."""
        self.errors += 1
        if wanted in self._logged:
            return
        self._logged.add(wanted)
        raised = answer if isinstance(answer, BaseException) else None
        did = f"answered {reprlib.repr(answer)}" if raised is None else f"raised {type(raised).__name__}"
        LOGGER.warning(
            "the %s predictor %s, but must answer a number from 0 to 1e100; its job waits behind those that have a "
            "prediction; further failures are only counted, in stats.predictor_errors",
            wanted,
            did,
            exc_info=raised,
        )


def _function(name: str, predictor: Predictor | Predict) -> Predict:
    """The predictor as a function of the features of one job."""
    if isinstance(predictor, Predictor):
        predict = predictor.predict
        return lambda features: predict(np.asarray(features)[None])[0]
    if not callable(predictor):
        raise InvalidInput(f"{name} is {predictor!r}, but must be a Predictor or a function of the features")
    return predictor


def _as_float(answer: Any) -> float:
    """What a predictor answered, also as an array of one element; nan if it is not a number."""
    try:
        return float(answer.item() if hasattr(answer, "item") else answer)
    except Exception:
        return math.nan
