"""The connector of an engine whose requests are served half here and half elsewhere, without the elsewhere."""

from vllm.distributed.kv_transfer.kv_connector.v1.base import KVConnectorBase_V1, KVConnectorMetadata


class Elsewhere(KVConnectorBase_V1):
    """Sends and takes nothing, but holds a finished prefill's blocks until the next step, as if they were on their way.

    With the role of a producer it is that of an engine that computes prompts, with that of a consumer of one that
    decodes.
    """

    def get_num_new_matched_tokens(self, request, num_computed_tokens):
        return 0, False

    def update_state_after_alloc(self, request, blocks, num_external_tokens):
        pass

    def build_connector_meta(self, scheduler_output):
        return KVConnectorMetadata()

    def request_finished(self, request, block_ids):
        return self._kv_transfer_config.is_kv_producer, None

    def get_finished(self, finished_req_ids):
        return finished_req_ids if self._kv_transfer_config.is_kv_producer else None, None

    def start_load_kv(self, forward_context, **kwargs):
        pass

    def wait_for_layer_load(self, layer_name):
        pass

    def save_kv_layer(self, layer_name, kv_layer, attn_metadata, **kwargs):
        pass

    def wait_for_save(self):
        pass
