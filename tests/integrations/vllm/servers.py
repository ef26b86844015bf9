"""vLLM's own HTTP server, in processes of its own, as a user starts it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from tests.integrations.vllm.conftest import SETTINGS

PATIENCE = 240.0  # s, on machines that have much else to do


@contextlib.contextmanager
def running_server(
    model, log, *, settings=None, scheduler="beforehand.integrations.vllm.Scheduler", arguments=(), **environment
):
    """The address of a server that is ready, and its process; it is stopped in the end as a user stops it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--port", str(port),
        "--host", "127.0.0.1", "--served-model-name", "tiny", "--enforce-eager", "--max-model-len", "512",
        "--max-num-seqs", "8", "--max-num-batched-tokens", "256", "--block-size", "32",
        "--kv-cache-memory-bytes", str(1 << 23), "--shutdown-timeout", "20", *arguments,
    ]  # fmt: skip
    if scheduler is not None:
        command += ["--scheduler-cls", scheduler]
    if settings is not None:
        command += ["--additional-config", json.dumps({"beforehand": settings})]
    variables = os.environ | SETTINGS | environment
    del variables["VLLM_ENABLE_V1_MULTIPROCESSING"]  # the server's engine is a process of its own
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=variables, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(address, process, log)
        yield address, process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(address, process, log):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return
        except OSError:
            with open(log) as text:
                said = text.read()
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server is not ready:\n{said[-4000:]}") from None
            time.sleep(0.3)


def metric(address, name):
    """The sum of a metric's samples on the server's own page; None if it has none."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name}{{", f"{name} "))]
    return sum(values) if values else None
