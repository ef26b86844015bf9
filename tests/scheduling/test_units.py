import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.units import SECONDS, service_rate_of, unit_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("s", "seconds"), ("Sec", "seconds"), (" seconds ", "seconds"), ("ms", "milliseconds"), ("us", "microseconds"),
        ("µs", "microseconds"), ("min", "minutes"), ("h", "hours"), ("token", "tokens"), ("pages", "pages"),
        (None, None),
    ],
)  # fmt: skip
def test_short_names_stand_for_full_ones_and_other_units_for_themselves(given, name):
    assert unit_name("unit", given) == name


@pytest.mark.parametrize("unit", ["", " ", 3, ["tokens"], "a\nb"])
def test_a_unit_is_a_name(unit):
    with pytest.raises(InvalidInput, match=r"time_unit is .*, but must be a name such as 'seconds'"):
        unit_name("time_unit", unit)


@pytest.mark.parametrize(
    ("unit", "time_unit", "rate"),
    [
        (None, None, 1), ("seconds", None, 1), ("ms", None, 1), ("tokens", "tokens", 1), ("pages", "pages", 1),
        ("milliseconds", "s", 1000), ("hours", "minutes", 1 / 60), ("tokens", "seconds", None), ("tokens", None, None),
        (None, "seconds", None), ("pages", "seconds", None),
    ],
)  # fmt: skip
def test_what_a_server_does_in_a_unit_of_time_follows_from_units_of_time_only(unit, time_unit, rate):
    found = service_rate_of(unit, time_unit)
    assert found is None if rate is None else found == pytest.approx(rate)


def test_every_unit_of_time_has_a_length():
    assert all(unit_name("unit", name) == name for name in SECONDS)
