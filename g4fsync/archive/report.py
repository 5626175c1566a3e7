"""What calls have cost, and all of them for other programs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from typing import IO, Any

from ..errors import InvalidRequest
from .records import COLUMNS, USAGE, Cost, call_of, conditions, messages_at, select
from .rows import as_json, as_mappings


def cost(
    connection: sqlite3.Connection,
    by: str,
    *,
    since: datetime | date | float | None,
    prices: Mapping[str, tuple[float, float]],
) -> list[Cost]:
    """What calls have cost, by model or by local day."""
    keys = {
        "model": "provider || ':' || model",
        "day": "date(started, 'unixepoch', 'localtime')",
    }
    if by not in keys:
        raise InvalidRequest(f'by must be "model" or "day", got {by!r:.80}')
    where, values = conditions(None, since)
    rows = connection.execute(
        f"SELECT {keys[by]} AS key, provider, model, count(*), "
        "sum(counted), sum(coalesce(input_tokens, 0) * counted), "
        "sum(coalesce(output_tokens, 0) * counted), sum(coalesce(seconds, 0)) FROM "
        "(SELECT *, NOT cached AND coalesce(input_tokens, output_tokens) IS NOT NULL AS counted "
        f"FROM calls WHERE {' AND '.join(where)}) GROUP BY 1, 2, 3 ORDER BY 1",
        values,
    )
    sums: dict[str, Cost] = {}
    for key, provider, model, calls, counted, put_in, out, seconds in rows:
        price = prices.get(f"{provider}:{model}", prices.get(model))
        usd = None if price is None else (put_in * price[0] + out * price[1]) / 1e6
        if not counted:
            usd = 0.0 if prices else None  # it adds nothing
        one = Cost(key, calls, counted, put_in, out, seconds, usd)
        sums[key] = _sum(sums[key], one) if key in sums else one
    return list(sums.values())


def _sum(one: Cost, other: Cost) -> Cost:
    usd = None if one.usd is None or other.usd is None else one.usd + other.usd
    return Cost(
        one.key,
        one.calls + other.calls,
        one.counted + other.counted,
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.seconds + other.seconds,
        usd,
    )


def export(
    connection: sqlite3.Connection,
    file: IO[str],
    *,
    model: str | None,
    since: datetime | date | float | None,
) -> int:
    """Write calls as JSON lines, the oldest first."""
    where, values = conditions(model, since)
    count = 0
    ids = connection.execute(
        f"SELECT id FROM calls WHERE {' AND '.join(where)} ORDER BY started, id", values
    ).fetchall()
    for (id,) in ids:
        for row in select(connection, f"SELECT {COLUMNS} FROM calls WHERE id = ?", [id]):
            file.write(as_json(_exported(connection, row)) + "\n")
            count += 1
    return count


def _exported(connection: sqlite3.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    found = call_of(connection, row)
    value: dict[str, Any] = {name: getattr(found, name) for name in _EXPORTED}
    value["started"] = datetime.fromtimestamp(found.started).astimezone().isoformat()
    value["model"] = f"{found.provider}:{found.model}"  # as whoever asks again has to say it
    value["messages"] = as_mappings(messages_at(connection, row["question"]))
    value["answer"] = None
    if row["answer"] is not None:
        value["answer"] = as_mappings(messages_at(connection, row["answer"])[-1:])[0]
    if found.usage is not None:
        value["usage"] = {name: getattr(found.usage, name) for name in USAGE}
    return value


_EXPORTED = (
    *("id", "parent", "conversation", "provider", "model", "options", "state", "text"),
    *("reasoning", "finish_reason", "usage", "error_class", "error"),
    *("first_token_seconds", "seconds", "attempts", "cached"),
)
