import math

import pytest

from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.serving import PROFILES
from tests.scheduling.gptj import busy_gptj


@pytest.mark.parametrize(
    ("decoding", "budget", "room"),
    [
        (0, 2048, 384),
        (128, 2048, 256),
        (380, 2048, 16),
        (900, 2048, 16),
        (2040, 2048, 8),
        (2048, 2048, 1),
        (0, 100, 100),
    ],
)
def test_prefill_has_the_room_up_to_saturation_at_least_a_block_and_at_most_the_budget(decoding, budget, room):
    engine = EngineView(max_batched_tokens=budget)
    engine.update(now=1.0, decoding=decoding, context_tokens=0)
    assert engine.prefill_tokens == room
    assert engine.tau_p >= engine.tau_d


def test_a_measured_engine_scales_both_times():
    engine = busy_gptj()
    usual = engine.tau_d, engine.tau_p
    engine.update(now=0.0, decoding=128, context_tokens=20_000, scale=2.0)
    assert (engine.tau_d, engine.tau_p) == (2 * usual[0], 2 * usual[1])


def test_the_mean_step_forgets_half_in_32_iterations():
    engine = EngineView()
    assert math.isnan(engine.step_seconds)
    engine.stepped(1.0)
    for _ in range(32):
        engine.stepped(3.0)
    assert engine.step_seconds == pytest.approx(2.0)


def test_where_nobody_has_measured_a_published_profile_stands_in():
    assert EngineView().costs is PROFILES["llama3-8b-a100-80g"]
    assert EngineView(max_batched_tokens=512).rates == PROFILES["llama3-8b-a100-80g"].work_rates(512)
