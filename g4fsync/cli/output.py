"""One answer as it is printed: as text, as events, as one JSON object."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..call.stream import ChatStream
from ..errors import Cancelled, G4FSyncError
from ..events import Event, ProviderData, Reasoning, Text, ToolResult
from ..messages import ChatResult
from ..report import plain as values
from .terminal import Terminal
from .wording import at_prompt


def show(stream: ChatStream, answer: PrintedAnswer) -> None:
    """Run *stream* before the user's eyes; raises what it raises."""
    answer.terminal.exit_notes.add(lambda: answer.failed(stream, Cancelled("interrupted")))
    try:
        for event in stream.events():
            answer.event(event)
    except G4FSyncError as error:
        answer.failed(stream, error)
        raise
    answer.completed(stream)


class PrintedAnswer:
    """The answer as text, piece by piece."""

    shows_reasoning = True

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def event(self, event: Event) -> None:
        """A piece has come."""
        if isinstance(event, Text):
            self.terminal.write(event.text)
        elif isinstance(event, Reasoning) and self.shows_reasoning:
            self.terminal.aside(event.text)

    def completed(self, stream: ChatStream) -> None:
        """It has come to its end."""
        self.terminal.end_line()
        for call in stream.tool_calls:
            self.terminal.line(f"{call.name}({call.arguments})")
        if stream.finish_reason == "length":
            self.terminal.note(
                "g4fsync: the answer is cut short: it has reached its limit of tokens "
                "(-o max_tokens=N sets it)"
            )
        elif stream.finish_reason not in (None, "stop", "tool_calls"):
            self.terminal.note(f"g4fsync: the answer ended for the reason {stream.finish_reason!r}")

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        """It will not come to its end."""
        self.terminal.end_line()


class TextAtOnce(PrintedAnswer):
    """The answer as text, in one piece."""

    def event(self, event: Event) -> None:
        pass

    def completed(self, stream: ChatStream) -> None:
        self.terminal.write(stream.text)
        super().completed(stream)

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.write(stream.text)
        super().failed(stream, error)


class CodeBlock(PrintedAnswer):
    """The first fenced block of code, without its fences; the answer when there is none."""

    def event(self, event: Event) -> None:
        pass

    def completed(self, stream: ChatStream) -> None:
        found = _FENCED.search(stream.text)
        self.terminal.write(found[2] if found else stream.text)
        super().completed(stream)

    # Of an answer that broke off nothing is printed: it may go straight into a shell.


# Backticks or tildes, three or more; what was not closed goes to the end.
_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)


class EventLines(PrintedAnswer):
    """Each event as a line of JSON; an error is the last."""

    def event(self, event: Event) -> None:
        if not isinstance(event, ProviderData):
            self.terminal.json(event_fields(event))

    def completed(self, stream: ChatStream) -> None:
        pass

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.json({"event": "error", **plain(error)})


class OneObject(PrintedAnswer):
    """The complete result as one JSON object; of a failed call the error and the part that came."""

    def event(self, event: Event) -> None:
        pass

    def completed(self, stream: ChatStream) -> None:
        self.terminal.json(result_fields(stream.result()))

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self.terminal.json(failure_fields(stream, error))


def result_fields(result: ChatResult) -> dict[str, Any]:
    """A result as JSON has it, without the conversation, which the caller knows."""
    fields: dict[str, Any] = plain(replace(result, value=None, messages=()))
    if result.mode is None:
        del fields["mode"], fields["value"]
    else:
        from ..schemas.dumping import as_json  # most calls do without

        fields["value"] = as_json(result.value)
    return fields


def failure_fields(stream: ChatStream, error: G4FSyncError) -> dict[str, Any]:
    """A failed call as JSON has it: the error, and the part that came."""
    return {
        "error": plain(error),
        "partial": stream.text,
        "provider": error.provider or stream.provider,
        "model": error.model or stream.model,
        "attempts": plain(stream.attempts),
        "seconds": stream.seconds,
    }


def plain(value: Any) -> Any:
    """*value* as JSON has it, what an error advises in words for a shell prompt."""
    return values.plain(value, lambda error: at_prompt(str(error)))


def usage(stream: ChatStream) -> str:
    """What an answer took: whom, tokens as far as they were counted, and seconds."""
    words = [f"{stream.provider}:{stream.model}"]
    words += ["from the cache"] if stream.cached else []
    if stream.usage is not None:
        for value, what in (
            (stream.usage.input_tokens, "tokens in"),
            (stream.usage.cached_tokens, "of them cached"),
            (stream.usage.output_tokens, "tokens out"),
            (stream.usage.reasoning_tokens, "of them thoughts"),
        ):
            words += [f"{value} {what}"] if value is not None else []
    else:
        words.append("tokens not counted by the provider")
    if stream.first_token_seconds is not None:
        words.append(f"first token {stream.first_token_seconds:.2f} s")
    words.append(f"{stream.seconds:.2f} s")
    return ", ".join(words)


def event_fields(event: Event) -> dict[str, Any]:
    """An event as JSON has it, its kind by name."""
    if isinstance(event, ToolResult):
        event = replace(event, value=None, error=None)  # Python's; the text has it
        shown = {"event": "tool_result", **plain(event)}
        del shown["value"], shown["error"]
        return shown
    return {"event": _snake(type(event).__name__), **plain(event)}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
