"""Run one function in many threads that start together."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def parallelize(function: Callable[[int], T], n: int) -> list[T]:
    """What `function(i)` returns for i = 0 .. n - 1, each in a thread of its own; an error of any is raised."""
    barrier = threading.Barrier(n)

    def start(i: int) -> T:
        barrier.wait(timeout=60)
        return function(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(start, range(n)))
