"""Typed answers load neither pydantic nor msgspec, unless a type is theirs."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, TypedDict

@dataclass
class A:
    x: int
    y: "list[A] | None" = None

class B(TypedDict):
    a: A

class C(NamedTuple):
    b: B
    c: Annotated[int, "note"] = 1

from g4fsync.schemas import AnswerType
print(AnswerType.of(list[C]).parse('[{"b": {"a": {"x": 1}}}]'))
print(sorted({name.partition(".")[0] for name in sys.modules} & {
    "pydantic", "msgspec", "annotated_types", "jsonschema", "attr", "asyncio", "typing_extensions"
}))
"""


def test_neither_library_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[C(b={'a': A(x=1, y=None)}, c=1)]\n[]\n"


def test_asking_without_wishes_loads_no_schemas() -> None:
    script = (
        "import sys; from g4fsync import Client; Client('koala').chat('Hi'); "
        "print([m for m in sys.modules if m.startswith(('g4fsync.schemas', 'g4fsync.tools.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
