import threading

import pytest

from tests.threads import parallelize


def test_all_threads_are_there_before_one_begins():
    met = threading.Barrier(5)
    assert parallelize(lambda i: (i, met.wait(timeout=60))[0], 5) == [0, 1, 2, 3, 4]


def test_an_error_of_one_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        parallelize(lambda i: 1 // i, 3)
