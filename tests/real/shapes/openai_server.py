"""A server that records what it is asked, and answers as the case in the path wants it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from .openai_responses import RESPONSE_STREAMS, RESPONSES
from .openai_streams import (
    CHUNKS,
    COMPLETION,
    COMPLETIONS,
    REFUSALS,
    STOP,
    STREAMS,
    TOLD,
    completion,
    events,
)

MODEL = {"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "openai", "more": 2}
MODELS = {"object": "list", "data": [MODEL]}
PLACE = '{"city": "Oslo", "days": 3, "note": null}'
SLOW_SECONDS = 0.6
#: Headers that both must send alike; others say which library it is.
COMPARED = ("authorization", "api-key", "openai-organization", "openai-project", "content-type")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Recorded:
    """What came, by case."""

    asked: dict[str, list[Any]] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    recorded: Recorded

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.answer(json.loads(self.rfile.read(size)))

    def do_GET(self) -> None:
        self.answer(None)

    def answer(self, body: Any) -> None:
        path, _, query = self.path.partition("?")
        case, mark, rest = unquote(path.strip("/")).replace("_", " ").partition("/v1")
        for other in ("/openai/", "/chat/"):  # Azure's paths, and a base URL without one
            if not mark:
                case, mark, rest = case.partition(other)
        kept = {
            name.lower(): value
            for name, value in self.headers.items()
            if name.lower() in COMPARED or name.lower().startswith(("x-a", "x-b", "x-c", "x-test"))
            if not name.lower().startswith("x-stainless")
        }
        asked = {
            "method": self.command,
            "path": rest,
            "query": query,
            "body": body,
            "headers": kept,
        }
        tries = self.recorded.asked.setdefault(case, [])
        tries.append(asked)
        self.send(*self.found(case, body, rest, len(tries)))

    def found(self, case: str, body: Any, rest: str, tries: int) -> Answer:
        kind, _, name = case.partition("/")
        if kind == "refusal":
            status, headers, content = REFUSALS[name]
            return status, dict(headers), content
        if kind == "response stream":
            return 200, {"content-type": "text/event-stream"}, RESPONSE_STREAMS[name]
        if kind in ("stream", "told"):
            return 200, {"content-type": "text/event-stream"}, {**STREAMS, **TOLD}[name]
        if kind == "flaky" and tries < 3:
            return 503, {"retry-after-ms": "10", "retry-after": "0"}, b"{}"
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        if body and body.get("stream"):
            stopped = [*CHUNKS["plain"][:2], STOP]
            return 200, {"content-type": "text/event-stream"}, events(stopped)
        value = json.dumps(self.complete(kind, name, rest)).encode()
        return 200, {"content-type": "application/json"}, value

    def complete(self, kind: str, name: str, rest: str) -> Any:
        """An answer in one piece."""
        if rest.endswith("/models"):
            return MODELS
        if "/models/" in rest:
            return MODEL
        if kind == "response":
            return RESPONSES[name]
        if rest.endswith("/responses"):
            return RESPONSES["typed" if "parse" in name else "plain"]
        if kind == "completion":
            return COMPLETIONS[name]
        if kind == "cut":
            return completion({"content": PLACE[:9]}, "length")
        if name == "parse nested":
            return completion({"content": f'{{"places": [{PLACE}], "first": {PLACE}}}'})
        return completion({"content": PLACE}) if "parse" in name or kind == "typed" else COMPLETION

    def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {"x-request-id": "req_1", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the client did not wait

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ShapesServer:
    """The server, running; ``recorded`` holds what it was asked."""

    def __init__(self) -> None:
        self.recorded = Recorded()
        handler = type("Recording", (Handler,), {"recorded": self.recorded})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ShapesServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
