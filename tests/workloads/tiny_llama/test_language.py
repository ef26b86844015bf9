import itertools

import numpy as np
import pytest

from beforehand.workloads.tiny_llama import language
from beforehand.workloads.tiny_llama.language import END, FILLERS, MOST_WORDS, SEPARATOR, START, command_of, draw


def drawn(count, seed=0):
    random = np.random.Generator(np.random.Philox(key=seed))
    return [draw(random) for _ in range(count)]


@pytest.fixture(scope="module")
def many():
    return drawn(4000)


def test_every_word_is_in_the_vocabulary_once(many):
    words = language.vocabulary()
    known = set(words)
    assert len(words) == len(known) <= 384
    assert all(word in known for each in many for word in (*each.question, *each.answer))
    assert not any(" " in word for word in words)


def test_fillers_are_words_of_no_command():
    sayings = [*language.PHRASES, *language.SENTENCES.values(), language.CATEGORIES, language.TOPICS]
    others = {word for saying in [*sayings, language.COMMANDS, language.SENTENCES] for word in saying}
    assert not set(FILLERS) & others


def test_questions_are_marked_and_their_command_is_found(many):
    for each in many:
        assert (each.question[0], each.question[-1]) == (START, SEPARATOR)
        task, command = command_of(each.question)
        assert task == each.task == command[0]
        assert not set(command) & set(FILLERS)


def test_answers_end_unless_they_are_cut(many):
    for each in many:
        assert END not in each.answer[:-1]
        assert each.answer[-1] == END or len(each.answer) == MOST_WORDS


def test_tasks_are_equally_likely(many):
    counts = [sum(each.task == task for each in many) for task in language.TASKS]
    assert sum(counts) == len(many)
    assert max(abs(count - len(many) / 5) for count in counts) < 5 * np.sqrt(len(many) * 0.16)


def test_counting_answers_count_down(many):
    for each in many:
        if each.task in ("count", "repeat"):
            numbers = [int(word) for word in each.answer if word.isdigit()]
            assert numbers == list(range(numbers[0], 0, -1))
        if each.task == "list":
            numbers = [int(word) for word in each.answer if word.isdigit()]
            assert numbers == [*range(numbers[0], 0, -1)] or numbers == [0]


def test_sentences_have_eight_words():
    assert {len(words) for words in language.SENTENCES.values()} == {8}


def test_the_same_seed_draws_the_same():
    assert drawn(20) == drawn(20)
    assert drawn(20) != drawn(20, seed=1)
    assert len({" ".join(each.question) for each in drawn(200)}) > 190


def test_what_is_no_question_is_refused():
    for words in (["<s>", "<sep>"], ["<s>", "sing", "<sep>"], []):
        with pytest.raises(ValueError, match="is no question of this language"):
            command_of(words)


def test_the_vocabulary_names_markers_first():
    assert list(itertools.islice(language.vocabulary(), 4)) == ["<pad>", START, SEPARATOR, END]
