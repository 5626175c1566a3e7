"""What is done with the calls of one answer: checked, approved, made, and told to the model."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from ..errors import InvalidRequest, ProtocolError
from ..events import ToolCall, ToolResult
from ..messages import Message
from ..schemas import Misfit
from ..schemas.dumping import json_text
from ..scope import CancelScope
from ..surrogates import paired
from .functions import Tool, misfit_text
from .running import Job, in_this_thread, in_threads
from .toolbox import Toolbox

MAX_ERROR_CHARS = 200  # of an exception's message, for the model


class Made(NamedTuple):
    """What a tool gave, and the text of it for the model."""

    value: Any
    text: str


def results(
    toolbox: Toolbox, calls: Sequence[ToolCall], scope: CancelScope
) -> Generator[ToolResult, None, None]:
    """Make *calls*; the results come in their order.

    Raises what a tool raised when the toolbox says so, and whatever ends *scope*.
    """
    jobs: list[Job | ToolResult] = [_prepared(toolbox, call, scope) for call in calls]
    to_run = [job for job in jobs if isinstance(job, Job)]
    if toolbox.parallel_tools:
        done = in_threads(to_run, scope, toolbox.parallel_tools)
    else:
        done = in_this_thread(to_run, scope)
    for call, job in zip(calls, jobs, strict=True):
        result = job if isinstance(job, ToolResult) else _result(toolbox, call, next(done))
        if toolbox.on_tool is not None:
            toolbox.on_tool(result)
        yield result
    for _ in done:  # so that it ends as it should
        pass


def as_message(result: ToolResult) -> Message:
    """The turn that tells the model of *result*."""
    call = result.call
    return Message("tool", result.text, name=call.name, tool_call_id=call.id)


def sendable(call: ToolCall) -> ToolCall:
    """*call* as it goes back in the history: with ``{}`` for arguments that are no JSON object.

    Most protocols have no other way to write arguments, and servers read them again.
    """
    try:
        call.json()
    except ProtocolError:
        return replace(call, arguments="{}")
    return call


def _prepared(toolbox: Toolbox, call: ToolCall, scope: CancelScope) -> Job | ToolResult:
    """The job that makes *call*, or the reason why it is not made."""
    tool = toolbox.functions.get(call.name)
    if tool is None:
        names = ", ".join(toolbox.functions)
        return _refused(call, f"there is no tool {call.name!r}; there are: {names}")
    try:
        arguments = tool.arguments(call.json())
    except ProtocolError as error:
        return _refused(call, f"the arguments are no JSON object: {error.evidence:.100}")
    except Misfit as misfit:
        return _refused(call, misfit_text(misfit))
    if toolbox.approve is not None:
        scope.check()
        answer = toolbox.approve(call)
        scope.check()
        if isinstance(answer, str):
            return _refused(call, f"the call was not approved: {answer}")
        if not isinstance(answer, bool):
            raise InvalidRequest(f"approve must return a bool or a str, got {answer!r:.80}")
        if not answer:
            return _refused(call, "the call was not approved")
    return Job(tool.name, partial(_made, tool, arguments))


def _made(tool: Tool, arguments: Mapping[str, Any]) -> Made:
    """What *tool* gives for *arguments*; in its own thread, for a generator works until it ends."""
    value = tool.function(**arguments)
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError(f"tool {tool.name} is asynchronous, and can't be called here")
    if inspect.isgenerator(value):
        value = list(value)
    text = value if isinstance(value, str) else json_text(value)
    return Made(value, paired(text))


def _refused(call: ToolCall, why: str) -> ToolResult:
    return ToolResult(call, f"Error: {why}", is_error=True)


def _result(toolbox: Toolbox, call: ToolCall, job: Job) -> ToolResult:
    error = job.error
    if error is None:
        return ToolResult(call, job.value.text, value=job.value.value, seconds=job.seconds)
    if toolbox.tool_errors == "raise" or not isinstance(error, Exception):
        raise error
    try:
        message = str(error)[:MAX_ERROR_CHARS]
    except Exception:  # noqa: BLE001 - the exception's own
        message = ""
    text = f"Error: {type(error).__name__}" + (f": {message}" if message else "")
    text = text.encode("utf-8", "replace").decode()
    return ToolResult(call, text, error=error, is_error=True, seconds=job.seconds)
