"""What each process does in the tests of `measure_link`."""

import torch.distributed as collectives

from beforehand.integrations.torch import measure_link


def measured(rank, sizes, repeats):
    """The link between the processes."""
    collectives.barrier()  # a refusal comes at once: nobody is to end while another still connects
    return measure_link(sizes=sizes, repeats=repeats)


def of_one(rank):
    """The link of a group of rank 0 alone."""
    collectives.barrier()
    group = collectives.new_group([0])
    return measure_link(group) if rank == 0 else None
