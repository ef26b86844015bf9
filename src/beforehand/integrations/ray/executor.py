"""Tasks of Ray behind the interface of `concurrent.futures`, for whatever takes an executor."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar, final

from beforehand.integrations.ray.host import ray_for

T = TypeVar("T")


@final
class RayExecutor(Executor):
    """Run calls as tasks of Ray, on one machine or on a cluster.

    Its machines must have this library, and see the files that calls name. Needs `ray.init()` before. Ray decides where
    a call runs and how many run at a time; each takes one core. Nothing of the cluster is shut down.

    Guarantee:
        `submit` and `map` are those of `concurrent.futures`: results come in order, and what a call raised is raised
        where its result is asked for, as the same exception.

    Raises:
        MissingDependency: ray is not installed.

    Example:
        An index of many files, built by all machines::

            ray.init("auto")
            index = RangeIndex.build("/shared/table", columns=["id"], executor=RayExecutor())
    """

    def __init__(self) -> None:
        self._run = ray_for("RayExecutor").remote(_outcome)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Send a call on its way."""
        found: Future[T] = Future()
        found.set_running_or_notify_cancel()

        def arrived(sent: "Future[tuple[T | None, BaseException | None]]") -> None:
            lost = sent.exception()  # of Ray itself, as when a machine is gone
            result, raised = (None, lost) if lost is not None else sent.result()
            if raised is not None:
                found.set_exception(raised)
            else:
                found.set_result(result)  # type: ignore[arg-type]

        self._run.remote(fn, args, kwargs).future().add_done_callback(arrived)
        return found


def _outcome(
    fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[T | None, BaseException | None]:
    """What a call returns, or raises: Ray would wrap it in a class of its own."""
    try:
        return fn(*args, **kwargs), None
    except Exception as error:
        return None, error
