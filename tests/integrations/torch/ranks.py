"""Processes with a gloo group between them, started once and handed one scenario after another.

A scenario is a function of a module beside this one, named as `"ddp_scenarios.exact_mean"`. Every process calls it with
its rank and the same arguments, inside a fresh default group; what it returns must survive pickling. Warnings are
errors there too.
"""

import importlib
import multiprocessing
import os
import tempfile
import traceback
import warnings
from pathlib import Path

TIMEOUT = 60.0  # seconds that a scenario may take, unless it says otherwise


class Ranks:
    """`count` processes; a context manager.

    Those that do not answer in time are killed, and the next scenario starts new ones.
    """

    def __init__(self, count):
        self.count = count
        self._scenarios = 0
        self._processes, self._pipes = [], []

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_):
        self._stop()
        self._folder.cleanup()

    def run(self, scenario, *args, timeout=TIMEOUT):
        """What each process returned, by rank; the first that raised makes this raise."""
        outcomes = self.outcomes(scenario, *args, timeout=timeout)
        for rank, (kind, value) in enumerate(outcomes):
            assert kind == "returned", f"rank {rank} {kind}:\n{value}"
        return [value for _, value in outcomes]

    def outcomes(self, scenario, *args, timeout=TIMEOUT):
        """A pair for each process: "returned" and what, "raised" and a traceback, or "died" or "hung" and None."""
        if not self._processes:
            self._start()
        self._scenarios += 1
        store = str(Path(self._folder.name) / f"store{self._scenarios}")
        for pipe in self._pipes:
            pipe.send((scenario, args, store, timeout))
        found = [_received(pipe, timeout + 30) for pipe in self._pipes]
        if {kind for kind, _ in found} & {"died", "hung"}:
            self._stop()
        return found

    def _start(self):
        context = multiprocessing.get_context("spawn")
        for rank in range(self.count):
            mine, theirs = context.Pipe()
            process = context.Process(target=serve, args=(rank, self.count, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(mine)

    def _stop(self):
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            pipe.close()
            process.join(0.5)
            process.kill()
            process.join()
        self._processes, self._pipes = [], []


def _received(pipe, timeout):
    try:
        return pipe.recv() if pipe.poll(timeout) else ("hung", None)
    except (EOFError, ConnectionResetError):
        return "died", None


def serve(rank, count, pipe):
    """What a process does until the other end closes."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    while True:
        try:
            scenario, args, store, timeout = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(torch, scenario, args, rank, count, store, timeout))


def _outcome(torch, scenario, args, rank, count, store, timeout):
    module, _, name = scenario.rpartition(".")
    distributed = torch.distributed
    try:
        with warnings.catch_warnings():
            function = getattr(importlib.import_module(f"tests.integrations.torch.{module}"), name)
            warnings.simplefilter("error")
            distributed.init_process_group(
                "gloo",
                store=distributed.FileStore(store, count),
                rank=rank,
                world_size=count,
                timeout=importlib.import_module("datetime").timedelta(seconds=timeout),
            )
            distributed.barrier()  # all are connected, before one may be done and leave
            return "returned", function(rank, *args)
    except BaseException:
        return "raised", traceback.format_exc()
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
