"""The aggregator beside plain TCP that moves the same bytes, and its memory under hostile bytes, in one run.

Not for you on one machine: it stands here because the loopback is faster than any network.
"""

import random
import resource
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from report import options, take

from beforehand import _native
from beforehand.gradients import Aggregator
from beforehand.reporting import Sheet

WORKERS, SIZE, ROUNDS = 4, 10 * 2**20, 15
POINTS = list(range(0, 61, 4))  # of 4 bits; four times the largest fit 8 bits
HEADER = 32
HOSTILE = 100_000
BATCH = 2**18  # bytes that plain TCP moves in one call


def together(work: Callable[[int], object]) -> float:
    """Seconds until all workers' threads are done."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda rank: None, range(WORKERS)))  # threads are there
        start = time.perf_counter()
        list(pool.map(work, range(WORKERS)))
        return time.perf_counter() - start


class Ours:
    """All workers' codes through the aggregator."""

    def __init__(self, slots: int, chunk: int) -> None:
        self.server = Aggregator(workers=WORKERS, slots=slots, chunk=chunk)
        port = int(self.server.address.rsplit(":", 1)[1])
        given = {"job": 1, "timeout": 60.0, "workers": WORKERS, "bits": 4, "tables": [POINTS], "token": bytes(32)}
        self.clients = [_native.AggregatorClient("127.0.0.1", port, rank=rank, **given) for rank in range(WORKERS)]
        draw = np.random.default_rng(0)
        self.packed = [draw.integers(0, 256, SIZE // 2).astype(np.uint8) for _ in range(WORKERS)]
        self.sums = [np.empty(SIZE, np.uint8) for _ in range(WORKERS)]
        self.counts = [np.empty(SIZE // chunk, np.uint16) for _ in range(WORKERS)]

    def run(self) -> float:
        """Seconds of one sum."""
        return together(
            lambda rank: self.clients[rank].combine(0, self.packed[rank], self.sums[rank], self.counts[rank])
        )

    def close(self) -> None:
        """End all connections."""
        for each in self.clients:
            each.close()
        self.server.close()


class Plain:
    """As many bytes up and down as the aggregator and its workers exchange, headers included, and nothing done to them.

    One thread serves all, as the aggregator's does; it answers in proportion to what it has received.
    """

    def __init__(self, up: int, down: int) -> None:
        self.up, self.down = up, down
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.clients, self.ends = [], []
        for _ in range(WORKERS):
            self.clients.append(socket.create_connection(self.listener.getsockname()))
            self.ends.append(self.listener.accept()[0])
        for each in self.clients + self.ends:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.codes, self.sums = bytes(up), [bytearray(down) for _ in range(WORKERS)]

    def run(self) -> float:
        """Seconds until all have sent and received all."""
        server = threading.Thread(target=self._serve)
        server.start()
        seconds = together(self._work)
        server.join()
        return seconds

    def _work(self, rank: int) -> None:
        sender = threading.Thread(target=self.clients[rank].sendall, args=(self.codes,))
        sender.start()
        left = memoryview(self.sums[rank])
        while left:
            left = left[self.clients[rank].recv_into(left) :]
        sender.join()

    def _serve(self) -> None:
        got, sent, scratch, result = [0] * WORKERS, [0] * WORKERS, bytearray(BATCH), memoryview(bytes(self.down))
        with selectors.DefaultSelector() as ready:
            for rank, end in enumerate(self.ends):
                end.setblocking(False)
                ready.register(end, selectors.EVENT_READ, rank)
            while min(sent) < self.down:
                for key, events in ready.select():
                    rank, end = key.data, key.fileobj
                    if events & selectors.EVENT_READ:
                        got[rank] += end.recv_into(scratch)
                    owed = got[rank] * self.down // self.up
                    try:
                        while sent[rank] < owed:
                            sent[rank] += end.send(result[sent[rank] : min(owed, sent[rank] + BATCH)])
                    except BlockingIOError:
                        pass
                    wanted = (selectors.EVENT_READ if got[rank] < self.up else 0) | (
                        selectors.EVENT_WRITE if sent[rank] < owed else 0
                    )
                    ready.modify(end, wanted, rank) if wanted else ready.unregister(end)

    def close(self) -> None:
        """End all connections."""
        for each in [self.listener, *self.clients, *self.ends]:
            each.close()


def throughput() -> Sheet:
    """Time beside plain TCP, by slots and chunks."""
    rows = []
    for slots, chunk in ((256, 1024), (128, 1024), (64, 4096), (16, 16_384)):
        chunks = SIZE // chunk
        up, down = SIZE // 2 + HEADER * chunks, SIZE + HEADER * chunks
        ours, plain = Ours(slots, chunk), Plain(up, down)
        times = [(ours.run(), plain.run()) for _ in range(ROUNDS)]
        ours.close()
        plain.close()
        mine, theirs = (min(each) for each in zip(*times, strict=True))
        ratios = sorted(one / other for one, other in times)
        spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-len(ratios) // 4]:.2f}"
        moved = WORKERS * (up + down) / 1e9
        rows.append(
            [f"{slots} slots of {chunk:,}", f"{mine * 1e3:.0f}", f"{theirs * 1e3:.0f}", f"{mine / theirs:.2f}", spread,
             f"{moved / mine:.1f}"]
        )  # fmt: skip
    return Sheet(
        title=f"A sum of {WORKERS} workers' 4-bit codes, {SIZE / 1e6:.1f} million coordinates, on the loopback",
        columns=["", "aggregator, ms", "plain TCP, ms", "ratio of the best", "middle half of ratios", "GB/s"],
        rows=rows,
        below=f"Best of {ROUNDS}, in turn. Plain TCP moves the same bytes, and neither checks nor adds them.",
    )


def hostility() -> Sheet:
    """Strangers whose bytes are noise or a forged HELLO, while four workers go on adding."""
    draw, forged = random.Random(0), b"BHG1\1" + bytes(19) + b"\x4c" + bytes(83)
    ours, rows = Ours(16, 1024), []
    memory = ours.run() and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    host, port = ours.server.address.rsplit(":", 1)
    for each in range(HOSTILE):
        source = f"127.0.{each // 200 % 250}.{each % 200 + 1}"  # so many that no port comes again too soon
        with socket.create_connection((host, int(port)), source_address=(source, 0)) as peer:
            peer.sendall(
                draw.choice([draw.randbytes(draw.randrange(1, 600)), forged[: draw.randrange(1, 108)], forged])
            )
        if each % 10_000 == 0:
            ours.run()
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    stats = ours.server.stats()
    rows.append(
        [f"{HOSTILE:,}", f"{stats.refused:,}", f"{HOSTILE / seconds:,.0f}", f"{grown / 1024:.1f}", f"{stats.workers}"]
    )
    ours.close()
    return Sheet(
        title="Hostile peers",
        columns=["came", "refused", "a second", "MiB that memory grew", "workers still there"],
        rows=rows,
        below="Those that are not refused end before their first frame is whole.",
    )


if __name__ == "__main__":
    take([throughput, hostility], options(__doc__).parse_args().output)
