"""A queue in an actor of a real local Ray, between processes that may die; `make test-ray` runs these."""

import asyncio
import copy
import inspect
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.ray import SharedQueue
from beforehand.scheduling import FCFS, SPJF, PredictionQueue, QueueShutDown
from tests.integrations.ray import workers

pytestmark = pytest.mark.ray

PATIENCE = 30  # seconds, far more than Ray needs to notice that a process has died


@pytest.fixture
def make(ray):
    """Queues that end with the test."""
    made = []

    def fifo(factory=lambda: PredictionQueue(FCFS()), **options):
        made.append(SharedQueue(factory, **options))
        return made[-1]

    yield fifo
    for queue in made:
        queue.shutdown(force=True)


@pytest.fixture
def worker(ray):
    """Processes with a copy of a queue."""
    started = []

    def start(queue):
        started.append(ray.remote(num_cpus=0)(workers.Worker).remote(queue))
        return started[-1]

    yield start
    for each in started:
        ray.kill(each)


def test_code_for_rays_queue_runs_with_this_one(ray, make):
    from ray.util.queue import Empty, Full

    queue = make(lambda: PredictionQueue(FCFS(), maxsize=10))
    items = list(range(10))
    for item in items:
        queue.put(item)
    assert (len(queue), queue.size(), queue.qsize(), queue.empty(), queue.full(), bool(queue)) == (
        10, 10, 10, False, True, True,
    )  # fmt: skip
    with pytest.raises(Full, match="10 jobs wait and maxsize is 10, so 1 more do not fit; get some first"):
        queue.put_nowait(11)
    with pytest.raises(Full):
        queue.put(11, timeout=0.1)
    assert [queue.get() for _ in items] == items
    with pytest.raises(Empty, match="0 jobs wait"):
        queue.get_nowait()
    with pytest.raises(Empty):
        queue.get(timeout=0.1)
    queue.put_nowait_batch(["a", "b", "c"])
    with pytest.raises(Full, match="so 8 more do not fit"):
        queue.put_nowait_batch(range(8))
    with pytest.raises(Empty, match="3 jobs wait"):
        queue.get_nowait_batch(4)
    assert queue.get_nowait_batch(2) == ["a", "b"]
    assert queue.get_nowait_batch(0) == []
    assert queue.get(timeout=0) == "c"
    queue.put("d", timeout=0)
    assert (queue.qsize(), queue.maxsize) == (1, 10)


def test_whatever_rays_queue_is_asked_this_one_can_be_asked_too(ray):
    from ray.util.queue import Queue

    for name, theirs in inspect.getmembers(Queue, inspect.isfunction):
        if name in ("__init__", "__getattr__") or (name.startswith("_") and not name.startswith("__")):
            continue
        ours = inspect.signature(getattr(SharedQueue, name)).parameters
        wanted = inspect.signature(theirs).parameters
        assert list(ours)[: len(wanted)] == list(wanted), name
        assert [ours[each].default for each in wanted] == [each.default for each in wanted.values()], name


def test_the_order_is_the_policys_over_all_processes(ray, make, worker):
    queue = make(lambda: PredictionQueue(SPJF(), expensive=lambda features: features))
    put = ray.remote(num_cpus=0)(workers.put_one_by_one)
    queue.put("middling", features=5)
    queue.put_nowait_batch(["long", "short"], features=[9, 1])
    assert ray.get(put.remote(queue, [])) == 3
    assert [ray.get(worker(queue).get.remote()) for _ in range(3)] == ["short", "middling", "long"]


def test_many_producers_and_consumers_get_each_job_once(ray, make, worker, tmp_path):
    queue = make(lambda: PredictionQueue(SPJF(), expensive=len, maxsize=20))
    ours = [worker(queue) for _ in range(3)]
    produce = ray.remote(num_cpus=0)(workers.produce)
    putting = [produce.remote(queue, 100 * number, 100) for number in range(3)]
    counts = ray.get([each.drain.remote(str(tmp_path)) for each in ours])
    ray.get(putting)
    assert sum(counts) == 300
    assert Counter(workers.noted(tmp_path)) == Counter(map(str, range(300)))


@pytest.mark.parametrize("by", ["_exit", "sys.exit", "exit_actor", "SIGTERM", "SIGKILL", "ray.kill", "fork"])
def test_a_worker_that_dies_gives_its_job_back(ray, make, worker, by):
    queue = make()
    queue.put_nowait_batch(["first", "second"])
    dying = worker(queue)
    assert ray.get(dying.get.remote()) == "first"
    if by == "ray.kill":
        ray.kill(dying)
    else:
        dying.die.remote(by)
    until(lambda: len(queue) == 2)
    assert [queue.get(timeout=PATIENCE), queue.get(timeout=PATIENCE)] == ["first", "second"]  # it kept its arrival
    assert queue.empty()


def test_a_worker_that_dies_while_it_waits_takes_no_job_along(ray, make, worker):
    queue = make()
    dying = [worker(queue) for _ in range(3)]
    for each in dying:
        each.get.remote()
    time.sleep(1.0)  # they wait
    for each in dying:
        ray.kill(each)
    queue.put("job")
    assert queue.get(timeout=PATIENCE) == "job"


def test_what_a_dead_worker_was_through_with_does_not_come_back(ray, make, worker):
    queue = make()
    queue.put_nowait_batch(list(range(6)))
    dying = worker(queue)
    for _ in range(3):
        ray.get(dying.get.remote())
    ray.get(dying.task_done.remote())
    ray.kill(dying)
    reported = worker(queue)
    assert ray.get([reported.get.remote() for _ in range(2)]) == [3, 4]
    ray.get(reported.forget.remote())
    ray.kill(reported)
    time.sleep(3)
    assert len(queue) == 1


