import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.scheduling.memory_time import Wastes, decode, prefill, wastes, whole_blocks
from tests.scheduling.gptj import busy_gptj

tokens = st.integers(0, 5000)


@given(uncached=tokens, held=tokens, per_step=st.integers(1, 600), tau=st.floats(1e-4, 1.0))
def test_a_prefill_is_the_sum_over_its_iterations(uncached, held, per_step, tau):
    done, total = 0, 0.0
    while done < uncached:
        done = min(done + per_step, uncached)
        total += tau * (held + done)
    assert prefill(uncached, held, per_step=per_step, tau=tau) == pytest.approx(total)


@given(context=tokens, tokens=st.integers(0, 300), tau=st.floats(1e-4, 1.0))
def test_an_answer_is_the_sum_over_its_iterations(context, tokens, tau):
    total = sum(tau * (context + each) for each in range(1, tokens))
    assert decode(context, tokens, tau=tau) == pytest.approx(total)


def test_values_worked_out_by_hand():
    assert prefill(1000, 0, per_step=256, tau=0.02) == pytest.approx(50.72, abs=1e-9)
    assert prefill(24, 1040, per_step=256, tau=0.02) == pytest.approx(21.28, abs=1e-9)
    assert decode(1000, 41, tau=0.02) == pytest.approx(816.4, abs=1e-9)


def test_the_wastes_of_a_pause_worked_out_by_hand():
    engine = busy_gptj(free_host_tokens=10**6)
    assert (engine.prefill_tokens, round(engine.tau_p * 1e3, 4), round(engine.tau_d * 1e3, 4)) == (
        256,
        27.7792,
        15.9264,
    )
    short, longer = wastes(1040, 0.7, engine), wastes(1040, 0.8, engine)
    assert [round(float(each), 3) for each in short] == [728.0, 1285.285, 803.058]
    assert longer.preserve == pytest.approx(832.0)
    assert (short.least(), longer.least(), longer.least(swap=False)) == ("preserve", "swap", "preserve")


def test_what_the_prefix_cache_still_holds_is_not_computed_again():
    engine = busy_gptj()
    assert wastes(1040, 0.7, engine, cached=1040).discard == 0
    assert wastes(1040, 0.7, engine, cached=800).discard < wastes(1040, 0.7, engine).discard


def test_arrays_give_what_numbers_give():
    rng = np.random.default_rng(0)
    context, seconds, cached = rng.integers(1, 4000, 50), rng.uniform(0, 9, 50), rng.integers(0, 4000, 50)
    engine = busy_gptj()
    many = wastes(context, seconds, engine, cached=cached)
    single = [wastes(int(c), float(s), engine, cached=int(k)) for c, s, k in zip(context, seconds, cached, strict=True)]
    np.testing.assert_allclose(np.array(many).T, single, rtol=1e-12)


def test_only_what_is_held_without_growing_is_rounded_to_blocks():
    assert [whole_blocks(each, 16) for each in (0, 1, 16, 17)] == [0, 16, 16, 32]
    assert wastes(1041, 1.0, busy_gptj()).preserve == 1056


def test_of_equal_wastes_the_gentler_action_is_taken_and_what_is_unknown_never_is():
    assert Wastes(1.0, 1.0, 1.0).least() == "preserve"
    assert Wastes(2.0, 1.0, 1.0).least() == "swap"
    assert Wastes(2.0, 1.0, 1.0).least(swap=False) == "discard"
    assert Wastes(math.nan, 3.0, 2.0).least() == "swap"
    assert Wastes(math.nan, math.nan, math.nan).least() == "discard"


@pytest.mark.parametrize("scale", [2, 8])
def test_another_unit_of_time_scales_all_wastes_and_another_unit_of_tokens_too(scale):
    engine = busy_gptj()
    slower = replace(engine.costs, seconds=scale * np.asarray(engine.costs.seconds), swap_bytes_per_second=25e9 / scale)
    coarser = replace(engine.costs, block_size=16 * scale, kv_bytes_per_token=engine.costs.kv_bytes_per_token // scale)
    usual = np.array(wastes(1040, 0.7, engine, cached=80))
    in_time = replace(engine, profile=slower, tau_d=scale * engine.tau_d, tau_p=scale * engine.tau_p)
    in_tokens = replace(engine, profile=coarser, context_tokens=20_000 * scale, prefill_tokens=256 * scale)
    np.testing.assert_allclose(wastes(1040, 0.7 * scale, in_time, cached=80), scale * usual)
    np.testing.assert_allclose(wastes(1040 * scale, 0.7, in_tokens, cached=80 * scale), scale * usual)


@given(amounts=st.tuples(tokens, tokens), scale=st.sampled_from([2, 4]))
def test_prefill_and_answer_scale_with_the_unit_of_time_and_a_prefill_with_that_of_tokens(amounts, scale):
    new, held = amounts
    assert prefill(new, held, per_step=256, tau=0.02 * scale) == pytest.approx(
        scale * prefill(new, held, per_step=256, tau=0.02)
    )
    assert decode(held, new, tau=0.02 * scale) == pytest.approx(scale * decode(held, new, tau=0.02))
    assert prefill(scale * new, scale * held, per_step=256 * scale, tau=0.02) == pytest.approx(
        scale * prefill(new, held, per_step=256, tau=0.02)
    )
