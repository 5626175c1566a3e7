"""Services and servers by name: data, one row each, and nothing that has to be imported for it.

A row is all there is to a preset: :mod:`.preset_rows` has them all, :mod:`.presets` makes a
provider of each.  Facts are as of
November 2026.  **No hosted service was called to check its row**; ``source`` says where the
facts are from, by letters:

====  =====================================================================
M     models.dev's data (MIT licence, July 2026), restated
A     any-llm           Y  pydantic-ai         P  Portkey
C     aichat            F  freellmapi, huggingface_hub, gpt4free
L     LiteLLM, mods, the vendors' own clients
D     the vendor's own documentation
R     runs of the server itself (2026)
====  =====================================================================

``doubts`` names the members of a row that no source confirms.

``base_url`` may hold variables of the environment, ``{NAME}`` or ``{NAME|OTHER}``, for
account ids and regions; it is empty where only the user can know it.

``reasoning`` is how the option ``reasoning_effort`` is written there, see
:mod:`.reasoning`.  ``limits`` is the dialect in which the service tells its rate limits:
``openai``, ``anthropic``, ``openrouter``, ``mistral``, or ``""`` where none is known;
answers are read in any dialect (:mod:`g4fsync.codecs.ratelimits`).  ``rate`` is the
documented limit without a key: so many requests in so many seconds.

GitHub Models, which other lists still have, was retired on 2026-07-30.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["active", "local", "keyless", "retired"]
Group: TypeAlias = Literal["makers of models", "hosts", "gateways", "clouds", "local servers"]


@dataclass(frozen=True, slots=True)
class PresetRow:
    """A service by name; see the module.

    ``url`` is the site for people.  ``default_model`` is for servers that take any
    name, having one model.  ``quirks`` are attributes of the provider's class that
    differ here.  ``status``: ``active`` wants a key, ``local`` is a server of the user's
    own, ``keyless`` answers without a key within its ``rate``, and is asked only by name.
    ``has_responses``: it speaks OpenAI's Responses API too.
    """

    name: str
    base_url: str
    url: str
    key_variables: tuple[str, ...]
    base_url_variables: tuple[str, ...] = ()
    source: str = field(kw_only=True)
    group: Group = field(default="hosts", kw_only=True)
    protocol: Literal["openai", "anthropic"] = field(default="openai", kw_only=True)
    status: Status = field(default="active", kw_only=True)
    reasoning: str = field(default="effort", kw_only=True)
    limits: str = field(default="", kw_only=True)
    rate: tuple[int, int] | None = field(default=None, kw_only=True)
    has_responses: bool = field(default=False, kw_only=True)
    default_model: str | None = field(default=None, kw_only=True)
    doubts: tuple[str, ...] = field(default=(), kw_only=True)
    note: str = field(default="", kw_only=True)
    quirks: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
