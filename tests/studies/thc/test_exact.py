import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients import THC, Layout
from beforehand.studies.thc import exact
from beforehand.workloads.gradient_samples import gradients

ROWS = gradients("layers", size=2000, workers=3, seed=1)["gradient"]


def test_all_orders_give_the_same_sums():
    found = exact.every_order(ROWS)
    assert len(found) == len(exact.HOMOMORPHIC) == 12
    judged = exact.is_exact(found, {"a server": True}, 3)
    assert judged.holds
    assert "for 12 of 12 the sums of all 6 orders" in judged.figure
    assert judged.figure.endswith("so do the means through a server")


def test_one_that_differs_is_counted():
    found = exact.every_order(ROWS)[:2]
    judged = exact.is_exact([found[0], found[1]._replace(equal=False)], {}, 3)
    assert not judged.holds
    assert judged.figure.startswith("for 1 of 2")
    spoiled = exact.is_exact(found, {"a server": False}, 3)
    assert not spoiled.holds
    assert spoiled.figure.endswith("not through a server")


def test_a_switch_and_a_server_give_the_bits_of_one_process():
    assert list(exact.carried(ROWS).values()) == [True, True]


def test_the_order_matters_to_a_sum_of_floats():
    codec, layout = THC(bits=4), Layout([("weight", (2000,))])
    encoders = exact._opened(codec, "combine", layout, 3)
    messages = exact._last(encoders, ROWS)
    assert exact._added(messages, (0, 1, 2)) == exact._added(messages, (2, 0, 1)) == exact._in_wide_integers(messages)
    floats = ROWS * np.float32(1.1)
    assert not np.array_equal(floats[0] + floats[1] + floats[2], floats[2] + floats[0] + floats[1])


def test_what_does_not_fit_is_refused_and_what_fits_errs_as_foretold():
    found = exact.lanes()
    refused = {(each.workers, each.granularity) for each in found if each.refused}
    assert refused == {(9, 30), (18, 15)}
    with pytest.raises(CapacityExceeded) as raised:
        THC(granularity=30).tables(9)
    assert str(raised.value) in [each.refused for each in found]
    assert exact.lanes_fit(found, 0.5).holds


def test_a_lane_that_nobody_checks_spoils_its_neighbor_from_the_ninth_worker_on():
    assert exact.wrapped(8) == 0
    assert exact.wrapped(9) > 0.1
