"""What could be asked here and now, as lines to paste: for whoever named no model."""

from __future__ import annotations

import os

from .. import registry
from ..access import keys
from ..access.names import folded
from ..doctor import discovery
from ..errors import ConfigurationError
from ..providers.base import Provider
from .doctor import usage

_MOST = 3


def commands() -> list[str]:
    """A few commands that can succeed on this machine; first your own, then servers, then keys."""
    with_key = [each for each in _installed() if each.status != "local" and _has_key(each)]
    own = [each for each in _installed() if each.status == "configured"]
    found = [f'g4fsync -m {_model(each)} "Hello"' for each in own]
    found += [usage(each) for each in discovery.find_servers() if each.name and not each.needs_key]
    for each in with_key:
        if each not in own:
            known = bool(each.default_model)
            ask = f'g4fsync -m {_model(each)} "Hello"'
            found.append(ask if known else f"{ask}    (g4fsync models {each.name} lists them)")
    return list(dict.fromkeys(found))[:_MOST]


def _model(provider: type[Provider]) -> str:
    return provider.name if provider.default_model else f"{provider.name}:MODEL"


def _installed() -> list[type[Provider]]:
    found = []
    for name in registry.provider_names():
        try:
            found.append(registry.provider_class(name))
        except ConfigurationError:  # a broken plug-in or endpoint: g4fsync providers tells
            continue
    return found


def _has_key(provider: type[Provider]) -> bool:
    if any(os.environ.get(each, "").strip() for each in provider.key_variables):
        return True
    return bool(provider.key_variables) and folded(provider.name) in keys.load_keys()