def test_the_job_of_a_task_that_has_returned_does_not_come_back(ray, make):
    queue = make()
    queue.put_nowait_batch(list(range(8)))
    take = ray.remote(num_cpus=1)(workers.take_and_return)
    assert sorted(ray.get([take.remote(queue) for _ in range(8)])) == list(range(8))
    time.sleep(3)
    assert queue.empty()
    assert queue.stats().served == 8


def test_nothing_is_lost_while_workers_are_killed_at_random(ray, make, worker, tmp_path):
    queue = make(lambda: PredictionQueue(SPJF(), expensive=len))
    random_order, jobs = random.Random(5), [str(number) for number in range(120)]
    queue.put_nowait_batch(jobs)
    ours, killed = [worker(queue) for _ in range(3)], 0
    running = {each.drain.remote(str(tmp_path), 0.02, 4.0): each for each in ours}
    while killed < 5:
        time.sleep(random_order.uniform(0.1, 0.4))
        victim = random_order.choice(list(running))
        ray.kill(running.pop(victim))
        killed += 1
        new = worker(queue)
        running[new.drain.remote(str(tmp_path), 0.02, 4.0)] = new
    ray.get(list(running))
    found = Counter(workers.noted(tmp_path))
    assert set(found) == set(jobs)
    assert sum(found.values()) <= len(jobs) + killed  # only what a dead one had came twice
    assert queue.empty()


def test_coroutines_wait_without_a_thread_and_one_that_is_cancelled_loses_nothing(make):
    queue = make()

    async def serve():
        waiting = [asyncio.create_task(copy.copy(queue).get_async()) for _ in range(4)]
        cancelled = asyncio.create_task(copy.copy(queue).get_async())
        await asyncio.sleep(0.5)
        cancelled.cancel()
        for number in range(4):
            await queue.put_async(number)
        found = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
        assert sorted(found) == [0, 1, 2, 3]
        for number in range(20):  # cancelled as the job may already be on its way
            await queue.put_async(number)
            late = asyncio.create_task(copy.copy(queue).get_async())
            await asyncio.sleep(0.002 * (number % 3))
            late.cancel()
            if isinstance((await asyncio.gather(late, return_exceptions=True))[0], int):
                continue
            assert await asyncio.wait_for(queue.get_async(), PATIENCE) == number

    asyncio.run(serve())


def test_an_interrupted_caller_loses_nothing(ray, make):
    queue = make()

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            queue.get()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    queue.put("job")
    assert queue.get(timeout=PATIENCE) == "job"


def test_a_task_that_is_cancelled_while_it_waits_loses_nothing(ray, make):
    queue = make()
    taking = ray.remote(num_cpus=0)(workers.take_and_return).remote(queue)
    time.sleep(2.0)
    ray.cancel(taking)
    with pytest.raises(ray.exceptions.TaskCancelledError):
        ray.get(taking)
    queue.put("job")
    assert queue.get(timeout=PATIENCE) == "job"


def test_a_job_is_handed_back_by_word_and_sizes_reach_health(make):
    queue = make(lambda: PredictionQueue(SPJF(), expensive=float))
    queue.put_nowait_batch([3, 1, 2])
    assert queue.get() == 1
    queue.requeue()
    assert (queue.get(), queue.qsize()) == (1, 2)
    queue.task_done(size=1.5)
    for size in (2, 3):
        assert queue.get() == size
        queue.task_done(size=size)
    with pytest.raises(InvalidInput, match="this copy of the queue has no job that is not done"):
        queue.task_done()
    assert queue.health(rate=0.1).jobs == 3
    assert queue.stats().served == 4


def test_a_size_that_cannot_be_is_refused_and_the_job_is_still_held(make):
    queue = make()
    queue.put("job")
    queue.get()
    with pytest.raises(InvalidInput, match="size is -1"):
        queue.task_done(size=-1)
    queue.requeue()
    assert queue.get() == "job"


def test_after_a_shutdown_every_copy_says_so(make, worker, ray):
    queue = make()
    other = worker(queue)
    waiting = other.get.remote()
    time.sleep(1.0)
    twin = copy.copy(queue)
    queue.shutdown()
    for call in (queue.put, twin.put):
        with pytest.raises(QueueShutDown):
            call(1)
    with pytest.raises(QueueShutDown):
        ray.get(waiting)
    queue.shutdown()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda queue: SharedQueue(list), "factory makes a list, but must be a function that makes a PredictionQueue"),
        (lambda queue: SharedQueue(lambda: PredictionQueue(FCFS(), maxsize=-1)), "maxsize is -1"),
        (lambda queue: queue.get(timeout=-1), "timeout is -1, but must be at least 0 seconds"),
        (lambda queue: queue.put(1, timeout=float("nan")), "timeout is nan"),
        (lambda queue: queue.get_nowait_batch(-1), "num_items is -1"),
        (lambda queue: queue.put_nowait_batch([1, 2], features=[1]), "features are 1 for 2 jobs; pass one for each"),
    ],
)
def test_what_breaks_a_rule_is_refused_here(make, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(make())


def test_threads_with_a_copy_each_share_one_process(make):
    queue = make()
    queue.put_nowait_batch([*range(60), None, None, None])
    found = []

    def drain(mine):
        while (job := mine.get(timeout=PATIENCE)) is not None:
            found.append(job)

    threads = [threading.Thread(target=drain, args=[copy.copy(queue)]) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert sorted(found) == list(range(60))


def until(true, seconds=PATIENCE):
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_ray_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['ray'] = None; from beforehand.integrations.ray import SharedQueue as S; S(dict)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingDependency: SharedQueue needs ray; pip install 'beforehand[ray]'")
