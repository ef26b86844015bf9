"""The requests that run: what they take of an iteration, and in which iteration each of them needs something."""

from collections.abc import Callable
from typing import Any, final

from beforehand.scheduling.serving.simulator.job import DECODE, PREFILL, Job
from beforehand.scheduling.serving.simulator.memory import BlockPool

Plan = tuple[Job, int]  # whom it concerns, unless the stamp has changed since
Calendar = dict[int, list[Plan]]  # by iteration


@final
class Batch:
    """Keeps sums over the running requests up to date, and calendars in place of a loop over tokens.

    Args:
        pool: Where their memory is.
        most: New tokens of an iteration.
    """

    def __init__(self, pool: BlockPool, most: int) -> None:
        self.pool, self._most = pool, most
        self.running: dict[Job, None] = {}  # in order of admission
        self.prefills: list[Job] = []  # of these, whose prompt is not complete after this iteration
        self._entered = 0  # how many ever were
        self.decoding = 0
        self.context = 0  # tokens that the decoding requests attend to in the next iteration
        self.budget = most  # new tokens for which this iteration has room
        self.pairs = 0.0  # of prompt tokens in this iteration, each with those that it attends to
        self.extra_context = 0  # attended to by single tokens that complete a context, in this iteration
        self.chunks: dict[Job, int] = {}  # prompt tokens in this iteration
        self.finishing: Calendar = {}
        self.growing: Calendar = {}
        self.renewing: Calendar = {}
        self.reviewing: Calendar = {}

    @property
    def new_tokens(self) -> int:
        """New tokens of this iteration, of prompts and answers."""
        return self._most - self.budget

    @property
    def resident(self) -> int:
        """Tokens in memory of all running requests, before this iteration."""
        return self.context - self.decoding + sum(job.resident for job in self.prefills)

    def enter(self, job: Job) -> None:
        """A request begins to run, behind all others."""
        self._entered += 1
        job.entered = self._entered
        self.running[job] = None

    def arrange(self, rank: Callable[[Job], Any]) -> None:
        """Memory was short: as in the engine, all that run stand by their ranks now, those that decode first."""
        for job in sorted(self.running, key=lambda job: (job.phase == PREFILL, rank(job))):
            self._entered += 1
            job.entered = self._entered

    def open(self) -> None:
        """Begin an iteration: every decoding request gets a token."""
        self.budget, self.pairs, self.extra_context = self._most - self.decoding, 0.0, 0

    def needed(self, job: Job, chunk: int) -> int:
        """Blocks that the next `chunk` tokens of a prompt need besides those that it has."""
        return -(-(job.resident + chunk) // self.pool.size) - job.holding.blocks

    def compute(self, job: Job, chunk: int) -> int:
        """Compute the next `chunk` tokens of a prompt; returns how many of them had been computed before."""
        held, pool = job.resident, self.pool
        after = held + chunk
        blocks = self.needed(job, chunk)
        if blocks > 0:
            pool.grow(job.holding, blocks)
        self.budget -= chunk
        self._weigh(job, chunk, held, 1)
        self.chunks[job] = chunk
        again = min(after, job.computed) - held
        job.resident = job.view.resident = after
        job.computed = max(job.computed, after)
        pool.share(job.holding, after)
        whole = after == job.view.context
        if job in self.prefills:
            if whole:
                self.prefills.remove(job)
        elif not whole:
            self.prefills.append(job)
        return max(again, 0)

    def take_back(self, job: Job) -> None:
        """The tokens that this iteration was to compute of a prompt are not computed after all."""
        chunk = self.chunks.pop(job, 0)
        held = job.resident - chunk
        self.budget += chunk
        self._weigh(job, chunk, held, -1)
        job.resident = held

    def _weigh(self, job: Job, chunk: int, held: int, sign: int) -> None:
        """Count what the chunk attends to; the last token of an answer so far costs what a decoded one does."""
        if chunk == 1 and job.view.age and held + 1 == job.view.context:
            self.extra_context += sign * (held + 1)
        else:
            self.pairs += sign * (chunk * held + chunk * (chunk + 1) // 2)

    def completed(self) -> list[Job]:
        """Whose prompt this iteration has completed."""
        return [job for job in self.chunks if job.phase == PREFILL and job.resident == job.view.context]

    def decode(self, job: Job, iteration: int) -> None:
        """From this iteration on a request decodes; its `age` counts the tokens that are out."""
        job.decode_from(iteration)
        self.decoding += 1
        self.context += job.base + 1
        job.ends = iteration + job.length - job.age
        plan = (job, job.stamp)
        self.finishing.setdefault(job.ends, []).append(plan)
        self.plan_growths([plan], iteration + job.holding.blocks * self.pool.size - job.base)

    def plan_growths(self, plans: list[Plan], iteration: int) -> None:
        """They will need a block each in this iteration, those that still decode then."""
        due = [plan for plan in plans if iteration < plan[0].ends]
        if due:
            self.growing.setdefault(iteration, []).extend(due)

    def leave(self, job: Job) -> None:
        """It runs no longer."""
        if job.phase == DECODE:
            self.decoding -= 1
            self.context -= job.resident + 1
            self.budget += 1  # the token that it would have had
        elif job in self.prefills:
            self.prefills.remove(job)
        del self.running[job]
        job.stamp += 1
