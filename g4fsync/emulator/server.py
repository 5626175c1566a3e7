"""The emulator itself: two loopback ports, and the far sides behind them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .farside import FarSide, Pace
from .http import HTTPFarSide, RequestReader
from .listener import Listener
from .replies import Reply, echo
from .serversocket import Bell, ServerSocket
from .sides.anthropic import AnthropicSide
from .sides.flowgpt import FlowGptSide
from .sides.gemini import GeminiSide
from .sides.koala import KoalaSide
from .sides.ollama import OllamaSide
from .sides.openai import OpenAISide
from .sides.openassistant import OpenAssistantSide

if TYPE_CHECKING:
    from .sides.myshell import MyshellSide

DEFAULT_API_KEY = "key-emulator"  # none of its words may be blotted out of a message


class Emulator:
    """A local server that speaks the far side of every provider, strictly.

    ``reply``
        a callable from messages (mappings with ``role`` and ``content``) to the tokens
        of the answer; without one, the question is repeated.
    ``tokens_per_second``, ``jitter``, ``seed``
        the pace: ``None`` is as fast as can be; ``jitter`` 0.3 makes each gap up to
        30 % shorter or longer, the same ones for the same ``seed``.
    ``api_key``
        what the providers that want a key accept.
    ``port``
        where all but Myshell are served; 0 is one that the system chooses.  An
        ``OSError`` when it is taken, on entering.
    ``any_model``
        a model's name is never wrong where the user chooses it.

    The base URL of Open Assistant serves both its faces, the one of OpenAI ends in
    ``/v1``; any compatible provider can be pointed there.

    It is a context manager: entering starts it, leaving ends every connection
    and joins every thread.  It listens on 127.0.0.1 only.  The far sides
    (``emulator.koala`` and so on) hold what came, and the faults to come: see
    :class:`~g4fsync.emulator.farside.FarSide`.

    Myshell speaks WebSocket, whose frames the package ``websockets`` makes (extra
    ``emulator``); without it there is no ``"myshell"`` in :attr:`base_urls`, and
    :attr:`myshell` raises ``ImportError``.
    """

    def __init__(
        self,
        reply: Reply | None = None,
        tokens_per_second: float | None = None,
        jitter: float = 0.0,
        seed: int = 0,
        *,
        api_key: str = DEFAULT_API_KEY,
        port: int = 0,
        any_model: bool = False,
    ) -> None:
        reply = reply or echo
        pace = Pace(tokens_per_second, jitter, seed)
        self.api_key = api_key
        self._port = port
        self.koala = KoalaSide(reply, pace, api_key)
        self.flowgpt = FlowGptSide(reply, pace)
        self.openassistant = OpenAssistantSide(reply, pace)
        self.openai = OpenAISide(reply, pace, api_key)
        self.anthropic = AnthropicSide(reply, pace, api_key)
        self.gemini = GeminiSide(reply, pace, api_key)
        self.ollama = OllamaSide(reply, pace, api_key)
        self._http_sides: dict[str, HTTPFarSide] = {
            side.name: side
            for side in (
                self.koala,
                self.flowgpt,
                self.openassistant,
                self.openai,
                self.anthropic,
                self.gemini,
                self.ollama,
            )
        }
        for model_side in (self.openai, self.anthropic, self.gemini, self.ollama):
            model_side.any_model = any_model
        self._myshell = _make_myshell(reply, pace)
        self._listeners: list[Listener] = []
        self._bell: Bell | None = None
        self._base_urls: dict[str, str] = {}
        self._refusing: socket.socket | None = None

    @property
    def myshell(self) -> MyshellSide:
        """Myshell's far side; ``ImportError`` without the package ``websockets``."""
        if self._myshell is None:
            raise ImportError(
                "the emulator of myshell needs the package websockets: "
                'pip install "g4fsync[emulator]"'
            )
        return self._myshell

    @property
    def far_sides(self) -> Mapping[str, FarSide]:
        """All far sides by the name of their provider."""
        sides: dict[str, FarSide] = dict(self._http_sides)
        if self._myshell:
            sides["myshell"] = self._myshell
        return MappingProxyType(sides)

    @property
    def base_urls(self) -> dict[str, str]:
        """Where each provider's server is, to hand to ``Client(base_urls=...)``."""
        if not self._base_urls:
            raise RuntimeError("the emulator has no ports before it is started")
        return dict(self._base_urls)

    @property
    def refusing_url(self) -> str:
        """A base URL at a port where nobody listens: connecting is refused."""
        if self._bell is None:
            raise RuntimeError("the emulator has no ports before it is started")
        if self._refusing is None:
            # Bound, so that nobody else gets the port, but not listening.
            self._refusing = socket.socket()
            self._refusing.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self._refusing.getsockname()[1]}"

    def cookies(self, provider: str) -> Mapping[str, str]:
        """Cookies that the provider accepts; empty when it asks for none."""
        return self.far_sides[provider].cookies()

    def clear(self) -> None:
        """Forget all records, faults and conversations; settings stay."""
        for side in self.far_sides.values():
            side.clear()

    def start(self) -> None:
        """Open the ports; entering the context does it."""
        if self._bell is not None:
            raise RuntimeError("the emulator has been started already")
        self._bell = Bell()
        http = self._http_listener(self._bell)
        self._listeners.append(http)
        for name, side in self._http_sides.items():
            self._base_urls[name] = f"http://127.0.0.1:{http.port}/{name}{side.base_path}"
        if self._myshell:
            websocket = Listener("g4fsync-emulator-websocket", self._myshell.serve, self._bell)
            self._listeners.append(websocket)
            self._base_urls["myshell"] = f"http://127.0.0.1:{websocket.port}"
        for listener in self._listeners:
            listener.start()

    def _http_listener(self, bell: Bell) -> Listener:
        try:
            return Listener("g4fsync-emulator-http", self._serve_http, bell, self._port)
        except BaseException:
            bell.close()
            self._bell = None
            raise

    def close(self) -> None:
        """End every connection at once, and join every thread; twice does no harm."""
        if self._bell is None:
            return
        self._bell.ring()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._bell.close()
        self._bell = None
        self._base_urls.clear()
        if self._refusing:
            self._refusing.close()
            self._refusing = None

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve_http(self, wire: ServerSocket, listener: Listener) -> None:
        RequestReader(wire, listener, self._http_sides)


def _make_myshell(reply: Reply, pace: Pace) -> MyshellSide | None:
    try:
        from .sides.myshell import MyshellSide
    except ModuleNotFoundError as exc:
        if exc.name != "websockets":
            raise
        return None
    return MyshellSide(reply, pace)
