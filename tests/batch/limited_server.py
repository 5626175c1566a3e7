"""A chat server that enforces limits and writes down what it was asked; a process of its own.

It speaks OpenAI's chat completions, streamed.  Its limits are requests and tokens in a
sliding window, per key: it refuses what arrives when the last ``per`` seconds hold
as much already.  Each request is a line of its log before it is answered, so that a
client that is killed has no way to hide one.

Run as a program: it prints its port, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Windows:
    """What each key has used in the last *per* seconds."""

    def __init__(self, requests: int, tokens: int, per: float) -> None:
        self.limits = {"requests": requests, "tokens": tokens}
        self.per = per
        self.used: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self.lock = threading.Lock()

    def take(self, key: str, tokens: int) -> tuple[bool, dict[str, int], float]:
        """Whether a request fits; what is left, and the seconds until the window is empty."""
        with self.lock:
            now, used = time.monotonic(), self.used[key]
            while used and used[0][0] <= now - self.per:
                used.popleft()
            spent = {"requests": len(used), "tokens": sum(each for _, each in used)}
            fits = all(
                not limit or spent[name] + (1 if name == "requests" else tokens) <= limit
                for name, limit in self.limits.items()
            )
            if fits:
                used.append((now, tokens))
                spent = {"requests": len(used), "tokens": spent["tokens"] + tokens}
            left = {name: max(0, limit - spent[name]) for name, limit in self.limits.items()}
            return fits, left, used[-1][0] + self.per - now if used else 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options: argparse.Namespace
    windows: Windows
    log: int
    counts: dict[str, int]
    lock: threading.Lock

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = "".join(str(each["content"]) for each in body["messages"])
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        sent, received = len(text.split()), self.options.output or len(text.split())
        fits, left, reset = self.windows.take(key, sent + received)
        with self.lock:
            count = self.counts[text] = self.counts.get(text, 0) + 1
        status = 200 if fits else 429
        if (
            fits
            and self.options.fail_every
            and count == 1
            and hash_of(text) % self.options.fail_every == 0
        ):
            status = 500 if hash_of(text) // self.options.fail_every % 2 else 599
        entry = {"t": time.time(), "key": key, "text": text, "status": status}
        entry |= {"tokens": sent + received if status in (200, 599) else 0, "model": body["model"]}
        os.write(self.log, json.dumps(entry).encode() + b"\n")
        headers = {}
        if self.options.headers:
            for name, limit in self.windows.limits.items():
                if limit:
                    headers[f"x-ratelimit-limit-{name}"] = str(limit)
                    headers[f"x-ratelimit-remaining-{name}"] = str(left[name])
                    headers[f"x-ratelimit-reset-{name}"] = f"{reset:.3f}s"
        if status == 429 and self.options.retry_after:
            headers["retry-after-ms"] = str(self.options.retry_after)
        time.sleep(self.options.delay)
        if status == 429:
            self.reply(
                429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, headers
            )
        elif status == 500:
            self.reply(500, {"error": {"message": "sorry"}}, headers)
        else:
            usage = {"prompt_tokens": sent, "completion_tokens": received}
            self.stream(text, usage, headers, cut=status == 599)

    def reply(self, status: int, value: Any, headers: dict[str, str]) -> None:
        body = json.dumps(value).encode()
        self.send(status, body, "application/json", headers)

    def stream(self, text: str, usage: Any, headers: dict[str, str], *, cut: bool) -> None:
        chunks: list[Any] = [{"choices": [{"delta": {"content": f"You said: {text}"}}]}]
        if not cut:  # else the answer ends without its end mark
            chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            chunks.append({"choices": [], "usage": usage})
        events = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks)
        body = f"{events}data: [DONE]\n\n" if not cut else events
        self.send(200, body.encode(), "text/event-stream", headers)

    def send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def hash_of(text: str) -> int:
    return sum(ord(c) * (i + 7) for i, c in enumerate(text))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """Clients leave, and are killed: nothing to say about it."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=0)
    parser.add_argument("--per", type=float, default=1.0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--output", type=int, default=0)
    parser.add_argument("--retry-after", type=int, default=0)
    parser.add_argument("--fail-every", type=int, default=0)
    parser.add_argument("--headers", action="store_true")
    options = parser.parse_args()
    Handler.options = options
    Handler.windows = Windows(options.requests, options.tokens, options.per)
    Handler.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    Handler.counts, Handler.lock = {}, threading.Lock()
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
