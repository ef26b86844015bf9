"""The program of one worker of `compare`: `python -m beforehand.integrations.torch.worker DESCRIPTOR`.

It obeys orders that come through the socket with this number, until the other end closes.
"""

import resource
import sys
import time
import traceback
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, final

from beforehand.core.errors import BeforehandError
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.orders import Order, Team
from beforehand.integrations.torch.training import train

PATIENCE = timedelta(seconds=300)  # with a worker that does not come
PULSE = 10.0  # seconds


def serve(pipe: "Connection[Any, Any]") -> None:
    """Join the others, then train as ordered; what fails is told, and ends this process."""
    try:
        team: Team = pipe.recv()
        _join(team, pipe)
        while True:
            order: Order = pipe.recv()

            def mark(name: str) -> None:
                pipe.send(("mark", name))
                pipe.recv()

            pipe.send(("trained", train(team, order, mark, _Pulse(pipe))))
    except EOFError:
        return
    except Exception as error:
        kept = error if isinstance(error, BeforehandError) else None
        pipe.send(("failed", (kept, traceback.format_exc())))


@final
class _Pulse:
    """Say now and then that training goes on."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe, self._last = pipe, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last > PULSE:
            self._last = time.monotonic()
            self._pipe.send(("alive", None))


def _join(team: Team, pipe: "Connection[Any, Any]") -> None:
    """Rank 0 chooses the port, which the others are told."""
    torch = torch_for("compare")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each training leaves the connections of a group behind
    torch.set_num_threads(team.threads)
    port = 0 if team.rank == 0 else pipe.recv()
    store = torch.distributed.TCPStore(
        team.address, port, team.workers, team.rank == 0, timeout=PATIENCE, wait_for_workers=False
    )
    if team.rank == 0:
        pipe.send(("port", store.port))
    torch.distributed.init_process_group("gloo", store=store, rank=team.rank, world_size=team.workers, timeout=PATIENCE)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
