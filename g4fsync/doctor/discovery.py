"""The chat servers on this machine, found on their usual ports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .. import registry
from ..access.homes import at_environment_url
from ..errors import (
    Cancelled,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
)
from ..providers.chatapi import model_names
from ..scope import CancelScope
from ..settings import Timeout
from ..transport.adapter import Adapter
from ..urls import is_loopback, parsed
from .fingerprints import FINGERPRINTS, Finding
from .ports import Port, PortReply

PORTS = (
    *(11434, 8080, 9931, 8000, 1234, 1337, 5000, 5001, 4891, 4000),
    *(12434, 13305, 30000, 23333, 3000),  # Docker, Lemonade, SGLang, LMDeploy, TGI
)
HOSTS = ("127.0.0.1",)
CONNECT_SECONDS = 0.3
READ_SECONDS = 1.0


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


def usual_ports() -> tuple[int, ...]:
    """Where local servers are by default, and where the user's variables say they are here."""
    named = []
    for name in registry.provider_names():
        with suppress(ConfigurationError):  # a broken endpoint, plug-in or variable
            provider = registry.provider_class(name)
            if provider.status == "local" and any(map(os.environ.get, provider.base_url_variables)):
                url = parsed(at_environment_url(provider()).base_url)
                named += [url.port] if url.port and is_loopback(url.host) else []
    return tuple(dict.fromkeys((*PORTS, *named)))


def find_servers(
    ports: Iterable[int] | None = None,
    hosts: Iterable[str] = HOSTS,
    *,
    connect: float = CONNECT_SECONDS,
    read: float = READ_SECONDS,
) -> list[Server]:
    """What answers at *ports* of *hosts*, all asked at the same time, in their order.

    Without *ports* these are the :func:`usual_ports`.
    *connect* and *read* are seconds for each question.  No proxy is used and no
    redirect followed; no key is sent.
    """
    ports = usual_ports() if ports is None else tuple(ports)
    written = [f"[{host}]" if ":" in host else host for host in hosts]
    urls = [f"http://{host}:{port}" for host in written for port in ports]
    search = CancelScope()
    adapter = Adapter(hosts=len(urls))
    limits = Timeout(connect, None, None, connect + read)
    try:
        with ThreadPoolExecutor(len(PORTS), thread_name_prefix="g4fsync-doctor") as pool:
            try:
                asked = [pool.submit(_look_at, Port(url, adapter, limits, search)) for url in urls]
                found = [each.result() for each in asked]
            except BaseException:
                search.cancel()  # first, since leaving the pool waits for its threads
                raise
    finally:
        adapter.close()
    return [each for each in found if each is not None]


def _look_at(port: Port) -> Server | None:
    """What is at *place*; ``None`` for nothing."""
    try:
        finding = Finding(port, port.get("/v1/models"))
        port.models = finding.reply.value
    except Cancelled:
        raise
    except (ConnectionFailed, DeadlineExceeded, ProtocolError, InvalidRequest) as error:
        remark = _remark(error)
        return Server(port.url, remark=remark) if remark else None
    kind = next((each for each in FINGERPRINTS if each.matches(finding)), None)
    if kind is None:
        return Server(port.url, remark=_no_chat_server(finding.reply))
    return Server(
        port.url,
        name=kind.name,
        provider=kind.provider,
        version=kind.test(finding) or "",
        models=_names(finding.reply.value),
        # LiteLLM without a database fails in odd ways, but only at what it can't look up: a key.
        needs_key=finding.refused or (kind.name == "LiteLLM" and finding.reply.status >= 400),
        remark="still loading its model" if finding.reply.status == 503 else "",
    )


def _remark(error: G4FSyncError) -> str:
    if isinstance(error, DeadlineExceeded):
        return "" if error.clock == "connect" else "something listens, and is silent"
    if isinstance(error, ProtocolError):
        return "something listens that does not speak HTTP"
    cut = isinstance(error, ConnectionFailed) and ("reset" in str(error) or "closed" in str(error))
    return "something listens, and closes the connection" if cut else ""


def _no_chat_server(reply: PortReply) -> str:
    if reply.is_page:
        return "a web server that answers with pages, no chat server"
    return f"a web server (HTTP {reply.status} for its models), no chat server"


def _names(value: Any) -> tuple[str, ...]:
    # Whatever is in a list of models, it must not hide that there is a server.
    with suppress(G4FSyncError, LookupError, TypeError, AttributeError):
        return tuple(str(each) for each in model_names(value))
    return ()
