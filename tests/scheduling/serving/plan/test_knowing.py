import numpy as np
import pytest

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.plan.knowing import know
from beforehand.scheduling.serving.plan.known import Known
from beforehand.scheduling.serving.predictors.probe_report import LayerErrors, ProbeReport
from beforehand.scheduling.serving.predictors.prompt_length import PromptLength
from beforehand.scheduling.serving.predictors.tool_calls import ToolCalls
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.prompts import Recorded, segment_features
from tests.scheduling.serving.plan.small import traffic

TRACE = traffic()
TRUE = TRACE["output_tokens"].astype(float)
NOTHING = {"lengths": None, "expensive": None, "refine": None, "durations": None, "tools": "exact"}


def known(trace=TRACE, **options):
    return know(trace, **NOTHING | options)


def test_a_column_of_predictions_is_used_and_found_again_in_any_trace():
    predicted, found, fitted = known(traffic(predicted_tokens=TRUE + 3))
    assert predicted.predicted.tolist() == (TRUE + 3).tolist()
    assert (found.lengths, found.accuracy.error, fitted) == ("column", 3.0, {})
    assert "lengths" not in found.opened(".", {})


def test_without_any_each_prompt_is_predicted_by_others():
    predicted, found, fitted = known()
    assert found.lengths == "prompt"
    assert len(np.unique(predicted.predicted.round(6))) > 5
    assert list(fitted) == [found.files["lengths"].name]
    assert isinstance(found.opened(".", fitted)["lengths"], PromptLength)
    assert known(traffic(calls=1, rows=40))[0].predicted.shape == (80,)


def test_a_fitted_predictor_of_the_callers_goes_into_a_file():
    model = PromptLength().fit(segment_features(TRACE), TRUE)
    predicted, found, fitted = known(lengths=model)
    assert predicted.predicted.tolist() == model.predict(segment_features(TRACE)).tolist()
    assert len(fitted) == 1
    assert found.price == model.price


def test_two_predictors_come_back_in_their_places():
    traffic_, found, fitted = known(expensive="exact")
    assert traffic_.predicted.tolist() == TRUE.tolist()
    opened = found.opened(".", fitted)
    assert isinstance(opened["lengths"], PromptLength)
    assert opened["expensive"] == "exact"
    assert (found.cheap_lengths, found.lengths) == ("prompt", "exact")


def test_a_report_of_a_probe_errs_as_the_probe_did():
    report = ProbeReport(
        model="tiny",
        layer=1,
        layers=(LayerErrors(1, 14.2, 10.8, 0.52, 1.1),),
        requests=(80, 10, 10),
        cut=0.0,
        errors={"raw": (29.0, 14.2)},
        truth=(5.0, 50.0),
        progress=(0.0, 0.0),
        predicted=(7.0, 52.0),
    )
    predicted, found, _ = known(lengths=report, refine=report)
    assert predicted.predicted.tolist() == (TRUE + 2).tolist()
    assert (found.lengths, found.refined) == ("given", "report")


def test_the_price_of_predictions_is_kept():
    paid = Recorded(TRUE, Price(seconds=0.25, per="call"))
    assert known(lengths=paid)[1].price == Price(seconds=0.25, per="request")


@pytest.mark.parametrize(
    ("options", "field", "word", "argument"),
    [
        ({"tools": "none"}, "calls", "none", "none"),
        ({"tools": ToolCalls()}, "calls", "learned", ToolCalls),
        ({"durations": "mean"}, "durations", "mean", "mean"),
        ({"durations": None}, "durations", "learned", ToolDurations),
        ({"refine": "exact"}, "refined", "exact", "exact"),
    ],
)
def test_how_calls_and_durations_are_known_is_found_again(options, field, word, argument):
    _, found, fitted = known(**options)
    assert getattr(found, field) == word
    opened = found.opened(".", fitted)[next(iter(options))]
    assert opened == argument if isinstance(argument, str) else isinstance(opened, argument)


def test_a_predictor_that_fails_on_the_sample_is_named():
    class Failing:
        price = Price(per="request")

        def predict(self, features):
            raise RuntimeError("no model")

    for given, words in (
        (Failing(), r"lengths failed on the sample \(RuntimeError"),
        (["a"], "an array of numbers or"),
    ):
        with pytest.raises(InvalidInput, match=words):
            know(traffic(20), lengths=given, expensive=None, refine=None, durations=None, tools="exact")


def test_other_words_are_refused():
    with pytest.raises(InvalidInput, match="lengths is 'guessed', but must be one of"):
        Known(lengths="guessed")
