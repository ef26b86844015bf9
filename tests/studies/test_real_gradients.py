import sys

import numpy as np

from beforehand.studies import real_gradients


def test_digits_come_by_step():
    found = real_gradients.of_digits((0, 2), workers=2)
    assert {name: rows.shape for name, rows in found.items()} == {
        "digits, step 0": (2, 85_002), "digits, step 2": (2, 85_002),
    }  # fmt: skip


def test_what_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(real_gradients, "of_digits", lambda: {"digits, step 0": np.zeros((1, 1), np.float32)})
    monkeypatch.setitem(sys.modules, "torch", None)
    assert list(real_gradients.at_hand(quick=False)) == ["digits, step 0"]
    assert list(real_gradients.at_hand(quick=True)) == ["digits, step 0"]
