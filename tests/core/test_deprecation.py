"""Old names keep working for one release, and say what they are called now."""

import sys
import types

import pytest

from beforehand.core.deprecation import renamed_arguments, renamed_names
from beforehand.core.errors import InvalidInput


@renamed_arguments(s="n_levels")
def levels(x, n_levels=4):
    return x, n_levels


def test_an_old_argument_is_taken_with_a_warning_at_the_callers_line():
    with pytest.warns(FutureWarning, match="s= is now called n_levels=") as caught:
        assert levels(1, s=16) == (1, 16)
    assert caught[0].filename == __file__
    assert levels(1, n_levels=16) == levels(1, 16) == (1, 16)


def test_an_argument_is_not_taken_under_both_names():
    with pytest.raises(InvalidInput, match="s and n_levels are both given"):
        levels(1, s=16, n_levels=8)


def test_an_old_name_of_a_module_leads_to_the_new_one(monkeypatch):
    module = types.ModuleType("house")
    module.New = 3
    module.__getattr__ = renamed_names("house", Old="New")
    monkeypatch.setitem(sys.modules, "house", module)
    with pytest.warns(FutureWarning, match=r"house\.Old is now called house\.New") as caught:
        assert module.Old == 3
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="'house' has no attribute 'Other'"):
        _ = module.Other
