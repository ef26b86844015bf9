"""Counting label sets, seen as Prometheus sees it: through a scrape."""

import math
import subprocess
import sys
import urllib.request

import numpy as np
import prometheus_client
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from beforehand.core.errors import InvalidInput
from beforehand.integrations.prometheus import TopLabelSets
from tests.threads import parallelize

STREAM = (np.random.default_rng(4).zipf(1.2, 20_000) % 4_000).tolist()
TRUE = dict(zip(*(column.tolist() for column in np.unique(STREAM, return_counts=True)), strict=True))


def scraped(registry):
    """The samples of a scrape: name and labels to value."""
    text = prometheus_client.generate_latest(registry).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def collector(**options):
    registry = CollectorRegistry()
    return TopLabelSets("hits", "Hits.", ["path", "code"], **{"registry": registry, **options}), registry


@pytest.fixture(scope="module")
def busy():
    made, registry = collector(k=50, memory="8KiB")
    for path in STREAM:
        made.labels(f"/{path}", 200).inc()
    return registry


def test_each_label_set_is_within_its_bounds(busy):
    found = scraped(busy)
    shown = {name[2][1]: value for name, value in found.items() if name[0] == "hits_upper"}
    assert len(shown) == 50
    for path, upper in shown.items():
        labels = (("code", "200"), ("path", path))
        lower, estimate = found["hits_lower_total", *labels], found["hits_estimate", *labels]
        assert lower <= TRUE[int(path[1:])] <= upper
        assert lower <= estimate <= upper
        assert upper - lower <= found["hits_error_bound",]


def test_the_busiest_are_shown_and_the_rest_is_one_series(busy):
    found = scraped(busy)
    estimates = {name[1:]: value for name, value in found.items() if name[0] == "hits_estimate"}
    busiest = sorted(TRUE, key=TRUE.__getitem__, reverse=True)[:10]
    assert {(("code", "200"), ("path", f"/{path}")) for path in busiest} <= estimates.keys()
    assert found["hits_total",] == len(STREAM)
    assert math.isclose(sum(estimates.values()), len(STREAM))
    rest = len(STREAM) - sum(TRUE[int(labels[1][1][1:])] for labels in estimates if labels != (("other", "true"),))
    assert estimates[(("other", "true"),)] == pytest.approx(rest, rel=0.2)


def test_what_gets_hot_late_is_shown():
    made, registry = collector(k=5, memory="4KiB")
    for path in range(3_000):
        made.labels(path, 200).inc()
    made.labels("late", 200).inc(400)
    assert scraped(registry)["hits_lower_total", ("code", "200"), ("path", "late")] == 400


def test_the_lower_bound_only_grows_while_a_label_set_is_busy():
    made, registry = collector(k=5, memory="4KiB")
    random, seen = np.random.default_rng(5), []
    for _ in range(40):
        made.labels("hot", 200).inc(10)
        for path in random.integers(0, 5_000, 100).tolist():
            made.labels(path, 200).inc()
        seen.append(scraped(registry)["hits_lower_total", ("code", "200"), ("path", "hot")])
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] <= 390


def test_values_come_back_as_they_were():
    made, registry = collector()
    odd = ['a"b', "a\\b\n", "", "\N{SNOWMAN}", " ", "a,b=1", "other"]
    for value in odd:
        made.labels(value, value).inc()
    found = scraped(registry)
    assert all(found["hits_lower_total", ("code", value), ("path", value)] == 1 for value in odd)
    assert found["hits_estimate", ("other", "true")] == 0


def test_what_no_page_can_show_is_replaced():
    made, registry = collector()
    made.labels("a\0b", "c").inc()
    made.labels("\udcff", "c").inc()
    found = scraped(registry)
    assert found["hits_lower_total", ("code", "c"), ("path", "a\ufffdb")] == 1
    assert found["hits_lower_total", ("code", "c"), ("path", "?")] == 1


def test_labels_are_given_by_place_or_by_name_as_to_a_counter():
    made, registry = collector()
    counter = prometheus_client.Counter("other_hits", "Hits.", ["path", "code"], registry=registry)
    for value in (1, 1.0, True, "1", None):
        for each in (made, counter):
            each.labels("/", value).inc()
            each.labels(code=value, path="/").inc(2)
    found = scraped(registry)
    theirs = {name[1:]: value for name, value in found.items() if name[0] == "other_hits_total"}
    assert {name[1:]: value for name, value in found.items() if name[0] == "hits_lower_total"} == theirs
    assert len(theirs) == 4


def test_prometheus_reads_it_from_the_clients_own_server():
    made, registry = collector()
    made.labels("/", 200).inc(7)
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1", registry)
    try:
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}", headers={"Accept": accept})
            with urllib.request.urlopen(request, timeout=10) as answer:
                page = answer.read().decode()
            assert 'hits_lower_total{code="200",path="/"} 7.0' in page.replace(
                'path="/",code="200"', 'code="200",path="/"'
            )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_threads_count_while_others_scrape():
    made, registry = collector()

    def run(worker):
        for i in range(2_000):
            made.labels(f"/{i % 7}", 200).inc()
            if i % 500 == worker:
                scraped(registry)

    parallelize(run, 4)
    assert scraped(registry)["hits_total",] == 8_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labelnames": []}, "labelnames is"),
        ({"labelnames": "path"}, "labelnames is 'path'"),
        ({"labelnames": ["path", "other"]}, "none of which is 'other'"),
        ({"labelnames": ["__path"]}, "__path; take another name"),
        ({"name": ""}, "name should not be empty; take another name"),
        ({"k": 0}, "k is 0"),
        ({"memory": 7}, "memory is 7"),
    ],
)
def test_options_that_break_their_rule_are_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        TopLabelSets(**{"name": "hits", "documentation": "", "labelnames": ["path"], "registry": None, **options})


def test_a_name_that_is_taken_is_refused():
    _, registry = collector()
    with pytest.raises(InvalidInput, match=r"hits.*take another name"):
        TopLabelSets("hits_total", "Hits.", ["path"], registry=registry)


def test_labels_that_are_none_of_the_metrics_are_refused():
    made, _ = collector()
    with pytest.raises(InvalidInput, match="there are 1 label values for path, code"):
        made.labels("/")
    with pytest.raises(InvalidInput, match="labels are path, but must be path, code"):
        made.labels(path="/")
    with pytest.raises(InvalidInput, match="must be path, code"):
        made.labels("/", path="/", code=1)


@pytest.mark.parametrize("amount", [0, -1, 0.5, math.nan])
def test_amounts_that_are_no_counts_are_refused(amount):
    made, registry = collector()
    with pytest.raises(InvalidInput, match="weights"):
        made.labels("/", 200).inc(amount)
    assert scraped(registry)["hits_total",] == 0


def test_without_prometheus_client_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['prometheus_client'] = None; import beforehand.integrations.prometheus"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("TopLabelSets needs prometheus_client; pip install 'beforehand[prometheus]'")
