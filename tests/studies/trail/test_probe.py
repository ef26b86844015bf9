import numpy as np
import pytest

from beforehand.studies.trail import probe
from beforehand.studies.trail.probe import Errors, Live, Measured


def test_between_two_readings_the_last_one_is_counted_down():
    assert probe._counted_down({0: 5.0, 4: 1.5}, 6).tolist() == [5, 4, 3, 2, 1.5, 1]
    assert probe._counted_down({2: 9.0}, 4).tolist() == [1, 1, 9, 8]


def test_who_knows_everything_errs_by_nothing():
    answers = [[7] * 5, [7] * 20, [7] * 512]
    said = [{at: float(len(answer) - at) for at in range(0, len(answer), 8)} for answer in answers]
    assert probe.errors(Live(said, answers)) == (0, 0)


def test_errors_are_over_tokens_and_over_requests():
    found = probe.errors(Live([{0: 3.0}, {0: 10.0}], [[7] * 2, [7] * 10]))
    assert found == (pytest.approx(2 / 12), pytest.approx(0.5))


def test_the_verdict_rests_on_both_errors_read_at_every_token():
    def measured(by_token, by_request):
        each = {
            probe.PROBE: Errors(10.0, 10.0),
            probe.RAW: Errors(12.0, 12.0),
            probe.PROMPT: Errors(10.0 * by_token, 10.0 * by_request),
            probe.LAW: Errors(5.0, 5.0),
        }
        return Measured({"0": 9.0, "1": 8.0}, {1: each, 8: each})

    assert probe.better(measured(1.7, 1.9)).holds
    assert not probe.better(measured(1.9, 1.6)).holds
    assert probe.better(measured(1.9, 1.6)).direction
    assert not probe.better(measured(0.9, 1.9)).direction
    found = measured(1.75, 1.9)
    assert "1.75 times by token and 1.90 by request" in probe.better(found).figure
    assert "0: 9.0, 1: 8.0" in probe.better(found).figure
    assert probe.sheet(found).rows[4] == ["1", "PromptLength, counted down / probe, smoothed", "1.75", "1.90"]


def test_cut_answers_count_in_nothing():
    found = probe.errors(Live([{0: 3.0}, {0: 3.0}], [[7] * 2, [7] * 512]))
    assert found.by_request == 1


def test_the_law_errs_least_on_lawful_answers():
    exchanges = probe.exchanges(40, seed=probe.HELD_OUT_SEED)
    words = list({word: None for each in exchanges for word in each.answer})
    answers = [[words.index(word) for word in each.answer] for each in exchanges]
    said = [{0: float(np.mean([len(each) for each in answers]))} for _ in answers]
    found = Live(said, answers)
    assert probe.bound(found, words).by_request < 0.6 * probe.errors(found).by_request


def test_a_predictor_of_prompts_is_fitted_to_other_requests():
    pairs = [([3 + n % 5], [7] * (4 * (n % 5) + 2)) for n in range(100)]
    prompts = [[3 + n % 5] for n in range(10)]
    found = Live([{} for _ in prompts], [[7] * (4 * (n % 5) + 2) for n in range(10)])
    assert probe.prompt_only(pairs, prompts, found).by_token < probe.errors(found).by_token
