"""What other processes do with a shared queue in its tests; each is an actor that needs no core."""

import importlib
import os
import signal
import sys
import time
from pathlib import Path


def write(folder, job):
    """Note that a job was handed out, so that it is known after the process that has it is gone."""
    with (Path(folder) / f"{os.getpid()}.txt").open("a") as stream:
        stream.write(f"{job}\n")


def noted(folder):
    """All that was noted, by whichever process."""
    return [line for path in Path(folder).glob("*.txt") for line in path.read_text().split()]


class Worker:
    """A process with a copy of the queue."""

    def __init__(self, queue):
        self.queue = queue

    def get(self, **options):
        return self.queue.get(**options)

    def task_done(self, **options):
        self.queue.task_done(**options)

    def forget(self):
        """Drop the copy, as a function does that returns."""
        self.queue = None

    def drain(self, folder, seconds=0.0, idle=2.0):
        """Take jobs until none comes, each for some time; returns how many."""
        count = 0
        while True:
            try:
                job = self.queue.get(timeout=idle)
            except Exception as error:
                if type(error).__name__.endswith("Empty") or "Empty" in str(type(error).__mro__):
                    return count
                raise
            write(folder, job)
            time.sleep(seconds)
            count += 1

    def die(self, by):
        """End this process in one of several ways."""
        if by == "fork":  # whose child lives on
            if os.fork() == 0:
                time.sleep(60)
            os._exit(1)
        elif by == "_exit":
            os._exit(1)
        elif by == "sys.exit":
            sys.exit(1)
        elif by == "exit_actor":
            importlib.import_module("ray").actor.exit_actor()
        os.kill(os.getpid(), getattr(signal, by))


def produce(queue, first, count):
    """Put some numbers as text."""
    for number in range(first, first + count):
        queue.put(str(number))


def take_and_return(queue):
    """A task that takes one job and is through with it."""
    return queue.get(timeout=10)


def put_one_by_one(queue, jobs):
    for job in jobs:
        queue.put(job)
    return len(queue)
