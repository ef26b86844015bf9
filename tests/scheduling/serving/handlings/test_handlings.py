"""What becomes of the KV cache during a tool call, against brute force and the values of the specification."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving import (
    HANDLINGS,
    PROFILES,
    Always,
    EngineView,
    InferCept,
    MinWaste,
    TimeToLive,
    ToolDurations,
    ToolView,
    View,
    handling_from_json,
    handling_to_json,
    wastes,
)
from beforehand.scheduling.serving.handlings.handling import check_handling

GPTJ = PROFILES["gptj-6b-a100-40g"]
EVERY = [
    Always("preserve"),
    Always("discard"),
    Always("swap"),
    MinWaste(),
    MinWaste(swap=False),
    InferCept(),
    InferCept(estimate="predicted", swap=False, period=0.5),
    TimeToLive(ToolDurations()),
    TimeToLive(ToolDurations(), swap=False),
]


def paper_engine(**changes):
    """The engine of the specification's values: 128 decoding, 20,000 tokens running."""
    fields = {
        "decoding": 128,
        "context_tokens": 20_000,
        "prefill_tokens": 256,
        "tau_d": 15.9264e-3,
        "tau_p": 27.7792e-3,
    }
    return EngineView(profile=GPTJ, **{"free_host_tokens": 10**6} | fields | changes)


def paused(seconds=math.nan, resident=1040, engine=None, **tool):
    engine = paper_engine() if engine is None else engine
    return View(
        0.0,
        0,
        resident=resident,
        context=resident + 1,
        state="paused",
        tool=ToolView(seconds=seconds, **tool),
        engine=engine,
    )


engines = st.builds(
    paper_engine,
    context_tokens=st.integers(0, 60_000),
    free_host_tokens=st.integers(0, 5000),
    tau_d=st.floats(0.001, 0.05),
    tau_p=st.floats(0.05, 0.2),
)


@pytest.mark.parametrize(("seconds", "action"), [(0.7, "preserve"), (0.8, "swap")])
def test_the_decisions_of_the_specification(seconds, action):
    assert MinWaste().decide(paused(seconds)) == (action, math.inf)


@given(engines, st.integers(1, 4000), st.floats(0.0, 100.0), st.booleans())
def test_min_waste_is_the_least_of_the_three(engine, resident, seconds, swap):
    each = wastes(resident, seconds, engine)
    fits = swap and 16 * math.ceil(resident / 16) <= engine.free_host_tokens
    tried = [(each.preserve, 0, "preserve"), (each.discard, 2, "discard")] + [(each.swap, 1, "swap")] * fits
    assert MinWaste(swap=swap).decide(paused(seconds, resident, engine)) == (min(tried)[2], math.inf)


def test_a_call_of_unknown_duration_is_not_preserved_for():
    assert MinWaste().decide(paused(math.nan))[0] == "swap"
    view = paused()
    view.tool = None
    assert MinWaste(swap=False).decide(view)[0] == "discard"
    assert InferCept().decide(view)[0] == "swap"


def test_a_context_beyond_the_host_tier_is_not_swapped():
    full = paper_engine(free_host_tokens=1039)
    assert Always("swap").decide(paused(9.0, engine=full))[0] == "discard"
    assert MinWaste().decide(paused(9.0, engine=full))[0] == "discard"
    assert TimeToLive(ToolDurations()).decide(paused(elapsed=99.0, engine=full))[0] == "discard"
    assert InferCept().decide(paused(elapsed=99.0, engine=full))[0] == "discard"
    assert Always("swap").decide(paused(9.0, engine=paper_engine(free_host_tokens=1040)))[0] == "swap"


@given(engines, st.integers(1, 4000), st.floats(0.001, 100.0))
def test_elapsed_time_wastes_at_most_twice_what_knowledge_would(engine, resident, seconds):
    handling, waited = InferCept(period=seconds / 1000), 0.0
    while waited < seconds:
        action, again = handling.decide(paused(resident=resident, engine=engine, elapsed=waited))
        if action != "preserve":
            break
        waited += again
    each = wastes(resident, min(waited, seconds), engine)
    paid = each.preserve + (0.0 if waited >= seconds else each.swap if action == "swap" else each.discard)
    best = min(wastes(resident, seconds, engine)[: 3 if action == "swap" else 2])
    period = wastes(resident, seconds / 1000, engine).preserve
    assert paid <= 2 * best + period + 1e-9 * paid


@given(engines, st.lists(st.tuples(st.integers(1, 4000), st.floats(0.0, 20.0)), min_size=1, max_size=8))
def test_together_they_swap_no_more_than_hides_and_fits(engine, calls):
    views = [paused(resident=resident, engine=engine, elapsed=elapsed) for resident, elapsed in calls]
    decisions = InferCept().decide_all(views)
    blocks = {place: 16 * math.ceil(view.resident / 16) for place, view in enumerate(views)}
    swapped = [place for place, decision in enumerate(decisions) if decision[0] == "swap"]
    hidden = engine.tau_d * GPTJ.swap_bytes_per_second / GPTJ.kv_bytes_per_token
    assert sum(blocks[place] for place in swapped) <= engine.free_host_tokens
    assert sum(sorted(blocks[place] for place in swapped)[:-1]) < hidden  # the last one may go beyond
    for place, (action, again) in enumerate(decisions):
        each = wastes(views[place].resident, views[place].tool.elapsed, engine)
        assert again == (0.01 if action == "preserve" else math.inf)
        if action == "preserve":
            assert each.preserve <= each.discard
        else:
            assert getattr(each, action) < each.preserve
        assert action != "swap" or each.swap <= each.discard


