"""Python functions as tools: what a model is told of them, and how it calls them."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequest
from ..schemas import AnswerType, Misfit, docstrings
from ..schemas.annotations import Reader
from ..schemas.answers import schema_of
from ..schemas.fields import hints_of
from ..schemas.misfit import MISSING
from ..schemas.records import Field, Record

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")  # what all services take


@dataclass(frozen=True)
class Tool:
    """A function that a model may call.

    ``parameters`` is the JSON schema of its arguments, by default made from the function's
    annotations; ``description`` is by default its docstring up to the list of parameters.
    Arguments that are read by annotations are Python values (a dataclass, a date);
    with a schema of your own they are plain JSON.

    Raises ``InvalidRequest`` for a function that can't be a tool: a coroutine, one
    without a name, one with positional-only parameters or ``*args``, an annotation that
    can't be said as JSON (the message names the parameter).
    """

    function: Callable[..., Any]
    name: str = ""
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    _read: Callable[[Any], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        function = self.function
        if not callable(function):
            raise InvalidRequest(f"a tool must be a function, got {type(function).__name__}")
        name = self.name or name_of(function)
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"a tool's name has 1 to 64 letters, digits, '_' and '-', got {name!r}; "
                "give one: Tool(function, name=...)"
            )
        if _is_asynchronous(function):
            raise InvalidRequest(f"tool {name}: an async function can't be called here")
        described = self.description or docstrings.summary(_docstring(function))
        if self.parameters is None:
            record = parameters_of(function, name)
            schema, read = schema_of(record), lambda value: record.read(value, ())
        else:
            schema, read = dict(self.parameters), AnswerType.of(self.parameters).read
        for attribute, value in (
            *(("name", name), ("description", described)),
            *(("parameters", schema), ("_read", read)),
        ):
            object.__setattr__(self, attribute, value)

    def arguments(self, value: Any) -> dict[str, Any]:
        """The arguments for the function in the JSON *value*; ``Misfit`` when it is none."""
        arguments: dict[str, Any] = self._read(value)
        return arguments

    def as_dict(self) -> dict[str, Any]:
        """In OpenAI's shape, as :meth:`.Client.chat` takes it in ``tools``."""
        function: dict[str, Any] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        return {"type": "function", "function": {**function, "parameters": self.parameters}}


def parameters_of(function: Callable[..., Any], name: str) -> Record:
    """The parameters of *function*, which is the tool *name*, as a record."""
    record = Record(name)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as exc:
        raise InvalidRequest(
            f"tool {name}: its parameters can't be found out; give them: "
            "Tool(function, parameters=...)"
        ) from exc
    target = _annotated(function)
    hints = hints_of(target, f"tool {name}") if hasattr(target, "__annotations__") else {}
    if inspect.isclass(function) and not signature.parameters.keys() <= hints.keys():
        # Models of pydantic's and msgspec's have an __init__ that says nothing of their fields.
        hints = {**hints_of(function, f"tool {name}"), **hints}
    notes = docstrings.parameters(_docstring(function))
    reader = Reader()
    fields: list[Field] = []
    for parameter in signature.parameters.values():
        where = f"tool {name}, parameter {parameter.name}"
        if not fields and parameter.name in ("self", "cls") and parameter.name not in hints:
            raise InvalidRequest(f"{where}: give the method of an object")
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise InvalidRequest(f"{where}: a model gives arguments by name only")
        is_required = parameter.default is parameter.empty
        fields.append(
            Field(
                parameter.name,
                reader.kind(hints.get(parameter.name, Any), where),
                is_required,
                notes.get(parameter.name, ""),
                MISSING if is_required else parameter.default,
            )
        )
    record.fields = fields
    return record


def name_of(function: Any) -> str:
    """The name of a function, a method, a partial of one, or of a callable object's class."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return name if isinstance(name, str) and name != "<lambda>" else ""


def _annotated(function: Any) -> Any:
    """What has the annotations."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isclass(function):
        return function.__init__
    function = inspect.unwrap(function)
    return function if inspect.isroutine(function) else type(function).__call__


def _docstring(function: Any) -> str | None:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isclass(function):
        text = vars(function).get("__doc__") or ""  # its own, and not one that was made
        return None if text.startswith(f"{function.__name__}(") else inspect.cleandoc(text)
    if inspect.isroutine(inspect.unwrap(function)):
        return inspect.getdoc(function)
    return inspect.getdoc(type(function).__call__) or inspect.getdoc(type(function))


def _is_asynchronous(function: Any) -> bool:
    candidates = (function, _annotated(function))
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in candidates
    )


def misfit_text(misfit: Misfit) -> str:
    """What a model is told of arguments that do not fit."""
    return f"the arguments do not fit: {misfit}"
