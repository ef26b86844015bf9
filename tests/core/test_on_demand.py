"""A package's names whose modules are imported when somebody asks for one of them."""

import sys
import types

import pytest

from beforehand.core.deprecation import renamed_names
from beforehand.core.on_demand import names_on_demand


@pytest.fixture
def house(monkeypatch):
    """A package with a room that is not imported yet."""
    package, room = types.ModuleType("house"), types.ModuleType("house.room")
    room.Chair, room.Table = object(), object()
    package.__getattr__ = names_on_demand("house", {"room": "Chair Table", "cellar": "Wine"})
    monkeypatch.setitem(sys.modules, "house", package)
    monkeypatch.setitem(sys.modules, "house.room", room)
    return package


def test_a_name_is_found_in_its_module_and_stays(house):
    assert house.Chair is sys.modules["house.room"].Chair
    assert list(vars(house)).count("Chair") == 1
    assert "Table" not in vars(house)


def test_a_name_that_nobody_gives_is_missed(house):
    with pytest.raises(AttributeError, match="module 'house' has no attribute 'Bed'"):
        _ = house.Bed


def test_a_module_that_cannot_be_imported_says_so_each_time(house):
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="cellar"):
            _ = house.Wine


def test_an_old_name_may_lead_to_one_that_is_found_on_demand(house):
    house.__getattr__ = renamed_names("house", house.__getattr__, Stool="Chair")
    with pytest.warns(FutureWarning, match=r"house\.Stool is now called house\.Chair") as caught:
        assert house.Stool is house.Chair
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'Bed'"):
        _ = house.Bed
