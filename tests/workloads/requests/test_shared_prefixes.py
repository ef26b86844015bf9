import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beforehand.workloads.requests.shared_prefixes import shared_prefixes

CHAINS = st.lists(st.lists(st.integers(0, 2), max_size=5), max_size=7)


def found_again(chains, names, blocks):
    """How many blocks a cache that keeps everything has, if it knows prefixes by their names alone."""
    longest, hits = {}, 0
    for name, count in zip(names, blocks, strict=True):
        if name >= 0:
            hits += min(longest.get(name, 0), count)
            longest[name] = max(longest.get(name, 0), count)
    return hits


def most_that_one_name_each_can_find(chains):
    """By trying every grouping, with the best prefix for each group."""

    def common(one, other):
        pairs = enumerate(zip(one, other, strict=False))
        return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))

    def of_group(rows):
        best = 0
        for path in rows:  # a prefix is the beginning of some member
            for end in range(len(chains[path]) + 1):
                shares = [min(common(chains[row], chains[path]), end) for row in rows]
                best = max(best, sum(shares) - max(shares))
        return best

    def groupings(rows):
        if not rows:
            yield []
            return
        for rest in groupings(rows[1:]):
            yield [[rows[0]], *rest]
            for place, group in enumerate(rest):
                yield [*rest[:place], [rows[0], *group], *rest[place + 1 :]]

    return max(sum(of_group(group) for group in grouping) for grouping in groupings(list(range(len(chains)))))


@given(CHAINS)
def test_requests_of_one_name_begin_alike_as_far_as_both_say(chains):
    names, blocks = shared_prefixes(chains)
    for one in range(len(chains)):
        assert 0 <= blocks[one] <= len(chains[one])
        assert (names[one] >= 0) == (blocks[one] > 0)
        for other in range(one):
            if names[one] == names[other] >= 0:
                both = min(blocks[one], blocks[other])
                assert chains[one][:both] == chains[other][:both]


@given(st.lists(st.lists(st.integers(0, 1), max_size=4), min_size=1, max_size=6))
def test_no_grouping_finds_more_blocks_again(chains):
    names, blocks = shared_prefixes(chains)
    hits = 0
    for name in set(names.tolist()) - {-1}:
        group = blocks[names == name]
        hits += group.sum() - group.max()
    assert hits == most_that_one_name_each_can_find(chains)


def test_turns_of_conversations_are_found_again_below_a_prompt_that_all_share():
    random = np.random.default_rng(0)
    chains, number = [], 1
    for _ in range(50):
        chain = [0]  # the system's words
        for _ in range(random.integers(1, 6)):
            fresh = int(random.integers(1, 10))
            chain = [*chain, *range(number, number + fresh)]
            number += fresh
            chains.append(chain)
    seen, possible = set(), 0
    for chain in chains:
        possible += sum(block in seen for block in chain)
        seen.update(chain)
    assert found_again(chains, *shared_prefixes(chains)) > 0.9 * possible


def test_equal_prompts_share_all_of_them_and_nothing_shares_nothing():
    names, blocks = shared_prefixes([[1, 2], [1, 2], [3], []])
    assert names.tolist() == [0, 0, -1, -1]
    assert blocks.tolist() == [2, 2, 0, 0]
    assert [each.tolist() for each in shared_prefixes([])] == [[], []]


def test_long_chains_need_no_deep_recursion():
    chain = list(range(100_000))
    names, blocks = shared_prefixes([chain[: 1 + 99 * i] for i in range(1000)])
    assert set(names.tolist()) == {0}
    assert blocks[999] == blocks[998] == 1 + 99 * 998, "beyond that there is nobody to share with"
