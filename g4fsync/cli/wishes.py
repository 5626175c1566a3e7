"""``--schema``, ``--tool`` and ``--approve``: an answer as a value, functions that are called."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..call.stream import ChatStream
from ..errors import InvalidRequest
from ..events import Event, ToolCall, ToolResult
from .output import TextAtOnce
from .terminal import DIM, Terminal, is_terminal, visible


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """The options; :func:`wishes_from` reads them."""
    parser.add_argument(
        "--schema",
        metavar="SCHEMA",
        help="print the answer as JSON of this form: 'name, age int', a JSON schema, or its file",
    )
    parser.add_argument(
        "--tool",
        dest="tools",
        action="append",
        default=[],
        metavar="MODULE:FUNCTION",
        help="a Python function the model may call; once for each",
    )
    parser.add_argument("--approve", action="store_true", help="ask before each call of a tool")


def wishes_from(arguments: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """What they say, for ``chat()``."""
    given: dict[str, Any] = {}
    if arguments.schema is not None:
        given["returns"] = schema(arguments.schema)
    if arguments.tools:
        given["tools"] = [function(each) for each in arguments.tools]
        given["on_tool"] = lambda result: terminal.note(_line(result), DIM)
        if arguments.approve:
            given["approve"] = lambda call: approved(call, terminal)
    elif arguments.approve:
        raise InvalidRequest("--approve is about --tool, and there is none")
    return given


def schema(text: str) -> dict[str, Any]:
    """The JSON schema that *text* is, that the file *text* holds, or that it is short for."""
    source, what = text, "--schema"
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not (path.suffix == ".json" or path.is_file()):
            from ..schemas.shorthand import schema_from  # most calls do without

            return schema_from(text)
        try:
            source, what = path.read_text(encoding="utf-8"), f"--schema {text}"
        except (OSError, UnicodeError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise InvalidRequest(f"--schema {text}: can't be read: {reason}") from exc
    try:
        value = json.loads(source)
    except ValueError as exc:
        raise InvalidRequest(f"{what}: no JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise InvalidRequest(f"{what}: a JSON schema is an object, got {source.strip()!r:.60}")
    return value


def function(name: str) -> Callable[..., Any]:
    """The function that ``MODULE:FUNCTION`` names; a module may be in this folder."""
    module_name, _, path = name.partition(":")
    if not all(each.isidentifier() for each in (*module_name.split("."), *path.split("."))):
        raise InvalidRequest(f"--tool must look like MODULE:FUNCTION, got {name!r}")
    if os.curdir not in sys.path and "" not in sys.path:
        sys.path.insert(0, "")
    try:
        pkgutil.resolve_name(module_name)
    except ImportError as exc:
        raise InvalidRequest(f"--tool {name}: {exc}") from exc
    except (Exception, SystemExit) as exc:  # what it does when it is loaded is the user's
        reason = f"{type(exc).__name__}: {exc}"
        raise InvalidRequest(f"--tool {name}: {module_name} can't be loaded: {reason}") from exc
    try:
        found: Any = pkgutil.resolve_name(name)
    except (ImportError, AttributeError) as exc:
        raise InvalidRequest(f"--tool {name}: {module_name} has no {path!r}") from exc
    if not callable(found):
        raise InvalidRequest(f"--tool {name}: not a function")
    return found  # type: ignore[no-any-return]  # callable, as checked


def approved(call: ToolCall, terminal: Terminal) -> bool | str:
    """Whether the person at the terminal lets *call* be made; nobody there is a no."""
    if not is_terminal(sys.stderr):
        return "there is nobody to ask"
    try:
        tty = open("/dev/tty", encoding="utf-8", errors="replace")  # noqa: SIM115, PTH123
    except OSError:
        return "there is nobody to ask"
    with tty:
        terminal.has_answered = True  # else the line that says what is awaited comes over it
        terminal.status("")
        terminal.end_line()
        question = f"call {call.name}({visible(call.arguments)})? [y/N] "
        sys.stderr.write(question)
        sys.stderr.flush()
        return tty.readline().strip().lower() in ("y", "yes")


def _line(result: ToolResult) -> str:
    call = f"{result.call.name}({result.call.arguments})"
    return f"g4fsync: {call:.200}: {' '.join(result.text.split()):.200}"


class Value(TextAtOnce):
    """The value that ``--schema`` asks for, as JSON that is easy to read."""

    def event(self, event: Event) -> None:
        pass

    def completed(self, stream: ChatStream) -> None:
        from ..schemas.dumping import as_json

        value = as_json(stream.result().value)
        text = json.dumps(value, ensure_ascii=False, indent=2 if is_terminal(sys.stdout) else None)
        self.terminal.line(text)
