"""Inside torch: layers with packed weights, codebooks, and compressed gradients in training."""

from beforehand.integrations.torch.codebooks import codebook, quantize_linear
from beforehand.integrations.torch.compare import compare
from beforehand.integrations.torch.comparison import Comparison, Row, Run
from beforehand.integrations.torch.ddp import attach_ddp
from beforehand.integrations.torch.delta import compress_delta
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.fsdp2 import attach_fsdp2
from beforehand.integrations.torch.handle import Handle, HookStats
from beforehand.integrations.torch.job import Job, Links
from beforehand.integrations.torch.layers import load_layers, quantize_layers
from beforehand.integrations.torch.link import measure_link
from beforehand.integrations.torch.pilot import pilot
from beforehand.integrations.torch.record import record_gradients
from beforehand.integrations.torch.sharded_handle import ShardedHandle

__all__ = [
    "Comparison",
    "GroupDriver",
    "Handle",
    "HookStats",
    "Job",
    "Links",
    "Row",
    "Run",
    "ShardedHandle",
    "attach_ddp",
    "attach_fsdp2",
    "codebook",
    "compare",
    "compress_delta",
    "load_layers",
    "measure_link",
    "pilot",
    "quantize_layers",
    "quantize_linear",
    "record_gradients",
]
