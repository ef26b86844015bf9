"""Jobs of a user's own, which worker processes import; torch is there only when they run."""

import importlib
import os
import signal
import time


class Matrix:
    """Learn a matrix of 200 x 200 from noisy products."""

    name = "matrix"
    evaluate_every = 5
    about = {"data": "drawn"}  # noqa: RUF012

    def model(self, seed):
        torch = importlib.import_module("torch")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return torch.nn.Linear(200, 200)

    def optimizer(self, parameters):
        return importlib.import_module("torch").optim.SGD(parameters, lr=10.0)

    def batches(self, rank, workers, seed):
        torch = importlib.import_module("torch")
        generator = torch.Generator().manual_seed(1000 * seed + rank)
        while True:
            x = torch.randn(64, 200, generator=generator)
            yield x, x.flip(1)

    def loss(self, model, batch):
        x, y = batch
        return importlib.import_module("torch").nn.functional.mse_loss(model(x), y)

    def evaluate(self, model):
        return {"loss": float(self.loss(model, next(self.batches(99, 1, 99))).detach())}


class Failing(Matrix):
    """Fails on rank 1 in its third step, while rank 0 waits for it."""

    def batches(self, rank, workers, seed):
        for step, batch in enumerate(super().batches(rank, workers, seed)):
            if rank == 1 and step == 3:
                raise RuntimeError("no data left on rank 1")
            yield batch


class Dying(Matrix):
    """Its second process is killed in its third step."""

    def batches(self, rank, workers, seed):
        for step, batch in enumerate(super().batches(rank, workers, seed)):
            if rank == 1 and step == 3:
                print("about to die", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


class Sleeping(Matrix):
    """Never comes to its third step."""

    def batches(self, rank, workers, seed):
        for step, batch in enumerate(super().batches(rank, workers, seed)):
            if step == 3:
                time.sleep(3600)
            yield batch


def torch_fp16(model):
    """A hook of torch."""
    hooks = importlib.import_module("torch.distributed.algorithms.ddp_comm_hooks.default_hooks")
    model.register_comm_hook(None, hooks.fp16_compress_hook)
