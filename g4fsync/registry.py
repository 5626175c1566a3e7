"""Names of providers and models: built in, registered, the user's own, from entry points.

An endpoint in the settings file (:mod:`.access.config`) is a provider like any
other, by its name: its base URL is its home, so its key goes there and nowhere
else.  Listing names imports no provider.  Names are matched without case, ``_`` and
``-``.  The environment variable ``G4FSYNC_PLUGINS=0`` turns entry points off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from .access.homes import at_environment_url
from .access.names import folded
from .errors import ConfigurationError, InvalidRequest
from .providers.base import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .access import config

ProviderSpec: TypeAlias = "str | Provider | type[Provider]"
_P = TypeVar("_P", bound=type[Provider])

ENTRY_POINTS = "g4fsync.providers"

_BUILT_IN = {
    "koala": "g4fsync.providers.koala:Koala",
    "flowgpt": "g4fsync.providers.flowgpt:FlowGpt",
    "myshell": "g4fsync.providers.myshell:Myshell",
    "openassistant": "g4fsync.providers.openassistant:OpenAssistant",
    "openai": "g4fsync.providers.openai:OpenAI",
    "anthropic": "g4fsync.providers.anthropic:Anthropic",
    "gemini": "g4fsync.providers.gemini:Gemini",
    "ollama": "g4fsync.providers.ollama:Ollama",
}
_registered: dict[str, type[Provider]] = {}


def register(provider_class: _P) -> _P:
    """Make a provider class known by its ``name``; usable as a decorator.

    Registering the same name again replaces the class; a built-in name is an
    ``InvalidRequest``.
    """
    if not (isinstance(provider_class, type) and issubclass(provider_class, Provider)):
        raise InvalidRequest(f"register() takes a Provider class, got {provider_class!r:.80}")
    name = getattr(provider_class, "name", None)
    if not isinstance(name, str) or not folded(name) or ":" in name:
        raise InvalidRequest(f"{provider_class.__name__} needs a name without a colon")
    if folded(name) in _BUILT_IN or folded(name) in _presets():
        raise InvalidRequest(f"the name {name!r} belongs to a built-in provider")
    if "stream" in provider_class.__abstractmethods__:
        raise InvalidRequest(f"{provider_class.__name__} has no method stream()")
    _registered[folded(name)] = provider_class
    return provider_class


def provider_names() -> list[str]:
    """All names, built-in ones first; imports no provider."""
    own = [*_BUILT_IN, *_presets().values()]
    return list(dict.fromkeys([*own, *_registered, *endpoint_names(), *_entry_points()]))


def endpoint_names() -> list[str]:
    """The names of the user's own endpoints, as they are written in the settings."""
    return [each.name for each in _config().endpoints.values() if is_free(each.name)]


def is_free(name: str) -> bool:
    """Whether *name* belongs to no provider of this package or of the program."""
    key = folded(name)
    return not (key in _BUILT_IN or key in _presets() or key in _registered)


def provider_class(name: str) -> type[Provider]:
    """The class known by *name*; ``InvalidRequest`` says what may have been meant."""
    found = _find(name)
    if found is None:
        raise InvalidRequest(f"unknown provider {name!r}; {_provider_meant(name)}")
    return found


def split(model: str) -> tuple[type[Provider], str | None]:
    """The provider and the model in ``"provider"`` or ``"provider:model"``.

    An alias of the settings file stands for either.  A model's name alone is
    known only when a registered provider that is not retired has it among its
    ``models`` or ``model_aliases``: nobody who writes ``gpt-4o`` means whichever
    built-in site once offered it.  Otherwise an ``InvalidRequest`` says what to write.
    """
    found = _split(model)
    if found is None:
        meant = _config().aliases.get(folded(model))
        found = None if meant is None else _split(meant)
    if found is not None:
        return found
    for offering in _registered.values():
        is_known = model in offering.models or model in offering.model_aliases
        if is_known and offering.status != "retired":
            return offering, model
    raise InvalidRequest(f"unknown provider or model {model!r}; {_model_meant(model)}", model=model)


def _split(model: str) -> tuple[type[Provider], str | None] | None:
    name, colon, rest = model.partition(":")
    found = _find(name)
    return None if found is None else (found, rest if colon else None)


def resolve(
    model: object, provider: object, base_urls: Mapping[str, str]
) -> tuple[Provider, str | None]:
    """The provider to ask, and its model's name or ``None`` for its default.

    *model* and *provider* are as :meth:`.Client.chat` takes them; *base_urls* is
    by folded name.  Raises ``InvalidRequest`` for what no provider is meant by,
    and ``ConfigurationError`` when there is neither or no base URL is known.
    """
    if model is not None and not isinstance(model, str):
        raise InvalidRequest(f"model must be a str, got {type(model).__name__}")
    if isinstance(provider, Provider):
        url = base_urls.get(folded(provider.name))
        if url and not provider.has_base_url_given:
            provider = provider.at(url)
            provider.has_base_url_given = True
        return at_environment_url(provider), model
    if isinstance(provider, str):
        found = provider_class(provider)
    elif isinstance(provider, type) and issubclass(provider, Provider):
        found = provider
    elif provider is not None:
        raise InvalidRequest(
            f"provider must be a name, a Provider class or object, got {provider!r:.80}"
        )
    elif model is None:
        raise ConfigurationError(
            'no model: say Client("openai:gpt-4o") or chat(..., model="openai:gpt-4o"); ' + SOME
        )
    else:
        found, model = split(model)
    return at_environment_url(found(base_urls.get(folded(found.name)))), model


