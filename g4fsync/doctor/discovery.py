"""The chat servers on this machine, found on their usual ports and told apart.

A port decides nothing: 8080 is llama.cpp's, LocalAI's and every web app's.  What
answers does, so each test looks for something only one server says.  Ports and
answers are from the servers' sources and documentation, llama.cpp's,
llama-cpp-python's, g4f's and LiteLLM's from runs (2026).  Guesses are: LM Studio's
fields, vLLM's ``/version``, Jan's title, GPT4All's owner, AirPlay's header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

import requests

from ..codecs import refusals
from ..codecs.strict import parse
from ..errors import (
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
)
from ..providers.dialect import model_names
from ..scope import CancelScope, Timeout
from ..transport.adapter import Adapter, Wire, using
from ..transport.failures import translated

PORTS = (11434, 8080, 9931, 8000, 1234, 1337, 5000, 5001, 4891, 4000)
HOSTS = ("127.0.0.1",)
CONNECT_SECONDS = 0.3
READ_SECONDS = 1.0
PORT_SECONDS = 5.0  # for all questions to one port
MAX_BYTES = 4 * 2**20
_HEADERS = {
    "User-Agent": "g4fsync",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers at ``url``.

    ``name`` is empty when it is no chat server; ``remark`` then says what it
    does.  ``provider`` is what to ask it with.
    """

    url: str
    name: str = ""
    provider: str = ""
    version: str = ""
    models: tuple[str, ...] = ()
    needs_key: bool = False
    remark: str = ""


def find_servers(
    ports: Iterable[int] = PORTS,
    hosts: Iterable[str] = HOSTS,
    *,
    connect: float = CONNECT_SECONDS,
    read: float = READ_SECONDS,
) -> list[Server]:
    """What answers at *ports* of *hosts*, all asked at the same time, in their order.

    *connect* and *read* are seconds for each question.  No proxy is used and no
    redirect followed; no key is sent.
    """
    ports = tuple(ports)
    written = [f"[{host}]" if ":" in host else host for host in hosts]
    urls = [f"http://{host}:{port}" for host in written for port in ports]
    whole = CancelScope()
    adapter = Adapter(hosts=len(urls))
    limits = Timeout(connect, None, None, connect + read)
    try:
        with ThreadPoolExecutor(len(PORTS), thread_name_prefix="g4fsync-doctor") as pool:
            try:
                asked = [pool.submit(_look_at, _Place(url, adapter, limits, whole)) for url in urls]
                found = [each.result() for each in asked]
            except BaseException:
                whole.cancel()  # first, since leaving the pool waits for its threads
                raise
    finally:
        adapter.close()
    return [each for each in found if each is not None]


