"""``g4fsync providers``: what can be asked, by groups, as a table or as JSON."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping
from typing import Any

from ..providers.base import Provider
from ..providers.preset_row import PresetRow
from ..providers.preset_rows import PRESET_ROWS
from ..urls import parsed
from .listings import installed
from .tables import table
from .terminal import Terminal, width

_HEADINGS = ("NAME", "STATUS", "DEFAULT MODEL", "MODELS", "NEEDS")
_RETIRED = (
    "retired: the site has closed or no longer answers this protocol; "
    "g4fsync emulate runs a local stand-in for --base-url."
)
_MORE = "These are names for NAME:MODEL; --all has a row for each, --json every detail."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="a row for each service and server")
    parser.add_argument("--json", action="store_true", help="all that is known, as JSON")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """The providers with a protocol of their own, and those that share one, by groups."""
    found = installed(terminal)
    rows = {row.name: row for row in PRESET_ROWS}
    if arguments.json:
        terminal.json([_value(each, rows.get(each.name)) for each in found])
        return 0
    shown = [each for each in found if arguments.all or each.name not in rows]
    terminal.line(table(_HEADINGS, [_cells(each, rows) for each in shown], width()))
    if not arguments.all:
        for heading, names in _groups().items():
            terminal.line()
            text = textwrap.fill(", ".join(names), width(), break_on_hyphens=False)
            terminal.line(f"{textwrap.fill(heading, width())}\n{text}")
        terminal.note(f"\n{_MORE}")
    if any(each.status == "retired" for each in shown):
        terminal.note(f"\n{_RETIRED}")
    return 0


def _groups() -> dict[str, list[str]]:
    """The names of the presets under what they are."""
    groups: dict[str, list[str]] = {}
    for row in PRESET_ROWS:
        needs = {"local": "", "keyless": ", no key needed"}.get(row.status, ", with a key")
        groups.setdefault(f"{row.group}{needs}:", []).append(row.name)
    return groups


def _cells(provider: Provider, rows: Mapping[str, PresetRow]) -> tuple[str, ...]:
    return (
        provider.name,
        provider.status,
        provider.default_model or "",
        _count(provider),
        _needs(provider, rows.get(provider.name)),
    )


def _count(provider: Provider) -> str:
    if not provider.open_models:
        return str(len(provider.models))
    return f"{len(provider.models)} and any other" if provider.models else "any"


def _needs(provider: Provider, row: PresetRow | None) -> str:
    needs = []
    if provider.status == "self-hosted" or not provider.base_url:
        needs.append(" or ".join(["--base-url", *provider.base_url_variables[:1]]))
    if provider.status == "local":
        needs.append(f"a server at {parsed(provider.base_url).place}")
    if provider.needs_cookies:
        needs.append("cookies")
    if provider.needs_key:
        needs.append(f"a key ({provider.key_variables[0]})")
    if row is not None and row.rate is not None:
        needs.append(f"at most {row.rate[0]} requests in {row.rate[1]} s without a key")
    return ", ".join(needs) or "nothing"


def _value(provider: Provider, row: PresetRow | None) -> dict[str, Any]:
    """All that is known of a provider; what only presets have is of its row."""
    value: dict[str, Any] = {
        "name": provider.name,
        "status": provider.status,
        "url": provider.url,
        "base_url": provider.base_url,
        "default_model": provider.default_model,
        "models": list(provider.models),
        "any_model": provider.open_models,
        "key_variables": list(provider.key_variables),
        "base_url_variables": list(provider.base_url_variables),
        "needs": _needs(provider, row),
    }
    if row is not None:
        rate = None if row.rate is None else {"requests": row.rate[0], "seconds": row.rate[1]}
        value |= {
            "group": row.group,
            "protocol": row.protocol,
            "responses_api": row.has_responses,
            "reasoning_effort": row.reasoning,
            "rate_limit_headers": row.limits or None,
            "rate_without_key": rate,
            "source": row.source,
            "doubts": list(row.doubts),
            "note": row.note or None,
        }
    return value
