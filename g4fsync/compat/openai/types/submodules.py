"""Modules of one type each, as openai-python has one for every type.

``openai.types.chat.chat_completion_tool_param`` is where ``ChatCompletionToolParam`` stands
there.  Modules that are more than that are files; these are made from the names alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def register(package: str, names: Mapping[str, Any]) -> None:
    """Make ``from PACKAGE.some_type import SomeType`` work for the types among *names*."""
    types = {
        name: value
        for name, value in names.items()
        if name[0].isupper() and name not in ("Any", "TypeAlias")
    }
    for name, value in types.items():
        add(package, _WORDS.sub("_", name).lower(), {name: value})


def add(package: str, module: str, names: Mapping[str, Any]) -> None:
    """One such module, or further *names* of one that is there already."""
    full_name = f"{package}.{module}"
    if full_name not in sys.modules:
        made = ModuleType(full_name, f"Types as {package} has them.")
        sys.modules[full_name] = made
        setattr(sys.modules[package], module, made)
    for name, value in names.items():
        vars(sys.modules[full_name]).setdefault(name, value)
