"""One training of a job by data parallel workers, timed: what a worker of `compare` does for an order."""

import time
from collections.abc import Callable
from typing import Any, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.integrations.torch.ddp import attach_ddp
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.job import evaluated
from beforehand.integrations.torch.orders import Order, Point, Team, Trained
from beforehand.integrations.torch.phases import Phase


@final
class Target:
    """Whether a metric has passed a value, from the side where it began.

    Example:
        >>> target = Target("loss", 2.5)
        >>> [target.passed({"loss": loss}) for loss in (4.8, 2.6, 2.4)]
        [False, False, True]
    """

    def __init__(self, metric: str, value: float) -> None:
        self.metric, self.value = metric, value
        self._began: float | None = None

    def passed(self, metrics: dict[str, float]) -> bool:
        """Tell it each evaluation, that before training first.

        Raises:
            InvalidInput: There is no such metric, or training begins at the value.
        """
        if self.metric not in metrics:
            raise InvalidInput(f"until asks for {self.metric}, but evaluate() returns {', '.join(metrics)}")
        now = metrics[self.metric]
        if self._began is None:
            if now == self.value:
                raise InvalidInput(f"until is {self.metric} {self.value}, but training begins there; ask for more")
            self._began = now
            return False
        return now <= self.value if self._began > self.value else now >= self.value


def train(team: Team, order: Order, mark: Callable[[str], None], alive: Callable[[], None]) -> Trained:
    """Train until the order's end, in the default process group.

    Args:
        team: Of which this process is one.
        order: What to do.
        mark: Called on every rank before the first step that counts, where all ranks wait for each other, and at the
            end; its argument says which.
        alive: Called after each step.
    """
    torch = torch_for("compare")
    job, method = team.job, team.methods[order.method]
    model = job.model(order.seed)
    model.train()
    wrapped = torch.nn.parallel.DistributedDataParallel(model)
    handle: Any = None
    if method.codec is not None:
        handle = attach_ddp(wrapped, method.codec, transport=method.transport, warmup_steps=method.warmup_steps)
    elif method.attach is not None:
        method.attach(wrapped)
    optimizer, batches = job.optimizer(model.parameters()), job.batches(team.rank, team.workers, order.seed)
    judge = _Judge(team, order, model)
    before: Any = None
    while not judge.ends():
        if len(judge.taken) == order.warm:
            mark("counting")
            before = None if handle is None else handle.stats()
        batch = next(batches)
        torch.distributed.barrier()
        began = time.perf_counter()
        optimizer.zero_grad()
        loss: Any = job.loss(wrapped, batch)
        loss.backward()
        optimizer.step()
        judge.taken.append(time.perf_counter() - began)
        alive()
    mark("counted")
    phases, sent, counted = None, None, len(judge.taken) - order.warm
    if before is not None and counted:
        after = handle.stats()
        phases = {name: (getattr(after, name) - getattr(before, name)) / counted for name in get_args(Phase)}
        sent = (after.sent.total - before.sent.total) / counted
    return Trained(tuple(judge.taken), tuple(judge.curve), judge.reached, phases, sent)


class _Judge:
    """Whether training ends: rank 0 decides after each step, outside the time that counts."""

    def __init__(self, team: Team, order: Order, model: Any) -> None:
        self.taken: list[float] = []
        self.curve: list[Point] = []
        self.reached: Point | None = None
        self._torch = torch_for("compare")
        self._team, self._order, self._model = team, order, model
        self._target = None if order.target is None else Target(*order.target)

    def ends(self) -> bool:
        """Evaluate where that is due, and say so."""
        order, steps, spent = self._order, len(self.taken), sum(self.taken)
        over = steps >= order.steps or (spent >= order.seconds and steps >= order.least)
        if self._team.rank == 0 and order.evaluate and (over or steps % self._team.job.evaluate_every == 0):
            self.curve.append(Point(steps, spent, evaluated(self._team.job, self._model)))
            if self._target is not None and self._target.passed(self.curve[-1].metrics):
                self.reached, over = self.curve[-1], True
        decided = self._torch.tensor([over], dtype=self._torch.uint8)
        self._torch.distributed.broadcast(decided, 0)
        return bool(decided)
