"""The simulator beside vLLM's own scheduler: the same admissions, preemptions, tokens and blocks in every iteration.

`benchmarks/bench_vllm_differential.py` does the same with 1,000 traces.
"""

import pytest

from beforehand.integrations.vllm.canary import FEWEST  # answers from which on random ranks are left out
from tests.integrations.vllm.differential import first_difference, random_case, served, served_by_us, simulated

pytestmark = pytest.mark.vllm


@pytest.mark.parametrize("seed", range(35))
def test_first_come_first_served_is_decided_as_vllm_does(seed):
    case = random_case(seed, ranked=False)
    assert first_difference(simulated(case), served(case)) == ""


@pytest.mark.parametrize("seed", range(35))
def test_conversations_with_calls_are_served_as_vllm_does(seed):
    case = random_case(seed, calls=True, ranked=False)
    assert first_difference(simulated(case), served(case)) == ""


@pytest.mark.parametrize("seed", range(30))
def test_static_priorities_are_served_as_vllm_does_where_memory_lasts(seed):
    case = random_case(seed, ranked=True, tight=False)
    assert first_difference(simulated(case), served(case)) == ""


@pytest.mark.parametrize("seed", [*range(40), 2901])  # in 2901 a prompt takes the token of who would have to go
def test_a_static_order_of_ours_is_served_as_the_simulator_says_where_memory_is_short(seed):
    case = random_case(seed, ranked=True, tight=True, most=FEWEST - 4)
    assert first_difference(simulated(case), served_by_us(case)) == ""


def test_who_ends_together_is_freed_in_the_order_in_which_the_engine_holds_them():
    """After a shortage that is the order of their ranks, and it says whose cached blocks go first."""
    case = random_case(2339, ranked=True, tight=True, most=60)
    assert first_difference(simulated(case), served_by_us(case)) == ""
