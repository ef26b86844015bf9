from types import SimpleNamespace

import numpy as np
import pytest

from beforehand.integrations.vllm.refinement import Refinement
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe, edges

pytestmark = pytest.mark.vllm
K = 10


@pytest.fixture
def probe():
    weights = (np.zeros((4, 3)), np.zeros(3), np.zeros((3, K)), np.zeros(K))
    return LengthProbe(layer=0, bins=edges(K, 512), weights=weights)


def tracked(age=0):
    return SimpleNamespace(
        request=SimpleNamespace(num_output_tokens=age), posterior=None, refined=np.nan, refined_age=0.0
    )


def row(place):
    return np.eye(K, dtype="f4")[place] * 0.9 + np.float32(0.01)


def test_what_was_said_before_counts(probe):
    refine, requests = Refinement(probe), {"a": tracked(), "b": tracked(5)}
    refine(requests, {"a": row(5)})
    assert requests["a"].refined == pytest.approx(probe.expected(row(5) / row(5).sum()), rel=1e-5)
    requests["a"].request.num_output_tokens = 8
    refine(requests, {"a": row(4), "b": row(2), "gone": row(1)})
    wanted = probe.smooth(row(5), row(4), 8)
    assert requests["a"].refined == pytest.approx(probe.expected(wanted), rel=1e-5)
    assert (requests["a"].refined_age, requests["b"].refined_age) == (8, 5)
    assert requests["b"].refined == pytest.approx(probe.expected(row(2)), rel=1e-5)


@pytest.mark.parametrize("wrong", [np.full(K, np.nan), -row(1), row(1)[:3], np.zeros(K), 7.0, np.full(K, 1e30)])
def test_what_is_no_probability_is_passed_over(probe, wrong):
    requests = {"a": tracked()}
    Refinement(probe)(requests, {"a": wrong})
    assert requests["a"].posterior is None


def test_without_a_readable_probe_there_is_none(tmp_path, probe):
    (tmp_path / "damaged.npz").write_bytes(b"no probe")
    assert Refinement.of("") is None
    assert Refinement.of(str(tmp_path / "damaged.npz")) is None
    assert Refinement.of(str(tmp_path / "missing.npz")) is None
    probe.save(tmp_path / "probe.npz")
    assert Refinement.of(str(tmp_path / "probe.npz")) is not None
