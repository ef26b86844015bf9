import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.gateway.engines import PREFIXES, SentPrefixes, choose, engines_at


def two():
    return engines_at(["http://a:1", "http://b:1/"], None)


def pick(engines, marks=(b"m",), prompt=1000, output=100, **options):
    return engines.index(choose(engines, marks, prompt, output, **{"now": 0.0, "route": "work"} | options))


def test_a_request_goes_where_there_is_less_work():
    engines = two()
    engines[0].work = 0.5
    assert pick(engines) == 1
    engines[1].work = 0.6
    assert pick(engines) == 0


def test_what_is_cached_counts_as_work_that_is_done_until_the_queue_is_longer():
    engines = two()
    engines[0].prefixes.sent(b"m", 990.0)
    saved = engines[1].work_of(1000, 100, 0) - engines[0].work_of(1000, 100, 990)
    engines[0].work = 0.9 * saved
    assert pick(engines) == 0
    engines[0].work = 1.1 * saved
    assert pick(engines) == 1


def test_a_conversation_stays_with_its_engine_however_much_that_has():
    engines = two()
    engines[1].work = 100.0
    assert pick(engines, route="conversation", last=engines[1]) == 1
    engines[1].prefixes.sent(b"n", 50.0)
    assert pick(engines, marks=(b"n", b"m"), route="conversation") == 1
    assert pick(engines, marks=(b"x", b"y"), route="conversation") == 0


def test_an_engine_that_is_down_is_asked_only_if_all_are():
    engines = two()
    engines[0].down_until = 5.0
    assert pick(engines) == 1
    assert pick(engines, now=6.0) == 0
    assert pick(engines, route="conversation", last=engines[0]) == 1
    engines[1].down_until = 5.0
    assert pick(engines) == 0


def test_the_longest_beginning_counts_and_old_ones_are_forgotten():
    prefixes = SentPrefixes()
    prefixes.sent(b"a", 10.0)
    prefixes.sent(b"ab", 20.0)
    assert (prefixes.longest((b"a", b"ab", b"abc")), prefixes.longest((b"a", b"x")), prefixes.longest((b"y",))) == (
        20,
        10,
        0,
    )
    for number in range(PREFIXES - 1):
        prefixes.sent(str(number).encode(), 1.0)
    assert prefixes.longest((b"ab",)) == 0
    assert prefixes.longest((b"a",)) == 10


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ([], "upstream is empty"),
        (["localhost:8000"], "must begin with http"),
        ([3], "must begin with http"),
        (["http://a", "http://a"], "twice"),
    ],
)
def test_addresses_that_are_none_are_refused(urls, message):
    with pytest.raises(InvalidInput, match=message):
        engines_at(urls, None)
