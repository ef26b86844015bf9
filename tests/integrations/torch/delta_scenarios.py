"""What each of two processes does in the tests of outer loops."""

import numpy as np
import torch

from beforehand.integrations.torch import compress_delta, delta
from tests.integrations.torch.ddp_models import codec_of

SHAPES = [(300, 200), (300,), (0, 5), (7, 5, 64), ()]


def tensors(*seed):
    draw = np.random.default_rng(seed)
    return [torch.from_numpy(np.asarray(draw.normal(size=shape), np.float32)) for shape in SHAPES]


def flat(each):
    return np.concatenate([one.float().numpy().ravel() for one in each])


def calls(rank, text, count, small):
    """The sums over calls of the means and of the exact ones, whether shapes stay, and the state."""
    delta.BUCKET = 30_000 if small else 2**23
    state, total = {}, np.zeros((2, 62_541))
    for call in range(count):
        before = tensors(9)
        afters = [[at - way for at, way in zip(before, tensors(call % 2, each), strict=True)] for each in range(2)]
        given = [torch.nn.Parameter(each) for each in afters[rank]]
        mean = compress_delta(before, given, codec_of(text), state=state)
        assert [each.shape for each in mean] == [each.shape for each in before]
        assert not any(each.requires_grad for each in mean)
        total += flat(mean), (flat(before) - flat(afters[0]) + flat(before) - flat(afters[1])) / 2
    return total, {name: value for name, value in state.items() if name != "kept"}


def resumed(rank, text, path):
    """The means of the third call, and the same from a state that was saved after the second."""
    state, found = {}, []
    for call in range(3):
        if call == 2:
            torch.save(state, f"{path}/{rank}.pt")
        found.append(flat(compress_delta(tensors(9), tensors(call, rank), codec_of(text), state=state)))
    again = torch.load(f"{path}/{rank}.pt", weights_only=True)
    return found[2], flat(compress_delta(tensors(9), tensors(2, rank), codec_of(text), state=again))


def halves(rank, text):
    """The dtype of means of 16 bits."""
    before, after = ([each.bfloat16() for each in given] for given in (tensors(9), tensors(rank)))
    return str(compress_delta(before, after, codec_of(text), state={})[0].dtype)


def refused(rank, texts, calls_before, shorter):
    """The error of a call that ranks do not agree on."""
    state = {}
    for _ in range(calls_before):
        compress_delta(tensors(9), tensors(rank), codec_of(texts[0]), state=state)
    if calls_before and rank == 1:
        state = {}
    try:
        compress_delta(tensors(9)[shorter[rank] :], tensors(rank), codec_of(texts[rank]), state=state)
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def alone(rank, text):
    """The mean of one rank, and its own way."""
    group = torch.distributed.new_group([rank], use_local_synchronization=True)
    before, after = tensors(9), tensors(rank)
    mean = compress_delta(before, after, codec_of(text), group, state={})
    return flat(mean), flat(before) - flat(after)
