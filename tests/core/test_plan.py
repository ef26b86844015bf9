import json
import sys

import pytest

from beforehand.core import load_plan
from beforehand.core.errors import CorruptData, InvalidInput


def test_a_plan_is_read_by_the_module_of_its_area(tmp_path, monkeypatch):
    area = tmp_path / "beforehand" / "orchards"
    area.mkdir(parents=True)
    (area / "__init__.py").touch()
    (area / "plan.py").write_text("def from_json(text):\n    return ('read', text)\n")
    monkeypatch.setattr("beforehand.__path__", [*__import__("beforehand").__path__, str(area.parent)])
    (tmp_path / "plan.json").write_text('{"area": "orchards"}')
    assert load_plan(tmp_path / "plan.json") == ("read", '{"area": "orchards"}')
    for module in ("beforehand.orchards", "beforehand.orchards.plan"):
        del sys.modules[module]


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "{}", "\xff", "[" * 100_000])
def test_what_is_no_plan_is_named(tmp_path, text):
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CorruptData, match=r"plan\.json is no plan"):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize("area", ["gardens", "core", "quantization.levels", "../x", "", None, 3, ["quantization"]])
def test_an_area_that_does_not_exist_is_named(tmp_path, area):
    (tmp_path / "plan.json").write_text(json.dumps({"area": area}))
    with pytest.raises(CorruptData, match="which this version does not have"):
        load_plan(tmp_path / "plan.json")


def test_a_damaged_plan_of_an_area_is_named(tmp_path):
    (tmp_path / "plan.json").write_text('{"area": "quantization", "design": "exact"}')
    with pytest.raises(CorruptData, match=r"plan\.json: this is no plan for quantization"):
        load_plan(tmp_path / "plan.json")


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"plan\.json cannot be read: No such file"):
        load_plan(tmp_path / "plan.json")
