"""Plans as JSON."""

import json

import numpy as np
import pytest

from beforehand.core.errors import CorruptData
from beforehand.core.plan import load_plan
from beforehand.quantization import decode
from beforehand.quantization.plan import plan
from beforehand.quantization.quantization_plan import QuantizationPlan

RANDOM = np.random.default_rng(0)
LOGNORMAL = np.exp(RANDOM.standard_normal((24, 512))).astype(np.float32)
FLAT = RANDOM.uniform(-1, 1, (2, 512)).astype(np.float32)


def error(x, decoded):
    return np.sum((decoded.astype(np.float64) - x) ** 2) / np.sum(x.astype(np.float64) ** 2)


@pytest.mark.parametrize(
    "options",
    [{"bits": 3}, {"bits": 4, "objective": "unbiased", "block": 64, "bytes_per_second": 1e6}, {"max_vnmse": 0.01}],
    ids=str,
)
def test_a_plan_survives_json_and_builds_the_same_codec(options, tmp_path):
    made = plan(LOGNORMAL[:10], **options)
    again = QuantizationPlan.from_json(made.to_json())
    assert again == made
    assert again.explain() == made.explain()
    x = LOGNORMAL[15:]
    assert again.build().encode(x, seed=1).to_bytes() == made.build().encode(x, seed=1).to_bytes()
    (tmp_path / "plan.json").write_text(made.to_json(), encoding="utf-8")
    assert load_plan(tmp_path / "plan.json") == made


def test_a_plan_says_what_made_it():
    made = plan(FLAT[:2], bits=3, seed=11)
    fields = json.loads(made.to_json())
    assert fields["seed"] == 11
    assert fields["versions"].keys() == {"beforehand", "numpy", "python"}
    assert fields["machine"]


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields | {"area": "streams"},
        lambda fields: fields | {"design": "magic"},
        lambda fields: fields | {"verdict": "maybe"},
        lambda fields: fields | {"kept": "somewhere"},
        lambda fields: fields | {"candidates": []},
        lambda fields: fields | {"extra": 1},
        lambda fields: {key: value for key, value in fields.items() if key != "seed"},
        lambda fields: fields | {"candidates": [fields["candidates"][0] | {"price": {"seconds": -1}}]},
        lambda fields: [],
    ],
    ids=["area", "design", "verdict", "kept", "empty", "unknown", "missing", "price", "list"],
)
def test_json_that_is_no_plan_is_corrupt(change):
    fields = json.loads(plan(LOGNORMAL[:4], bits=4).to_json())
    with pytest.raises(CorruptData, match="not a valid QuantizationPlan"):
        QuantizationPlan.from_json(json.dumps(change(fields)))
    with pytest.raises(CorruptData, match="not a valid QuantizationPlan"):
        QuantizationPlan.from_json("{")


def test_a_plan_of_an_older_version_is_read_and_audited_as_it_was_meant():
    def entry(method):
        codec = {"method": method, "n_levels": 16, "objective": "unbiased", "axis": None, "block": None, "levels": None}
        known = {"design": method, "value": 0.02, "low": 0.01, "high": 0.03}
        none = {"design": method, "value": 0.0, "low": 0.0, "high": 0.0}
        price = {"seconds": 1e-8, "bytes": 0.51, "per": "value"}
        return {"codec": codec, "bits": 4, "vnmse": known, "price": price, "gain_bits": none, "net_bits": none}

    old = {
        "area": "quantization", "design": "exact", "candidates": [entry("uniform"), entry("exact")],
        "verdict": "worth it", "bytes_per_second": None, "vectors": 8, "values": 4096, "seed": 0, "machine": "any",
        "versions": {"beforehand": "0.1.0", "numpy": "2.0", "python": "3.11"},
    }  # fmt: skip
    again = QuantizationPlan.from_json(json.dumps(old))
    assert again.kept == "alone"
    report = again.audit(LOGNORMAL[:8])
    alone = [decode(again.build().encode(x, seed=0, stream=i)) for i, x in enumerate(LOGNORMAL[:8])]
    assert report.measured.value == pytest.approx(error(LOGNORMAL[:8], np.stack(alone)))
    assert "uniform" in again.explain()
