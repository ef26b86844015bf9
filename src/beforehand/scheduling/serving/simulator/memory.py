"""The KV cache in blocks: who holds how many, and which freed blocks still hold what a prompt begins with.

Counts and the order of eviction are those of vLLM's pool, block by block, though only runs of blocks are stored: blocks
without content are reused first, then the blocks freed longest ago, of one request the last first.
"""

from collections import deque
from typing import Final, final

NOBODY: Final[dict[int, int]] = {}


@final
class Run:
    """Freed blocks `low` to `high` of a chain, which the pool reuses from the high end."""

    __slots__ = ("chain", "high", "low")

    def __init__(self, chain: "Chain", low: int, high: int) -> None:
        self.chain, self.low, self.high = chain, low, high


@final
class Chain:
    """The full blocks of one sequence of tokens: the first `held` in use, those up to `cached` still readable."""

    __slots__ = ("cached", "depths", "held", "runs")

    def __init__(self, *, shared: bool = False) -> None:
        self.cached = self.held = 0
        self.depths: dict[int, int] = {} if shared else NOBODY  # holders by how many blocks each of them uses
        self.runs: list[Run] = []  # freed and cached, the deepest first


@final
class Holding:
    """What one conversation has in the pool: `depth` blocks of a shared prefix, and `rest` of its own after them."""

    __slots__ = ("depth", "own", "prefix", "rest", "shared")

    def __init__(self, prefix: Chain | None = None, shared: int = 0) -> None:
        self.prefix, self.shared = prefix, shared
        self.own = Chain()
        self.depth = self.rest = 0

    @property
    def blocks(self) -> int:
        """All of them."""
        return self.depth + self.rest


