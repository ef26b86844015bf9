import sys

import numpy as np
import pytest

from beforehand.gradients import Layout, TopK
from beforehand.studies.utility import selection
from beforehand.studies.utility.selection import Errors


def test_values_with_places_grow_with_workers_and_chunks_do_not():
    found = selection.sent(2**15)
    judged = selection.collective(found)
    assert judged.holds
    assert "TopK sends 15.0 times as much, chunks 1.88 times" in judged.figure
    for each in found:
        bits = float(each.codec.split(", ")[1].split()[0])
        assert each.by_workers[2] == pytest.approx(bits / 8, rel=0.1)
    assert {len(row) for row in selection.sent_sheet(found).rows} == {1 + len(selection.WORKERS)}


def test_chunks_send_less_from_the_crossing_on():
    layout, rival, chunks = Layout([("gradient", (2**20,))]), TopK(density=0.01), selection.chunked(2.0)
    n = selection._crossing(2.0, rival)
    less = [chunks.wire_bytes(layout, workers=k).total < rival.wire_bytes(layout, workers=k).total for k in (n - 1, n)]
    assert less == [False, True]


def test_a_random_order_costs_chunks_their_locality_and_nothing_on_noise():
    random = np.random.default_rng(0)
    noise = random.standard_normal((4, 2**14)).astype(np.float32)
    local = noise * np.repeat(random.lognormal(sigma=1.5, size=2**8), 64).astype(np.float32)
    found = selection.errors({"noise, step 0": noise, "local, step 0": local})
    ratios = {(each.data, each.bits): each.permuted / each.chunks for each in found}
    assert ratios["noise, step 0", 2.0] == pytest.approx(1, abs=0.05)
    assert ratios["local, step 0", 2.0] > 1.5
    assert {len(row) for row in selection.errors_sheet(found).rows} == {5}


def errors(few=1.1, many=0.8, permuted=2.6):
    return [Errors("characters, step 200", bits, 0.1, 0.1 * (few if bits <= 2 else many), 0.3 * permuted / 2.6)
            for bits in selection.BUDGETS]  # fmt: skip


def test_the_verdict_on_locality_wants_errors_order_and_time():
    assert selection.locality(errors(), (40.0, "torch.topk")).holds
    for spoiled in (errors(few=1.3), errors(many=1.05), errors(permuted=2.2)):
        found = selection.locality(spoiled, (40.0, "torch.topk"))
        assert (found.holds, found.direction) == (False, True)
    slow = selection.locality(errors(), (0.9, "torch.topk"))
    assert not slow.direction


def test_gradients_of_the_language_model_decide_where_they_are_at_hand():
    others = [each._replace(data="digits, step 0") for each in errors(few=1.4)]
    assert selection.locality([*errors(), *others], (40.0, "torch.topk")).holds
    assert not selection.locality(others, (40.0, "torch.topk")).holds


def test_selecting_is_measured_beside_numpy_where_torch_is_missing(monkeypatch):
    monkeypatch.setattr(selection.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "torch", None)
    faster, rival = selection.selecting(quick=True)
    assert rival == "numpy's argpartition"
    assert faster > 2
