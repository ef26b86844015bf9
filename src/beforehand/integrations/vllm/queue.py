"""The queue of waiting requests that takes the place of vLLM's own."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, final

from vllm.v1.core.sched.request_queue import RequestQueue

from beforehand.scheduling.serving.ordering.rank_queue import RankQueue


class Keys(Protocol):
    """What gives requests their places; its methods never raise, since vLLM is in the middle of a step."""

    def key(self, request: Any) -> tuple[float, int]:
        """The request's key, lowest first, and its place among equal keys."""

    def taken(self, request: Any) -> None:
        """The request has left the queue to run, or to be put back in this step."""


@final
class RankedRequestQueue(RequestQueue):  # type: ignore[misc, unused-ignore]
    """vLLM's interface for queues over a `RankQueue`.

    vLLM relies on more than the names: `pop_request` returns what `peek_request` returned; what cannot run yet is
    popped and given back by `prepend_requests` in the same step; `remove_requests` is handed requests that wait
    elsewhere; iteration changes nothing. To put a request in front is to give it its place by key.

    Cost:
        O(log n) for each request that comes or goes; iteration O(n log n).
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._ranked: RankQueue[str] = RankQueue()
        self._requests: dict[str, Any] = {}

    def add_request(self, request: Any) -> None:
        """Take in a request, or give one that waits here another key."""
        key, sequence = self._keys.key(request)
        self._ranked.push(request.request_id, key, sequence)
        self._requests[request.request_id] = request

    prepend_request = add_request

    def prepend_requests(self, requests: Iterable[Any]) -> None:
        """Take in requests that were skipped, or another queue's."""
        for request in requests:
            self.add_request(request)

    def pop_request(self) -> Any:
        """Take out the first request.

        Raises:
            IndexError: the queue is empty.
        """
        request = self._requests.pop(self._ranked.pop())
        self._keys.taken(request)
        return request

    def peek_request(self) -> Any:
        """The first request, which stays.

        Raises:
            IndexError: the queue is empty.
        """
        return self._requests[self._ranked.peek()]

    def remove_request(self, request: Any) -> None:
        """Take this request out.

        Raises:
            KeyError: it is not here.
        """
        self._ranked.remove(request.request_id)
        del self._requests[request.request_id]

    def remove_requests(self, requests: Iterable[Any]) -> None:
        """Take out those of these requests that wait here."""
        for request in requests:
            if request.request_id in self._requests:
                self.remove_request(request)

    def rebuild(self, keys: dict[str, float]) -> None:
        """Give the requests with these ids other keys, all at once."""
        self._ranked.rebuild(keys)

    def unordered(self) -> Iterable[Any]:
        """All requests in no particular order; do not change the queue meanwhile."""
        return self._requests.values()

    def __contains__(self, request: object) -> bool:
        """Whether this request waits here."""
        return getattr(request, "request_id", None) in self._requests

    def __bool__(self) -> bool:
        """Whether any request waits here."""
        return bool(self._requests)

    def __len__(self) -> int:
        """How many requests wait here."""
        return len(self._requests)

    def __iter__(self) -> Iterator[Any]:
        """All requests in the order in which they would be popped."""
        return (self._requests[id] for id in list(self._ranked))