@final
class BlockPool:
    """A fixed number of blocks, of which `free` can be had.

    Args:
        blocks: How many there are.
        size: Tokens in a block.
        caching: Whether freed blocks can be found again.

    Cost:
        O(1) for each call on average, whatever the number of blocks.
    """

    __slots__ = ("_dead", "_lru", "blank", "blocks", "caching", "free", "moments", "now", "size")

    def __init__(self, blocks: int, size: int, *, caching: bool) -> None:
        self.blocks, self.size, self.caching = blocks, size, caching
        self.free = self.blank = blocks  # blank: free and without content
        self._lru: deque[Run] = deque()
        self._dead = 0  # empty runs that are still in it
        self.now = 0.0
        self.moments = 0.0  # sum of blocks x time over what was freed, less that of what was taken

    @property
    def used(self) -> int:
        """Blocks in use."""
        return self.blocks - self.free

    def find(self, holding: Holding, tokens: int) -> int:
        """How many blocks of a prompt of so many tokens are cached; never the one with its last token."""
        prefix, own = holding.prefix, holding.own.cached
        if prefix is None and not own:
            return 0
        most = (tokens - 1) // self.size
        if prefix is None:
            return min(own, most)
        found = min(prefix.cached, holding.shared, most)
        return found if found < holding.shared else found + min(own, most - found)

    def taken(self, holding: Holding, hit: int) -> int:
        """How many of the `hit` cached blocks are free, so that using them leaves fewer to others."""
        prefix = holding.prefix
        if prefix is None:
            return hit
        inside = min(hit, holding.shared)
        return hit - min(inside, prefix.held)

    def reuse(self, holding: Holding, hit: int) -> None:
        """Take the cached blocks that `find` found."""
        inside = 0
        prefix = holding.prefix
        if prefix is not None:
            inside = min(hit, holding.shared)
            while prefix.held < inside:
                run = prefix.runs[-1]
                count = min(inside, run.high) - run.low
                run.low += count
                prefix.held += count
                self._change(-count)
                if run.low == run.high:
                    prefix.runs.pop()
                    self._dead += 1
            prefix.depths[inside] = prefix.depths.get(inside, 0) + 1
            holding.depth = inside
        own = hit - inside
        chain = holding.own
        if chain.runs:
            run = chain.runs.pop()
            if own < run.high:  # what is left of it can no longer be found
                run.low = own
                run.chain = Chain()
            else:
                run.low = run.high
                self._dead += 1
            self._change(-own)
        chain.cached = 0
        holding.rest = own

    def grow(self, holding: Holding, count: int) -> None:
        """Take `count` more blocks, which must be free."""
        holding.rest += count
        self._take(count)

    def grow_each(self, holdings: list[Holding]) -> None:
        """Take one more block for each, which must be free."""
        for holding in holdings:
            holding.rest += 1
        self._take(len(holdings))

    def _take(self, count: int) -> None:
        """Use free blocks: blank ones, then those freed longest ago."""
        self._change(-count)
        if count <= self.blank:
            self.blank -= count
            return
        count -= self.blank
        self.blank = 0
        while count:
            run = self._lru[0]
            some = min(count, run.high - run.low)
            if some:
                run.high -= some
                count -= some
                chain = run.chain
                chain.cached = min(chain.cached, run.high)
            if run.low == run.high:
                self._lru.popleft()
                if some:
                    if run in run.chain.runs:
                        run.chain.runs.remove(run)
                else:
                    self._dead -= 1

    def share(self, holding: Holding, tokens: int) -> None:
        """Let others find the blocks of the shared prefix that `tokens` computed tokens have filled."""
        prefix = holding.prefix
        if prefix is None or not self.caching or holding.depth >= holding.shared:
            return
        depth = min(tokens // self.size, holding.shared)
        if prefix.cached != holding.depth or depth <= holding.depth:
            return  # these blocks are cached already; vLLM keeps both copies, and others find the first
        self._leave(prefix, holding.depth)
        prefix.held = prefix.cached = depth
        prefix.depths[depth] = prefix.depths.get(depth, 0) + 1
        holding.rest -= depth - holding.depth
        holding.depth = depth

    def release(self, holding: Holding, tokens: int) -> None:
        """Free all blocks; those that `tokens` computed tokens have filled stay cached until others need them."""
        full = max(min(tokens // self.size - holding.depth, holding.rest), 0) if self.caching else 0
        if full:
            self._free(Chain() if holding.depth < holding.shared else holding.own, 0, full)
        blank = holding.rest - full
        self.blank += blank
        self._change(blank)
        holding.rest = 0
        prefix = holding.prefix
        if prefix is not None and holding.depth in prefix.depths:
            self._leave(prefix, holding.depth)
            left = max(prefix.depths, default=0)
            if left < prefix.held:
                self._free(prefix, left, prefix.held)
                prefix.held = left
        holding.depth = 0

    def check_invariants(self) -> None:
        """Raise AssertionError unless free blocks, runs and chains agree; for tests."""
        runs = [run for run in self._lru if run.low < run.high]
        assert self.free == self.blank + sum(run.high - run.low for run in runs), "free blocks and runs differ"
        assert 0 <= self.free <= self.blocks, "more blocks are free than there are"
        assert self._dead == len(self._lru) - len(runs), "empty runs are miscounted"
        for run in runs:
            assert run.chain.cached <= run.high or not run.chain.runs or run is not run.chain.runs[0], "a block is lost"

    def _change(self, count: int) -> None:
        self.free += count
        self.moments += count * self.now

    def _leave(self, prefix: Chain, depth: int) -> None:
        count = prefix.depths.get(depth, 0)
        if count > 1:
            prefix.depths[depth] = count - 1
        elif count:
            del prefix.depths[depth]

    def _free(self, chain: Chain, low: int, high: int) -> None:
        run = Run(chain, low, high)
        chain.runs.append(run)
        chain.cached = max(chain.cached, high)
        self._lru.append(run)
        self._change(high - low)
        if self._dead > 64 and 2 * self._dead > len(self._lru):
            self._lru = deque(run for run in self._lru if run.low < run.high)
            self._dead = 0
