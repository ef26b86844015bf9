"""Which buckets the kernels for GPUs take. To ask costs neither torch nor Triton."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from beforehand.gradients import THC, Encoder, Layout, Table
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.exchange import Driver
from beforehand.integrations.torch.drivers import GroupDriver


def runs_on(device: Any, codec: Codec) -> bool:
    """Whether gradients on this device are coded where they lie: by THC on CUDA, with whose builds Triton comes."""
    return isinstance(codec, THC) and device.type == "cuda" and find_spec("triton") is not None


def opener(
    codec: Codec, device: Any, rank: int, workers: int, reduction: Reduction, tables: tuple[Table, ...] | None
) -> Callable[[Layout, int, int], Encoder]:
    """Opens encoders of tensors, by layout, bucket and step."""
    encoder: Any = import_module("beforehand.integrations.triton.thc").DeviceTHC

    def opened(layout: Layout, bucket: int, step: int) -> Encoder:
        options = {"rank": rank, "workers": workers, "reduction": reduction, "bucket": bucket, "step": step}
        made: Encoder = encoder(codec, layout, device, tables=tables, **options)
        return made

    return opened


def carrier(driver: GroupDriver) -> Driver:
    """What carries their exchanges."""
    made: Driver = import_module("beforehand.integrations.triton.driver").DeviceDriver(driver)
    return made
