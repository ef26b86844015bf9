"""Codebooks for the weights of torch's layers."""

from beforehand.integrations.torch.codebooks import codebook, quantize_linear

__all__ = ["codebook", "quantize_linear"]
