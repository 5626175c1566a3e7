"""Where a provider is asked: its own URL or one the environment tells; whose key goes there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import ConfigurationError
from ..urls import filled, origin, parsed

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from ..settings import Rate


class Service(Protocol):
    """What reaching a provider takes of it; :class:`~.providers.base.Provider` says more."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def needs_cookies(self) -> bool: ...
    @property
    def needs_key(self) -> bool: ...
    @property
    def key_variables(self) -> tuple[str, ...]: ...
    @property
    def key_origins(self) -> tuple[str, ...]: ...
    @property
    def key_advice(self) -> str: ...
    @property
    def base_url_variables(self) -> tuple[str, ...]: ...
    @property
    def has_base_url_given(self) -> bool: ...
    @property
    def rate_without_key(self) -> Rate | None: ...
    @property
    def ca(self) -> str | None: ...
    def normal_url(self, url: str) -> str: ...
    def at(self, base_url: str) -> Self: ...


AnyService = TypeVar("AnyService", bound=Service)


def at_environment_url(provider: AnyService) -> AnyService:
    """*provider* at the base URL its environment variable tells, unless the caller told one."""
    variable, url = _environment_base_url(provider)
    if url and not provider.has_base_url_given:
        try:
            provider = provider.at(url)
        except ConfigurationError as exc:
            raise ConfigurationError(f"{exc} in {variable}", provider=provider.name) from exc
    if not provider.base_url:
        raise ConfigurationError(
            f"no base URL; set {provider.base_url_variables[0]}, "
            f"or give Client(base_urls={{{provider.name!r}: ...}})",
            provider=provider.name,
        )
    return provider.at(_filled(provider)) if "{" in provider.base_url else provider


def _filled(provider: Service) -> str:
    """The provider's base URL with the account or region that the environment tells."""
    try:
        return filled(provider.base_url, os.environ)
    except LookupError as exc:
        wanted = f"set {exc.args[0]}, or give Client(base_urls={{{provider.name!r}: ...}})"
    except ValueError as exc:
        wanted = f"{exc} must hold a name, such as that of a host or an account"
    raise ConfigurationError(f"no base URL; {wanted}", provider=provider.name)


def _environment_base_url(provider: Service) -> tuple[str, str]:
    """The first of its variables that is set, and the base URL in it."""
    for variable in provider.base_url_variables:
        url = os.environ.get(variable, "").strip()
        if url:
            return variable, url
    return "", ""


def is_at_home(provider: Service) -> bool:
    """Whether the provider's base URL is its own, or the one its variable tells."""
    homes = {*(provider.key_origins or (type(provider).base_url,))}
    with suppress(LookupError, ValueError):
        homes = {filled(home, os.environ) for home in homes}
    _, url = _environment_base_url(provider)
    if url:
        with suppress(ConfigurationError):  # of no use, but not in use either
            homes.add(provider.normal_url(url))
    return origin(provider.base_url) in map(origin, homes)


def withheld_key(provider: Service) -> str:
    """Why no key was sent, when there is one that belongs elsewhere; else ``""``."""
    if is_at_home(provider) or not provider.key_variables:
        return ""
    from . import keys

    with suppress(ConfigurationError):  # a broken key file is another matter
        found = keys.find(provider.name, None, provider.key_variables)
        if found and found[0]:
            homes = provider.key_origins or (type(provider).base_url,)
            owner = parsed(homes[0]).place or "another base URL"
            return f"the key from {found[1]} was not sent: it belongs to {owner}"
    return ""