def _find(name: str) -> type[Provider] | None:
    key = folded(name)
    if key in _registered:
        return _registered[key]
    if key in _BUILT_IN:
        return _built_in(key)
    if key in _presets():
        from .providers.presets import PROVIDERS

        return PROVIDERS[key]
    endpoint = _config().endpoints.get(key)
    if endpoint is not None:
        return _endpoint_class(endpoint)
    plugin = _entry_points().get(key)
    return None if plugin is None else _loaded(plugin)


@cache
def _built_in(key: str) -> type[Provider]:
    module, _, attribute = _BUILT_IN[key].partition(":")
    found: type[Provider] = getattr(import_module(module), attribute)
    return found


def _config() -> config.Config:
    # Only here, since reading files takes modules that take as long as all the others.
    from .access import config

    return config.load()


@cache
def _presets() -> Mapping[str, str]:
    """The presets' names by their folded names; their rows are data, and import no provider."""
    from .providers.preset_rows import PRESET_ROWS

    return {folded(row.name): row.name for row in PRESET_ROWS}


@lru_cache(maxsize=64)
def _endpoint_class(endpoint: config.Endpoint) -> type[Provider]:
    """A provider that speaks a known protocol at the endpoint's base URL, with its key only."""
    name, protocol = endpoint.name, folded(endpoint.protocol)
    base = _find(protocol) if protocol in _BUILT_IN else None
    if base is None:
        raise ConfigurationError(
            f"endpoint {name}: unknown protocol {endpoint.protocol!r:.80}; "
            "it is the name of a provider, such as openai, anthropic or ollama"
        )
    if not endpoint.base_url:
        raise ConfigurationError(
            f"endpoint {name} has no base_url: g4fsync config set endpoint.{name}.base_url URL"
        )
    return type(
        name,
        (base,),
        {
            "__module__": __name__,
            "__doc__": f"The endpoint {name} of the user's settings.",
            "name": name,
            "url": "",
            "base_url": endpoint.base_url,
            "base_url_variables": (),
            "key_variables": (endpoint.variable,),
            "key_origins": (),
            "needs_key": False,
            "default_model": endpoint.model or base.default_model,
            "status": "configured",
            "ca": endpoint.ca or None,
        },
    )


def _entry_points() -> dict[str, EntryPoint]:
    if os.environ.get("G4FSYNC_PLUGINS") == "0":
        return {}
    # Only here, since it costs 10 ms to import.
    from importlib.metadata import entry_points

    return {folded(each.name): each for each in entry_points(group=ENTRY_POINTS)}


def _loaded(plugin: EntryPoint) -> type[Provider]:
    try:
        found = plugin.load()
    except Exception as exc:
        raise ConfigurationError(f"the plug-in {plugin.value!r} can't be loaded: {exc}") from exc
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ConfigurationError(f"the plug-in {plugin.value!r} is not a Provider class")
    return found


SOME = 'there are openai, anthropic, ollama and more ("g4fsync providers" lists them)'

# What a model's name begins with, and the provider of its makers; for the names of
# open models the one that runs them on this machine, and always with a tag like ":8b".
_FAMILIES = (
    (re.compile(r"(chat)?gpt(?!-oss)|o\d\b|codex|text-davinci"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gemini|gemma(?!.*:)"), "gemini"),
    (re.compile(r"deepseek(?!.*:)"), "deepseek"),
    (re.compile(r"(open-)?(mis|mix|minis|codes|devs|magis|pix|vox)tral(?!.*:)"), "mistral"),
    (re.compile(r"grok"), "xai"),
    (
        re.compile(
            r"gpt-oss|(code|tiny)?llama(?!.?cpp)|gemma|deepseek|mi[sx]tral|qw(en|q)|phi|smollm|granite|olmo"
        ),
        "ollama",
    ),
)
# How the makers of models are written before a slash, where it is not the provider's name.
_MAKERS = {"google": "gemini", "mistralai": "mistral", "xai": "xai", "deepseekai": "deepseek"}


def _provider_meant(name: str) -> str:
    before, colon, _ = name.partition(":")
    if colon and _find(before) is not None:
        return f"write model={name!r}"
    meant = _family(name) or _near(name)
    return f"did you mean {meant!r}?" if meant else SOME


def _model_meant(model: str) -> str:
    """What to write in place of *model*, which names no provider that is known."""
    maker, slash, rest = model.partition("/")
    if slash and maker and rest:
        provider = _MAKERS.get(folded(maker)) or (maker.lower() if _find(maker) else None)
        if provider is not None:
            return f"write {provider + ':' + rest!r}"
        family = _family(rest.rpartition("/")[2])
        if family is not None and family != "ollama":
            return f"write {family + ':' + rest!r}"
        # As the sites that offer many makers' models call them.
        return f"write {'openrouter:' + model!r} or {'together:' + model!r}"
    family = _family(model)
    if family is not None:
        is_name = any(each.isdigit() or each in "-:" for each in model)
        return f"write {family + ':' + (model if is_name else 'MODEL')!r}"
    name, colon, rest = model.partition(":")
    near = _near(name)
    if near is not None:
        return f"did you mean {near + colon + rest!r}?"
    return f"write PROVIDER:MODEL; {SOME}"


def _family(model: str) -> str | None:
    """The provider that a model called *model* most likely comes from."""
    for pattern, provider in _FAMILIES:
        if pattern.match(model.lower()):
            return provider
    return None


def _near(name: str) -> str | None:
    from difflib import get_close_matches  # only for an error's words

    near = get_close_matches(folded(name), provider_names(), 1, 0.78)
    return near[0] if near else None
