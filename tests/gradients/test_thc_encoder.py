import zlib

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import THC, Combine, Gather, Layout, Sum, drive_local, vnmse
from beforehand.gradients.local import exchange_all

GOLDEN_NORMS, GOLDEN_CODES, GOLDEN_MEAN = 0xD7DF1B72, 0xB4DF7F38, 0x9D048DC4
LAYOUT = Layout([("a", (1000,)), ("b", (500,))])


def rows(n=3, size=1500):
    """Of integers, so that they are the same on every machine."""
    values = np.arange(n * size, dtype=np.int64).reshape(n, size)
    return ((values * 7919 % 2003) - 1001).astype(np.float32) * np.float32(0.25)


def opened(codec, n=3, reduction="combine", layout=LAYOUT):
    return [codec.open(layout, rank=rank, workers=n, reduction=reduction) for rank in range(n)]


def test_one_golden_round():
    encoders = opened(THC(seed=1, truncation=1 / 32, granularity=30))
    running = [one.reduce(row) for one, row in zip(encoders, rows(), strict=True)]
    norms = np.stack([next(each).payload for each in running])
    shards = [each.send(norms).shards for each in running]
    packed = np.concatenate([each.encode(0, each.size) for each in shards])
    assert zlib.crc32(norms.tobytes()) == GOLDEN_NORMS
    assert zlib.crc32(packed.tobytes()) == GOLDEN_CODES
    means, _ = drive_local(opened(THC(seed=1, truncation=1 / 32, granularity=30)), rows())
    assert zlib.crc32(means[0].tobytes()) == GOLDEN_MEAN


def test_threads_change_nothing():
    found = set()
    for threads in (1, 4):
        encoders = [
            THC().open(Layout([("a", (2_100_000,))]), rank=rank, workers=2, reduction="combine", threads=threads)
            for rank in range(2)
        ]
        found.add(drive_local(encoders, rows(2, 2_100_000)).means[0].tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e36])
@pytest.mark.parametrize("reduction", ["combine", "sum"])
def test_one_worker_that_is_not_finite_makes_the_round_exact_for_all(bad, reduction):
    given = rows()
    given[1, 7] = bad
    encoders = opened(THC(feedback="full"), reduction=reduction)
    drive_local(encoders, rows())
    before = encoders[0].state()["feedback/a"]
    means, sent = drive_local(encoders, given)
    expected = (given[0] + given[1] + given[2]) / np.float32(3)
    assert all(np.array_equal(mean, expected, equal_nan=True) for mean in means)
    assert {one.last.fallback for one in encoders} == {"nonfinite"}
    assert np.array_equal(encoders[0].state()["feedback/a"], before)
    assert sent.up > 1500 * 4 * 2 / 3
    drive_local(encoders, rows())
    assert {one.last.fallback for one in encoders} == {None}


def test_a_piece_that_is_zero_for_all_stays_zero_while_others_do_not():
    layout = Layout([("a", (2048,)), ("b", (1024,))])
    given = rows(2, 3072)
    given[:, 2048:] = 0
    for reduction in ("combine", "sum"):
        mean = drive_local(opened(THC(), 2, reduction, layout), given).means[0]
        assert mean[:2048].any()
        assert not mean[2048:].view(np.uint32).any()


def test_the_unit_of_gradients_does_not_matter():
    errors = []
    for scale in (2.0**-80, 1.0, 2.0**80):
        given = rows() * np.float32(scale)
        mean = drive_local(opened(THC(truncation=1 / 32)), given).means[0]
        errors.append(vnmse(mean / scale, rows().mean(axis=0)))
    assert errors == pytest.approx([errors[1]] * 3, rel=0.01)


def test_feedback_is_kept_without_the_loss_scale():
    states = []
    for scale in (1.0, 1024.0):
        encoders = opened(THC(feedback="full"))
        drive_local(encoders, rows() * np.float32(scale), loss_scale=scale)
        states.append(encoders[0].state()["feedback/a"])
    assert states[0].any()
    assert np.array_equal(*states)


def test_the_table_of_rank_zero_rules():
    encoders = opened(THC())
    encoders[0].load({"selector/a": np.array([0.5, 2.0])})
    encoders[1].load({"selector/a": np.array([0.5, 3.0])})
    drive_local(encoders, rows())
    assert {one.last.truncation for one in encoders} == {2.0**-9}
    assert encoders[0].last.rho == pytest.approx(encoders[1].last.rho)


def test_phases_are_norms_then_codes_or_lanes():
    for reduction, phase in [("combine", Combine), ("sum", Sum)]:
        [first, _] = opened(THC(), 2, reduction)
        running = first.reduce(rows()[0])
        norms = next(running)
        assert isinstance(norms, Gather)
        assert isinstance(running.send(np.stack([norms.payload] * 2)), phase)


def test_norms_of_another_layout_are_refused():
    [first, _] = opened(THC(), 2)
    for answer in (np.zeros((2, 7), np.uint8), np.zeros((3, 10), np.uint8), np.full((2, 10), 9, np.uint8)):
        running = first.reduce(rows()[0])
        next(running)
        with pytest.raises(InvalidInput, match="one codec and layout"):
            running.send(answer)


def test_the_gradient_is_only_read():
    given = rows()
    given.flags.writeable = False
    drive_local(opened(THC(feedback="full")), given)
    assert np.array_equal(given, rows())


def test_the_rotation_may_run_while_norms_travel():
    """A driver that waits for others rotates meanwhile; the bits are the same, also where it asks more than once."""
    gradients, found = rows(2, 5000), []
    for times in (0, 1, 2):
        encoders = opened(THC(feedback="full"), 2, layout=Layout([("a", (5000,))]))
        for _ in range(2):
            running = [each.reduce(row) for each, row in zip(encoders, gradients, strict=True)]
            norms = [next(each) for each in running]
            for each in norms:
                for _ in range(times):
                    each.meanwhile()
            answers, _ = exchange_all(norms)
            answers, _ = exchange_all([each.send(answer) for each, answer in zip(running, answers, strict=True)])
            with pytest.raises(StopIteration) as done:
                running[0].send(answers[0])
            with pytest.raises(StopIteration):
                running[1].send(answers[1])
        found.append(done.value.value.tobytes())
    assert len(set(found)) == 1
