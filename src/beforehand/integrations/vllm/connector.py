"""A host tier for the KV cache, for vLLM's CPU build and for tests: blocks are copied out and in when told to."""

import time
from dataclasses import dataclass, field
from typing import Any, final

import torch
from vllm.distributed.kv_transfer.kv_connector.v1.base import (
    KVConnectorBase_V1,
    KVConnectorMetadata,
    KVConnectorRole,
    SupportsHMA,
)

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm.host_blocks import HostBlocks

HOST_BYTES = 1 << 28


@dataclass
class HostSwaps(KVConnectorMetadata):
    """What the worker copies in this step: (block, slot) out, then (slot, block) in."""

    out: list[tuple[int, int]] = field(default_factory=list)
    back: list[tuple[int, int]] = field(default_factory=list)


@final
class HostSwapConnector(KVConnectorBase_V1, SupportsHMA):
    """Copy the blocks of paused conversations to host memory, and back when they return.

    `--kv-transfer-config` with `"kv_connector": "HostSwapConnector", "kv_role": "kv_both", "kv_connector_module_path":
    "beforehand.integrations.vllm.connector"` and, under `kv_connector_extra_config`, `"host_bytes"` (default 2**28).
    vLLM's own offloading connectors copy everything and refuse the CPU build; this one copies what a handling decides.

    Guarantee:
        Blocks are copied out before another request can write to them, and in before the step that reads them. Full
        blocks only, the last token always computed anew. A copy that does not fit is refused, and the blocks discarded.
    """

    def __init__(self, vllm_config: Any, role: KVConnectorRole, kv_cache_config: Any = None) -> None:
        super().__init__(vllm_config, role, kv_cache_config)
        if kv_cache_config is None or len(kv_cache_config.kv_cache_groups) != 1:
            raise InvalidInput("HostSwapConnector needs a model with one kind of KV cache; run without a host tier")
        spec = kv_cache_config.kv_cache_groups[0].kv_cache_spec
        layers = len(kv_cache_config.kv_cache_groups[0].layer_names)
        wanted = vllm_config.kv_transfer_config.get_from_extra_config("host_bytes", HOST_BYTES)
        self._block_size: int = spec.block_size
        self._blocks: int = kv_cache_config.num_blocks
        self.host = HostBlocks(int(wanted) // (layers * spec.page_size_bytes))
        self._hash_size: int = getattr(kv_cache_config, "hash_block_size", None) or self._block_size
        self._step = HostSwaps()
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []  # the device's blocks first, the host's slots
        self._copied: HostSwaps | None = None
        self.clock = time.monotonic

    # In the scheduler's process

    @property
    def requires_kv_delivery(self) -> bool:
        """A copy that is lost is recomputed, so that nothing must be delivered."""
        return False

    @property
    def free_tokens(self) -> int:
        """Tokens for which the host has room."""
        return self.host.free * self._block_size

    def _hashes(self, request: Any, tokens: int) -> list[bytes]:
        """One hash for each full block among the first tokens."""
        every = self._block_size // self._hash_size
        return list(request.block_hashes[every - 1 : tokens // self._hash_size : every])

    def swap_out(self, request: Any, block_ids: list[int], owner: str) -> bool:
        """Copy the full blocks of a request, before the next step; False if they do not fit."""
        hashes = self._hashes(request, request.num_computed_tokens)
        placed = self.host.put(owner, hashes, self.clock())
        if placed is None:
            return False
        self._step.out += [(block_ids[place], slot) for place, slot in placed]
        return True

    def drop(self, owner: str) -> None:
        """Forget the copies of a conversation that will not come back."""
        self.host.drop(owner)

    def get_num_new_matched_tokens(self, request: Any, num_computed_tokens: int) -> tuple[int, bool]:
        """Tokens in host memory beyond those that the device still has."""
        hashes = self._hashes(request, request.num_tokens - 1)
        return max(self.host.match(hashes) * self._block_size - num_computed_tokens, 0), False

    def update_state_after_alloc(self, request: Any, blocks: Any, num_external_tokens: int) -> None:
        """Note which blocks to fill; the last ones of the hit."""
        if num_external_tokens <= 0:
            return
        hashes = self._hashes(request, request.num_tokens - 1)
        end = self.host.match(hashes)
        start = end - num_external_tokens // self._block_size
        ids = blocks.get_block_ids()[0]
        self._step.back += list(zip(self.host.slots_of(hashes[start:end]), ids[start:end], strict=True))
        self.host.taken_back(hashes[:end])

    def build_connector_meta(self, scheduler_output: Any) -> HostSwaps:
        """Hand the step's copies over."""
        step, self._step = self._step, HostSwaps()
        return step

    def request_finished(self, request: Any, block_ids: list[int]) -> tuple[bool, dict[str, Any] | None]:
        """Drop what the request still has here."""
        self.host.drop(request.request_id)
        return False, None

    def request_finished_all_groups(self, request: Any, block_ids: Any) -> tuple[bool, dict[str, Any] | None]:
        """The same, for a model with one group."""
        return self.request_finished(request, [])

    def reset_cache(self) -> bool:
        """Forget all copies, as when the model's weights have changed."""
        self.host = HostBlocks(self.host.slots)
        return True

    # In the worker's process

    def register_kv_caches(self, kv_caches: dict[str, torch.Tensor]) -> None:
        """Make room on the host for as many blocks as its bytes allow."""
        for cache in kv_caches.values():
            device = self._by_block(cache)
            shape = (self.host.slots, *device.shape[1:])
            pinned = device.device.type != "cpu"
            self._layers.append((device, torch.empty(shape, dtype=device.dtype, pin_memory=pinned)))

    def _by_block(self, cache: torch.Tensor) -> torch.Tensor:
        """The same memory with one line a block."""
        for place, length in enumerate(cache.shape[:2]):
            if length and length % self._blocks == 0:
                first = cache.movedim(place, 0)
                return first if length == self._blocks else first.view(self._blocks, -1, *first.shape[1:])
        raise InvalidInput(f"a KV cache of shape {tuple(cache.shape)} holds no {self._blocks} blocks; use no host tier")

    def handle_preemptions(self, kv_connector_metadata: Any) -> None:
        """Copy out, before anything of this step is written."""
        if isinstance(kv_connector_metadata, HostSwaps) and kv_connector_metadata is not self._copied:
            self._copied = kv_connector_metadata
            if kv_connector_metadata.out:
                blocks, slots = (torch.tensor(part) for part in zip(*kv_connector_metadata.out, strict=True))
                for device, host in self._layers:
                    host[slots] = device[blocks.to(device.device)].to("cpu")

    def bind_connector_metadata(self, connector_metadata: Any) -> None:
        """The same where vLLM hands over no metadata earlier."""
        super().bind_connector_metadata(connector_metadata)
        self.handle_preemptions(connector_metadata)

    def start_load_kv(self, forward_context: Any, **kwargs: Any) -> None:
        """Copy in, before the step that reads it."""
        step = self._get_connector_metadata()
        if isinstance(step, HostSwaps) and step.back:
            slots, blocks = (torch.tensor(part) for part in zip(*step.back, strict=True))
            for device, host in self._layers:
                device[blocks.to(device.device)] = host[slots].to(device.device)

    def wait_for_layer_load(self, layer_name: str) -> None:
        """Nothing is under way."""

    def save_kv_layer(self, layer_name: str, kv_layer: torch.Tensor, attn_metadata: Any, **kwargs: Any) -> None:
        """Blocks are copied when a handling says so, not as they are made."""

    def wait_for_save(self) -> None:
        """Nothing is under way."""
