"""Presets of servers that run on one's own machine; see :mod:`.preset_row`.

Ports are their defaults; llama.cpp's is moving from 8080 to 9931.  They need no key; the
names of key variables are a guess but for LiteLLM's and SGLang's.
"""

from __future__ import annotations

from functools import partial

from .preset_row import PresetRow

_local = partial(PresetRow, group="local servers", status="local")

LOCAL: tuple[PresetRow, ...] = (
    _local(
        "vllm",
        "http://127.0.0.1:8000/v1",
        "https://docs.vllm.ai",
        ("VLLM_API_KEY",),
        ("HOSTED_VLLM_API_BASE",),
        has_responses=True,
        source="L D",
    ),
    _local(
        "llamacpp",
        "http://127.0.0.1:8080/v1",
        "https://github.com/ggml-org/llama.cpp",
        ("LLAMA_API_KEY",),
        default_model="default",
        has_responses=True,
        source="L R",
    ),
    _local(
        "lmstudio",
        "http://127.0.0.1:1234/v1",
        "https://lmstudio.ai",
        ("LMSTUDIO_API_KEY",),
        ("LMSTUDIO_API_URL",),
        has_responses=True,
        source="L D",
    ),
    _local(
        "localai",
        "http://127.0.0.1:8080/v1",
        "https://localai.io",
        ("LOCALAI_API_KEY",),
        source="L",
    ),
    _local(
        "litellm",
        "http://127.0.0.1:4000/v1",
        "https://docs.litellm.ai",
        ("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY", "LITELLM_MASTER_KEY"),
        ("LITELLM_PROXY_API_BASE",),
        has_responses=True,
        source="L R",
    ),
    _local(
        "g4f",
        "http://127.0.0.1:1337/v1",
        "https://github.com/xtekky/gpt4free",
        ("G4F_API_KEY",),
        default_model="default",
        has_responses=True,
        source="L R",
    ),
    _local(
        "docker",
        "http://127.0.0.1:12434/engines/v1",
        "https://docs.docker.com/ai/model-runner",
        ("DOCKER_MODEL_RUNNER_API_KEY",),
        source="D F",
        note="from a container: http://model-runner.docker.internal/engines/v1",
    ),
    _local(
        "lemonade",
        "http://127.0.0.1:13305/api/v1",
        "https://lemonade-server.ai",
        ("LEMONADE_API_KEY",),
        source="F",
        note="older versions listen at 8000",
    ),
    _local(
        "sglang",
        "http://127.0.0.1:30000/v1",
        "https://docs.sglang.ai",
        ("SGLANG_API_KEY",),
        source="D",
    ),
    _local(
        "lmdeploy",
        "http://127.0.0.1:23333/v1",
        "https://lmdeploy.readthedocs.io",
        ("LMDEPLOY_API_KEY",),
        source="D",
    ),
    _local(
        "tgi",
        "http://127.0.0.1:8080/v1",
        "https://huggingface.co/docs/text-generation-inference",
        ("TGI_API_KEY",),
        default_model="tgi",
        source="D",
        note="the port is what its container's is published as, 8080 or 3000",
    ),
    _local(
        "mlx",
        "http://127.0.0.1:8080/v1",
        "https://github.com/ml-explore/mlx-lm",
        ("MLX_API_KEY",),
        source="F",
        note="512 tokens unless max_tokens says more",
    ),
    _local(
        "ramalama",
        "http://127.0.0.1:8080/v1",
        "https://ramalama.ai",
        ("RAMALAMA_API_KEY",),
        default_model="default",
        source="F",
        note="llama.cpp or vLLM in a container",
    ),
    _local(
        "atomic-chat",
        "http://127.0.0.1:1337/v1",
        "https://atomic.chat",
        ("ATOMIC_CHAT_API_KEY",),
        source="M",
    ),
)
