import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, simulate, theory
from beforehand.gradients.agreement import Agreement, _expected

TABLES = THC().tables(4)


@pytest.mark.parametrize("rho", [0.25, 0.6, 1.0])
@pytest.mark.parametrize("norms", [(1, 1, 1, 1), (1, 0.37, 0.8, 0.11)])
def test_interpolated_costs_give_the_error_of_the_theory(rho, norms):
    for table in TABLES:
        exact = theory.expected_vnmse(table.values, table.half_range, correlation=rho, norms=norms)
        assert _expected((table,), rho, np.array(norms, float))[0] == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(("rho", "truncation"), [(0.25, 2.0**-7), (1.0, 2.0**-9)])
def test_the_favored_table_follows_the_agreement(rho, truncation):
    agreement = Agreement(TABLES)
    for _ in range(5):
        agreement.observe(np.ones(4), rho, agreement.favored)
    assert agreement.rho == pytest.approx(rho, rel=0.03)
    errors = _expected(TABLES, rho, np.ones(4))
    assert TABLES[agreement.favored].truncation == truncation
    assert errors[agreement.favored] <= 1.05 * errors.min()


def test_rho_is_a_mean_that_forgets():
    agreement = Agreement(TABLES[:1])
    agreement.observe(np.ones(4), 1.1, 0)
    first = agreement.rho
    agreement.observe(np.ones(4), 0.25, 0)
    assert agreement.rho == pytest.approx(0.9 * first + 0.1 * 0.25)
    assert agreement.favored == 0


def test_nothing_is_learned_from_zeros():
    agreement = Agreement(TABLES)
    agreement.observe(np.zeros(4), 0.0, 0)
    assert agreement.rho is None


def test_the_selector_is_never_much_worse_than_the_first_table():
    random = np.random.default_rng(6)
    for share in (0.0, 0.3, 0.8, 1.0):
        rows = np.sqrt(share) * random.standard_normal(2**13) + np.sqrt(1 - share) * random.standard_normal((4, 2**13))
        fixed = simulate(THC(truncation=2.0**-5), rows, rounds=30).vnmse
        assert simulate(THC(), rows, rounds=30).vnmse <= 1.03 * fixed


@pytest.mark.parametrize("kept", [np.zeros(9), np.zeros(()), np.array([np.nan, 0]), np.array([0.5, np.inf])])
def test_a_state_of_another_form_is_refused(kept):
    with pytest.raises(InvalidInput, match=r"selector of w is .*two finite numbers"):
        Agreement(THC().tables(2)).load({"selector/w": kept.astype(np.float32)}, "w")
