"""One call for each key must do what a batch of one does, though integers take a shorter way."""

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.streams import CountMin, CountSketch, SpaceSaving

MAKERS = {
    **{policy: lambda policy=policy: SpaceSaving(memory="8KiB", policy=policy) for policy in ("exact", "assoc")},
    **{policy: lambda policy=policy: SpaceSaving(memory="8KiB", policy=policy) for policy in ("filtered", "gated")},
    "count_min": lambda: CountMin(width=64),
    "count_sketch": lambda: CountSketch(width=64),
}
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@makers
def test_one_by_one_gives_the_bytes_of_a_batch(make):
    keys = np.random.default_rng(0).zipf(1.2, 3000).clip(max=10**6).tolist()
    keys += [0, 2**63 - 1]
    single, batch = make(), make()
    for key in keys:
        single.update(key)
    batch.update(keys)
    assert single.to_bytes() == batch.to_bytes()


@makers
@pytest.mark.parametrize(
    "key", [-1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1, True, 1.0, None, "a", b"a"], ids=repr
)
@pytest.mark.parametrize("before", [None, [7], [-7], [2**64 - 2], ["b"], [b"b"]], ids=repr)
def test_any_key_is_taken_or_refused_as_in_a_batch(make, key, before):
    single, batch = make(), make()
    results = []
    for summary, asked in ((single, key), (batch, [key])):
        if before is not None:
            summary.update(before)
        try:
            summary.update(asked)
            results.append("taken")
        except InvalidInput as error:
            results.append(type(error))
    assert results[0] == results[1]
    assert single.to_bytes() == batch.to_bytes()


@makers
def test_the_total_may_not_pass_its_limit_one_by_one_either(make):
    summary = make()
    summary.update(1, 2**63 - 2)
    summary.update(5)
    with pytest.raises(CapacityExceeded, match="total weight would pass"):
        summary.update(5)
    assert summary.total == 2**63 - 1