class _Reply(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The JSON value of a 200, ``None`` for anything else."""
        if self.status == 200:
            with suppress(ProtocolError):
                return parse(self.body)
        return None

    @property
    def is_page(self) -> bool:
        return refusals.is_page(self.headers, self.body[:400].decode("latin-1"))

    @property
    def software(self) -> str:
        return self.headers.get("server", "")


class _Place:
    """One port, and what it has answered so far."""

    def __init__(self, url: str, adapter: Adapter, limits: Timeout, whole: CancelScope) -> None:
        self.url = url
        self._adapter = adapter
        self._limits = limits
        self._whole = whole
        self._until = monotonic() + PORT_SECONDS
        self._values: dict[str, Any] = {}
        self.models: Any = None  # what it said of its models

    def get(self, path: str) -> _Reply:
        """The answer to a GET; raises when there is none in time."""
        scope = CancelScope(self._limits, deadline=self._until)
        scope.start()
        host = self.url.partition("://")[2]
        with self._whole.aborting(scope.cancel), translated(scope, host):
            wire = Wire(scope)
            scope.connecting()
            try:
                with using(wire):
                    answer = self._adapter.send(
                        requests.Request("GET", self.url + path, _HEADERS).prepare(),
                        stream=True,
                        timeout=(scope.patience(), scope.patience(overall=True)),
                        proxies={},
                    )
                    body = answer.raw.read(MAX_BYTES, decode_content=False)
                    answer.close()
                # A woken reader may see a clean end.
                scope.check()
            finally:
                wire.drop()
        return _Reply(answer.status_code, answer.headers, body)

    def ask(self, path: str) -> Any:
        """The JSON value at *path*, asked once; ``None`` without one of its own."""
        if path not in self._values:
            self._values[path] = None
            try:
                value = self.get(path).value
            except Cancelled:
                raise
            except G4FSyncError:
                value = None  # no answer is an answer
            # Some servers give the same answer at any path.
            if value != self.models:
                self._values[path] = value
        return self._values[path]

    def field(self, path: str, name: str) -> str | None:
        """A text in the JSON object at *path*."""
        value = self.ask(path)
        told = value.get(name) if isinstance(value, Mapping) else None
        return told if isinstance(told, str) else None


class _Finding(NamedTuple):
    """What the tests look at: a place, and what it said of its models."""

    place: _Place
    reply: _Reply

    @property
    def listed(self) -> list[Any] | None:
        """The entries of its list of models, ``None`` when that is no such list."""
        return _entries(self.reply.value)

    @property
    def refused(self) -> bool:
        return self.reply.status in (401, 403) and not self.reply.is_page

    def owned_by(self, owner: str) -> bool:
        """Whether a model in the list has this owner."""
        return any(isinstance(e, Mapping) and e.get("owned_by") == owner for e in self.listed or ())


def _entries(value: Any) -> list[Any] | None:
    if isinstance(value, Mapping):
        for name in ("data", "models"):
            if isinstance(value.get(name), list):
                return list(value[name])
    return None


def _look_at(place: _Place) -> Server | None:
    """What is at *place*; ``None`` for nothing."""
    try:
        finding = _Finding(place, place.get("/v1/models"))
        place.models = finding.reply.value
    except Cancelled:
        raise
    except (ConnectionFailed, DeadlineExceeded, ProtocolError, InvalidRequest) as error:
        remark = _remark(error)
        return Server(place.url, remark=remark) if remark else None
    kind = next((each for each in _KINDS if each.matches(finding)), None)
    if kind is None:
        return Server(place.url, remark=_no_chat_server(finding.reply))
    return Server(
        place.url,
        name=kind.name,
        provider=kind.provider,
        version=kind.test(finding) or "",
        models=_names(finding.reply.value),
        needs_key=finding.refused,
        remark="still loading its model" if finding.reply.status == 503 else "",
    )


def _remark(error: G4FSyncError) -> str:
    if isinstance(error, DeadlineExceeded):
        return "" if error.clock == "connect" else "something listens, and is silent"
    if isinstance(error, ProtocolError):
        return "something listens that does not speak HTTP"
    cut = isinstance(error, ConnectionFailed) and ("reset" in str(error) or "closed" in str(error))
    return "something listens, and closes the connection" if cut else ""


def _no_chat_server(reply: _Reply) -> str:
    if reply.is_page:
        return "a web server that answers with pages, no chat server"
    return f"a web server (HTTP {reply.status} for its models), no chat server"


def _names(value: Any) -> tuple[str, ...]:
    # Whatever is in a list of models, it must not hide that there is a server.
    with suppress(G4FSyncError, LookupError, TypeError, AttributeError):
        return tuple(str(each) for each in model_names(value))
    return ()


# -- the tests: the version told ("" for none) when it is this server, else None --


def _llama_cpp(finding: _Finding) -> str | None:
    return "" if finding.reply.software.startswith("llama.cpp") else None


def _ollama(finding: _Finding) -> str | None:
    version = finding.place.field("/api/version", "version")
    # KoboldCpp answers Ollama's paths, too.
    return None if _kobold_cpp(finding) is not None else version


def _kobold_cpp(finding: _Finding) -> str | None:
    path = "/api/extra/version"
    if finding.place.field(path, "result") == "KoboldCpp":
        return finding.place.field(path, "version") or ""
    return None


def _local_ai(finding: _Finding) -> str | None:
    if isinstance(finding.place.ask("/.well-known/localai.json"), Mapping):
        return finding.place.field("/version", "version") or ""
    return None


def _lm_studio(finding: _Finding) -> str | None:
    for path in ("/api/v1/models", "/api/v0/models"):
        entries = _entries(finding.place.ask(path))
        if entries is not None and all(
            isinstance(e, Mapping) and "type" in e and ("key" in e or "id" in e) for e in entries
        ):
            return ""
    return None


def _text_generation_webui(finding: _Finding) -> str | None:
    is_well = finding.place.field("/v1/internal/health", "status") == "ok"
    return "" if is_well else None


def _vllm(finding: _Finding) -> str | None:
    if finding.listed is None and not finding.refused:
        return None
    version = finding.place.field("/version", "version")
    return version or ("" if finding.owned_by("vllm") else None)


def _litellm(finding: _Finding) -> str | None:
    return "" if finding.place.ask("/health/liveliness") == "I'm alive!" else None


def _g4f(finding: _Finding) -> str | None:
    marked = any(
        isinstance(e, Mapping) and "provider" in e and "vision" in e for e in finding.listed or ()
    )
    return "" if marked else None


def _llama_cpp_python(finding: _Finding) -> str | None:
    is_it = finding.reply.software == "uvicorn" and finding.owned_by("me")
    return "" if is_it else None


def _gpt4all(finding: _Finding) -> str | None:
    return "" if finding.owned_by("humanity") else None


def _jan(finding: _Finding) -> str | None:
    if finding.listed is None and not finding.refused:
        return None
    value = finding.place.ask("/openapi.json")
    about = value.get("info") if isinstance(value, Mapping) else None
    title = about.get("title") if isinstance(about, Mapping) else None
    return "" if isinstance(title, str) and title.split()[:1] == ["Jan"] else None


def _unknown(finding: _Finding) -> str | None:
    # macOS' AirPlay receiver listens at 5000, and refuses everything.
    if finding.refused and not finding.reply.software.startswith("AirTunes"):
        return ""
    return None if finding.listed is None else ""


class _Kind(NamedTuple):
    name: str
    provider: str
    test: Callable[[_Finding], str | None]

    def matches(self, finding: _Finding) -> bool:
        return self.test(finding) is not None


# In this order: some answer a later one's question, too.
_KINDS = (
    _Kind("llama.cpp", "llamacpp", _llama_cpp),
    _Kind("Ollama", "ollama", _ollama),
    _Kind("KoboldCpp", "openai", _kobold_cpp),
    _Kind("LocalAI", "localai", _local_ai),
    _Kind("LM Studio", "lmstudio", _lm_studio),
    _Kind("text-generation-webui", "openai", _text_generation_webui),
    _Kind("vLLM", "vllm", _vllm),
    _Kind("LiteLLM", "litellm", _litellm),
    _Kind("g4f", "g4f", _g4f),
    _Kind("llama-cpp-python", "openai", _llama_cpp_python),
    _Kind("GPT4All", "openai", _gpt4all),
    _Kind("Jan", "openai", _jan),
    _Kind("OpenAI-compatible, unknown", "openai", _unknown),
)
