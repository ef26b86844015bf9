import pytest

from beforehand.scheduling import Row


def test_the_old_name_of_the_order_by_size_still_works():
    with pytest.warns(FutureWarning, match="order 'constant' is now called 'size'") as caught:
        assert Row(0, "constant") == Row(0, "size")
    assert caught[0].filename == __file__
