from collections import Counter

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads import streams

GOLDEN = 0x9E3779B97F4A7C15
INVERSE = pow(GOLDEN, -1, 2**64)


def ranks(trace):
    """What the keys were before they were scattered over all of 64 bits."""
    return [key * INVERSE % 2**64 for key in trace["key"].tolist()]


MAKERS = {
    "zipf": lambda seed: streams.zipf(500, 100, 1.1, seed=seed),
    "drifting zipf": lambda seed: streams.zipf(500, 100, 1.1, seed=seed, epoch=100, churn=0.5),
    "flows": lambda seed: streams.flows(500, 100, seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_names_one_workload(name):
    make = MAKERS[name]
    trace = make(1)
    assert (trace.kind, trace["key"].dtype, trace.meta["seed"]) == ("stream", np.uint64, 1)
    assert trace.fingerprint == make(1).fingerprint
    assert trace.fingerprint != make(2).fingerprint


def test_zipf_draws_ranks_by_their_frequencies():
    n, universe = 200_000, 1000
    counts = np.bincount(ranks(streams.zipf(n, universe, 1.25, seed=0)), minlength=universe)
    wanted = np.arange(1, universe + 1) ** -1.25
    wanted *= n / wanted.sum()
    assert len(counts) == universe
    assert (((counts - wanted) ** 2 / wanted).sum() - universe) / np.sqrt(2 * universe) < 4  # chi squared
    even = np.bincount(ranks(streams.zipf(n, 10, 0.0, seed=0)))
    assert abs(even - n / 10).max() < 5 * np.sqrt(n / 10)


def test_a_longer_zipf_begins_with_the_shorter_one():
    short, long = (streams.zipf(n, 50, 1.0, seed=3, epoch=20, churn=0.5)["key"] for n in (70, 100))
    np.testing.assert_array_equal(long[:70], short)


def test_a_share_of_the_ranks_takes_new_keys_in_every_epoch():
    n, universe, epoch = 60_000, 50, 20_000
    drifting = ranks(streams.zipf(n, universe, 0.5, seed=0, epoch=epoch, churn=0.3))
    still = ranks(streams.zipf(n, universe, 0.5, seed=0))
    assert [rank % universe for rank in drifting] == still
    seen = [set(drifting[first : first + epoch]) for first in range(0, n, epoch)]
    assert [len(keys) for keys in seen] == [universe] * 3
    kept = [len(seen[0] & seen[1]), len(seen[1] & seen[2])]
    assert all(abs(count / universe - 0.7) < 0.25 for count in kept)
    assert not set(ranks(streams.zipf(200, 5, 0.0, seed=0, epoch=100, churn=1.0))[100:]) & set(range(5))


@pytest.mark.parametrize("predictability", [0.0, 0.6, 1.0])
def test_the_trait_explains_as_much_of_the_size_as_it_says(predictability):
    table = streams.flow_table(100_000, seed=1, predictability=predictability, sigma=1.5)
    assert abs(table.trait.std() - 1) < 1e-9
    assert abs(np.corrcoef(table.trait, table.log_size)[0, 1] ** 2 - predictability) < 0.03
    assert abs(table.log_size.std() / 1.5 - 1) < 0.03


def test_addresses_have_few_nets_and_eight_subnets_in_each_which_alone_decide_the_trait():
    table = streams.flow_table(50_000, seed=0, nets=30)
    for address in (table.key >> np.uint64(32), table.key & np.uint64(2**32 - 1)):
        nets = Counter((address >> np.uint64(16)).tolist())
        assert 20 <= len(nets) <= 30
        assert 0.4 < max(nets.values()) / len(address) < 0.52
        subnets = {prefix for prefix in (address >> np.uint64(8)).tolist() if prefix >> 8 == max(nets, key=nets.get)}
        assert len(subnets) <= 8
    _, first = np.unique(table.key & np.uint64(0xFFFFFF00FFFFFF00), return_inverse=True)
    order = np.argsort(first, kind="stable")
    same = np.diff(first[order]) == 0
    assert same.sum() > 10_000
    assert abs(np.diff(table.trait[order])[same]).max() == 0


def test_packets_come_in_order_of_time_and_about_as_many_as_asked_for():
    trace = streams.flows(100_000, 20_000, seed=0)
    assert 0.9 < len(trace) / 100_000 < 1.1
    assert (np.diff(trace["at"]) >= 0).all()
    assert trace["at"][0] >= 0
    assert trace["at"][-1] < 1
    assert trace.meta["predictability"] == 0.6


def test_most_flows_of_later_packets_are_new_and_most_are_short():
    trace = streams.flows(260_000, 40_000, seed=0)
    third = len(trace) // 3
    test = np.unique(trace["key"][third:])
    assert np.isin(test, trace["key"][:third]).mean() < 0.1
    _, counts = np.unique(trace["key"], return_counts=True)
    assert 0.4 < (counts == 1).mean() < 0.65


@pytest.fixture
def code(tmp_path):
    (tmp_path / "b.py").write_bytes(b"x = _y1 + 2  # \xc3\xb8l\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "z.py").write_text("def f(x): pass")
    (tmp_path / "copy.py").write_bytes((tmp_path / "b.py").read_bytes())
    (tmp_path / "notes.txt").write_text("no code")
    return tmp_path


def test_identifiers_come_in_order_of_path_and_copies_do_not(code):
    trace = streams.code_tokens(code)
    assert trace.kind == "stream"
    assert trace["key"].tolist() == b"def f x pass x _y1 l".split()


def test_large_files_and_long_names_are_left_out_and_folders_that_end_like_code_too(code):
    before = streams.code_tokens(code).fingerprint
    (code / "table.py").write_text("w " * (streams.LARGEST // 2 + 1))
    (code / "long.py").write_text("w" * (streams.LONGEST + 1))
    (code / "folder.py").mkdir()
    assert streams.code_tokens(code).fingerprint == before


def test_a_folder_without_code_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no Python code with identifiers below"):
        streams.code_tokens(tmp_path)


def test_the_standard_library_is_there_without_what_is_installed_beside_it(code, monkeypatch):
    (code / "site-packages").mkdir()
    (code / "site-packages" / "new.py").write_text("foreign")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(code))
    assert b"foreign" not in streams.code_tokens()["key"]
    assert b"foreign" in streams.code_tokens(code)["key"]


def test_hostile_orders_are_what_they_are_called():
    made = {kind: np.array(ranks(streams.hostile(kind, 3000, k=16))) for kind in streams.HOSTILE}
    assert all(len(keys) == 3000 for keys in made.values())
    np.testing.assert_array_equal(made["sorted"], made["reverse"][::-1])
    runs = np.flatnonzero(np.diff(made["reverse"], prepend=-1))
    assert len(runs) == len(np.unique(made["reverse"])) == 256
    assert (np.diff(np.diff(runs)) <= 1).all()  # each run as long as the one before, but for rounding
    np.testing.assert_array_equal(made["robin"], np.arange(3000) % 17)
    counts = Counter(made["flood"].tolist())
    assert sorted(counts.values())[-8:] == [187, 187, 187, 187, 188, 188, 188, 188]
    assert sum(counts.values()) - sum(sorted(counts.values())[-8:]) == len(counts) - 8 == 1500
    assert 0 not in made["late"][:2000]
    assert (made["late"][2001::2] == 0).all()
    assert len(np.unique(made["late"])) == 2501
    assert len(np.unique(made["one"])) == 1
    assert len(np.unique(made["distinct"])) == 3000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n is 0, universe 5 and alpha 1.0"),
        ({"universe": 0}, "universe 0"),
        ({"alpha": float("nan")}, "alpha nan"),
        ({"churn": 0.5}, "epoch is None and churn 0.5"),
        ({"epoch": 0}, "epoch is 0"),
        ({"epoch": 1, "churn": 1.5}, "churn 1.5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_no_zipf_is_made_of_arguments_out_of_range(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        streams.zipf(**{"n": 1, "universe": 5, "alpha": 1.0, "seed": 0, **arguments})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"flows": 1}, "flows is 1"),
        ({"predictability": 1.1}, "predictability 1.1"),
        ({"sigma": 11}, "sigma 11"),
        ({"nets": 0}, "nets 0"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_no_flows_are_made_of_arguments_out_of_range(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        streams.flows(**{"n": 1, "flows": 2, "seed": 0, **arguments})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"kind": "kind"}, "kind is 'kind'.*sorted, reverse, robin"), ({"n": 0}, "n 0"), ({"k": 0}, "k 0")],
)
def test_no_hostile_order_is_made_of_arguments_out_of_range(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        streams.hostile(**{"kind": "one", "n": 1, **arguments})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: streams.zipf(1.5, 10, 1.0, seed=0), r"n is 1\.5, but must be a whole number"),
        (lambda: streams.zipf(10, "a", 1.0, seed=0), "universe is 'a', but must be a whole number"),
        (lambda: streams.zipf(10, 10, "a", seed=0), "alpha is 'a', but must be a number"),
        (lambda: streams.zipf(10, 10, 1.0, seed=None), "seed is None, but must be a whole number"),
        (lambda: streams.zipf(10, 10, 1.0, seed=0, epoch="2"), "epoch is '2'"),
        (lambda: streams.zipf(10, 10, 1.0, seed=0, epoch=2, churn=None), "churn is None"),
        (lambda: streams.flows("1", 10, seed=0), "n is '1'"),
        (lambda: streams.flows(10, 10.5, seed=0), r"flows is 10\.5"),
        (lambda: streams.flows(10, 10, seed=True), "seed is True"),
        (lambda: streams.flow_table(10, seed=0, sigma="a"), "sigma is 'a'"),
        (lambda: streams.flow_table(10, seed=0, nets=2.5), r"nets is 2\.5"),
        (lambda: streams.hostile("one", 1.5), r"n is 1\.5"),
        (lambda: streams.hostile("one", 5, k=None), "k is None"),
        (lambda: streams.hostile(["one"], 5), r"kind is \['one'\]"),
    ],
)
def test_what_is_no_number_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (streams.zipf, {"n": 9, "universe": 5, "alpha": 1.0, "seed": 1, "epoch": 2, "churn": 0.5}),
        (streams.flows, {"n": 900, "flows": 5, "seed": 1, "sigma": 1.0, "nets": 9}),
        (streams.hostile, {"kind": "flood", "n": 9, "k": 4}),
    ],
)
def test_numbers_of_numpy_give_the_same_traces(make, plain):
    of_numpy = {int: np.int64, float: np.float32, str: str}
    same = make(**{name: of_numpy[type(value)](value) for name, value in plain.items()})
    assert same.fingerprint == make(**plain).fingerprint
