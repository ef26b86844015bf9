#!/usr/bin/env bash
# SimPy's PriorityStore hands out items of equal priority in no order of time: the last to come can be the third to go.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check simpy==4.1.2
"$folder/bin/python" - <<'END'
import itertools
import sys
from importlib.metadata import version

import simpy


def order(items, *, wrap):
    """The order in which a store hands out items that came one after the other."""
    env, served = simpy.Environment(), []
    store = simpy.PriorityStore(env)

    def source():
        for item in items:
            yield store.put(wrap(item))
            yield env.timeout(1)
        for _ in items:
            served.append((yield store.get()).item)

    env.process(source())
    env.run()
    return "".join(served)


def asked(items):
    """The order in which a PriorityResource grants requests of equal priority, which came one after the other."""
    env, served = simpy.Environment(), []
    server = simpy.PriorityResource(env)

    def customer(name, arrival):
        yield env.timeout(arrival)
        with server.request(priority=5) as turn:
            yield turn
            served.append(name)
            yield env.timeout(100)

    for arrival, name in enumerate(items):
        env.process(customer(name, arrival))
    env.run()
    return "".join(served)


count = itertools.count()
bare = order("abcdef", wrap=lambda item: simpy.PriorityItem(5, item))
numbered = order("abcdef", wrap=lambda item: simpy.PriorityItem((5, next(count)), item))
resource = asked("abcdef")
print(f"simpy {version('simpy')}: a b c d e f come in this order, all with priority 5")
print(f"PriorityStore                      {' '.join(bare)}")
print(f"PriorityStore, (priority, number)  {' '.join(numbered)}")
print(f"PriorityResource                   {' '.join(resource)}")
print("""
A PriorityItem compares nothing but its priority, and a heap of equals keeps no order. With a few classes of priority,
nearly all items are equal: within a class, waiting times spread far more than in order of arrival, and a model of a real
queue is wrong without a word. Put a number that grows into the priority, as asyncio's and queue's documentation advise for
their heaps. PriorityResource does that by itself.""")
same = (bare, numbered, resource) == ("acfebd", "abcdef", "abcdef")
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
