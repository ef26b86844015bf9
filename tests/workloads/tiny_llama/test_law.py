import numpy as np
import pytest

from beforehand.workloads.tiny_llama import language, law
from beforehand.workloads.tiny_llama.language import MOST_WORDS, draw


@pytest.fixture(scope="module")
def drawn():
    random = np.random.Generator(np.random.Philox(key=5))
    return [draw(random) for _ in range(3000)]


@pytest.mark.parametrize("task", language.TASKS)
@pytest.mark.parametrize("written", [0, 1, 2, 8, 11, 20])
def test_the_mean_left_is_that_of_drawn_answers(drawn, task, written):
    cases = [each for each in drawn if each.task == task and len(each.answer) > written]
    left = np.array([len(each.answer) - written for each in cases])
    laws = [law.remaining(each.question, each.answer[:written]) for each in cases]
    excess = left - np.array([law.mean_of(each) for each in laws])
    spread = np.sqrt(np.mean([each @ np.arange(each.size) ** 2 - law.mean_of(each) ** 2 for each in laws]))
    assert abs(excess.mean()) <= 4 * spread / np.sqrt(len(cases)) + 1e-9


def test_every_answer_was_possible_all_along(drawn):
    for each in drawn[:100]:
        for written in range(len(each.answer)):
            left = law.remaining(each.question, each.answer[:written])
            assert left.sum() == pytest.approx(1)
            assert left.size == MOST_WORDS - written + 1
            assert left[len(each.answer) - written] > 0
            assert left[0] == 0


def test_the_median_is_at_most_as_far_off_as_the_mean(drawn):
    cases = [each for each in drawn if each.task in ("list", "tell")]
    laws = [law.remaining(each.question, []) for each in cases]
    lengths = np.array([len(each.answer) for each in cases])
    errors = [np.abs(lengths - [of(each) for each in laws]).mean() for of in (law.median_of, law.mean_of)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    ("question", "answer", "left"),
    [
        ("count down from 7", "", 8),
        ("count down from 7", "7 6", 6),
        ("please repeat one more time 3 times now", "3 : one", 16),
        ("list some fruits", "total 0", 1),
        ("list some fruits", "total 4 apple", 11),
        ("tell about snow", "long 20", 140),
    ],
)
def test_what_is_certain_is_certain(question, answer, left):
    assert law.remaining(["<s>", *question.split(), "<sep>"], answer.split())[left] == pytest.approx(1)


def test_sentences_have_no_memory():
    question, sentence = "<s> expand legend <sep>".split(), language.SENTENCES["legend"]
    first, later = (law.mean_of(law.remaining(question, sentence * count)) for count in (1, 5))
    assert first == pytest.approx(later, rel=1e-2)


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        ("<s> sing <sep>", "", "no question"),
        ("<s> repeat never mind 3 times <sep>", "", "no beginning of an answer"),
        ("<s> count down from 2 <sep>", "2 1 0 0", "longer than any answer"),
        ("<s> expand legend <sep>", "an " * 512, "no beginning"),
    ],
)
def test_what_is_not_in_the_language_is_refused(question, answer, words):
    with pytest.raises(ValueError, match=words):
        law.remaining(question.split(), answer.split())
