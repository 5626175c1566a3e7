"""What the chat APIs share in sending a conversation: order, and what a protocol has no word for.

What a caller gives is sent or refused, never dropped.  Two exceptions: what
another provider wants back with its own answers is not sent, see
:class:`~g4fsync.events.ProviderData`; and a member whose value says nothing
(``""``, ``[]``, ``{}``) is left out where the protocol has no such member.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, TypeAlias

from ..errors import InvalidRequest
from ..events import ProviderData, ToolCall
from ..messages import Image, Message, Part

Piece: TypeAlias = str | Image | Part | ToolCall | ProviderData


def pieces(message: Message, provider: str) -> Iterator[Piece]:
    """A message's texts and parts, its calls, and what *provider* wants back, as they came.

    Text that stands between the same two things as a call comes before it.
    """
    own = [data for data in message.provider_data if data.provider == provider]
    if message.parts:  # not as it came any more
        yield from own
        yield from message.parts
        yield from message.tool_calls
        return
    text_end = calls_end = 0
    for data in own:
        text = message.content[text_end : data.text_length]
        if text:
            yield text
            text_end += len(text)
        yield from message.tool_calls[calls_end : data.call_count]
        calls_end = max(calls_end, data.call_count or 0)
        yield data
    if message.content[text_end:]:
        yield message.content[text_end:]
    yield from message.tool_calls[calls_end:]


def own_data(holder: Message | ToolCall, provider: str, kind: str) -> dict[str, Any]:
    """The members *provider* wants back in a message or call, put together."""
    members: dict[str, Any] = {}
    for data in holder.provider_data:
        if data.provider == provider and data.kind == kind:
            members |= data.data
    return members


def known_members(
    where: str, extra: Mapping[str, Any], known: Container[str], provider: str
) -> dict[str, Any]:
    """*extra*, all of it *known* to the protocol; :class:`InvalidRequest` names what is not."""
    members = {}
    for name, value in extra.items():
        if name in known:
            members[name] = value
        elif value not in ("", [], {}):
            raise has_no(where, provider, name)
    return members


def has_no(where: str, provider: str, name: str) -> InvalidRequest:
    """What is raised for a member that the protocol of *provider* does not have."""
    return InvalidRequest(f"{where}: {provider} has no {name!r}")


def has_no_part(where: str, provider: str, part: Part, advice: str) -> InvalidRequest:
    """What is raised for a part that the protocol of *provider* does not have."""
    what = f"of type {part.type!r}" if part.type else f"with {', '.join(map(repr, part.extra))}"
    return InvalidRequest(f"{where}: {provider} has no part {what}; {advice}")


def from_data_url(url: object) -> tuple[str, str] | None:
    """Media type and base64 text of a data URL, ``None`` when it is none."""
    match = re.fullmatch(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", str(url), re.DOTALL)
    return (match[1], match[2]) if match else None
