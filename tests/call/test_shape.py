"""Whose fault a failed look-up is, by what this very Python says."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from g4fsync.call.shape import MISSHAPEN, NotText, is_mistake
from g4fsync.codecs.sse import ServerSentEvent
from g4fsync.testing import ScriptedTransport

VALUES: tuple[Any, ...] = (None, True, 0, 1.5, "", "text", [], ["a"], {}, {"a": 1}, b"bytes")

# What providers do with a value that a server sent.
READINGS: dict[str, Callable[[Any], Any]] = {
    "key": lambda v: v["text"],
    "index": lambda v: v[0],
    "index behind the end": lambda v: v[10**6],
    "nested": lambda v: v["choices"][0]["delta"]["content"],
    "get": lambda v: v.get("text"),
    "get of get": lambda v: v.get("a").get("b"),
    "items": lambda v: list(v.items()),
    "strip": lambda v: v.strip(),
    "startswith": lambda v: v.startswith("a"),
    "decode": lambda v: v.decode(),
    "append": lambda v: v.append(1),
    "iteration": lambda v: list(v),
    "iteration in for": lambda v: [each for each in v],  # noqa: C416 - other bytecode
    "two names": lambda v: _two(v),
    "length": lambda v: len(v),
    "membership": lambda v: "a" in v,
    "concatenation": lambda v: "a" + v,
    "concatenation of bytes": lambda v: b"a" + v,
    "sum": lambda v: 1 + v,
    "difference": lambda v: v - 1,
    "negation": lambda v: -v,
    "comparison": lambda v: v < 3,
    "comparison with text": lambda v: v > "a",
    "join": lambda v: "".join([v]),
    "int": lambda v: int(v),
    "float": lambda v: float(v),
    "hash": lambda v: {v: 1},
    "look-up by it": lambda v: {"a": 1}[v],
    "slice": lambda v: v[1:],
    "json": lambda v: json.loads(v),
    "pattern": lambda v: re.match("x", v).group(),  # type: ignore[union-attr]  # the point
    "date": lambda v: datetime.datetime.fromisoformat(v),
    "timestamp": lambda v: datetime.datetime.fromtimestamp(v),
    "division": lambda v: 1 / v,
    "formatting": lambda v: f"{v:d}",
    "round": lambda v: round(v),
    "chr": lambda v: chr(v),
    "sorted": lambda v: sorted([v, {}]),
    "mapping": lambda v: dict(v),
    "assignment": lambda v: v.__setitem__("a", 1) if hasattr(v, "__setitem__") else _set(v),
    "max": lambda v: max(v),
    "isinstance of items": lambda v: [each["id"] for each in v],
}


def _two(value: Any) -> None:
    _, _ = value


def _set(value: Any) -> None:
    value["a"] = 1


def raised(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except MISSHAPEN as exc:
        return exc
    return None


@pytest.mark.parametrize("name", READINGS)
def test_what_comes_of_reading_plain_data_is_the_answer_s_fault(name: str) -> None:
    found = [(value, raised(partial(READINGS[name], value))) for value in VALUES]
    failures = [(value, exc) for value, exc in found if exc is not None]
    assert failures, "the reading fails for some value"
    for value, exc in failures:
        assert not is_mistake(exc, sent=True), f"{name} of {value!r}: {exc!r}"
        assert is_mistake(exc, sent=False), "nothing was asked, so nothing was answered"


TRANSPORT: Any = ScriptedTransport({"POST /ask": b"{}"})
EVENT: Any = ServerSentEvent("message", "{}", "", None)


class Own:
    """A provider's own helper."""

    def work(self, one: int, *, two: int = 2) -> int:
        return one + two

    @property
    def broken(self) -> int:
        return self.nothing  # type: ignore[attr-defined,no-any-return]  # that is the point


OWN: Any = Own()

MISTAKES: dict[str, Callable[[], Any]] = {
    "an attribute the transport has not": lambda: TRANSPORT.websocket,
    "a method the transport has not": lambda: TRANSPORT.websocket("/ws"),
    "an attribute of a method": lambda: TRANSPORT.post.json,
    "an attribute a response has not": lambda: TRANSPORT.post("/ask").jsn(),
    "a response as data": lambda: TRANSPORT.post("/ask")["text"],
    "a response iterated over": lambda: list(TRANSPORT.post("/ask")),
    "a method as data": lambda: TRANSPORT.post("/ask").json["text"],
    "an event as data": lambda: EVENT["text"],
    "an attribute an event has not": lambda: EVENT.text,
    "a dict's key as an attribute": lambda: json.loads('{"text": 1}').text,
    "a str's method misspelt": lambda: json.loads('"text"').spilt(),
    "an attribute a module has not": lambda: json.laods("{}"),  # type: ignore[attr-defined]
    "an attribute it has not itself": lambda: OWN.nothing,
    "a property that is broken": lambda: OWN.broken,
    "a call without its argument": lambda: OWN.work(),
    "a call with one argument more": lambda: OWN.work(1, 2),
    "a call with an unknown keyword": lambda: OWN.work(1, three=3),
    "a call with one argument twice": lambda: OWN.work(1, one=1),
    "a call of a number": lambda: json.loads("1")(),
    "a call of None": lambda: json.loads("null")(),
    "a builtin with one argument more": lambda: len([], []),  # type: ignore[call-arg]
    "a builtin method with too many": lambda: {}.get(1, 2, 3),  # type: ignore[call-overload]
    "a builtin method without any": lambda: {}.get(),  # type: ignore[call-overload]
    "a builtin method with a keyword": lambda: [].append(x=1),  # type: ignore[call-arg]
    "a builtin with an unknown keyword": lambda: print(emd=""),  # type: ignore[call-overload]
    "a transport's method without a path": lambda: TRANSPORT.post(),
    "a transport's method with data": lambda: TRANSPORT.post("/ask", data={}),
    "an object of its own in a sum": lambda: 1 + OWN,
    "an object of its own compared": lambda: OWN < 1,
    "an object of its own joined": lambda: "".join([OWN]),
    "an object of its own appended": lambda: "a" + OWN,
    "an object of its own measured": lambda: len(OWN),
    "an object of its own searched": lambda: 1 in OWN,
    "an object of its own unpacked": lambda: _two(OWN),
    "an object of its own filled": lambda: _set(OWN),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_no_answer_can_cause_is_a_mistake(name: str) -> None:
    exc = raised(MISTAKES[name])
    assert exc is not None
    assert is_mistake(exc, sent=True), repr(exc)


@pytest.mark.parametrize(
    "exc",
    [
        KeyError("text"),
        IndexError("i"),
        ValueError("got 'Thing' object is not"),
        TypeError("t"),
        TypeError("expected a number, got True"),
        TypeError("expected a name, got 'x'"),
        AttributeError("by hand"),
        RecursionError("deep"),
        ZeroDivisionError("division by zero"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "r"),
    ],
    ids=repr,
)
def test_what_can_not_be_told_apart_is_the_answer_s_fault(exc: Exception) -> None:
    assert not is_mistake(exc, sent=True)


@pytest.mark.parametrize("sent", [True, False])
def test_what_is_yielded_in_place_of_text_is_the_answer_s_fault(sent: bool) -> None:
    assert not is_mistake(NotText("expected text, got <Response object>"), sent=sent)
