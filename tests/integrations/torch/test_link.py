"""The link between two processes; `make test-torch` runs these."""

import re

import pytest

pytestmark = pytest.mark.torch


def test_all_processes_fit_the_same_link(pair):
    links = pair.run("link_scenarios.measured", [2**12, 2**18, 2**22], 3)
    assert links[0] == links[1]
    assert 0 <= links[0].latency < 1
    assert 1e6 < links[0].bytes_per_second < 1e12  # what this machine does in memory, under load


@pytest.mark.parametrize(
    ("scenario", "args", "message"),
    [
        ("measured", ([4096], 3), "sizes are [4096], but must be at least two different multiples of 4"),
        ("measured", ([4096, 4098], 3), "sizes are [4096, 4098]"),
        ("measured", ([4096, 8192], 0), "repeats is 0, but must be a whole number of at least 1"),
        ("of_one", (), "the group has one process, but a link joins at least two; start more"),
    ],
)
def test_what_cannot_be_measured_is_refused(pair, scenario, args, message):
    kind, said = pair.outcomes(f"link_scenarios.{scenario}", *args)[0]
    assert kind == "raised"
    assert re.search(f"InvalidInput: {re.escape(message)}", said)
