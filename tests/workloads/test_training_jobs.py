"""Needs torch and scikit-learn: `make test-torch` runs these."""

import importlib
import itertools
import pickle

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.training_jobs import CharLM, Digits

pytestmark = pytest.mark.torch
SMALL = CharLM(d_model=96, layers=2, heads=4)
JOBS = [pytest.param(Digits(), id="digits"), pytest.param(SMALL, id="charlm")]


@pytest.fixture
def torch():
    """The host, which other test environments lack."""
    return importlib.import_module("torch")


def parameters(job, seed=0):
    return [each.detach().numpy().copy() for each in job.model(seed).parameters()]


@pytest.mark.parametrize(("job", "size"), [(Digits(), 85_002), (CharLM(), 1_396_544), (SMALL, 254_720)])
def test_the_models_have_the_sizes_that_the_pages_name(job, size):
    assert sum(each.size for each in parameters(job)) == size


@pytest.mark.parametrize("job", JOBS)
def test_weights_follow_the_seed_and_leave_the_callers_random_numbers_alone(torch, job):
    before = torch.random.get_rng_state()
    first, again, other = parameters(job), parameters(job), parameters(job, seed=1)
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("job", JOBS)
def test_batches_are_fixed_by_rank_workers_and_seed(torch, job):
    def some(rank, workers, seed):
        batches = itertools.islice(job.batches(rank, workers, seed), 60)
        return torch.cat([(each[0] if isinstance(each, tuple) else each).float().reshape(-1) for each in batches])

    assert torch.equal(some(1, 3, 5), some(1, 3, 5))
    assert not torch.equal(some(0, 3, 5), some(1, 3, 5))
    assert not torch.equal(some(1, 3, 5), some(1, 3, 6))


def test_workers_share_out_an_epoch_of_digits():
    epoch = [
        images.numpy() for rank in range(3) for images, _ in itertools.islice(Digits().batches(rank, 3, 0), 1437 // 48)
    ]
    assert len(np.unique(np.concatenate(epoch), axis=0)) == 1392  # no digit twice
    repeats = [images.numpy() for images, _ in itertools.islice(Digits().batches(0, 3, 0), 2 * (1437 // 48))]
    assert len(np.unique(np.concatenate(repeats), axis=0)) < 928  # another epoch meets some again


def test_letters_are_ascii_and_followed_by_their_successors(torch):
    batch = next(SMALL.batches(0, 2, 0))
    assert batch.shape == (4, 65)
    assert batch.dtype == torch.int64
    assert 0 <= int(batch.min()) <= int(batch.max()) <= 127
    assert "import" in bytes(torch.cat([*itertools.islice(SMALL.batches(0, 2, 0), 200)]).flatten().tolist()).decode()


def test_the_decoder_does_not_look_ahead(torch):
    model, letters = SMALL.model(0).eval(), next(SMALL.batches(0, 1, 0))[:, :64]
    changed = letters.clone()
    changed[:, 40:] = 7
    found, other = model(letters), model(changed)
    assert torch.equal(found[:, :40], other[:, :40])
    assert not torch.allclose(found[:, 40:], other[:, 40:])


@pytest.mark.parametrize("job", JOBS)
def test_training_gets_better_at_what_was_not_trained_on(job):
    model = job.model(0)
    optimizer, before = job.optimizer(model.parameters()), job.evaluate(model)
    for batch in itertools.islice(job.batches(0, 1, 0), 30):
        optimizer.zero_grad()
        job.loss(model, batch).backward()
        optimizer.step()
    after = job.evaluate(model)
    assert after["loss"] < before["loss"] - 0.5
    assert after.get("accuracy", 1.0) > 0.5


@pytest.mark.parametrize("job", JOBS)
def test_a_job_pickles_and_says_what_it_trains_on(job):
    assert pickle.loads(pickle.dumps(job)) == job
    assert all(isinstance(value, str) for value in job.about.values())


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(
        InvalidInput, match="heads 5 and sequences 4, but all must be at least 1, and heads must divide"
    ):
        CharLM(heads=5)
    with pytest.raises(InvalidInput, match="layers 0"):
        CharLM(layers=0)
    with pytest.raises(InvalidInput, match="batch is 400 on 4 workers, but one step takes at most 1437"):
        next(Digits(batch=400).batches(0, 4, 0))
