"""A worker of vLLM with a length probe: `--worker-cls beforehand.integrations.vllm.ProbeWorker`.

What the probe says of a request travels to the scheduler in the attribute `beforehand` of the model runner's output.
"""

import os
from typing import Any, Final, final

import torch
from vllm.platforms import current_platform
from vllm.v1.outputs import AsyncModelRunnerOutput, ModelRunnerOutput

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm import report, tap_v2
from beforehand.integrations.vllm.probe_head import ProbeHead, by_request
from beforehand.integrations.vllm.settings import STRICT, read_settings
from beforehand.integrations.vllm.tap import Due, tap
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe
from beforehand.scheduling.serving.predictors.model_identity import ModelIdentity

if current_platform.is_cpu():
    from vllm.v1.worker.cpu_worker import CPUWorker as Worker
else:
    from vllm.v1.worker.gpu_worker import Worker

OUTPUT: Final = "beforehand"


@final
class Reading:
    """A probe in a worker: what it reads, and when.

    Args:
        runner: The model runner, with its model, before its first pass.
        probe: The probe.
        every: Steps of the engine between two readings of requests that decode. A prefill is read when it is complete.

    Raises:
        InvalidInput: The model allows no tap.
    """

    def __init__(self, runner: Any, probe: LengthProbe, every: int) -> None:
        self._tap = tap(runner, probe.layer) if is_v1(runner) else tap_v2.V2Tap(runner, probe.layer)
        self._head = ProbeHead(probe, runner.device, torch)
        self._every = every
        self._steps = 0

    def __call__(self) -> tuple[Due, Any] | None:
        """What is due after the forward pass that has just run: requests, and their probabilities on the device."""
        states = self._tap.states()
        if states is None:
            return None
        self._steps += 1
        requests = self._tap.due(every=self._steps % self._every == 0)
        return (requests, self._head(states, requests.rows)) if requests.ids else None


@final
class LateOutput(AsyncModelRunnerOutput):  # type: ignore[misc, unused-ignore]
    """An output that is still on its way from the device, and the probe's beside it."""

    def __init__(self, output: Any, requests: Due, probabilities: Any) -> None:
        self._output = output
        self._requests = requests
        self._probabilities = probabilities.to("cpu", non_blocking=True)
        cuda: Any = torch.cuda
        self._copied = cuda.Event() if probabilities.is_cuda else None
        if self._copied is not None:
            self._copied.record()

    def get_output(self) -> Any:
        """Wait for both."""
        output = self._output.get_output()
        if self._copied is not None:
            self._copied.synchronize()
        setattr(output, OUTPUT, by_request(self._requests.ids, self._probabilities))
        return output


@final
class ProbeWorker(Worker):  # type: ignore[misc, unused-ignore]
    """vLLM's worker for this platform, with a length probe that reads its hidden states.

    Without a probe in the settings, or where one cannot read this model, it is vLLM's own worker, and says so once.

    Example:
        Serve a model with TRAIL::

            python -m vllm.entrypoints.openai.api_server --model tiny --enforce-eager \\
                --scheduler-cls beforehand.integrations.vllm.Scheduler \\
                --worker-cls beforehand.integrations.vllm.ProbeWorker --additional-config \\
                '{"beforehand": {"policy": {"policy": "trail", "fraction": 0.8}, "probe": "probe.npz"}}'
    """

    _reading: Reading | None = None

    def load_model(self, *args: Any, **kwargs: Any) -> None:
        """Load the model, then put the tap into it, before anything is compiled or profiled."""
        super().load_model(*args, **kwargs)
        try:
            self._reading = self._install()
        except (InvalidInput, ValueError) as error:
            if os.environ.get(STRICT) == "1":
                raise
            report.probe_off(str(error))

    def sample_tokens(self, *args: Any, **kwargs: Any) -> Any:
        """Sample, and put what the probe says into the output."""
        found = self._read()
        output = super().sample_tokens(*args, **kwargs)
        if found is None or output is None:
            return output
        requests, probabilities = found
        if isinstance(output, ModelRunnerOutput):
            setattr(output, OUTPUT, by_request(requests.ids, probabilities.cpu()))
            return output
        return LateOutput(output, requests, probabilities) if isinstance(output, AsyncModelRunnerOutput) else output

    def _install(self) -> Reading | None:
        settings = read_settings(self.vllm_config.additional_config, os.environ)
        if not settings.probe:
            raise InvalidInput("no probe is named; pass its path as setting 'probe'")
        probe = LengthProbe.load(settings.probe)
        config = self.vllm_config.model_config
        probe.check_model(ModelIdentity.of(config.hf_config, config.model))
        for problem in problems(self.vllm_config, self.model_runner, probe):
            raise InvalidInput(problem)
        return Reading(self.model_runner, probe, settings.refine_every)

    def _read(self) -> tuple[Due, Any] | None:
        if self._reading is None:
            return None
        try:
            return self._reading()
        except Exception as error:  # a lost prediction must not lose an answer
            self._reading = None
            report.probe_failed(error)
            return None


def is_v1(runner: Any) -> bool:
    """Whether it is a model runner V1."""
    return hasattr(runner, "input_batch") and hasattr(runner, "requests")


def problems(config: Any, runner: Any, probe: LengthProbe) -> list[str]:
    """Why no probe can read this engine's states; empty if one can."""
    found = []
    if config.speculative_config is not None:
        found.append("speculative decoding writes several tokens a step; start without it, or without a probe")
    if config.parallel_config.pipeline_parallel_size > 1:
        found.append("the layers are spread over a pipeline; start with --pipeline-parallel-size 1")
    transfer = config.kv_transfer_config
    if transfer is not None and transfer.kv_role != "kv_both":
        found.append(f"the engine is only a {transfer.kv_role}; a probe wants an engine that does prefill and decode")
    if probe.prefill != "last" and config.cache_config.enable_prefix_caching:
        found.append("the probe reads all tokens of a prompt; start with --no-enable-prefix-caching, or train with "
                     "prefill='last'")  # fmt: skip
    if probe.prefill != "last":
        found.append(f"the probe was trained with prefill={probe.prefill!r}, but the tap reads the last token only")
    if not is_v1(runner):
        found += tap_v2.problems(runner)
    return found
