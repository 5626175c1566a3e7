"""Chat servers, told apart by what they answer.

A port decides nothing: 8080 is llama.cpp's, LocalAI's and every web app's.  So
each test looks for something only one server says.  The answers are from the
servers' sources and documentation, llama.cpp's, llama-cpp-python's, g4f's and
LiteLLM's from runs (2026).  Guesses are: LM Studio's fields, vLLM's ``/version``,
Jan's title, GPT4All's owner, AirPlay's header.  SGLang, LMDeploy, Lemonade and Docker
Model Runner are told by what their sources or documentation have (2026), TGI by its
documented ``/info``; none of the five was run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..codecs import refusals
from ..errors import AuthenticationError
from .ports import Port, PortReply


class Finding(NamedTuple):
    """What the tests look at: a place, and what it said of its models."""

    port: Port
    reply: PortReply

    @property
    def listed(self) -> list[Any] | None:
        """The entries of its list of models, ``None`` when that is no such list."""
        return _entries(self.reply.value)

    @property
    def refused(self) -> bool:
        """Whether it wants a key; some say so with another status than 401."""
        reply = self.reply
        if reply.status < 400 or reply.is_page:
            return False
        error = refusals.from_answer(reply.status, reply.headers, reply.body)
        return reply.status == 403 or isinstance(error, AuthenticationError)

    def owned_by(self, owner: str) -> bool:
        """Whether a model in the list has this owner."""
        return any(isinstance(e, Mapping) and e.get("owned_by") == owner for e in self.listed or ())


def _entries(value: Any) -> list[Any] | None:
    if isinstance(value, Mapping):
        for name in ("data", "models"):
            if isinstance(value.get(name), list):
                return list(value[name])
    return None


# -- the tests: the version told ("" for none) when it is this server, else None --


def _llama_cpp(finding: Finding) -> str | None:
    return "" if finding.reply.software.startswith("llama.cpp") else None


def _ollama(finding: Finding) -> str | None:
    version = finding.port.field("/api/version", "version")
    # KoboldCpp answers Ollama's paths, too.
    return None if _kobold_cpp(finding) is not None else version


def _kobold_cpp(finding: Finding) -> str | None:
    path = "/api/extra/version"
    if finding.port.field(path, "result") == "KoboldCpp":
        return finding.port.field(path, "version") or ""
    return None


def _local_ai(finding: Finding) -> str | None:
    if isinstance(finding.port.ask("/.well-known/localai.json"), Mapping):
        return finding.port.field("/version", "version") or ""
    return None


def _lm_studio(finding: Finding) -> str | None:
    for path in ("/api/v1/models", "/api/v0/models"):
        entries = _entries(finding.port.ask(path))
        if entries is not None and all(
            isinstance(e, Mapping) and "type" in e and ("key" in e or "id" in e) for e in entries
        ):
            return ""
    return None


def _text_generation_webui(finding: Finding) -> str | None:
    is_well = finding.port.field("/v1/internal/health", "status") == "ok"
    return "" if is_well else None


def _vllm(finding: Finding) -> str | None:
    if finding.listed is None and not finding.refused:
        return None
    version = finding.port.field("/version", "version")
    return version or ("" if finding.owned_by("vllm") else None)


def _docker_model_runner(finding: Finding) -> str | None:
    return "" if finding.port.text("/").startswith("Docker Model Runner") else None


def _owned(owner: str) -> Callable[[Finding], str | None]:
    """The test for a server that calls itself the owner of its models."""
    return lambda finding: "" if finding.owned_by(owner) else None


def _tgi(finding: Finding) -> str | None:
    about = finding.port.ask("/info")
    if isinstance(about, Mapping) and {"model_id", "max_total_tokens"} <= about.keys():
        return finding.port.field("/info", "version") or ""
    return None


def _litellm(finding: Finding) -> str | None:
    return "" if finding.port.ask("/health/liveliness") == "I'm alive!" else None


def _g4f(finding: Finding) -> str | None:
    marked = any(
        isinstance(e, Mapping) and "provider" in e and "vision" in e for e in finding.listed or ()
    )
    return "" if marked else None


def _llama_cpp_python(finding: Finding) -> str | None:
    is_it = finding.reply.software == "uvicorn" and finding.owned_by("me")
    return "" if is_it else None


def _gpt4all(finding: Finding) -> str | None:
    return "" if finding.owned_by("humanity") else None


def _jan(finding: Finding) -> str | None:
    if finding.listed is None and not finding.refused:
        return None
    value = finding.port.ask("/openapi.json")
    about = value.get("info") if isinstance(value, Mapping) else None
    title = about.get("title") if isinstance(about, Mapping) else None
    return "" if isinstance(title, str) and title.split()[:1] == ["Jan"] else None


def _unknown(finding: Finding) -> str | None:
    # macOS' AirPlay receiver listens at 5000, and refuses everything.
    if finding.refused and not finding.reply.software.startswith("AirTunes"):
        return ""
    return None if finding.listed is None else ""


class Fingerprint(NamedTuple):
    name: str
    provider: str
    test: Callable[[Finding], str | None]

    def matches(self, finding: Finding) -> bool:
        return self.test(finding) is not None


# In this order: some answer a later one's question, too.
FINGERPRINTS = (
    Fingerprint("llama.cpp", "llamacpp", _llama_cpp),
    Fingerprint("Ollama", "ollama", _ollama),
    Fingerprint("KoboldCpp", "openai", _kobold_cpp),
    Fingerprint("LocalAI", "localai", _local_ai),
    Fingerprint("LM Studio", "lmstudio", _lm_studio),
    Fingerprint("text-generation-webui", "openai", _text_generation_webui),
    Fingerprint("SGLang", "sglang", _owned("sglang")),
    Fingerprint("LMDeploy", "lmdeploy", _owned("lmdeploy")),
    Fingerprint("Lemonade", "lemonade", _owned("lemonade")),
    Fingerprint("TGI", "tgi", _tgi),
    Fingerprint("Docker Model Runner", "docker", _docker_model_runner),
    Fingerprint("vLLM", "vllm", _vllm),
    Fingerprint("LiteLLM", "litellm", _litellm),
    Fingerprint("g4f", "g4f", _g4f),
    Fingerprint("llama-cpp-python", "openai", _llama_cpp_python),
    Fingerprint("GPT4All", "openai", _gpt4all),
    Fingerprint("Jan", "openai", _jan),
    Fingerprint("OpenAI-compatible, unknown", "openai", _unknown),
)
