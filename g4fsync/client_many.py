"""The methods of a client for many prompts: ``map`` and ``batch``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, overload

from .access.checks import checked_iterator, checked_models, is_text
from .call.options import BatchOptions, MapOptions
from .client_base import ClientBase
from .errors import G4FSyncError
from .messages import ChatResult
from .settings import Budget, Rate, Retry, Timeout

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    from typing_extensions import Unpack  # in typing from Python 3.11 on

    from .batch.batch import Batch
    from .batch.making import BatchClient
    from .fanout.mapping import Asking


Outcome: TypeAlias = "ChatResult | G4FSyncError"


class ManyPrompts(ClientBase):
    """Asks many prompts; :class:`~.client.Client` has these methods."""

    @overload
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = ...,
        timeout: Timeout | float | None = ...,
        rate: float | None = ...,
        ordered: Literal[True] = ...,
        executor: Executor | None = ...,
        **options: Unpack[MapOptions],
    ) -> Iterator[Outcome]: ...
    @overload
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = ...,
        timeout: Timeout | float | None = ...,
        rate: float | None = ...,
        ordered: Literal[False],
        executor: Executor | None = ...,
        **options: Unpack[MapOptions],
    ) -> Iterator[tuple[int, Outcome]]: ...
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = 8,
        timeout: Timeout | float | None = None,
        rate: float | None = None,
        ordered: bool = True,
        executor: Executor | None = None,
        **options: Unpack[MapOptions],
    ) -> Iterator[Any]:
        """Ask each prompt; iterate for its ``ChatResult``, or the error it ended with.

        Prompts are taken as they are needed, so there may be no end to them.  When
        taking one fails, what was asked before is delivered, then that error raised.
        With several ``models`` each prompt is asked of each, in turn.  Results
        come in the order asked, or, not ``ordered``, as ``(index, result)`` when
        they are there.  ``timeout`` is for each prompt; ``rate`` is how many are
        started per second at most.

        ``executor`` is any :class:`concurrent.futures.Executor`.  For one of
        other processes the client is pickled without ``api_keys``, ``cookies``
        and passwords in URLs: a worker finds keys in its own environment, or pass
        ``api_key=`` here.
        """
        from .fanout.mapping import Asker, outcomes

        if models is not None and not isinstance(models, str):
            wanted = checked_models(models, is_text)
        else:
            wanted = [models]
        prompts = checked_iterator("prompts", prompts, "an iterable of prompts")
        Timeout.of(timeout, self.timeout)
        Retry.of(options.get("retry"), self.retry)
        arguments = {"timeout": timeout, **options}
        tasks = ((prompt, model, arguments) for prompt in prompts for model in wanted)
        asker = Asker(cast("Asking", self))
        found = outcomes(
            asker,
            tasks,
            max_workers=max_workers,
            ordered=ordered,
            rate=rate,
            executor=executor,
            stop=asker.stop,
        )
        return (outcome for _, outcome in found) if ordered else found

    def batch(
        self,
        rows: Iterable[object] | str | PathLike[str],
        *,
        out: str | PathLike[str],
        prompt: str | None = None,
        key: str | None = None,
        model: str | None = None,
        max_workers: int = 16,
        rate: Rate | Mapping[str, Rate] | None = None,
        budget: Budget | None = None,
        executor: Executor | None = None,
        **options: Unpack[BatchOptions],
    ) -> Batch:
        """Ask many prompts, each finished row on disk at once: a :class:`Batch` to iterate over.

        ``rows``: prompts (a ``str``, a mapping with ``prompt`` or ``messages``, messages),
        or a .jsonl, .csv, .tsv or .txt file.  ``prompt`` makes one of columns:
        ``"Translate: {text}"``.  ``key``: the column that tells rows apart, else it is
        their content.  ``out`` gets a JSON line for each; run again it asks only what is
        not there.  ``rate`` is for each provider and key; an ``executor`` is as for
        :meth:`map`.  ``options`` are of :class:`BatchOptions` and ``chat()``.
        """
        from .batch.making import make_batch

        return make_batch(
            cast("BatchClient", self),
            rows,
            out=out,
            prompt=prompt,
            key=key,
            model=model,
            max_workers=max_workers,
            rate=rate,
            budget=budget,
            executor=executor,
            options=options,
        )
