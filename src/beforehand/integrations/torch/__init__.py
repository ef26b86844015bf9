"""Inside torch: codebooks for the weights of layers, and compressed gradients in training."""

from beforehand.integrations.torch.codebooks import codebook, quantize_linear
from beforehand.integrations.torch.job import Job, Links
from beforehand.integrations.torch.link import measure_link
from beforehand.integrations.torch.pilot import pilot
from beforehand.integrations.torch.record import record_gradients

__all__ = ["Job", "Links", "codebook", "measure_link", "pilot", "quantize_linear", "record_gradients"]
