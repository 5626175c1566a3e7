"""``g4fsync providers``: what can be asked, as a table."""

from __future__ import annotations

import argparse

from ..providers.base import Provider
from ..urls import parsed
from .listings import installed
from .tables import table
from .terminal import Terminal, width

_RETIRED = (
    "retired: the site has closed or no longer answers this protocol; "
    "g4fsync emulate runs a local stand-in for --base-url."
)


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One row per provider."""
    rows = [
        (each.name, each.status, each.default_model or "", _count(each), _needs(each))
        for each in installed(terminal)
    ]
    terminal.line(table(("NAME", "STATUS", "DEFAULT MODEL", "MODELS", "NEEDS"), rows, width()))
    if any(row[1] == "retired" for row in rows):
        terminal.note(f"\n{_RETIRED}")
    return 0


def _count(provider: Provider) -> str:
    if not provider.open_models:
        return str(len(provider.models))
    return f"{len(provider.models)} and any other" if provider.models else "any"


def _needs(provider: Provider) -> str:
    needs = []
    if provider.status == "self-hosted" or not provider.base_url:
        needs.append(" or ".join(["--base-url", *provider.base_url_variables[:1]]))
    if provider.status == "local":
        needs.append(f"a server at {parsed(provider.base_url).place}")
    if provider.needs_cookies:
        needs.append("cookies")
    if provider.needs_key:
        needs.append(f"a key ({provider.key_variables[0]})")
    return ", ".join(needs) or "nothing"
