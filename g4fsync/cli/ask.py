"""``g4fsync ask``: one prompt, one provider, its answer as it comes."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields, is_dataclass
from typing import Any

from .. import registry
from ..call.stream import ChatStream
from ..client import Client
from ..errors import Cancelled, ConfigurationError, G4FSyncError, InvalidRequest
from ..events import Event, Reasoning, Text
from .arguments import option_value
from .interrupts import LastWords
from .terminal import Terminal
from .wording import at_prompt


def ask(arguments: argparse.Namespace, terminal: Terminal, last_words: LastWords) -> int:
    """Ask, and print the answer in the form that was chosen."""
    prompt = prompt_from(arguments.prompt)
    model = arguments.model or os.environ.get("G4FSYNC_MODEL")
    if not model:
        raise ConfigurationError(
            "no model: give -m PROVIDER or -m PROVIDER:MODEL, or set G4FSYNC_MODEL; "
            f"{registry.SOME}"
        )
    options = options_from(arguments.options)
    base_urls = {}
    if arguments.base_url is not None:
        base_urls[registry.split(model)[0].name] = arguments.base_url
    client = Client(model, proxy=arguments.proxy, verify=arguments.ca or True, base_urls=base_urls)
    stream = client.chat(
        prompt,
        system=encodable("the system text", arguments.system),
        timeout=arguments.timeout,
        cookies=arguments.cookies,
        **options,
    )
    with client:
        show(stream, _form(arguments)(terminal), last_words)
    return 0


def show(stream: ChatStream, answer: Answer, last_words: LastWords) -> None:
    """Run *stream* before the user's eyes; raises what it raises."""
    last_words.add(lambda: answer.failed(stream, Cancelled("interrupted")))
    try:
        for event in stream.events():
            answer.event(event)
    except G4FSyncError as error:
        answer.failed(stream, error)
        raise
    answer.whole(stream)


class Answer:
    """The answer as text, piece by piece."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def event(self, event: Event) -> None:
        """A piece has come."""
        if isinstance(event, Text):
            self.terminal.write(event.text)
        elif isinstance(event, Reasoning):
            self.terminal.aside(event.text)

    def whole(self, stream: ChatStream) -> None:
        """It has come to its end."""
        self.terminal.end_line()
        if stream.finish_reason not in (None, "stop"):
            self.terminal.note(f"g4fsync: the answer ended for the reason {stream.finish_reason!r}")

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        """It will not come to its end."""
        self.terminal.end_line()


class TextAtOnce(Answer):
    """The answer as text, in one piece."""

    def event(self, event: Event) -> None:
        pass

    def whole(self, stream: ChatStream) -> None:
        self.terminal.write(stream.text)
        super().whole(stream)

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.write(stream.text)
        super().failed(stream, error)


class EventLines(Answer):
    """Each event as a line of JSON; an error is the last."""

    def event(self, event: Event) -> None:
        self.terminal.json(told_event(event))

    def whole(self, stream: ChatStream) -> None:
        pass

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.json({"event": "error", **plain(error)})


class OneObject(Answer):
    """The whole result as one JSON object; of a failed call the error and the part that came."""

    def event(self, event: Event) -> None:
        pass

    def whole(self, stream: ChatStream) -> None:
        self.terminal.json(plain(stream.result()))

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.json(told_failure(stream, error))


def told_failure(stream: ChatStream, error: G4FSyncError) -> dict[str, Any]:
    """A failed call as JSON has it: the error, and the part that came."""
    return {
        "error": plain(error),
        "partial": stream.text,
        "provider": error.provider or stream.provider,
        "model": error.model or stream.model,
        "attempts": plain(stream.attempts),
        "seconds": stream.seconds,
    }


def _form(arguments: argparse.Namespace) -> type[Answer]:
    if arguments.json:
        return OneObject
    if arguments.events:
        return EventLines
    return TextAtOnce if arguments.no_stream else Answer


def plain(value: Any) -> Any:
    """*value* as JSON has it: data classes and errors become objects."""
    if isinstance(value, G4FSyncError):
        told = {
            "error": type(value).__name__,
            "message": at_prompt(str(value)),
            "retryable": value.retryable,
        }
        for name in ("status", "code", "clock", "retry_after"):
            if getattr(value, name, None) is not None:
                told[name] = getattr(value, name)
        return told
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


def told_event(event: Event) -> dict[str, Any]:
    """An event as JSON has it, its kind by name."""
    return {"event": _snake(type(event).__name__), **plain(event)}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def prompt_from(words: list[str]) -> str:
    """The argument, and what is piped in after a blank line."""
    if len(words) > 1:
        raise InvalidRequest(f'more than one prompt; quote it: "{" ".join(words)}"')
    parts = [each for each in (*words, _piped()) if each.strip()]
    if not parts:
        raise InvalidRequest('no prompt; try: g4fsync "Why is the sky blue?", or g4fsync --help')
    return encodable("the prompt", "\n\n".join(parts)) or ""


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.read().removeprefix("\ufeff").rstrip("\n")
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"standard input is not {exc.encoding} text") from exc
    except OSError as exc:
        raise InvalidRequest(f"standard input can't be read: {exc.strerror}") from exc


def encodable(what: str, text: str | None) -> str | None:
    """*text*, unless it holds bytes that are no text."""
    try:
        (text or "").encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(f"{what} holds bytes that are not UTF-8 text") from exc
    return text


def options_from(pairs: list[list[str]]) -> dict[str, Any]:
    """What ``-o KEY VALUE`` gave, for ``chat(**options)``."""
    # The names of the client's own arguments; as options they would replace those.
    taken = {"self", "messages", "models"}
    for method in (Client.chat, Client.compare, Client.race):
        taken.update(method.__kwdefaults__ or ())
    for name, _ in pairs:
        if name in taken:
            raise InvalidRequest(f"-o {name}: not an option of a provider; see --help")
    return {name: option_value(value) for name, value in pairs}
