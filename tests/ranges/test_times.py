from fractions import Fraction

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.ranges.times import UNITS, in_unit, ticks_of

SECONDS = dict(
    zip(
        UNITS[2:],
        [604800, 86400, 3600, 60, 1, *(Fraction(1, 1000**k) for k in range(1, 7))],
        strict=True,
    )
)
EDGES = [0, 1, -1, 59, 60, 61, -60, -61, 999, 1000, 1001, -1000, 2**62, -(2**62), 2**63 - 1, -(2**63) + 1]


@pytest.mark.parametrize("unit", SECONDS)
@pytest.mark.parametrize("wanted", SECONDS)
def test_ticks_in_another_unit_are_exact_floors(unit, wanted):
    floors, exact, side = in_unit(np.array(EDGES), unit, wanted, "datetime64", "x")
    for tick, floor, whole, beyond in zip(EDGES, floors.tolist(), exact, side, strict=True):
        true = tick * Fraction(SECONDS[unit]) / Fraction(SECONDS[wanted])
        if beyond:
            assert (
                (true > 2**63 - 1 and floor == 2**63 - 1) if beyond > 0 else (true < -(2**63) + 1 and floor == -(2**63))
            )
        else:
            assert floor == true.__floor__()
            assert whole == (true.denominator == 1)


@pytest.mark.parametrize("date", ["1969-12-31", "1970-01-01", "2000-02-29", "1600-03-01", "-0044-03-15", "9999-12-31"])
@pytest.mark.parametrize("unit", ["D", "h", "s", "ms"])
@pytest.mark.parametrize("wanted", ["Y", "M"])
def test_months_and_years_begin_where_the_calendar_says(date, unit, wanted):
    point = np.datetime64(date, unit)
    floors, exact, side = in_unit(np.array([point.view(np.int64)]), unit, wanted, "datetime64", "x")
    start, after = (np.datetime64(int(floors[0]) + more, wanted).astype(f"M8[{unit}]") for more in (0, 1))
    assert start <= point < after
    assert bool(exact[0]) == (start == point)
    back, all_exact, _ = in_unit(floors, wanted, unit, "datetime64", "x")
    assert back[0] == start.view(np.int64)
    assert all_exact.all()
    assert not side.any()


@pytest.mark.parametrize("wanted", UNITS[2:])
def test_years_beyond_what_64_bits_hold_are_outside(wanted):
    _, _, side = in_unit(np.array([2**62, -(2**62)]), "Y", wanted, "datetime64", "x")
    assert side.tolist() == [1, -1]


def test_durations_in_months_have_no_length_in_days():
    with pytest.raises(InvalidInput, match="months differ in length"):
        in_unit(np.array([1]), "M", "D", "timedelta64", "x")
    assert in_unit(np.array([2]), "Y", "M", "timedelta64", "x")[0].tolist() == [24]


def test_multiples_of_a_unit_are_counted_in_the_unit():
    ticks, unit = ticks_of(np.array([3, -4], "m8[10s]"), "x")
    assert (ticks.tolist(), unit) == ([30, -40], "s")
    with pytest.raises(CapacityExceeded):
        ticks_of(np.array([2**62], "M8[10s]"), "x")


def test_no_time_and_no_unit_are_refused():
    with pytest.raises(InvalidInput, match=r"x\[1\] is NaT"):
        ticks_of(np.array([0, "NaT"], "M8[s]"), "x")
    with pytest.raises(InvalidInput, match="without a unit"):
        ticks_of(np.array([5], "m8"), "x")
