"""Pins by themselves; what they do inside vLLM is in test_pauses."""

from types import SimpleNamespace

import pytest

from beforehand.integrations.vllm.pins import Pin, Pins

pytestmark = pytest.mark.vllm


@pytest.fixture
def freed():
    return []


@pytest.fixture
def pins(freed):
    return Pins(lambda request: freed.append(request.request_id), budget=10)


def pin(name, *, blocks=3, waste=0.0):
    request = SimpleNamespace(request_id=f"{name}.0")
    return Pin(request, conversation=("anna", name), blocks=blocks, waste=lambda now: waste)


def test_blocks_are_freed_once_when_the_conversation_returns(pins, freed):
    assert pins.keep(pin("a"))
    assert (pins.held, ("anna", "a") in pins) == (3, True)
    assert pins.release(("anna", "a")) == 3
    assert pins.release(("anna", "a")) == 0
    assert (freed, pins.held, len(pins)) == (["a.0"], 0, 0)


def test_what_does_not_fit_the_budget_is_not_kept(pins, freed):
    assert pins.keep(pin("a", blocks=8))
    assert not pins.keep(pin("b", blocks=3))
    assert (pins.held, freed) == (8, [])


def test_a_conversation_has_one_pin(pins, freed):
    pins.keep(pin("a", blocks=8))
    assert pins.keep(pin("a", blocks=9))
    assert (pins.held, freed) == (9, ["a.0"])


def test_pressure_takes_the_most_wasteful_first_and_spares_whom_it_is_for(pins, freed):
    for name, waste in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        pins.keep(pin(name, waste=waste))
    assert pins.relieve(0, now=0.0) == 0
    assert pins.relieve(4, now=0.0, spare={("anna", "b")}) == 6
    assert freed == ["c.0", "a.0"]


def test_a_new_request_of_the_same_name_frees_the_old_one(pins, freed):
    pins.keep(pin("a"))
    pins.forget("b.0")
    pins.forget("a.0")
    assert freed == ["a.0"]