def test_those_that_save_most_by_leaving_are_swapped_first():
    engine = paper_engine(tau_d=1e-9)  # nothing hides but the first
    views = [paused(resident=each, engine=engine, elapsed=30.0) for each in (400, 1200, 800)]
    assert [action for action, _ in InferCept().decide_all(views)] == ["discard", "swap", "discard"]


def test_knowledge_beats_elapsed_time():
    assert InferCept(estimate="predicted").decide(paused(0.01, elapsed=50.0)) == ("preserve", 0.01)
    assert InferCept(estimate="predicted").decide(paused(50.0))[0] == "swap"
    assert InferCept().decide(paused(50.0)) == ("preserve", 0.01)


def test_a_time_to_live_is_the_best_on_the_recorded_calls():
    durations = ToolDurations()
    for seconds in (0.1, 0.2, 0.3, 0.4, 5.0, 6.0) * 10:
        durations.observe("search", seconds)
    view = paused(name="search")
    evict = wastes(1040, 0.0, view.engine).swap
    expected = durations.best_ttl("search", hold_per_second=1040, evict_cost=evict)
    assert TimeToLive(durations).decide(view) == ("preserve", expected) == ("preserve", 0.4)
    view.tool.elapsed = 0.4
    assert TimeToLive(durations).decide(view) == ("swap", math.inf)


def test_a_time_to_live_never_asks_again_at_the_same_moment():
    durations = ToolDurations()
    for _ in range(20):
        durations.observe("fast", 1e-9)
    assert TimeToLive(durations).decide(paused(name="fast")) == ("preserve", 1e-3)


@pytest.mark.parametrize("handling", EVERY, ids=str)
@given(engines, st.integers(0, 4000), st.floats(0.0, 1e6), st.one_of(st.just(math.nan), st.floats(0.0, 1e6)))
def test_every_decision_is_one_of_three_and_asks_again_later(handling, engine, resident, elapsed, seconds):
    view = paused(seconds, resident, engine, elapsed=elapsed)
    action, again = handling.decide(view)
    assert action in ("preserve", "discard", "swap")
    assert again > 0
    assert handling.decide(view) == (action, again)


@pytest.mark.parametrize("handling", EVERY, ids=str)
def test_text_and_pickles_bring_every_handling_back(handling):
    text = handling_to_json(handling)
    durations = getattr(handling, "durations", None)
    assert handling_from_json(text, durations=durations) == handling
    assert str(pickle.loads(pickle.dumps(handling))) == str(handling)
    assert handling_to_json(handling_from_json(text)) == text
    check_handling(handling)


@pytest.mark.parametrize(
    ("text", "handling"),
    [
        ("min_waste", MinWaste()),
        (" swap\n", Always("swap")),
        ("infercept", InferCept()),
        ("discard", Always("discard")),
        ('{"handling": "preserve"}', Always("preserve")),
    ],
)
def test_a_bare_name_means_its_defaults(text, handling):
    assert handling_from_json(text) == handling


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("always", InvalidInput, "always lacks an option: give it action; its options are action"),
        ("keep", InvalidInput, "must be one of preserve, discard, swap, min_waste, infercept, time_to_live$"),
        ('{"handling": "always", "action": "keep"}', InvalidInput, "action is 'keep'"),
        ('{"handling": "min_waste", "swap": 1}', InvalidInput, "swap is 1"),
        ('{"handling": "min_waste", "period": 1}', InvalidInput, "no option period"),
        ('{"handling": "infercept", "period": 0}', InvalidInput, "period is 0"),
        ('{"handling": "time_to_live", "durations": 3}', InvalidInput, "no option durations"),
        (
            '{"action": "swap"}',
            CorruptData,
            'write one such as {"handling": "min_waste"}',
        ),
        ("[]", CorruptData, "does not describe"),
        ("{", CorruptData, "neither one of preserve, discard, swap, .* nor JSON"),
        ("", CorruptData, "nor JSON"),
        ("[" * 100_000, CorruptData, "nor JSON"),
    ],
)
def test_text_of_no_handling_is_refused(text, error, says):
    with pytest.raises(error, match=says):
        handling_from_json(text)


def test_what_is_no_handling_is_refused():
    assert set(HANDLINGS) == {"always", "min_waste", "infercept", "time_to_live"}
    for wrong in ("swap", Always, None):
        with pytest.raises(InvalidInput):
            check_handling(wrong)
        with pytest.raises(InvalidInput):
            handling_to_json(wrong)
    with pytest.raises(InvalidInput, match="durations"):
        TimeToLive({"search": 1.0})


@pytest.mark.parametrize("handling", [MinWaste(), InferCept(), TimeToLive(ToolDurations()), Always("swap")], ids=str)
def test_a_view_without_an_engine_is_refused(handling):
    with pytest.raises(InvalidInput, match="no engine"):
        handling.decide(View(0.0, 0, resident=10, tool=ToolView(seconds=1.0)))
