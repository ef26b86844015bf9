"""An engine that looks at every token and every block, as slow as it is plain: what the simulator is held to."""

import math
from collections import deque
from dataclasses import dataclass, field

from beforehand.scheduling.serving import EngineView, View, select_victims


@dataclass(eq=False)
class Block:
    holders: int = 0
    content: object = None


class NaivePool:
    """Blocks one by one: a queue of free ones, without content in front, and a table of what is cached."""

    def __init__(self, blocks, size, caching):
        self.size, self.caching = size, caching
        self.free = deque(Block() for _ in range(blocks))
        self.cached = {}

    def hit(self, contents, tokens):
        found = []
        for content in contents[: (tokens - 1) // self.size]:
            if not self.caching or content not in self.cached:
                break
            found.append(self.cached[content][0])
        return found

    def touch(self, blocks):
        for block in blocks:
            if not block.holders:
                self.free.remove(block)
            block.holders += 1

    def take(self):
        block = self.free.popleft()
        if block.content is not None:
            same = self.cached[block.content]
            same.remove(block)
            if not same:
                del self.cached[block.content]
        block.content, block.holders = None, 1
        return block

    def fill(self, block, content):
        if self.caching and block.content is None:
            block.content = content
            self.cached.setdefault(content, []).append(block)  # the same tokens may be there twice

    def release(self, blocks):
        last, first = [], []
        for block in reversed(blocks):
            block.holders -= 1
            if not block.holders:
                (first if block.content is None else last).append(block)
        self.free.extendleft(reversed(first))
        self.free.extend(last)


@dataclass(eq=False)
class Request:
    view: View
    length: int
    prompt: int
    prefix: tuple
    computed: int = 0
    blocks: list = field(default_factory=list)

    def contents(self, size):
        shared, tokens = self.prefix
        return [("prefix", shared, i) if (i + 1) * size <= tokens else (self.view.sequence, i) for i in range(16)]


def serve(rows, *, profile, policy, predicted, kv_tokens, slots, budget, caching, margin, max_preemptions):
    """Each iteration: its end, whom it admitted and preempted, tokens by row, used blocks. Without tools."""
    size = profile.block_size
    pool = NaivePool(kv_tokens // size - 1, size, caching)
    total = len(pool.free)
    engine = EngineView(profile=profile, max_batched_tokens=budget)
    coming = deque()
    for row, (arrival, prompt, length, prefix) in enumerate(rows):
        view = View(arrival, row, cheap=predicted[row], predicted=predicted[row], context=prompt, engine=engine)
        coming.append(Request(view, length, prompt, prefix))
    now, waiting, running, steps = 0.0, [], [], []

    def rank(request):
        view = request.view
        view.remaining = float(max(request.length - view.age, 1))
        view.cached = 0.0
        if request not in running:
            view.cached = float(size * len(pool.hit(request.contents(size), view.context)))
        return policy.rank(view), view.sequence

    def preempt(victim, preempted):
        running.remove(victim)
        pool.release(victim.blocks)
        victim.blocks, victim.computed, victim.view.resident = [], 0, 0
        victim.view.preemptions += 1
        victim.view.state = "waiting"
        waiting.append(victim)
        preempted.append(victim.view.sequence)

    while coming or waiting or running:
        while coming and coming[0].view.arrival <= now:
            waiting.append(coming.popleft())
        if not waiting and not running:
            now = coming[0].view.arrival
            continue
        tokens, preempted, admitted, left, pairs, context, short = {}, [], [], budget, 0, 0, False
        if waiting and len(running) >= slots:
            head = min(waiting, key=rank)
            for request in running:
                rank(request)
            for view in select_victims(
                policy,
                head.view,
                [r.view for r in running],
                free_slots=0,
                margin=margin,
                max_preemptions=max_preemptions,
            ):
                preempt(next(r for r in running if r.view is view), preempted)
        decodes = [r for r in running if r.computed == r.view.context - 1 and r.view.age]
        prefills = [r for r in running if r not in decodes]
        for request in sorted(decodes, key=rank) + prefills:
            if request not in running or not left:
                continue
            while True:
                new = min(left if request in prefills else 1, request.view.context - request.computed)
                if -(-(request.computed + new) // size) - len(request.blocks) <= len(pool.free):
                    break
                victim = max(running, key=rank)
                short = True
                if victim.view.sequence in tokens:  # a prompt after it gets its token
                    left += tokens.pop(victim.view.sequence)
                preempt(victim, preempted)
                if victim is request:
                    break
            if request in running:
                tokens[request.view.sequence] = new
                left -= new
                while len(request.blocks) * size < request.computed + new:
                    request.blocks.append(pool.take())
                for place in range((request.computed + new) // size):
                    pool.fill(request.blocks[place], request.contents(size)[place])
        while waiting and left and len(running) < slots and not short:
            head = min(waiting, key=rank)
            hit = pool.hit(head.contents(size), head.view.context)
            unused = sum(not block.holders for block in hit)
            if -(-head.view.context // size) - len(hit) + unused > len(pool.free):
                break
            waiting.remove(head)
            running.append(head)
            pool.touch(hit)
            head.blocks, head.computed = list(hit), size * len(hit)
            head.view.started, head.view.state = True, "running"
            new = min(left, head.view.context - head.computed)
            while len(head.blocks) * size < head.computed + new:
                head.blocks.append(pool.take())
            for place in range((head.computed + new) // size):
                pool.fill(head.blocks[place], head.contents(size)[place])
            tokens[head.view.sequence] = new
            left -= new
            admitted.append(head.view.sequence)
        if not tokens:
            assert short or coming, "stall"
            if not short:
                now = coming[0].view.arrival
            continue
        for request in running:
            new = tokens.get(request.view.sequence, 0)
            if new == 1 and request.view.age and request.computed + 1 == request.view.context:
                context += request.view.context
            else:
                pairs += new * request.computed + new * (new + 1) // 2
        now += profile.step_seconds(sum(tokens.values()), context, pairs)
        steps.append((now, admitted, preempted, tokens, total - len(pool.free)))
        for request in list(running):
            request.computed += tokens.get(request.view.sequence, 0)
            request.view.resident = request.computed
            for place in range(request.computed // size):
                pool.fill(request.blocks[place], request.contents(size)[place])
            if request.computed == request.view.context:
                request.view.age += 1
                request.view.context += 1
                if request.view.age == request.length:
                    running.remove(request)
                    pool.release(request.blocks)
    assert not pool.free or len(pool.free) == total
    assert math.isfinite(now)
    return steps
