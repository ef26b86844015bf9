import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, simulate
from beforehand.workloads.gradient_samples import gradients

STRUCTURES = ["normal", "layers", "columns", "hot_layer", "hot_row", "one_hot", "sparse", "equal"]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("size", [1, 70, 4096, 5000])
def test_a_trace_has_a_row_for_each_step_and_worker(structure, size):
    trace = gradients(structure, size=size, workers=3, steps=2, seed=1)
    assert trace.kind == "gradients"
    assert trace["gradient"].shape == (6, size)
    assert trace["gradient"].dtype == np.float32
    assert trace["step"].tolist() == [0, 0, 0, 1, 1, 1]
    assert trace["worker"].tolist() == [0, 1, 2, 0, 1, 2]
    assert sum(math.prod(shape) for shape in trace.meta["shapes"]) == size
    assert len(set(trace.meta["names"])) == len(trace.meta["shapes"])
    assert gradients(structure, size=size, workers=3, steps=2, seed=1).fingerprint == trace.fingerprint
    other = gradients(structure, size=size, workers=3, steps=2, seed=2)
    assert not np.array_equal(other["gradient"], trace["gradient"])


def test_workers_correlate_and_spread_as_asked():
    rows = gradients("normal", size=2**16, correlation=0.7, spread=8.0, seed=0)["gradient"]
    assert np.corrcoef(rows[0], rows[3])[0, 1] == pytest.approx(0.7, abs=0.01)
    lengths = np.linalg.norm(rows, axis=1)
    assert lengths / lengths[0] == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8], rel=0.02)


def energies(structure, **options):
    return (gradients(structure, size=2**16, seed=0, **options)["gradient"].astype(float) ** 2).mean(axis=0)


def test_each_structure_is_where_it_says():
    layers = energies("layers").reshape(16, -1).mean(axis=1)
    assert np.sort(layers)[[0, -1]] == pytest.approx([1e-4, 1], rel=0.1)
    columns = energies("columns", row=256).reshape(-1, 256)
    assert np.log(columns.mean(axis=0)).std() == pytest.approx(3, rel=0.2)
    assert np.log(columns.mean(axis=1)).std() < 1
    hot = energies("hot_layer")
    assert hot[:1024].mean() == pytest.approx(900 * hot[1024:].mean(), rel=0.1)
    rows = energies("hot_row").reshape(-1, 1024).mean(axis=1)
    assert np.sort(rows)[-2:] == pytest.approx([1, 900], rel=0.1)
    assert np.count_nonzero(energies("one_hot")) == 1
    assert np.count_nonzero(energies("sparse")) == 656
    assert len(set(gradients("equal", size=500, workers=1, seed=0)["gradient"][0].tolist())) == 1


@pytest.mark.parametrize("structure", [each for each in STRUCTURES if each != "equal"])
def test_the_rotation_of_thc_hides_every_structure(structure):
    rows = gradients(structure, size=2**15, correlation=1.0, seed=3)["gradient"]
    codec = THC(truncation=1 / 32, granularity=30)
    found = simulate(codec, rows, rounds=5).vnmse
    if structure == "one_hot":  # rotated, all coordinates are as large as each other: less is cut off
        assert found < codec.expected_vnmse(4, correlation=1.0)
    else:
        assert found == pytest.approx(codec.expected_vnmse(4, correlation=1.0), rel=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"structure": "rows"}, "structure is 'rows'"),
        ({"size": 0}, "size is 0"),
        ({"workers": 0}, "workers 0"),
        ({"correlation": 1.5}, "correlation is 1.5"),
        ({"spread": 0.5}, "spread 0.5"),
        ({"spread": math.inf}, "spread inf"),
    ],
)
def test_an_argument_out_of_range_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        gradients(**{"structure": "normal", "seed": 0} | options)
