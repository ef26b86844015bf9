import json
import sys
from importlib import import_module

import pytest

import beforehand
from beforehand.core import load_plan
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.plan import made_with, plan_json, reading

ORCHARDS = """
class Reader:
    def __init__(self, kind):
        self.kind = kind

class ApplePlan:
    from_json = lambda text: ("apple", text)

class PearPlan:
    from_json = lambda text: ("pear", text)

from_json = ApplePlan.from_json
number = 3
"""


@pytest.fixture
def orchards(tmp_path, monkeypatch):
    """An area with two kinds of plans."""
    area = tmp_path / "beforehand" / "orchards"
    area.mkdir(parents=True)
    (area / "__init__.py").touch()
    (area / "plan.py").write_text(ORCHARDS)
    monkeypatch.setattr("beforehand.__path__", [*beforehand.__path__, str(area.parent)])
    yield tmp_path / "plan.json"
    for module in ("beforehand.orchards", "beforehand.orchards.plan"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ('{"area": "orchards", "kind": "ApplePlan"}', "apple"),
        ('{"area": "orchards", "kind": "PearPlan"}', "pear"),
        ('{"area": "orchards"}', "apple"),  # as plans were written before they had kinds
    ],
)
def test_a_plan_is_read_by_the_class_of_its_kind_in_the_module_of_its_area(orchards, text, reader):
    orchards.write_text(text)
    assert load_plan(orchards) == (reader, text)


def test_an_area_inside_another_is_named_with_a_dot(orchards, tmp_path):
    inner = tmp_path / "beforehand" / "orchards" / "cellar"
    inner.mkdir()
    (inner / "__init__.py").touch()
    (inner / "plan.py").write_text(ORCHARDS)
    try:
        orchards.write_text('{"area": "orchards.cellar", "kind": "PearPlan"}')
        assert load_plan(orchards)[0] == "pear"
    finally:
        for module in ("beforehand.orchards.cellar", "beforehand.orchards.cellar.plan"):
            sys.modules.pop(module, None)


@pytest.mark.parametrize("kind", ["PlumPlan", "Reader", "number", "from_json", "__name__", "", 3, ["ApplePlan"]])
def test_a_kind_that_does_not_exist_is_named(orchards, kind):
    orchards.write_text(json.dumps({"area": "orchards", "kind": kind}))
    with pytest.raises(
        CorruptData, match=r"is a plan of area 'orchards' and kind .*, which this version does not have"
    ):
        load_plan(orchards)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "{}", "\xff", "[" * 100_000])
def test_what_is_no_plan_is_named(tmp_path, text):
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CorruptData, match=r"plan\.json is not a plan"):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "area",
    [
        "gardens",
        "core",
        "core.plan",
        "quantization.levels",
        "quantization..plan",
        "scheduling.",
        ".",
        "../x",
        "",
        None,
        3,
        ["quantization"],
    ],
)
def test_an_area_that_does_not_exist_is_named(tmp_path, area):
    (tmp_path / "plan.json").write_text(json.dumps({"area": area}))
    with pytest.raises(CorruptData, match="which this version does not have"):
        load_plan(tmp_path / "plan.json")


def test_a_damaged_plan_of_an_area_is_named(tmp_path):
    (tmp_path / "plan.json").write_text('{"area": "quantization", "design": "exact"}')
    with pytest.raises(CorruptData, match=r"plan\.json: not a valid QuantizationPlan"):
        load_plan(tmp_path / "plan.json")


def test_a_missing_plan_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"plan\.json cannot be read: No such file"):
        load_plan(tmp_path / "plan.json")


class PearPlan:
    area = "orchards"


def test_what_plan_json_writes_reading_reads():
    text = plan_json(PearPlan(), {"trees": 3})
    assert json.loads(text) == {"area": "orchards", "kind": "PearPlan", "trees": 3}
    with reading(text, "orchards", "PearPlan") as fields:
        assert fields == {"trees": 3}
    with reading('{"area": "orchards", "trees": 3}', "orchards", "PearPlan") as fields:
        assert fields == {"trees": 3}


def test_json_of_a_plan_holds_no_numbers_that_json_lacks():
    with pytest.raises(ValueError, match="not JSON compliant"):
        plan_json(PearPlan(), {"trees": float("inf")})


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", "[" * 100_000, "{}", '{"area": "gardens"}', '{"area": "orchards", "kind": "ApplePlan"}'],
)
def test_what_is_not_such_a_plan_is_corrupt(text):
    with pytest.raises(CorruptData, match=r"not a valid PearPlan \(.*\); pass what to_json\(\) returned"):
        reading(text, "orchards", "PearPlan").__enter__()


@pytest.mark.parametrize("error", [KeyError, TypeError, StopIteration, OverflowError, RecursionError, CorruptData])
def test_whatever_fails_while_a_plan_is_made_of_the_fields_is_corrupt(error):
    with (
        pytest.raises(CorruptData, match="not a valid PearPlan"),
        reading('{"area": "orchards"}', "orchards", "PearPlan"),
    ):
        raise error("damaged")


def test_a_plan_knows_what_made_it():
    assert made_with().keys() == {"beforehand", "numpy", "python"}
    assert made_with()["beforehand"] == beforehand.__version__


@pytest.mark.parametrize("area", ["gradients", "quantization", "ranges", "streams"])
def test_an_audit_of_what_is_no_plan_says_so(area):
    audit = import_module(f"beforehand.{area}.plan").audit
    with pytest.raises(InvalidInput, match=r"plan is of type int, but must be a \w+Plan"):
        audit(5, *[None] * (2 if area == "ranges" else 1))
