"""From what a caller says to a :class:`Batch`: what can be checked before anything is read is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..call.asking import conversation
from ..errors import InvalidRequest
from ..fanout.mapping import Asking
from ..fanout.workers import check_executor
from ..settings import Budget, Rate, Retry, Timeout
from ..tools import wishes_in
from .batch import Batch, Settings
from .job import Job
from .source import Source
from .spending import Spending

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..messages import Message
    from ..scope.pace import Pace

# Of chat's arguments those that are no option of a provider.
_ARGUMENTS = frozenset({"provider", "system", "retry", "proxy", "cookies", "api_key", "timeout"})

_OF_THE_BATCH = frozenset({"prices", "retry_errors", "on_error", "row_attempts"})


class BatchClient(Asking, Protocol):
    """A client, as a batch needs it."""

    @property
    def model(self) -> str | None: ...
    @property
    def fallback(self) -> tuple[str, ...]: ...
    @property
    def timeout(self) -> Timeout: ...
    @property
    def retry(self) -> Retry: ...
    def seat(
        self,
        turns: tuple[Message, ...],
        model: str | None,
        rate: Rate | Mapping[str, Rate] | None,
        arguments: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> tuple[str, str, Pace]:
        """The full name of a model, its URL and pace; raises for wrong options."""


def make_batch(
    client: BatchClient,
    rows: object,
    *,
    out: str | os.PathLike[str],
    prompt: str | None,
    key: str | None,
    model: str | None,
    rate: Rate | Mapping[str, Rate] | None,
    budget: Budget | None,
    max_workers: int,
    executor: Executor | None,
    options: Mapping[str, Any],
) -> Batch:
    """The batch that is asked for; see ``Client.batch``."""
    given, prices = options, options.get("prices")
    options = {name: each for name, each in options.items() if name not in _OF_THE_BATCH}
    _check(budget, key, executor)
    Timeout.of(options.get("timeout"), client.timeout)
    retry = Retry.of(options.get("retry"), client.retry)
    arguments = {name: each for name, each in options.items() if name in _ARGUMENTS}
    others = {name: each for name, each in options.items() if name not in _ARGUMENTS}
    turns = conversation("x", options.get("system"))

    def seat(own: str | None) -> tuple[str, str, Pace]:
        return client.seat(turns, own or model, rate, arguments, others)

    spending = Spending(budget, prices)
    if client.model is not None or model is not None or options.get("provider") is not None:
        spending.price(*seat(None)[:2])  # raises for what is wrong for all rows
    value_of, what = _wishes(others, options.get("system"), budget)
    job = Job(prompt=prompt, key=key, options=what, identity=lambda own: seat(own)[0])
    return Batch(
        Settings(
            client=client,
            source=Source(rows),
            job=job,
            model=model,
            seat=seat,
            # One call at a time: this room tries again itself, and counts what it does.
            arguments={**options, "retry": Retry(attempts=1)},
            models=1 + (len(client.fallback) if options.get("provider") is None else 0),
            max_tokens=options.get("max_tokens"),
            retry=retry,
            spending=spending,
            value_of=value_of,
            executor=executor,
            max_workers=max_workers,
            row_attempts=given.get("row_attempts", 3),
            retry_errors=bool(given.get("retry_errors")),
            on_error=given.get("on_error", "keep"),
        ),
        out,
    )


def _check(budget: object, key: object, executor: Executor | None) -> None:
    check_executor(executor)
    if budget is not None and not isinstance(budget, Budget):
        raise InvalidRequest(f"budget must be a Budget, got {type(budget).__name__}")
    if key is not None and not isinstance(key, str):
        raise InvalidRequest(f"key must be the name of a column, got {type(key).__name__}")


def _wishes(
    others: Mapping[str, Any], system: object, budget: Budget | None
) -> tuple[Callable[[Any], Any] | None, dict[str, Any]]:
    """What makes a value of JSON, if one is wanted, and the options that decide an answer."""
    wishes, asked = wishes_in(others)
    wanted = wishes.wanted if wishes is not None else None
    if wishes is not None and budget is not None and budget.strict:
        raise InvalidRequest("a strict budget can't bound returns= or functions among tools=")
    what = {**asked, "system": system}
    if wanted is not None:
        what["returns"] = wanted.schema
    decisive = {name: each for name, each in what.items() if each is not None}
    return (None if wanted is None else wanted.read), decisive
