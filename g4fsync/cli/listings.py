"""What the lists of providers and of models have in common."""

from __future__ import annotations

from .. import registry
from ..errors import ConfigurationError
from ..providers.base import Provider
from .terminal import Terminal


def installed(terminal: Terminal) -> list[Provider]:
    """All providers, each as it is without settings."""
    found = []
    for name in registry.provider_names():
        try:
            found.append(registry.provider_class(name)())
        except ConfigurationError as error:  # a broken plug-in must not hide the others
            terminal.note(f"g4fsync: {name}: {error}")
    return found
