import json
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core import load_plan
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.policies.classic import SPJF
from beforehand.scheduling.serving.plan import ServingPlan, plan_serving
from beforehand.scheduling.serving.plan.known import PredictorFile
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.simulator.simulate import simulate
from tests.scheduling.serving.plan.small import ENGINE, PROFILE, traffic

TENANTS = np.where(np.random.default_rng(3).random(260) < 0.3, "writers", "readers")
TOLD = traffic(tenant=TENANTS, output_tokens=np.where(TENANTS == "writers", 60, 4))
OPTIONS = {"profile": PROFILE, "candidates": [SPJF()], "seeds": 1, **ENGINE}


@pytest.fixture(scope="module")
def fitted():
    """A plan whose predictor was fitted on the tenants of the sample."""
    return plan_serving(TOLD, **OPTIONS)


def test_without_predictions_one_is_fitted_on_what_the_trace_knows_of_prompts(fitted):
    assert fitted.known.lengths == "prompt"
    assert fitted.known.accuracy.kendall_tau > 0.9
    assert fitted.verdict == "worth it"
    assert fitted.chosen.reads
    assert fitted.price.seconds == pytest.approx(fitted.known.price.seconds)
    assert isinstance(fitted.build()["lengths"], PromptLength)


def test_a_saved_plan_finds_its_predictor_beside_it_and_runs_alike(fitted, tmp_path):
    fitted.save(tmp_path / "plan.json")
    again = load_plan(tmp_path / "plan.json")
    assert again == fitted
    runs = [simulate(TOLD, **each).summary() for each in (fitted.build(), again.build(tmp_path))]
    assert runs[0] == runs[1]
    assert again.audit(TOLD, folder=tmp_path).measured.value == pytest.approx(runs[0]["mean_net_latency"])


def test_another_predictor_or_none_in_its_place_is_named(fitted, tmp_path):
    fitted.save(tmp_path / "plan.json")
    again = load_plan(tmp_path / "plan.json")
    file = tmp_path / fitted.known.files["lengths"].name
    damaged = file.read_bytes()[:-1] + b"!"
    file.write_bytes(damaged)
    with pytest.raises(CorruptData, match="is not the file that the plan was made with"):
        again.build(tmp_path)
    file.unlink()
    with pytest.raises(InvalidInput, match=r"cannot be read: No such file or directory; keep it beside the plan"):
        again.build(tmp_path)


@pytest.mark.parametrize("name", ["../lengths.npz", "/etc/passwd", "", ".", "..", "a/b", 3])
def test_a_predictors_file_lies_in_the_plans_own_folder(name):
    with pytest.raises(InvalidInput, match="name is"):
        PredictorFile(name, "0" * 64)


def test_a_plan_that_names_no_file_of_its_predictor_is_one_clear_error(fitted, tmp_path):
    fitted.save(tmp_path / "plan.json")
    fields = json.loads((tmp_path / "plan.json").read_text())
    fields["known"]["files"] = {}
    (tmp_path / "plan.json").write_text(json.dumps(fields))
    with pytest.raises(CorruptData, match="names no file for its lengths"):
        load_plan(tmp_path / "plan.json").build(tmp_path)


def test_arguments_can_replace_those_of_the_plan(fitted):
    assert fitted.build(lengths="exact")["lengths"] == "exact"
    assert fitted.build(max_num_seqs=7)["max_num_seqs"] == 7


def test_a_plan_of_another_format_is_one_clear_error(fitted):
    fields = json.loads(fitted.to_json()) | {"format": 2}
    with pytest.raises(CorruptData, match="it is of format 2, but this version reads format 1"):
        ServingPlan.from_json(json.dumps(fields))


def test_the_file_holds_policy_bound_and_price_for_other_readers(fitted):
    fields = json.loads(fitted.to_json())
    assert fields["policy"]["policy"] == "boosted"
    assert fields["price"]["seconds"] == fitted.price.seconds
    assert fields["bound"] == ("inf" if fitted.bound == float("inf") else fitted.bound)


def test_a_policy_changed_by_hand_is_not_passed_over(fitted):
    fields = json.loads(fitted.to_json())
    fields["policy"]["boost"] = 3.0
    with pytest.raises(CorruptData, match=r"its policy is Boosted.*first candidate, which runs, is .*; change both"):
        ServingPlan.from_json(json.dumps(fields))
    fields["candidates"][0]["policy"]["boost"] = 3.0
    for outcome in (fields["gain"], fields["p99_ratio"], fields["expected"]):
        outcome["design"] = "mine"
    assert ServingPlan.from_json(json.dumps(fields)).policy.boost == 3.0


def test_an_audit_sets_the_plan_beside_first_come_first_served_and_the_clairvoyant(fitted):
    report = fitted.audit(TOLD)
    assert report.clairvoyant.value <= report.measured.value < report.baseline.value
    assert report.verdict == "worth it"
    assert "of its p99" in report.why


def test_what_is_left_out_for_its_p99_is_said(fitted):
    assert fitted.excluded == ""
    cheap = replace(fitted.candidates[-1], cost=0.5 * fitted.best.cost, p99_most=2.5)
    told = replace(fitted, candidates=(*fitted.candidates[:-1], cheap))
    assert f"{cheap.design} would reach" in told.explain()
    assert "may rise to 2.50 times" in told.excluded


def test_a_recorded_trace_is_compared_with_the_simulation(fitted):
    run = simulate(TOLD, **fitted.build())
    recorded = {"finished": run.finish, "first_token": run.first_token, "predicted_tokens": TOLD["output_tokens"] + 2.0}
    why = fitted.audit(traffic(tenant=TENANTS, output_tokens=TOLD["output_tokens"], **recorded)).why
    assert "recorded mean net latency" in why
    assert "(+0%)" in why
    assert "predictions were 2 tokens off, Kendall tau 1.00" in why


def test_what_was_not_recorded_or_never_fits_is_left_out_of_the_comparison(fitted):
    run = simulate(TOLD, **fitted.build())
    columns = {"tenant": TENANTS, "output_tokens": np.where(np.arange(260) == 7, 30_000, TOLD["output_tokens"])}
    recorded = {
        "finished": run.finish,
        "first_token": run.first_token,
        "predicted_tokens": columns["output_tokens"] + 2.0,
    }
    for name, row in (("finished", 3), ("first_token", 4), ("predicted_tokens", 5)):
        recorded[name] = np.where(np.arange(260) == row, np.nan, recorded[name])
    why = fitted.audit(traffic(**columns, **recorded), reject_oversized=True).why
    assert "recorded mean net latency" in why
    assert "nan" not in why
    assert "predictions were 2 tokens off" in why
    nothing = fitted.audit(traffic(**columns, finished=np.full(260, np.nan)), reject_oversized=True).why
    assert "recorded" not in nothing
    with pytest.raises(InvalidInput, match="finished has dtype <U1"):
        fitted.audit(traffic(**columns, finished=["?"] * 260), reject_oversized=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": ()}, "candidates are empty"),
        ({"verdict": "maybe"}, "verdict is 'maybe'"),
        ({"conversations": 0}, "conversations is 0"),
        ({"figures": {}}, "figures has"),
        ({"by_length": ((1.0, 2.0),)}, "rows of three numbers"),
    ],
)
def test_fields_out_of_range_are_named(fitted, changes, words):
    with pytest.raises(InvalidInput, match=words):
        replace(fitted, **changes)
