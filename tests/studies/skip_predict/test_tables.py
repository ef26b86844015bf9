import dataclasses

import pytest

from beforehand.studies.skip_predict import tables


@pytest.fixture(scope="module")
def filled():
    return tables.fill(True)


def test_table_one_agrees_with_the_known_values(filled):
    found = tables.agreement(filled)
    assert found.holds
    assert found.figure.startswith("21 of 21 to one unit of the fourth decimal; SPRPT at 0.9 is 5.0985 and not 5.0481")


def test_a_value_that_is_off_is_named(filled, monkeypatch):
    monkeypatch.setitem(tables.KNOWN, 0.9, (10.0, 4.1973, *tables.KNOWN[0.9][2:]))
    found = tables.agreement(filled)
    assert not found.holds
    assert "20 of 21 to one unit of the fourth decimal; not SJF at 0.9" in found.figure


def test_a_simulation_on_the_side_of_print_is_no_agreement(filled):
    run = filled.simulated["SPRPT", 0.9]
    doubted = {("SPRPT", 0.9): dataclasses.replace(run, response_time=5.0481, interval=0.001)}
    assert not tables.agreement(dataclasses.replace(filled, simulated=doubted)).holds


def test_a_best_threshold_that_costs_too_much_is_not_reproduced(filled):
    worse = {key: tuple(dataclasses.replace(b, response_time=1.03 * b.response_time) for b in found)
             for key, found in filled.best.items()}  # fmt: skip
    assert tables.one_bit_helps(filled).holds
    assert not tables.one_bit_helps(dataclasses.replace(filled, best=worse)).holds


def test_what_was_printed_stands_beside_ours(filled):
    assert tables.table_one(filled).rows[1][-1] == "5.0985 (print: 5.0481)"
    rows = {row[0]: row for row in tables.errata(filled).rows}
    assert rows["survey, Table 3, Weibull, FIFO at load 0.9"][1:3] == ["29.00", "28.00"]
    assert rows["survey, Table 1, PSPJF at load 0.99"][1:3] == ["29.3783", "29.4154"]


def test_every_known_table_is_whole():
    assert {len(row) for row in tables.KNOWN.values()} == {len(tables.POLICIES)}
    assert {len(row) for row in tables.KNOWN_BEST.values()} == {len(tables.ORDERS)}
    assert set(tables.PRINTED_BEST) == set(tables.BITS)
