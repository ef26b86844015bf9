"""Which prompts begin alike: from blocks of tokens that a log has hashed, to one shared prefix for each request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
ALONE: Final = -1


@dataclass(slots=True)
class _Node:
    """Where chains part, in the tree of all chains; what does not branch is one edge."""

    depth: int
    children: "list[_Node]" = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # requests whose chain ends here
    count: int = 0  # of requests here and below
    hits: int = 0  # most blocks found again, if those are a group of their own
    goes_on: "_Node | None" = None  # where the group's prefix continues


def shared_prefixes(chains: Sequence[list[int]]) -> tuple[Whole, Whole]:
    """Group requests by how their prompts begin, so that as many blocks as possible are found again.

    A trace of requests says of each prompt which prefix it begins with, and how much of it. In logs of conversations
    prompts branch: all begin with the system's words, some go on alike, and each turn goes on from the one before. One
    name each cannot say all of that; this finds the names that say most.

    Args:
        chains: For each request the blocks of its prompt, in order; equal numbers are equal blocks.

    Guarantee:
        Two arrays with an entry for each request: a number for its prefix, -1 for none, and how many of its leading
        blocks that prefix is. Any two requests with the same number have equal blocks up to the smaller of their two
        counts. No other grouping along one path each finds more blocks again, if the cache keeps everything.

    Cost:
        Sorting the chains: half a second for 12,000 prompts of 24 blocks.

    Example:
        >>> first, second = shared_prefixes([[0, 1, 2], [0, 1, 2, 3], [0, 9], [7]])
        >>> first.tolist(), second.tolist()
        ([0, 0, 0, -1], [3, 3, 1, 0])
    """
    root = _tree(chains)
    parents = [root]
    for node in parents:  # grows as it goes: every parent comes before its children
        parents.extend(node.children)
    for node in reversed(parents[1:]):
        _choose(node)
    names, blocks = np.full(len(chains), ALONE, np.int64), np.zeros(len(chains), np.int64)
    name = 0
    open_nodes: list[tuple[_Node, int, int]] = []
    for child in root.children:
        if child.count > 1:
            open_nodes.append((child, name, ALONE))
            name += 1
    while open_nodes:
        node, group, left = open_nodes.pop()
        depth = node.depth if left == ALONE else left
        names[node.ends], blocks[node.ends] = group, depth
        for child in node.children:
            if left != ALONE:
                open_nodes.append((child, group, left))
            elif child is node.goes_on:
                open_nodes.append((child, group, ALONE))
            elif child.count * node.depth >= child.hits:
                open_nodes.append((child, group, node.depth))
            else:
                open_nodes.append((child, name, ALONE))
                name += 1
    return _renamed(names, blocks)


def _choose(node: _Node) -> None:
    """Find the most blocks that requests at and below this node find again as one group, whose prefix leads here.

    Requests that leave the prefix below stay in the group, with what they share, or make one of their own, whose first
    request finds nothing.
    """
    node.count = len(node.ends) + sum(child.count for child in node.children)
    stay = [max(child.count * node.depth, child.hits) for child in node.children]
    loss, node.goes_on = node.depth, None  # if the prefix ends here, the first request finds none of it
    for child, best in zip(node.children, stay, strict=True):
        if best - child.hits < loss:
            loss, node.goes_on = best - child.hits, child
    node.hits = len(node.ends) * node.depth + sum(stay) - loss


def _tree(chains: Sequence[list[int]]) -> _Node:
    """All chains in one tree with a node wherever they part or end."""
    order = sorted(range(len(chains)), key=lambda row: chains[row])
    root = _Node(0)
    path = [root]  # from the root to the chain before
    before: list[int] = []
    for row in order:
        common = _common(before, chains[row])
        before = chains[row]
        while path[-1].depth > common:
            last = path.pop()
            if path[-1].depth < common:
                path.append(_Node(common))
            path[-1].children.append(last)
        if len(chains[row]) > common:
            path.append(_Node(len(chains[row])))
        path[-1].ends.append(row)
    while len(path) > 1:
        last = path.pop()
        path[-1].children.append(last)
    return root


def _common(one: list[int], other: list[int]) -> int:
    """How many leading blocks are equal."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _renamed(names: Whole, blocks: Whole) -> tuple[Whole, Whole]:
    """Groups by the order of their first request; one of a single request is no group."""
    members = np.bincount(names[names >= 0], minlength=1)
    alone = (names < 0) | (members[np.maximum(names, 0)] < 2)
    _, first, numbers = np.unique(names[~alone], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    renamed = np.full(len(names), ALONE, np.int64)
    renamed[~alone] = rank[numbers]
    return renamed, np.where(alone, 0, blocks)
